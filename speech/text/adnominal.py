"""Article 27: whether a word in ㄹ is an adnominal, so that what follows begins tense (할 것, 만날 사람, 볼수 있다).

Else it is a noun, an adverb, an object or a stem (겨울 바다, 잘 지내다, 밥을 준비하다, 알지) and stays as it is.

The table `adnominals` knows words and ends of words. It was held against the tags of a morphological analyser on some
30,000 places of everyday text and news, but holds nothing of either.
"""

from __future__ import annotations

import re
from functools import cache

from speech.text.hangul import split_syllable, tail_of
from speech.text.lexicon import begins, groups, words

LAX_LEADS = frozenset({0, 3, 7, 9, 12})  # ㄱ ㄷ ㅂ ㅅ ㅈ

# A stem before 을: in a tail that no noun has (ㄵ ㄶ ㄾ ㄿ ㅀ ㅆ ㅎ), in a syllable that ends no noun (살펴볼,
# 붙받을), or without a tail (지을 of 짓다), where a noun has 를.
_VERB_TAILS = frozenset({5, 6, 13, 14, 15, 20, 27})
_VERB_ENDS = (*"없받맞읽믿찾얻씻뽑꺾묶갚덮섞겪밟닮옮닫돋싶앉붙뱉잊", "따라잡", "사로잡", "바로잡", "붙잡")
_IRREGULAR = tuple("지이나부그저주모")
_OPEN_VOWELS = frozenset({0, 1, 4, 6, 9, 14})  # ㅏ ㅐ ㅓ ㅕ ㅘ ㅝ, with which a verb joins the next: 보여줄, 찾아볼
_NUMBER = re.compile("[공영일이삼사오육륙칠팔구십백천만억조]+")


def is_adnominal(left: str, right: str) -> bool:
    """Whether `left`, a word in ㄹ, is an adnominal before the word `right`: 할 것을, 만날 사람."""
    if split_syllable(right[0])[0] not in LAX_LEADS or _begins(right, f"-{left}"):
        return False
    if _begins(right, left):
        return True
    lists = groups("adnominals")
    if left in lists["both"] or _is_object(left):
        return _begins(right, "dependent")
    if not _is_free(left) or (left.endswith("길") and _begins(right, "wish")):
        return False
    known = True if left in lists["adnominal"] else _by_end(left)
    if known is False and not left.endswith("들"):
        return _begins(right, "dependent")
    return _begins(right, "bound") if known is None else known


def is_joined(front: str, rest: str) -> bool:
    """Whether `front` in ㄹ is an adnominal with an ending or a bound noun in the same word: 갈게, 볼수 있다."""
    if front[-1] == rest[0]:
        return False  # 줄줄이
    if _begins(rest, "sure") and front[-1] in "할볼알갈줄될올":
        return True
    lists = groups("adnominals")
    stem = front in lists["stem"] or front.endswith("들") or front.endswith(_long_stems())
    if _begins(rest, "joined"):
        if len(front) == 1 and (stem or front in lists["both"]):
            return _begins(rest, "alone") or (stem and _begins(rest, "stem_alone"))
        if stem:
            return rest not in ("거라", "듯이") and _is_free(front) and _by_end(front) is not False
        return is_verb(front) or (front[-1] in "볼일" and _begins(rest, "copula"))  # 핸드볼 as well as 다시볼
    if not _begins(rest, "ending") or stem:
        return False
    return is_verb(front) or front in lists["one"] or (len(front) > 1 and front.endswith("일") and _is_free(front))


@cache
def _long_stems() -> tuple[str, ...]:
    return tuple(stem for stem in groups("adnominals")["stem"] if len(stem) > 1)


def is_verb(word: str) -> bool:
    """Whether a word in ㄹ can be nothing but an adnominal, without its neighbours."""
    lists = groups("adnominals")
    if not _is_free(word):
        return False
    if word in lists["verb"]:
        return True
    if word.endswith("을"):
        return len(word) > 1 and _by_end(word) is not False  # with what stands behind in one word, 밥을 is none
    return word in lists["adnominal"] or (not _is_object(word) and _by_end(word) is True)


def _is_free(word: str) -> bool:
    """Whether no list knows the word for a noun, an adverb or a number."""
    return not (word in groups("adnominals")["noun"] or word in words("nouns") or _NUMBER.fullmatch(word))


def _by_end(word: str) -> bool | None:
    """Whether a word of two syllables and more that is no object is an adnominal; None: its end does not tell."""
    if len(word) < 2:
        return None
    lists = groups("adnominals")
    for length in range(min(4, len(word)), 0, -1):
        end = word[-length:]
        if end in lists["verb_end"] or (length == 2 and _joins_a_verb(word)):
            return True
        if end in lists["noun_end"]:
            return False
    return True if word.endswith("을") and word not in lists["verb"] else None


def _joins_a_verb(word: str) -> bool:
    """보여줄, 찾아볼, 남겨둘; 사라질, 일어날."""
    _, vowel, tail = split_syllable(word[-2])
    known = word[-1] in "줄볼둘" or (word[-1] in "질날" and len(word) > 2)
    return known and vowel in _OPEN_VOWELS and not tail


def _is_object(word: str) -> bool:
    """Whether a word in ㄹ is a noun with its particle: 밥을 준비했다, 너를 생각해, 뭘 생각해, 많은걸 생각하다."""
    lists = groups("adnominals")
    if word in lists["verb"] or word.endswith("지모를"):
        return False
    if word.endswith("걸"):
        return not word.endswith(("내걸", "뒤걸"))
    if not word.endswith("을"):
        return word.endswith("를") or word in lists["object"]
    stem = word[:-1]
    if not stem:
        return True
    if not tail_of(stem[-1]):
        return not stem.endswith(_IRREGULAR)
    return not (tail_of(stem[-1]) in _VERB_TAILS or stem.endswith(_VERB_ENDS) or stem in groups("words")["eul_stem"])


def _begins(word: str, heading: str) -> bool:
    return begins(word, "adnominals", heading)
