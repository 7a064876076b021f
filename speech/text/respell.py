"""Respelling of words whose sound the letters alone do not tell: the exception lexicon, and the articles of 표준 발음법
that ask what kind of word it is (10, 11, 20, 24, 26 to 30).

A respelling keeps the tails that go over to a particle: 꽃잎 → 꽃닢, so that 꽃잎이 becomes 꼰니피 by other articles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from speech.text.adnominal import LAX_LEADS, is_joined
from speech.text.hangul import TAILS, join_syllable, split_syllable, tail_of
from speech.text.lexicon import groups, rows, words

_PATTERN = re.compile(r"([*^]?)(-*)([ㄱ-ㅎ]?)([가-힣]+)(\+?)")
_L_TAIL = 8
_PARTICLES = frozenset({"보다", "조차", "부터"})
_CLOSING_NOUNS = "들책론화상학형별률표님식"  # one syllable that may close a compound behind an entry


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table `exceptions`; see the head of that file for the signs."""

    surface: str
    respelled: str
    anywhere: bool
    only_start: bool
    behind: int  # syllables that must stand in front
    tail: int  # the tail that must stand in front; 0: any
    inflected: bool  # with a particle only: bare its last syllable is one, 행사가 열린다

    def fits(self, word: str, position: int) -> bool:
        """Whether the entry counts at `position` of `word`, where its surface stands."""
        end = position + len(self.surface)
        if self._cuts(word, position, end) or (self.inflected and word[end:] not in words("particles")):
            return False
        if self.behind:
            before = tail_of(word[position - 1]) if position >= self.behind else 0
            ends = _may_end(word, end)
            return (before == self.tail if self.tail else before != 0) and (ends or len(self.surface) > 1)
        if self.only_start:
            return position == 0
        if self.anywhere or len(self.surface) > 2:
            return True
        return position != 1 and _may_end(word, end)

    def _cuts(self, word: str, position: int, end: int) -> bool:
        """Whether the last syllable belongs to what stands behind it: 사실조차, 마음보다, 회원가입, 기술자료."""
        rest, across = word[end:], word[end - 1 : end + 1]
        if not rest or len(self.surface) == 1:
            return False
        if across in _PARTICLES:
            return len(rest) == 1 or rest[1:] in words("particles")
        closed = rest in groups("particles")["particle"]  # 가능성과
        if (position > 0 or len(self.surface) > 2) and across in groups("words")["second"]:
            return not closed
        return self.surface != self.respelled and self._joins_nouns(word, position, end, closed)

    def _joins_nouns(self, word: str, position: int, end: int, closed: bool) -> bool:
        """Whether two nouns meet within the entry that it does not hold whole: 현실정치 is no 실정."""
        nouns = words("nouns")
        return any(
            word[border - 2 : border] in nouns
            and word[border : border + 2] in nouns
            and (border - 2 < position or (border + 2 > end and not closed))
            for border in range(max(2, position + 1), end)
        )


def _may_end(word: str, end: int) -> bool:
    """Whether a word may end here: its end, a particle, or more of a compound (조건부, 사건들, 물가상승)."""
    return len(word) - end != 1 or word[end:] in groups("particles")["particle"] or word[-1] in _CLOSING_NOUNS


@cache
def _entries() -> dict[str, tuple[Entry, ...]]:
    """First syllable → entries, longest first."""
    table: dict[str, list[Entry]] = {}
    for row in rows("exceptions"):
        match = _PATTERN.fullmatch(row[0])
        if not match or len(match[4]) != len(row[1]):
            raise ValueError(f"exceptions.tsv: {row}")
        tail = TAILS.index(match[3]) if match[3] else 0
        entry = Entry(match[4], row[1], match[1] == "*", match[1] == "^", len(match[2]), tail, bool(match[5]))
        table.setdefault(match[4][0], []).append(entry)
    return {first: tuple(sorted(entries, key=lambda entry: -len(entry.surface))) for first, entries in table.items()}


def tense_first(word: str) -> str:
    """The word with its first lead tense, where that is ㄱㄷㅂㅅㅈ."""
    lead, vowel, tail = split_syllable(word[0])
    return join_syllable(lead + 1, vowel, tail) + word[1:] if lead in LAX_LEADS else word


def _with_tail(syllable: str, tail: str) -> str:
    lead, vowel, _ = split_syllable(syllable)
    return join_syllable(lead, vowel, TAILS.index(tail))


def _lead(syllable: str) -> int:
    return split_syllable(syllable)[0]


@lru_cache(maxsize=8192)
def respell(word: str) -> str:
    """The word as it would be spelled if it were regular; as long as the word."""
    respelled = word
    for position, entry in applied(word):
        respelled = respelled[:position] + entry.respelled + respelled[position + len(entry.surface) :]
    for article in _ARTICLES:
        respelled = article(word, respelled)
    return respelled


def applied(word: str) -> Iterator[tuple[int, Entry]]:
    """The rows of the exceptions that count in a word, each with its place."""
    position = 0
    while position < len(word):
        entry = _entry_at(word, position)
        if entry:
            yield position, entry
        position += len(entry.surface) if entry else 1


def _entry_at(word: str, position: int) -> Entry | None:
    for entry in _entries().get(word[position], ()):
        if word.startswith(entry.surface, position) and entry.fits(word, position):
            return entry
    return None


def article_10(word: str, respelled: str) -> str:
    """밟- before a consonant is 밥- (밟다 → 밥따); 여덟 has no verb's ㄼ (여덟도 → 여덜도)."""
    for index, syllable in enumerate(respelled[:-1]):
        if syllable in "밟덟" and _lead(respelled[index + 1]) not in (11, 18):
            plain = _with_tail(syllable, "ㅂ" if syllable == "밟" else "ㄹ")
            respelled = respelled[:index] + plain + respelled[index + 1 :]
    return respelled


