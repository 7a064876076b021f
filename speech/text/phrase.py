"""Where two words apart by a space are said as one phrase: 옷 한 벌, 할 것을, 못 읽어; everything else stays apart."""

from __future__ import annotations

import enum
import re
from functools import cache

from speech.text.adnominal import is_adnominal
from speech.text.hangul import join_syllable, split_syllable, tail_of
from speech.text.lexicon import begins, groups, rows, words
from speech.text.respell import tense_first

_N, _R, _M = 4, 8, 16  # tails ㄴ, ㄹ, ㅁ
_STOPS = frozenset({1, 2, 3, 7, 9, 14, 17, 18, 19, 20, 22, 23, 24, 25, 26})
_I = 20  # ㅣ
_Y_OR_I = frozenset({2, 3, 6, 7, 12, 17, _I})  # ㅑ ㅒ ㅕ ㅖ ㅛ ㅠ ㅣ


_NUMBER = re.compile("([가-힣]+월)?[일이삼사오육륙칠팔구십백천만억조여]+")  # 삼월일 일 of 3월1일


class Link(enum.Enum):
    """How a syllable meets the one behind it."""

    NONE = 0  # a pause or a clear word boundary
    TIGHT = 1  # in one word
    LOOSE = 2  # across a space: stops change with what follows, nothing goes over to a vowel
    PHRASE = 3  # across a space, spoken as one word, tails neutralised first


@cache
def _lists() -> dict[str, frozenset[str]]:
    return groups("phrases")


def link_between(left: str, right: str, left_spelled: str, right_spelled: str) -> tuple[str, str, Link]:
    """Both words respelled for the phrase that they form, and how they are linked."""
    tail = tail_of(left[-1])
    if not tail:
        return left_spelled, right_spelled, Link.NONE
    lead, vowel, _ = split_syllable(right[0])
    if lead == 11:
        if _is_number_with_counter(left, right):
            return left_spelled, right_spelled, Link.TIGHT
        if article_29(left, right, tail, vowel):
            return left_spelled, _with_n(right_spelled), Link.PHRASE
        linked = tail in _STOPS and (len(left) == 1 or right.startswith(tuple(_lists()["linked"])))
        return left_spelled, right_spelled, Link.PHRASE if linked else Link.NONE
    if tail in _STOPS:
        return left_spelled, right_spelled, Link.PHRASE
    if _is_counting(left, right) or (tail == _R and is_adnominal(left, right)):
        return left_spelled, tense_first(right_spelled), Link.PHRASE
    if tail == _R and lead == 2 and (left in _lists()["adverb"] or _is_number_with_counter(left, right)):
        return left_spelled, right_spelled, Link.PHRASE
    return left_spelled, right_spelled, Link.NONE


_HOMOGRAPHS = (2, 3, 4)  # syllables of the words in the table
_NEGATED = frozenset({"지", "지는", "지도", "지를", "질"})
_STEMS = frozenset("신안감남넘담참숨품뿜삼심검")
_PERHAPS = re.compile("[알살놀들울풀말물길끌팔걸열벌불털졸]지도?$")  # 알지도 모르다, but 알지도 못하다
_INTRANSITIVE = frozenset("참남숨넘")  # whose -기 is a noun; 담기, 감기, 안기 may be of 담기다, a cold, 안기다


def in_phrase(before: str, word: str, behind: str, spelled: str) -> str:
    """`spelled`, made what `word` is between its neighbours: 신을 신고, 남지 않았다, 인적이 드물다, 품에 안다."""
    if verb_of_phrase(before, word, behind):
        return word[0] + tense_first(word[1:])
    if _PERHAPS.search(word) and behind.startswith(("모르", "모를", "모른", "모릅", "몰")):
        place = word.rindex("지")
        return spelled[:place] + tense_first(word[place:])
    for length in _HOMOGRAPHS:
        key = word[:length]
        for respelled, side, neighbours in _homographs().get(key, ()):
            rest = word[len(key) :]
            if rest and rest not in words("particles"):
                continue
            fits = {
                "before": before.endswith(neighbours),
                "is": before in neighbours,
                "behind": behind.startswith(neighbours),
                "rest": rest in neighbours,
            }[side]
            if fits:
                return respelled + spelled[len(key) :]
    return spelled


