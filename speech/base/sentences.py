"""Sentences for the base voice, made from word lists: as many as wanted, no two alike, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

FIRST, LAST = 0xAC00, 0xD7A3  # the Hangul syllables
TAILS = (0, 0, 0, 0, 1, 4, 7, 8, 16, 17, 21)  # none, and the seven that are pronounced: ㄱ ㄴ ㄷ ㄹ ㅁ ㅂ ㅇ


@cache
def words() -> dict[str, tuple[str, ...]]:
    """The lists of `words.tsv` by kind."""
    lists: dict[str, tuple[str, ...]] = {}
    for line in (Path(__file__).parent / "words.tsv").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, _, items = line.partition("\t")
            lists[kind] = tuple(items.split("|"))
    return lists


def closed(word: str) -> bool:
    """Whether the last syllable ends in a consonant."""
    return FIRST <= ord(word[-1]) <= LAST and (ord(word[-1]) - FIRST) % 28 != 0


def with_particle(word: str, pair: str) -> str:
    """`pair` names both forms, the one after a consonant first: 이/가, 을/를, 은/는, 과/와, 으로/로."""
    after_consonant, after_vowel = pair.split("/")
    if pair == "으로/로" and (ord(word[-1]) - FIRST) % 28 == 8:  # after ㄹ as after a vowel
        return word + after_vowel
    return word + (after_consonant if closed(word) else after_vowel)


class Maker:
    """Draws sentences from a few dozen frames: statements, questions, exclamations, requests, dialogue, news."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - nothing secret hangs on it

    def one(self, *kinds: str) -> str:
        return self.random.choice(words()[self.random.choice(kinds)])

    def noun(self, *kinds: str, pair: str = "") -> str:
        word = self.one(*kinds)
        return with_particle(word, pair) if pair else word

    def verb(self, kind: str, form: int) -> str:
        """`form`: 0 plain, 1 polite past, 2 request, 3 proposal."""
        return self.one(kind).split("/")[form]

    def quality(self, form: int) -> str:
        """`form`: 0 plain, 1 polite, 2 before a noun."""
        return self.one("adjective").split("/")[form]

    def nonsense(self) -> str:
        """A word of two or three syllables that nobody knows: every sound meets every other one."""
        return "".join(
            chr(FIRST + (self.random.randrange(19) * 21 + self.random.randrange(21)) * 28 + self.random.choice(TAILS))
            for _ in range(self.random.choice((2, 2, 3)))
        )

    def frames(self) -> tuple[Callable[[], str], ...]:
        noun, verb, quality, one = self.noun, self.verb, self.quality, self.one
        return (
            lambda: f"{noun('person', pair='이/가')} {one('time')} {noun('thing', pair='을/를')} {verb('act', 1)}.",
            lambda: f"{one('time')} {noun('place')}에서 {noun('person', pair='을/를')} 만났어요.",
            lambda: f"{noun('thing', 'food', 'nature', pair='이/가')} {one('adverb')} {quality(1)}.",
            lambda: f"{quality(2)} {noun('thing', pair='을/를')} {verb('act', 1)}.",
            lambda: f"{noun('food', pair='을/를')} {one('adverb')} {verb('eat', 1)}.",
            lambda: f"{noun('food', pair='은/는')} {quality(1)}!",
            lambda: f"{one('time')} {noun('place')}에 {verb('move', 3)}?",
            lambda: f"{noun('place')}에서 {one('adverb')} {verb('stay', 2)}.",
            lambda: f"{noun('thing', pair='을/를')} {noun('place')}에 {verb('act', 2)}.",
            lambda: f"{noun('thing', pair='을/를')} {verb('act', 3)}?",
            lambda: f"왜 {noun('idea', pair='이/가')} {quality(1)}?",
            lambda: f"{noun('person')}의 {noun('idea', pair='은/는')} {one('adverb')} {quality(1)}.",
            lambda: f"{noun('animal', pair='이/가')} {noun('place')}에서 {verb('stay', 1)}.",
            lambda: (
                f"{noun('nature', pair='이/가')} {quality(2)} {one('time')}, {noun('animal', pair='을/를')} 봤어요."
            ),
            lambda: f"{noun('idea', pair='과/와')} {noun('idea', pair='은/는')} 다릅니다.",
            lambda: f"{noun('place', pair='으로/로')} {verb('move', 2)}.",
            lambda: f"{noun('thing', pair='이/가')} {one('count')} 있습니다.",
            lambda: f"{one('adverb')} {quality(2)} {noun('idea', pair='이/가')} 필요합니다.",
            lambda: f"{noun('person', pair='은/는')} {noun('idea', pair='을/를')} {one('adverb')} {verb('act', 1)}.",
            lambda: f"아, {noun('nature', pair='이/가')} 정말 {quality(1)}!",
            lambda: f"{noun('place', pair='은/는')} 어디에 있나요?",
            lambda: f"{noun('person', pair='은/는')} 누구를 {verb('act', 1)}?",
            lambda: f"혹시 {noun('thing', pair='을/를')} 보셨어요?",
            lambda: f"{noun('food', pair='과/와')} {noun('food', pair='을/를')} 주세요.",
            lambda: f"{noun('place')}까지 {one('count')} 남았습니다.",
            lambda: f"{one('time')} {noun('place')}에는 {noun('nature', pair='이/가')} {quality(1)}.",
            lambda: (
                f"{noun('person', pair='이/가')} {noun('person')}에게 {noun('thing', pair='을/를')} {verb('act', 1)}."
            ),
            lambda: f"{quality(2)} {noun('animal', pair='이/가')} {one('count')} 보입니다.",
            lambda: f"{noun('idea', pair='을/를')} 잊지 마세요.",
            lambda: f"{noun('person', pair='이/가')} {quality(2)} {noun('place', pair='으로/로')} {verb('move', 1)}.",
            lambda: f"그 {noun('thing', pair='은/는')} 제 것이 아니에요.",
            lambda: f"{noun('food', pair='을/를')} 먹으면 {one('adverb')} {quality(1)}.",
            lambda: f"{one('time')} {noun('place')}, {noun('person')}, {noun('thing', pair='을/를')} 차례로 찍었어요.",
            lambda: f"다음 말은 {self.nonsense()}, {self.nonsense()}, {self.nonsense()}입니다.",
            lambda: f"제 이름은 {self.nonsense()}입니다.",
            lambda: f"{self.nonsense()}에서 온 {with_particle(self.nonsense(), '을/를')} 아세요?",
            lambda: f"네, {noun('idea', pair='은/는')} {quality(1)}.",
            lambda: f"아니요, {noun('person', pair='은/는')} {one('time')} {verb('stay', 1)}.",
        )

    def sentences(self, shortest: int = 6, longest: int = 40) -> Iterator[str]:
        """Without end and without repeats, `shortest` to `longest` characters each."""
        frames, seen = self.frames(), set[str]()
        while True:
            text = self.random.choice(frames)()
            if shortest <= len(text) <= longest and text not in seen:
                seen.add(text)
                yield text