def article_11(word: str, respelled: str) -> str:
    """Nouns in ㄺ keep ㄱ before ㄱ (닭과 → 닥꽈), unlike stems (맑게 → 말께), which the tables know."""
    for index, syllable in enumerate(respelled[:-1]):
        if syllable in "닭흙칡삵슭탉" and _lead(respelled[index + 1]) in (0, 1):
            respelled = respelled[:index] + _with_tail(syllable, "ㄱ") + respelled[index + 1 :]
    return respelled


_FRONT_VOWELS = frozenset({0, 1, 4, 5, 8, 9, 11, 13, 14, 16})  # ㅏ ㅐ ㅓ ㅔ ㅗ ㅘ ㅚ ㅜ ㅝ ㅟ


def article_15(word: str, respelled: str) -> str:
    """A prefix in ㅅ or ㅌ sounds ㄷ before ㅏ, ㅓ, ㅗ, ㅜ, ㅟ of a word: 윗어른 → 위더른, 첫아이 → 처다이."""
    if len(word) < 3 or word[0] not in "윗헛첫풋뭇홑웃" or respelled[:2] != word[:2]:
        return respelled
    lead, vowel, _ = split_syllable(word[1])
    if (
        lead != 11
        or vowel not in _FRONT_VOWELS
        or (word.startswith(("웃어", "웃었", "웃으", "웃음", "웃옵", "웃을", "웃은")) and word[:3] != "웃어른")
    ):
        return respelled
    return _with_tail(word[0], "ㄷ") + respelled[1:]


_N_AND_L = re.compile(r"[가-힣][가-힣]([란량력령례로론료류림])")


def article_20(word: str, respelled: str) -> str:
    """Exception: a noun in ㄴ with 량, 력, 론, 료 … behind keeps ㄴ (생산량 → 생산냥), 연료 or 전력 inside do not."""
    for match in _N_AND_L.finditer(word):
        index = match.start(1)
        if tail_of(word[index - 1]) != 4 or word[index - 1 : index + 1] in groups("words")["liquid"]:
            continue
        if respelled[index] == word[index] and respelled[index - 1] == word[index - 1]:
            _, vowel, tail = split_syllable(word[index])
            respelled = respelled[:index] + join_syllable(2, vowel, tail) + respelled[index + 1 :]
    return respelled


def article_24(word: str, respelled: str) -> str:
    """Stems in ㄴ(ㄵ), ㅁ(ㄻ) make ㄱㄷㅅㅈ of an ending tense (신고, 닮고), the causative 기 apart (굶기다)."""
    for index, syllable in enumerate(respelled[:-1]):
        if tail_of(syllable) != 10 or _lead(respelled[index + 1]) not in LAX_LEADS:
            continue
        behind = word[index + 1]
        if (syllable in "굶옮곪" and behind in "기긴길김깁겨겼주") or (
            syllable in "삶앎" and behind not in "다고지습던거기게자"
        ):
            continue
        respelled = respelled[: index + 1] + tense_first(respelled[index + 1 :])
    stem = _nasal_stem(word)
    if stem and respelled[stem] == word[stem]:
        respelled = respelled[:stem] + tense_first(respelled[stem:])
    return respelled


@cache
def _nasal_stems() -> dict[str, frozenset[str]]:
    return {row[0]: frozenset(" ".join(row[1:]).split()) for row in rows("nasal_stems")}


def _nasal_stem(word: str) -> int:
    """Where the ending begins if `word` is a stem in ㄴ or ㅁ with one that becomes tense; else 0."""
    for length in range(min(4, len(word) - 1), 0, -1):
        if tail_of(word[length - 1]) not in (4, 16):
            continue
        stem, ending = word[:length], word[length:]
        for suffix in (stem, stem[-1]) if length > 1 and _is_compound_stem(stem) else (stem,):
            barred = _nasal_stems().get(suffix)
            if barred is not None and ending.startswith(_endings()) and ending not in barred:
                if any(ending.startswith(bar[:-1]) for bar in barred if bar.endswith("*")):
                    continue
                return length
    return 0


def _is_compound_stem(stem: str) -> bool:
    """살아남-, 뛰어넘-, 받아넘-: a stem behind -아/-어."""
    return stem[-2] in "아어여러라겨져쳐려와워해돼"


@cache
def _endings() -> tuple[str, ...]:
    return tuple(groups("words")["ending"])


def article_27(word: str, respelled: str) -> str:
    """Endings and bound nouns behind ㄹ in one word: 할걸 → 할껄, 갈수록, 볼수 있다; stems stay lax (알지, 만들게)."""
    for index in range(1, len(word)):
        if tail_of(word[index - 1]) != _L_TAIL or respelled[index] != word[index]:
            continue
        front, rest = word[:index], word[index:]
        always = rest.startswith(_ALWAYS_AFTER_L) and len(word) > 2
        if always or (front[-1] in "일닐걸텔" and rest in _SO_IT_IS) or is_joined(front, rest):
            respelled = respelled[:index] + tense_first(respelled[index:])
    return respelled


_ALWAYS_AFTER_L = ("수록", "지라도", "지언정", "진대", "진저", "세라", "게요")
_SO_IT_IS = ("세", "세그려", "세마는", "세만")  # of 일세: 참말일세, 아닐세


_ARTICLES: tuple[Callable[[str, str], str], ...] = (
    article_10,
    article_11,
    article_15,
    article_20,
    article_24,
    article_27,
)
