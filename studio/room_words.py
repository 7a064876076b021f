"""The words of the room check: what makes the noise, and what to do about it."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# code of speech.room → (what it is, what to do about it); %(value)s and %(hertz)s are the cause's numbers.
CAUSE_WORDS: dict[str, tuple[Promise | str, Promise | str]] = {
    "zeros": (
        _("소리가 하나도 들어오지 않는 동안이 있었어요."),
        _("마이크의 음소거와 잡음 제거 프로그램을 끄고 다시 재 주세요."),
    ),
    "talking": (
        _("재는 동안 말소리나 움직이는 소리가 났어요."),
        _("가만히 있으면서 다시 재 주세요."),
    ),
    "hum": (
        _("전기에서 나는 ‘웅’ 소리가 %(hertz)s Hz로 들려요 (%(value)s dBFS)."),
        _("노트북은 충전기를 빼고, 마이크를 전원선과 모니터에서 떼어 놓고, 다른 USB 단자에 꽂아 보세요."),
    ),
    "fan": (
        _("선풍기나 에어컨, 컴퓨터 팬 같은 바람 소리가 들려요 (%(value)s dBFS)."),
        _("선풍기와 에어컨을 끄고, 컴퓨터를 마이크에서 멀리 두고, 창문을 닫아 주세요."),
    ),
    "rumble": (
        _("80 Hz보다 낮은 울림이 있어요 (%(value)s dBFS)."),
        _("마이크를 책상에서 떼거나 아래에 수건을 깔고, 찻길 쪽 창문을 닫아 주세요."),
    ),
    "hiss": (
        _("‘쉬’ 하는 고른 잡음이 있어요 (%(value)s dBFS)."),
        _("시스템의 입력 크기를 낮추고 마이크에 더 가까이서 읽어 주세요. 빗소리가 들리면 그칠 때까지 기다려 주세요."),
    ),
    "clicks": (
        _("딱딱 튀는 소리가 %(value)s번 났어요."),
        _("케이블이 흔들리지 않게 하고, 마우스와 키보드, 시계를 마이크에서 멀리 두세요."),
    ),
    "dc_offset": (
        _("마이크 신호가 한쪽으로 치우쳐 있어요 (%(value)s)."),
        _("다른 단자나 다른 마이크로 바꿔 보세요. 소리에는 영향이 작아요."),
    ),
}


def cause_words(cause: dict[str, Any]) -> dict[str, Any]:
    """A cause of `speech.room` with `words` and `advice` added in the person's language."""
    what, advice = CAUSE_WORDS[str(cause["code"])]
    value = float(cause["value"])
    figure = (f"{value:.3f}" if abs(value) < 1 else f"{value:.0f}").replace("-", "−")
    return {**cause, "words": str(what) % {"value": figure, "hertz": f"{cause['hertz']:.0f}"}, "advice": str(advice)}
