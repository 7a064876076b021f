"""What a take of the match sentence is told: what has drifted since when, by how much, and what to do about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

NOON, EVENING = 12, 18  # o'clock

MATCH_WORDS: dict[str, tuple[Promise, Promise]] = {
    "match_farther": (
        gettext_lazy("%(when)s보다 마이크에서 멀어졌어요 (크기 %(value)s dB, 높은 소리 %(treble)s dB)"),
        gettext_lazy("그때처럼 마이크에 다가와서 읽어 주세요."),
    ),
    "match_nearer": (
        gettext_lazy("%(when)s보다 마이크에 가까워졌어요 (크기 %(value)s dB, 높은 소리 %(treble)s dB)"),
        gettext_lazy("그때처럼 마이크에서 조금 떨어져 주세요."),
    ),
    "match_quieter": (
        gettext_lazy("%(when)s보다 소리가 작아졌어요 (%(value)s dB)"),
        gettext_lazy("입력 크기가 그대로인지 보고, 그때만큼 소리 내어 읽어 주세요."),
    ),
    "match_louder": (
        gettext_lazy("%(when)s보다 소리가 커졌어요 (%(value)s dB)"),
        gettext_lazy("입력 크기가 그대로인지 보고, 그때만큼 소리 내어 읽어 주세요."),
    ),
    "match_duller": (
        gettext_lazy("%(when)s보다 소리가 어두워졌어요 (높은 소리 %(value)s dB)"),
        gettext_lazy("그때와 같은 마이크인지, 마이크가 입을 바로 보고 있는지 확인해 주세요."),
    ),
    "match_brighter": (
        gettext_lazy("%(when)s보다 소리가 날카로워졌어요 (높은 소리 %(value)s dB)"),
        gettext_lazy("그때와 같은 마이크인지, 마이크가 입을 바로 보고 있는지 확인해 주세요."),
    ),
    "match_lower": (
        gettext_lazy("%(when)s보다 목소리가 낮아졌어요 (반음 %(value)s개)"),
        gettext_lazy("물을 마시고 조금 쉬었다가 이어서 읽어 주세요."),
    ),
    "match_higher": (
        gettext_lazy("%(when)s보다 목소리가 높아졌어요 (반음 %(value)s개)"),
        gettext_lazy("어깨에 힘을 빼고 편한 높이로 읽어 주세요."),
    ),
}


def match_reason_words(reason: dict[str, Any]) -> dict[str, Any]:
    """A reason of `studio.match_file` with `words` and `advice` in the person's language, as of now."""
    what, advice = MATCH_WORDS[reason["code"]]
    values = {name: _signed(float(reason.get(name, 0.0))) for name in ("value", "treble")}
    when = when_words(datetime.fromisoformat(reason["since"]))
    return {**reason, "words": str(what) % {**values, "when": when}, "advice": str(advice)}


def when_words(moment: datetime) -> str:
    """A moment as people say it now: `오늘 아침`, `어제`, `11월 3일`; to be followed by `보다`."""
    then, today = timezone.localtime(moment), timezone.localdate()
    if then.date() == today:
        if then.hour < NOON:
            return _("오늘 아침")
        return _("오늘 낮") if then.hour < EVENING else _("오늘 저녁")
    if then.date() == today - timedelta(days=1):
        return _("어제")
    form = "MONTH_DAY_FORMAT" if then.year == today.year else "DATE_FORMAT"
    return pgettext("compared with a day", "%(day)s") % {"day": formats.date_format(then.date(), form)}


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
