"""What the pages before the first take say, in the person's language: it goes into them as JSON."""

from __future__ import annotations

from django.utils.translation import gettext as _

from studio.microphone_words import failure_words
from studio.page_words import microphone_states, recorder_words


def station_words() -> dict[str, dict[str, str]]:
    """`states`: what goes on now. `failures`: by the way of failing. `voids`: why a recording was thrown away."""
    return {
        "states": _states(),
        "failures": failure_words(),
        "voids": recorder_words()["voids"],
        "levels": _levels(),
        "processing": _processing(),
        "room": _room(),
    }


def _levels() -> dict[str, str]:
    """What a test sentence's peak says, by the zones of the meter."""
    return {
        "clipping": _("소리가 찌그러졌어요. 마이크에서 조금 떨어지거나 시스템의 입력 크기를 낮춰 주세요."),
        "loud": _("조금 커요. 마이크에서 한 뼘쯤 더 떨어지거나 시스템의 입력 크기를 조금 낮춰 주세요."),
        "good": _("알맞은 크기예요. 들어 보고 깨끗하면 다음으로 가세요."),
        "quiet": _("소리가 작아요. 마이크에 조금 더 가까이 오거나 시스템의 입력 크기를 올려 주세요."),
        "silent": _("말소리가 들리지 않아요. 알맞은 마이크를 골랐는지, 음소거 단추가 꺼져 있는지 확인해 주세요."),
    }


def _room() -> dict[str, str]:
    return {
        "measure": _("5초 재기"),
        "measure_again": _("다시 재기"),
        "measuring": _("재고 있어요. 가만히 있어 주세요."),
        "measured": _("다 쟀어요"),
        "quiet": _("녹음하기에 충분히 조용해요."),
        "loud": _("배경이 시끄러워요. 아래에서 할 수 있는 일을 해 보고 다시 재 주세요. 이대로 녹음할 수는 있어요."),
        "hertz": _("{n} Hz"),
    }


def _processing() -> dict[str, str]:
    """What the browser answers of its processing."""
    return {"off": _("꺼짐"), "on": _("켜짐"), "unknown": _("알려 주지 않음")}


def _states() -> dict[str, str]:
    return {
        **microphone_states(),
        "sending": _("보내고 있어요"),
        "suspended": _("소리가 멈춰 있어요"),
        "again": _("다시 녹음"),
        "unreachable": _("서버에 닿지 않아요. 녹음은 여기 있으니 잠시 뒤에 다시 눌러 주세요."),
        "no_label": _("목소리의 주인을 어떻게 부를지 적어 주세요."),
    }
