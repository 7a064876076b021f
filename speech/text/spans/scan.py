"""What a recogniser gets and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from speech.text.hangul import is_syllable
from speech.text.lexicon import words


@dataclass(frozen=True, slots=True)
class Found:
    """What a recogniser found at a place of the cleaned text: it ends before `end` and is read as `reading`."""

    end: int
    reading: str
    kind: str
    rule: str
    alternatives: tuple[str, ...] = ()
    left_out: str = ""  # the reason, where the stretch is not spoken


# A recogniser looks at a cleaned text from one place on and says what stands there, or None.
Recogniser = Callable[[str, int], "Found | None"]


@cache
def _followers() -> tuple[str, ...]:
    return tuple(words("particles"))


def word_may_end(text: str, end: int) -> bool:
    """Whether a word may end before `end`: nothing Hangul follows, or a particle or a suffix does."""
    return end >= len(text) or not is_syllable(text[end]) or text.startswith(_followers(), end)


def word_before(text: str, position: int, length: int = 12) -> str:
    """The text in front of `position`, spaces at its end taken off."""
    return text[max(0, position - length) : position].rstrip()


def starts_word(text: str, position: int) -> bool:
    """Whether no letter or figure stands directly in front."""
    return position == 0 or not text[position - 1].isalnum()
