"""What the pages before the first take say, in the person's language: it goes into them as JSON."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from studio.microphone_words import failure_words
from studio.page_words import recorder_words


def station_words() -> dict[str, dict[str, str]]:
    """`states`: what goes on now. `failures`: by the way of failing. `voids`: why a recording was thrown away."""
    return {"states": _states(), "failures": failure_words(), "voids": recorder_words()["voids"]}


def _states() -> dict[str, str]:
    return {
        "off": _("마이크가 꺼져 있어요"),
        "opening": _("마이크를 켜고 있어요"),
        "ready": _("준비됐어요"),
        "recording": _("녹음하고 있어요"),
        "finishing": _("끝소리까지 담고 있어요"),
        "review": _("들어 보고 결정하세요"),
        "sending": _("보내고 있어요"),
        "suspended": _("소리가 멈춰 있어요"),
        "record": _("녹음"),
        "again": _("다시 녹음"),
        "stop": pgettext("button", "멈춤"),
        "listen": _("듣기"),
        "stop_listening": _("그만 듣기"),
        "resume": _("이어서 켜기"),
        "open": _("마이크 켜기"),
        "unknown_device": _("마이크"),
        "unreachable": _("서버에 닿지 않아요. 녹음은 여기 있으니 잠시 뒤에 다시 눌러 주세요."),
        "no_label": _("목소리의 주인을 어떻게 부를지 적어 주세요."),
    }
