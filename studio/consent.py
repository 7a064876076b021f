"""What a speaker agrees to, word for word. A changed text is a new version; rows keep the text that was shown."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

VERSION = "2026-11-spoken"
BY_WORD = "word"  # the version of a text that no page has shown

SYLLABLES_A_SECOND = 10.0  # faster than anyone reads aloud: what is shorter cannot be the whole statement
WORDS_A_SECOND = 6.0


class Point(NamedTuple):
    """One thing to know before agreeing."""

    title: str
    words: str


def points() -> list[Point]:
    """What the voice is for, by whom, what is kept, and how to have it erased, in the person's language."""
    contact = settings.CONTACT or _("나를 초대한 관리자")
    return [
        Point(
            _("무엇에 쓰나요?"),
            _(
                "녹음한 목소리로 인공지능 목소리를 만들고, 초대받은 사람들이 쓴 글을 그 목소리로 읽게 해요. "
                "만들어진 소리에는 인공지능이 만들었다는 표시가 붙어요."
            ),
        ),
        Point(_("누가 쓰나요?"), settings.OPERATOR or _("이 서버의 운영자와, 운영자가 초대한 사람들이에요.")),
        Point(
            _("무엇을 보관하나요?"),
            _("문장을 읽은 녹음, 아래 동의문을 읽은 녹음, 동의한 글과 시각을 이 서버에 보관해요."),
        ),
        Point(
            _("그만두고 싶으면요?"),
            _(
                "이 페이지에서 언제든지 동의를 거둘 수 있어요. 그러면 더 녹음하지 않고, 녹음은 이후의 학습에서 "
                "빠지고, 하고 있던 학습은 멈추고, 이미 만든 목소리도 말하지 않아요."
            ),
        ),
        Point(
            _("지우고 싶으면요?"),
            _("녹음과 그것으로 만든 목소리를 모두 지워 달라고 할 수 있어요. 지워 줄 사람: %(contact)s")
            % {"contact": contact},
        ),
    ]


def statement() -> str:
    """What is spoken, in the person's language."""
    return _(
        "나는 내 목소리를 녹음해서 인공지능 목소리를 만들고, 글을 그 목소리로 읽게 하는 데 동의합니다. "
        "언제든지 동의를 거둘 수 있다는 것을 알고 있습니다."
    )


def text() -> str:
    """All that is shown, as it is kept: the points, then the statement."""
    return "\n".join([*(f"{title} {words}" for title, words in points()), statement()])


def text_sha256(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def shortest_seconds(words: str) -> float:
    """How long speaking `words` lasts at the very least, pauses left out."""
    syllables = len(re.findall("[가-힣]", words))
    others = len(re.findall(r"[A-Za-z][A-Za-z'’]*", words))
    return syllables / SYLLABLES_A_SECOND + others / WORDS_A_SECOND
