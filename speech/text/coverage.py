"""Which sounds a sentence brings: pairs of neighbouring jamo as they are spoken; an order that brings new ones first.

A pair is two conjoining jamo (U+1100-11C2) that follow one another, or a jamo beside a space: how words begin and end.
The common pairs are a table (`lexicon/pairs.tsv`): those that a corpus of some 4,000 sentences has three times or more.
"""

from __future__ import annotations

import heapq
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TypeVar

from speech.text.hangul import h2j, is_syllable
from speech.text.lexicon import rows

# Measured on 300 studio clips of one speaker by least squares: seconds of a clip, of its syllables and its commas.
SECONDS_A_CLIP = 0.86
SECONDS_A_SYLLABLE = 0.176
SECONDS_A_COMMA = 0.37

UNCOMMON = 0.2  # what a pair outside the table is worth: most are foreign words
KIND_WORTH = 3.0  # what the first sentence of a kind is worth, in pairs
# The kinds that a voice should have heard, by share; a tenth of questions and a tenth of exclamations is usual advice.
KIND_SHARES = {"statement": 0.7, "question": 0.15, "exclamation": 0.075, "request": 0.075}
DIGITS = 9  # of a gain that are compared: the last ones depend on the order of its sum
ENOUGH = 3  # sentences with a pair, after which one more is not asked for

_NO_HANGUL = re.compile(r"[^가-힣]+")
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Sounds:
    """What one sentence brings. `seconds`: how long a clip of it will about be."""

    pairs: frozenset[str]
    kind: str
    seconds: float


@cache
def common_pairs() -> Mapping[str, int]:
    """The common pairs, and how often the corpus of the table has each."""
    return {sys.intern(row[0].replace("_", " ")): int(row[1]) for row in rows("pairs")}


def pairs_of(pronunciation: str) -> list[str]:
    """The pairs of a pronunciation in order; marks and spaces alike part words, and are ` ` in a pair."""
    jamo = h2j(f" {_NO_HANGUL.sub(' ', pronunciation).strip()} ")
    return [sys.intern(left + right) for left, right in pairwise(jamo)] if jamo.strip() else []


def seconds_of(pronunciation: str) -> float:
    """How long a clip of this pronunciation will about be, read calmly."""
    syllables = sum(map(is_syllable, pronunciation))
    return SECONDS_A_CLIP + SECONDS_A_SYLLABLE * syllables + SECONDS_A_COMMA * pronunciation.count(",")


def sounds_of(pronunciation: str, kind: str = "statement") -> Sounds:
    return Sounds(frozenset(pairs_of(pronunciation)), kind, seconds_of(pronunciation))


class Heard:
    """In how many sentences each pair and each kind was said so far, and what one more would add."""

    def __init__(self, sentences: Iterable[Sounds] = ()) -> None:
        self.pairs: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        for sounds in sentences:
            self.pairs.update(sounds.pairs)
            self.kinds[sounds.kind] += 1
        common = common_pairs()
        self._worth = _Table({pair: 1.0 if pair in common else UNCOMMON for pair in {*common, *self.pairs}})
        for pair, times in self.pairs.items():
            self._worth[pair] /= (1 + times) ** 3

    def add(self, sounds: Sounds) -> None:
        self.kinds[sounds.kind] += 1
        for pair in sounds.pairs:
            times = self.pairs[pair] = self.pairs[pair] + 1
            self._worth[pair] *= (times / (1 + times)) ** 3

    def copy(self) -> Heard:
        other = Heard()
        other.pairs, other.kinds, other._worth = self.pairs.copy(), self.kinds.copy(), _Table(self._worth)
        return other

    def worth(self, pair: str) -> float:
        """What one more sentence with this pair adds by it."""
        return self._worth[pair]

    def kind_worth(self, kind: str) -> float:
        """What one more sentence of this kind adds by being of it."""
        return KIND_WORTH / (1 + self.kinds[kind] / KIND_SHARES.get(kind, 1.0))

    def gain(self, sounds: Sounds) -> float:
        """What a sentence adds, a second of it: its pairs, each worth 1 / (1 + times said)³, and its kind.

        It never grows while sentences are added, which is what lets `order` look at a few sentences only.
        """
        pairs = sum(map(self._worth.__getitem__, sounds.pairs))
        return (pairs + self.kind_worth(sounds.kind)) / sounds.seconds

    def coverage(self) -> float:
        """The share of the common pairs that were said, 0 to 1."""
        common = common_pairs()
        return len(common.keys() & self.pairs.keys()) / len(common)

    def missing(self, enough: int = ENOUGH) -> dict[str, int]:
        """The common pairs that were said in fewer than `enough` sentences: how many are wanted of each."""
        return {pair: enough - self.pairs[pair] for pair in common_pairs() if self.pairs[pair] < enough}


class _Table(dict[str, float]):
    def __missing__(self, pair: str) -> float:
        self[pair] = UNCOMMON
        return UNCOMMON


def order(
    sentences: Mapping[_Key, Sounds],
    heard: Heard | None = None,
    *,
    limit: int | None = None,
    bounds: Sequence[float] | None = None,
) -> list[_Key]:
    """The keys of `sentences`, each one that adds most to what was heard before; of equals the earlier one first.

    Lazy greedy (Minoux 1978): a gain only falls, so a sentence that is still the best after weighing it again is the
    best. `heard` grows by what is chosen. `limit`: how many to choose. `bounds`: the gains of the
    sentences, where they are known already.
    """
    heard = Heard() if heard is None else heard
    chosen: list[_Key] = []
    gains = [heard.gain(sounds) for sounds in sentences.values()] if bounds is None else bounds
    waiting = [
        (-round(gain, DIGITS), place, key) for place, (key, gain) in enumerate(zip(sentences, gains, strict=True))
    ]
    heapq.heapify(waiting)
    while waiting and (limit is None or len(chosen) < limit):
        _, place, key = waiting[0]
        heapq.heapreplace(waiting, (-round(heard.gain(sentences[key]), DIGITS), place, key))
        if waiting[0][1] != place:
            continue
        heapq.heappop(waiting)
        heard.add(sentences[key])
        chosen.append(key)
    return chosen


def still_worth(sentences: Iterable[Sounds], heard: Heard, enough: int = ENOUGH) -> float:
    """Seconds of those sentences, taken in order, that bring a common pair said in fewer than `enough` before."""
    wanted, seconds = heard.missing(enough), 0.0
    missing = set(wanted)
    for sounds in sentences:
        if not missing:
            break
        if brought := sounds.pairs & missing:
            seconds += sounds.seconds
            for pair in brought:
                wanted[pair] -= 1
                if not wanted[pair]:
                    missing.remove(pair)
    return seconds


def reached(sentences: Sequence[Sounds], share: float) -> int | None:
    """How many sentences from the first on until `share` of the common pairs was said; None: never."""
    common, said = common_pairs(), set[str]()
    for number, sounds in enumerate(sentences, start=1):
        said |= sounds.pairs & common.keys()
        if len(said) >= share * len(common):
            return number
    return None
