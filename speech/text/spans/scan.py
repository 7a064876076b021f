"""What a recogniser gets and gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

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
def _followers() -> tuple[frozenset[str], tuple[str, ...]]:
    """Particles and suffixes of one syllable, which must close the word, and longer ones, which may go on."""
    known = words("particles")
    return frozenset(known), tuple(word for word in known if len(word) > 1)


# One syllable that goes on as a copula or takes a particle itself: 3개였다, 5명뿐이다, 2번씩은.
_GOING_ON = tuple("이였입인일임예씩째짜쯤당간뿐만도들꼴")
_RUN = re.compile(r"[가-힣]*")


def word_may_end(text: str, end: int) -> bool:
    """Whether a word may end before `end`: nothing Hangul follows, or a particle or a suffix does."""
    match = _RUN.match(text, end)
    rest = match.group() if match else ""
    if not rest:
        return True
    known, longer = _followers()
    return rest in known or rest.startswith(longer) or (len(rest) > 1 and rest.startswith(_GOING_ON))


def particle_at(text: str, position: int) -> bool:
    """Whether what stands at `position` belongs to the word in front: a particle, or the copula with its endings."""
    match = _RUN.match(text, position)
    rest = match.group() if match else ""
    known, longer = _followers()
    return rest in known or rest.startswith(longer)


def word_before(text: str, position: int, length: int = 12) -> str:
    """The text in front of `position`, spaces at its end taken off."""
    return text[max(0, position - length) : position].rstrip()
