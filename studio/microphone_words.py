"""Every way in which a microphone fails to open, and what to do about it in Chrome, Firefox and Safari.

`static/js/record/microphone.js` names the way; the words are looked up as `<code>.<browser>`, then as `<code>`.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

BROWSERS = ("chrome", "firefox", "safari")
# What happens to people, and differs between browsers: each has words of its own for each of them.
OWN_WORDS = ("insecure", "denied", "denied.system", "NotFoundError", "NotReadableError", "suspended")


def failure_words() -> dict[str, str]:
    """Words by `<code>.<browser>` and, for a browser that is none of the three, by `<code>`."""
    return _insecure() | _denied() | _denied_system() | _none() | _busy() | _suspended() | _others()


def _insecure() -> dict[str, str]:
    return {
        "insecure": _("이 주소에서는 브라우저가 마이크를 막아요. https:// 주소나 localhost로 열어 주세요."),
        "insecure.chrome": _(
            "주소창에 ‘주의 요함’이라고 나오는 주소에서는 Chrome이 마이크를 막아요. "
            "https:// 주소나 localhost로 열어 주세요."
        ),
        "insecure.firefox": _(
            "자물쇠에 빗금이 그어진 주소에서는 Firefox가 마이크를 막아요. https:// 주소나 localhost로 열어 주세요."
        ),
        "insecure.safari": _(
            "‘안전하지 않음’이라고 나오는 주소에서는 Safari가 마이크를 막아요. https:// 주소로 열어 주세요."
        ),
    }


def _denied() -> dict[str, str]:
    return {
        "denied": _("마이크를 쓸 수 없게 막혀 있어요. 브라우저 설정에서 이 사이트의 마이크를 허용해 주세요."),
        "denied.chrome": _(
            "마이크 권한이 막혀 있어요. 주소창 왼쪽의 사이트 정보 아이콘을 눌러 "
            "‘마이크’를 ‘허용’으로 바꾸고 다시 눌러 주세요."
        ),
        "denied.firefox": _("마이크 권한이 막혀 있어요. 주소창의 마이크 아이콘에서 차단을 지우고 다시 눌러 주세요."),
        "denied.safari": _(
            "마이크 권한이 막혀 있어요. Safari → 설정 → 웹사이트 → 마이크에서 이 사이트를 허용해 주세요."
        ),
        "dismissed": _("허용할지 묻는 창이 닫혔어요. ‘마이크 켜기’를 다시 누르고 ‘허용’을 골라 주세요."),
    }


def _denied_system() -> dict[str, str]:
    return {
        "denied.system": _(
            "운영체제가 브라우저의 마이크를 막고 있어요. 시스템 설정의 개인정보 보호에서 허용해 주세요."
        ),
        "denied.system.chrome": _(
            "컴퓨터가 Chrome의 마이크를 막고 있어요. 시스템 설정의 ‘개인정보 보호 → 마이크’에서 Chrome을 켜고 "
            "Chrome을 다시 열어 주세요."
        ),
        "denied.system.firefox": _(
            "컴퓨터가 Firefox의 마이크를 막고 있어요. 시스템 설정의 ‘개인정보 보호 → 마이크’에서 Firefox를 켜고 "
            "Firefox를 다시 열어 주세요."
        ),
        "denied.system.safari": _(
            "기기가 Safari의 마이크를 막고 있어요. iPhone과 iPad는 ‘설정 → 앱 → Safari → 마이크’, "
            "Mac은 ‘시스템 설정 → 개인정보 보호 및 보안 → 마이크’에서 허용해 주세요."
        ),
    }


def _none() -> dict[str, str]:
    return {
        "NotFoundError": _("마이크를 찾을 수 없어요. 마이크를 연결하고 다시 눌러 주세요."),
        "NotFoundError.chrome": _(
            "마이크를 찾을 수 없어요. 마이크를 연결하고 다시 눌러 주세요. 그래도 안 되면 "
            "chrome://settings/content/microphone 에 그 마이크가 보이는지 확인해 주세요."
        ),
        "NotFoundError.firefox": _(
            "마이크를 찾을 수 없어요. 마이크를 연결하고 다시 눌러 주세요. 연결되어 있다면 시스템 설정의 "
            "‘개인정보 보호 → 마이크’에서 Firefox가 켜져 있는지 확인해 주세요."
        ),
        "NotFoundError.safari": _(
            "마이크를 찾을 수 없어요. 마이크를 연결하고, ‘시스템 설정 → 사운드 → 입력’에서 고른 뒤 다시 눌러 주세요."
        ),
    }


def _busy() -> dict[str, str]:
    return {
        "NotReadableError": _("다른 프로그램이 마이크를 쓰고 있어요. 통화나 회의 프로그램을 닫고 다시 눌러 주세요."),
        "NotReadableError.chrome": _(
            "다른 프로그램이 마이크를 쓰고 있어요. 통화나 회의 프로그램을 닫고 다시 눌러 주세요. "
            "그래도 안 되면 Chrome을 다시 열어 주세요."
        ),
        "NotReadableError.firefox": _(
            "다른 프로그램이나 Firefox의 다른 탭이 마이크를 쓰고 있어요. 그것을 닫고 다시 눌러 주세요."
        ),
        "NotReadableError.safari": _(
            "전화나 다른 앱, Safari의 다른 탭이 마이크를 쓰고 있어요. 그것을 끝내고 다시 눌러 주세요."
        ),
    }


def _suspended() -> dict[str, str]:
    return {
        "suspended": _("브라우저가 소리를 멈췄어요. ‘이어서 켜기’를 눌러 주세요."),
        "suspended.chrome": _("Chrome이 소리를 멈췄어요. 이 탭을 앞에 두고 ‘이어서 켜기’를 눌러 주세요."),
        "suspended.firefox": _(
            "Firefox가 소리를 멈췄어요. 주소창에 자동 재생 차단 아이콘이 있으면 ‘소리와 동영상 허용’으로 바꾸고 "
            "‘이어서 켜기’를 눌러 주세요."
        ),
        "suspended.safari": _(
            "Safari가 소리를 멈췄어요. 전화나 Siri가 소리를 쓰면 그래요. 끝난 뒤 ‘이어서 켜기’를 눌러 주세요."
        ),
    }


def _others() -> dict[str, str]:
    return {
        "unsupported": _("이 브라우저로는 녹음할 수 없어요. 최신 Chrome, Firefox, Safari로 열어 주세요."),
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
