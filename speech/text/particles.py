"""Particles in the form that fits the word in front of them: 책을, 나무를."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from speech.text.hangul import TAILS, is_syllable, tail_of
from speech.text.lexicon import rows, words
from speech.text.spans.scan import Found

_RUN = re.compile(r"[가-힣]+")
_RIEUL = TAILS.index("ㄹ")


@dataclass(frozen=True, slots=True)
class _Pair:
    """One row of the table `particle_forms`; see the head of that file for the signs."""

    behind_tail: str
    behind_vowel: str
    signs: frozenset[str]

    def fitting(self, form: str, tail: int) -> str:
        """The form behind a word that ends in the tail of this number (0: in a vowel)."""
        open_end = tail == 0 or ("rieul" in self.signs and tail == _RIEUL)
        if not open_end:
            return self.behind_tail
        return form if "either" in self.signs else self.behind_vowel


@cache
def _pairs() -> dict[str, _Pair]:
    pairs = [_Pair(row[0], row[1], frozenset(row[2:])) for row in rows("particle_forms")]
    return {form: pair for pair in pairs for form in (pair.behind_tail, pair.behind_vowel)}


@cache
def _known() -> frozenset[str]:
    """All that may stand behind a word, so that 가까이 is not taken for 가."""
    return words("particles") | frozenset(_pairs())


@cache
def _longest() -> int:
    return max(map(len, _known()))


def refit(text: str, position: int, reading: str, *, alone: bool = False) -> Found | None:
    """The particle that stands at `position` with what hangs on it, made to fit the `reading` in front of it.

    None where it fits as it is, or where it is not sure to be a particle. `alone`: nothing but an ending of the copula
    may hang on it, as behind letters and units, where 가지 and 가 are easily mistaken.
    """
    match = _RUN.match(text, position)
    reading = reading.rstrip()
    if not match or not is_syllable(reading[-1:]):
        return None
    run = match.group()
    lengths = range(min(len(run), _longest()), 0, -1)
    form = next((run[:length] for length in lengths if run[:length] in _known()), "")
    pair, rest = _pairs().get(form), run[len(form) :]
    if pair is None or (alone and rest and "goes_on" not in pair.signs):
        return None
    if rest and rest not in _known() and len(form) == 1 and "goes_on" not in pair.signs:
        return None
    fitting = pair.fitting(form, tail_of(reading[-1]))
    return None if fitting == form else Found(match.end(), fitting + rest, "word", "particle")