@cache
def _homographs() -> dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]]:
    table: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for key, respelled, side, neighbours in rows("homographs"):
        table.setdefault(key, []).append((respelled, side, tuple(neighbours.split())))
    return {key: tuple(found) for key, found in table.items()}


def verb_of_phrase(before: str, word: str, behind: str) -> bool:
    """Article 24 where only the phrase tells the verb from the noun: 신을 신고, 참고 견디다, 남지 않다, 참기 힘들다."""
    if word == "신고":
        return before.endswith(tuple(_lists()["footwear"]))
    if word == "참고":
        return before.endswith(("을", "를")) or behind.startswith(tuple(_lists()["endure"]))
    if word[0] in _STEMS and word[1:] in _NEGATED:
        return behind.startswith(("않", "마", "말")) or (behind.startswith("못") and word[0] != "감")
    return word[0] in _INTRANSITIVE and word[1:] == "기" and behind.startswith(tuple(_lists()["hard"]))


def article_29(left: str, right: str, tail: int, vowel: int) -> bool:
    """Article 29, addition 2: ㄴ before 이, 야, 여, 요, 유 of the next word, in close phrases only."""
    if vowel not in _Y_OR_I:
        return False
    if begins(right, "phrases", "no_n"):
        return False
    if left in _lists()["before_n"]:
        return True
    if len(left) == 1 and tail in _STOPS:  # 옷 입다, 책 읽기, 첫 여행, but 딱 일주일, 및 용품, 첫 인상
        return begins(right, "phrases", "close") or (left in _lists()["before_y"] and vowel != _I)
    return _is_noun_with_n(right) and (left.endswith(("한", "할", "삼", "일", "른", "물")) or _is_adnominal_form(left))


def _is_noun_with_n(right: str) -> bool:
    """A noun of the table, alone or with a particle: 일이, 여섯, but not 일어나다 or 입장."""
    particles = groups("particles")["particle"]
    return any(right == noun or (right.startswith(noun) and right[len(noun) :] in particles)
               for noun in _lists()["after_n"])  # fmt: skip


def _is_adnominal_form(left: str) -> bool:
    """그런; 먹은, 먹을: a stem with 은 or 을, and not a noun with its particle (옷을 입고)."""
    if left in _lists()["adnominal"]:
        return True
    return left.endswith(("은", "을")) and left[:-1] in groups("words")["eul_stem"]


def _with_n(word: str) -> str:
    _, vowel, tail = split_syllable(word[0])
    return join_syllable(2, vowel, tail) + word[1:]


def _is_number_with_counter(left: str, right: str) -> bool:
    """Whether a Sino-Korean number meets a counter of one syllable: 오천 원, 십 일, 일 년, 삼 인분."""
    if not _NUMBER.fullmatch(left) or not right.startswith(tuple(_lists()["counter"])):
        return False
    rest = right[1:]
    if right[0] == "인" and begins(rest, "phrases", "people"):
        return True
    return right[0] not in "일인" or not rest or rest in words("particles") or rest.startswith(_long_particles())


@cache
def _long_particles() -> tuple[str, ...]:
    """What may go on behind 일 as a day: 십 일입니다, but 일 일어나지, 일 일이삼."""
    return tuple(word for word in words("particles") if len(word) > 1)


_BEHIND_A_COUNTER = ("째", "간", "쯤", "씩", "짜리", "데", "반", *"일이삼사오육칠팔구십")
_NATIVE = re.compile(
    "(?:오전|오후|새벽|아침|저녁|밤|낮)?[일이삼사오육칠팔구십백천만억]*"
    "(?:열|(?:열|스물|서른|마흔|쉰|예순|일흔|여든|아흔)?여덟)"
)


def _is_counting(left: str, right: str) -> bool:
    """열 개 → 열 깨, 여덟 달: native 열 and 여덟 before a counter, but 배열 자체, 열 개발자."""
    if not _NATIVE.fullmatch(left):
        return False
    counters = _lists()["native_counter"]
    return any(right[:end] in counters and _goes_on(right[end:]) for end in (1, 2, 3))


def _goes_on(rest: str) -> bool:
    """Whether a word ends behind its counter, or goes on as one does: 열 개를, 열 번째, 열 살짜리."""
    return not rest or rest in words("particles") or rest.startswith((*_long_particles(), *_BEHIND_A_COUNTER))
