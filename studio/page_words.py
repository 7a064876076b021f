"""What the recording page's program says, in the person's language: it goes into the page as JSON."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def recorder_words() -> dict[str, dict[str, str]]:
    """`states`: what goes on now. `failures`: by the browser's error name. `voids`: why a take was thrown away."""
    return {"states": _states(), "failures": _failures(), "voids": _voids(), "sending": _sending()}


def _states() -> dict[str, str]:
    return {
        "off": _("마이크가 꺼져 있어요"),
        "opening": _("마이크를 켜고 있어요"),
        "ready": _("준비됐어요"),
        "recording": _("녹음하고 있어요"),
        "finishing": _("끝소리까지 담고 있어요"),
        "judging": _("소리를 살펴보고 있어요"),
        "review": _("들어 보고 결정하세요"),
        "suspended": _("브라우저가 소리를 멈췄어요. ‘이어서 켜기’를 눌러 주세요."),
        "record": _("녹음"),
        "stop": pgettext("button", "멈춤"),
        "listen": _("듣기"),
        "stop_listening": _("그만 듣기"),
        "resume": _("이어서 켜기"),
        "open": _("마이크 켜기"),
        "unknown_device": _("마이크"),
        "seconds": _("{n}초"),
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
        "offline_end": _("서버에 닿지 않아서 다음 문장을 가져올 수 없어요. 잠시 뒤에 다시 해 볼게요."),
    }


def _failures() -> dict[str, str]:
    return {
        "insecure": _("이 주소에서는 브라우저가 마이크를 막아요. https:// 주소나 localhost로 열어 주세요."),
        "unsupported": _("이 브라우저로는 녹음할 수 없어요. 최신 Chrome, Firefox, Safari로 열어 주세요."),
        "denied": _("마이크를 쓸 수 없게 막혀 있어요. 브라우저 설정에서 이 사이트의 마이크를 허용해 주세요."),
        "denied.chrome": _(
            "마이크 권한이 막혀 있어요. 주소창 왼쪽의 사이트 정보 아이콘을 눌러 "
            "‘마이크’를 ‘허용’으로 바꾸고 다시 눌러 주세요."
        ),
        "denied.firefox": _("마이크 권한이 막혀 있어요. 주소창의 마이크 아이콘에서 차단을 지우고 다시 눌러 주세요."),
        "denied.safari": _(
            "마이크 권한이 막혀 있어요. Safari → 설정 → 웹사이트 → 마이크에서 이 사이트를 허용해 주세요."
        ),
        "denied.system": _(
            "운영체제가 브라우저의 마이크를 막고 있어요. 시스템 설정의 개인정보 보호에서 허용해 주세요."
        ),
        "NotFoundError": _("마이크를 찾을 수 없어요. 마이크를 연결하고 다시 눌러 주세요."),
        "NotReadableError": _("다른 프로그램이 마이크를 쓰고 있어요. 통화나 회의 프로그램을 닫고 다시 눌러 주세요."),
        "OverconstrainedError": _("고른 마이크를 지금은 쓸 수 없어요. 다른 마이크를 골라 주세요."),
        "AbortError": _("마이크를 켜다가 끊겼어요. 다시 연결하고 눌러 주세요."),
        "processing": _(
            "브라우저가 소리를 가공하고 있어요({names}). 이대로는 목소리가 바뀌어서 녹음하지 않아요. "
            "다른 브라우저나 다른 마이크로 열어 주세요."
        ),
        "bad_rate": _(
            "이 마이크의 샘플레이트({rate} Hz)는 쓸 수 없어요. 시스템의 소리 설정에서 44100이나 48000 Hz로 바꿔 주세요."
        ),
        "worklet": _("녹음 프로그램을 불러오지 못했어요. 페이지를 새로 고쳐 주세요."),
        "no_sound": _("마이크는 켜졌는데 소리가 들어오지 않아요. 음소거 단추와 입력 장치를 확인해 주세요."),
        "storage": _("브라우저에 녹음을 보관할 수 없어요. 비공개 창이 아닌 창에서 열어 주세요."),
        "other": _("마이크를 켜지 못했어요: {name}"),
    }


def _voids() -> dict[str, str]:
    return {
        "title": _("이 녹음은 버렸어요"),
        "ended": _("마이크가 빠졌거나 권한이 꺼졌어요. 마이크를 다시 켜고 녹음해 주세요."),
        "muted": _("녹음 중에 마이크가 음소거되었어요. 음소거를 풀고 다시 녹음해 주세요."),
        "gap": _("녹음 중에 소리 {ms} ms가 빠졌어요. 다른 탭과 프로그램을 닫고 다시 녹음해 주세요."),
        "zeros": _("녹음 중에 소리가 완전히 끊겼어요. 마이크 연결을 확인하고 다시 녹음해 주세요."),
        "suspended": _("브라우저가 녹음 중에 소리를 멈췄어요. 다시 녹음해 주세요."),
        "frozen": _("녹음 중에 이 탭이 멈췄어요. 화면을 켜 둔 채로 다시 녹음해 주세요."),
        "device": _("녹음 중에 마이크가 바뀌었어요. 마이크를 확인하고 다시 녹음해 주세요."),
        "short": _("너무 짧아요. 문장을 다 읽고 나서 멈춰 주세요."),
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
        "disk_full": _("서버의 저장 공간이 가득 찼어요. 자리가 나면 보내요."),
        "refused": _("서버가 받지 않았어요"),
        "mismatch": _("서버에 닿은 소리가 달라서 다시 보내고 있어요."),
        "confirm_remove": _("이 녹음을 이 브라우저에서 지울까요? 되돌릴 수 없어요."),
    }
