"""What a speaker agrees to, word for word. A changed text is a new version; rows keep the text that was shown."""

from __future__ import annotations

import hashlib

from django.utils.translation import gettext as _

VERSION = "2026-11"


def text() -> str:
    """The statement in the person's language."""
    return _(
        "나는 여기에서 녹음한 내 목소리로 이 서버의 운영자가 인공지능 목소리를 만들고, 입력한 글을 그 목소리로 "
        "읽게 하는 데 동의합니다. 만들어진 소리에는 인공지능이 만들었다는 표시가 붙습니다. 나는 언제든지 동의를 "
        "거둘 수 있고, 그러면 내 녹음은 이후의 학습에서 빠집니다. 내 녹음과 그것으로 만든 목소리를 지워 달라고 "
        "요청할 수도 있습니다."
    )


def text_sha256(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
