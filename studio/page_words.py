"""What the recording page's program says, in the person's language: it goes into the page as JSON."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from studio.key_words import key_words
from studio.microphone_words import failure_words
from studio.words import verdict_words


def recorder_words() -> dict[str, dict[str, Any]]:
    """`states`: what goes on now. `failures`: by the browser's error name. `voids`: why a take was thrown away."""
    return {
        "states": _states(),
        "failures": failure_words(),
        "voids": _voids(),
        "sending": _sending(),
        "keys": key_words(),
        "list": _list(),
        "verdicts": verdict_words(),
    }


def microphone_states() -> dict[str, str]:
    """What goes on, and buttons, wherever a microphone is."""
    return {
        "off": _("마이크가 꺼져 있어요"),
        "opening": _("마이크를 켜고 있어요"),
        "ready": _("준비됐어요"),
        "recording": _("녹음하고 있어요"),
        "finishing": _("끝소리까지 담고 있어요"),
        "review": _("들어 보고 결정하세요"),
        "record": _("녹음"),
        "stop": pgettext("button", "멈춤"),
        "listen": _("듣기"),
        "stop_listening": _("그만 듣기"),
        "resume": _("이어서 켜기"),
        "open": _("마이크 켜기"),
        "unknown_device": _("마이크"),
        "seconds": _("{n}초"),
    }


def _states() -> dict[str, str]:
    return {
        **microphone_states(),
        "judging": _("소리를 살펴보고 있어요"),
        "suspended": _("브라우저가 소리를 멈췄어요. ‘이어서 켜기’를 눌러 주세요."),
        "minutes": _("{n}분"),
        "sounds": _("소리 {percent}% · 앞으로 {n}분이면 넉넉해요"),
        "sounds_enough": _("소리 {percent}% · 넉넉히 담았어요"),
        "done_all": _("모든 문장을 녹음했어요. 고마워요!"),
        "number": _("{n}번째 문장"),
        "take": _("{n}번째 녹음"),
        "part": _("학습에 쓸 부분 {start}–{end}초"),
        "taken_out": _("녹음을 뺐어요."),
        "trimmed": _("쓸 부분을 바꿨어요."),
        "offline_kept": _("이 브라우저에 안전하게 두었어요. 서버에 닿으면 바로 보내고 살펴볼게요."),
        "offline_held": _("서버에 닿지 않고, 이 브라우저에는 더 둘 자리가 없어요. 보낼 때까지 이 탭을 닫지 마세요."),
        "offline_end": _("서버에 닿지 않아서 다음 문장을 가져올 수 없어요. 잠시 뒤에 다시 해 볼게요."),
    }


def _voids() -> dict[str, str]:
    return {
        "title": _("이 녹음은 버렸어요"),
        "ended": _("마이크가 빠졌거나 권한이 꺼졌어요. 마이크를 다시 켜고 녹음해 주세요."),
        "muted": _("녹음 중에 마이크가 음소거되었어요. 음소거를 풀고 다시 녹음해 주세요."),
        "gap": _("녹음 중에 소리 {ms} ms가 빠졌어요. 다른 탭과 프로그램을 닫고 다시 녹음해 주세요."),
        "late": _(
            "컴퓨터가 {ms} ms 동안 멈칫해서 소리를 놓쳤을 수 있어요. 다른 탭과 프로그램을 닫고 다시 녹음해 주세요."
        ),
        "zeros": _("녹음 중에 소리가 완전히 끊겼어요. 마이크 연결을 확인하고 다시 녹음해 주세요."),
        "suspended": _("브라우저가 녹음 중에 소리를 멈췄어요. 다시 녹음해 주세요."),
        "frozen": _("녹음 중에 이 탭이 멈췄어요. 화면을 켜 둔 채로 다시 녹음해 주세요."),
        "device": _("녹음 중에 마이크가 바뀌었어요. 마이크를 확인하고 다시 녹음해 주세요."),
        "short": _("너무 짧아요. 문장을 다 읽고 나서 멈춰 주세요."),
        "unheard": _("말소리가 들리지 않아서 멈췄어요. 준비되면 다시 녹음해 주세요."),
        "long": _("30초가 넘어서 멈췄어요. 한 문장만 읽어 주세요."),
    }


def _sending() -> dict[str, str]:
    return {
        "none": _("모두 보냈어요"),
        "some": _("보내는 중 {n}개"),
        "waiting": _("아직 못 보낸 녹음 {n}개"),
        "unreachable": _("서버에 닿지 않아요. 계속 다시 보내고 있어요."),
        "sign_in": _("로그인이 끊겼어요. 다시 들어오면 남은 녹음을 보내요."),
        "no_consent": _("동의가 필요해요. 동의하면 남은 녹음을 보내요."),
        "other_person": _("이 브라우저에 다른 사람이 들어와 있어요. 녹음한 사람이 다시 들어오면 보내요."),
        "disk_full": _("서버의 저장 공간이 가득 찼어요. 자리가 나면 보내요."),
        "refused": _("서버가 받지 않았어요"),
        "mismatch": _("서버에 닿은 소리가 달라서 다시 보내고 있어요."),
        "confirm_remove": _("이 녹음을 이 브라우저에서 지울까요? 되돌릴 수 없어요."),
    }


def _list() -> dict[str, Any]:
    return {
        "found": {"one": ngettext("{n}문장", "{n}문장", 1), "other": ngettext("{n}문장", "{n}문장", 2)},
        "none": _("찾은 문장이 없어요."),
        "takes": {"one": ngettext("녹음 {n}개", "녹음 {n}개", 1), "other": ngettext("녹음 {n}개", "녹음 {n}개", 2)},
    }
