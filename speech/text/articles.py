"""The articles of 표준 발음법 that two neighbouring syllables decide, each a table or a function named after it.

Numbers of leads, vowels and tails are those of speech.text.hangul. What asks for the word (articles 10, 11, 15, 16, 20,
24 and 26 to 30) is in speech.text.respell and its tables, phrases in speech.text.phrase. Articles 6 and 7 are about the
length of vowels, which Hangul does not write; 21 and 22 name what is not said or only allowed (감기 is not 강기, 되어
stays 되어), so nothing stands here for them.
"""

from __future__ import annotations

from speech.text.hangul import LEADS, TAILS


def _leads(letters: str) -> tuple[int, ...]:
    return tuple(LEADS.index(letter) for letter in letters)


def _tail_table(pairs: str) -> tuple[int, ...]:
    """A table over the 28 tails from `ㄲㄱ …`: the first letter becomes the second."""
    table = list(range(28))
    for pair in pairs.split():
        table[TAILS.index(pair[0])] = TAILS.index(pair[1])
    return tuple(table)


G, N, D, R, M, B, S, NULL, J, H = _leads("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅎ")
LAX = frozenset({G, D, B, S, J})
TENSED = {lead: lead + 1 for lead in LAX}

_T = {letter: number for number, letter in enumerate(TAILS)}

ARTICLE_9 = _tail_table("ㄲㄱ ㅋㄱ ㅅㄷ ㅆㄷ ㅈㄷ ㅊㄷ ㅌㄷ ㅍㅂ")  # single tails, at the end or before a consonant
ARTICLE_10 = _tail_table("ㄳㄱ ㄵㄴ ㄼㄹ ㄽㄹ ㄾㄹ ㅄㅂ")  # pairs whose first stays; 밟- and 넓- are in the respelling
ARTICLE_11 = _tail_table("ㄺㄱ ㄻㅁ ㄿㅂ")  # pairs whose second stays
ARTICLE_12_END = _tail_table("ㅎㄷ ㄶㄴ ㅀㄹ")  # ㅎ where nothing that it could join stands behind


def article_8(tail: int) -> int:
    """The sound of a tail at the end of a word or before a consonant: ㄱ ㄴ ㄷ ㄹ ㅁ ㅂ ㅇ only."""
    return _SEVEN[tail]


_SEVEN = tuple(ARTICLE_12_END[ARTICLE_11[ARTICLE_10[ARTICLE_9[tail]]]] for tail in range(28))
_STOPS = frozenset(_T[letter] for letter in "ㄱㄷㅂ")

# Article 18: a stop before ㄴ or ㅁ.
ARTICLE_18 = {_T["ㄱ"]: _T["ㅇ"], _T["ㄷ"]: _T["ㄴ"], _T["ㅂ"]: _T["ㅁ"]}

# Article 13: a single tail goes over to a vowel.
ARTICLE_13: dict[int, tuple[int, int]] = {
    _T[letter]: (0, LEADS.index(letter)) for letter in "ㄱㄲㄴㄷㄹㅁㅂㅅㅆㅈㅊㅋㅌㅍ"
}

# Article 14: of a pair the second does, and ㅅ becomes ㅆ.
ARTICLE_14: dict[int, tuple[int, int]] = {
    _T[pair]: (_T[first], LEADS.index(second))
    for pair, first, second in (
        ("ㄳ", "ㄱ", "ㅆ"), ("ㄵ", "ㄴ", "ㅈ"), ("ㄺ", "ㄹ", "ㄱ"), ("ㄻ", "ㄹ", "ㅁ"), ("ㄼ", "ㄹ", "ㅂ"),
        ("ㄽ", "ㄹ", "ㅆ"), ("ㄾ", "ㄹ", "ㅌ"), ("ㄿ", "ㄹ", "ㅍ"), ("ㅄ", "ㅂ", "ㅆ"),
    )
}  # fmt: skip

# Article 12, 4: ㅎ falls silent before a vowel.
ARTICLE_12_4: dict[int, tuple[int, int]] = {_T["ㅎ"]: (0, NULL), _T["ㄶ"]: (0, N), _T["ㅀ"]: (0, R)}

_LINKED = {**ARTICLE_13, **ARTICLE_14, **ARTICLE_12_4}


def articles_13_14(tail: int) -> tuple[int, int]:
    """The tail before a vowel: 옷이 → 오시, 앉아 → 안자, 값을 → 갑쓸, 많아 → 마나."""
    return _LINKED.get(tail, (tail, NULL))


def article_5_1(lead: int, vowel: int) -> int:
    """Exception 1: 져, 쪄, 쳐 are 저, 쩌, 처."""
    return _EO if vowel == _YEO and lead in _PALATALS else vowel


_EO, _YEO = 4, 6
_PALATALS = frozenset(_leads("ㅈㅉㅊ"))


def article_5_3(lead: int, vowel: int) -> int:
    """Exception 3: ㅢ behind a consonant is ㅣ (희망 → 히망). What is only allowed (계 → 게, 의 → 이) is not done."""
    return 20 if vowel == 19 and lead != NULL else vowel


_ASPIRATED = {G: LEADS.index("ㅋ"), D: LEADS.index("ㅌ"), J: LEADS.index("ㅊ"), B: LEADS.index("ㅍ")}
_BEFORE_H = {_T["ㅎ"]: 0, _T["ㄶ"]: _T["ㄴ"], _T["ㅀ"]: _T["ㄹ"]}
_H_AFTER: dict[int, tuple[int, int]] = {
    **{_T[letter]: (0, LEADS.index("ㅋ")) for letter in "ㄱㄲㅋㄳ"},
    **{_T[letter]: (0, LEADS.index("ㅌ")) for letter in "ㄷㅅㅆㅊㅌ"},
    **{_T[letter]: (0, LEADS.index("ㅍ")) for letter in "ㅂㅍㅄ"},
    _T["ㅈ"]: (0, LEADS.index("ㅊ")),
    _T["ㄵ"]: (_T["ㄴ"], LEADS.index("ㅊ")),
    _T["ㄺ"]: (_T["ㄹ"], LEADS.index("ㅋ")),
    _T["ㄼ"]: (_T["ㄹ"], LEADS.index("ㅍ")),
    _T["ㄾ"]: (_T["ㄹ"], LEADS.index("ㅌ")),
    _T["ㄿ"]: (_T["ㄹ"], LEADS.index("ㅍ")),
    _T["ㄽ"]: (_T["ㄹ"], LEADS.index("ㅌ")),
    _T["ㅎ"]: (0, LEADS.index("ㅌ")),
}


def article_12(tail: int, lead: int, vowel: int, *, tight: bool) -> tuple[int, int] | None:
    """ㅎ with its neighbours: 놓고 → 노코, 닿소 → 다쏘, 쌓네 → 싼네, 각하 → 가카, 굳히다 → 구치다; else None."""
    if tail in _BEFORE_H:
        left = _BEFORE_H[tail]
        if lead in _ASPIRATED:
            return left, _ASPIRATED[lead]
        if lead == S:
            return left, S + 1
        if lead == N:
            return (_T["ㄴ"] if tail == _T["ㅎ"] else left), (R if tail == _T["ㅀ"] else N)
    if lead == H and tail in _H_AFTER:
        if tight and vowel in (20, 6) and tail in (_T["ㄷ"], _T["ㅌ"], _T["ㄾ"]):  # article 17: ㄷ before 히, 혀
            return (_T["ㄹ"] if tail == _T["ㄾ"] else 0), LEADS.index("ㅊ")
        return _H_AFTER[tail]
    return None


_PALATAL = {_T["ㄷ"]: (0, J), _T["ㅌ"]: (0, LEADS.index("ㅊ")), _T["ㄾ"]: (_T["ㄹ"], LEADS.index("ㅊ"))}


def article_17(tail: int, vowel: int) -> tuple[int, int] | None:
    """ㄷ, ㅌ before 이 (and 여 of 이어): 굳이 → 구지, 밭이 → 바치, 붙여 → 부처; else None."""
    return _PALATAL.get(tail) if vowel in (20, 6) else None


ARTICLE_23 = frozenset(_T[letter] for letter in "ㄱㄲㅋㄳㄺㄷㅅㅆㅈㅊㅌㅂㅍㄿㅄ")
ARTICLE_24 = frozenset({_T["ㄵ"]})  # the other stems in ㄴ and ㅁ are in the respelling, since nouns sound otherwise
ARTICLE_25 = frozenset(_T[letter] for letter in "ㄼㄾㄽ")
_ALWAYS_TENSE = ARTICLE_23 | ARTICLE_24 | ARTICLE_25


def tenses_after(tail: int) -> bool:
    """Articles 23, 24 (ㄵ only) and 25: whether ㄱㄷㅂㅅㅈ behind this tail are tense."""
    return tail in _ALWAYS_TENSE


def article_11_before_g(tail: int, lead: int) -> int:
    """The sound of a tail before a consonant: ㄺ of a stem before ㄱ is ㄹ (맑게 → 말께), else as article 8 says."""
    return _T["ㄹ"] if tail == _T["ㄺ"] and lead in (G, G + 1) else article_8(tail)


def article_18(tail: int, lead: int) -> int:
    """A sounded stop before ㄴ or ㅁ: 먹는 → 멍는."""
    return ARTICLE_18.get(tail, tail) if lead in (N, M) else tail


def article_19(tail: int, lead: int, *, tight: bool) -> int:
    """ㄹ behind ㅁ, ㅇ or a stop is ㄴ: 담력 → 담녁, 협력 → (협녁) 혐녁."""
    if lead == R and (tail in ARTICLE_18 or (tight and tail in (_T["ㅁ"], _T["ㅇ"]))):
        return N
    return lead


def article_20(tail: int, lead: int) -> tuple[int, int]:
    """ㄴ beside ㄹ is ㄹ: 난로 → 날로, 칼날 → 칼랄."""
    if (tail, lead) in ((_T["ㄴ"], R), (_T["ㄹ"], N)):
        return _T["ㄹ"], R
    return tail, lead


def articles_18_19_20(tail: int, lead: int, *, tight: bool) -> tuple[int, int]:
    """A sounded tail before ㄴ, ㅁ, ㄹ; across a space (not `tight`) only stops change."""
    if tight and article_20(tail, lead) != (tail, lead):
        return article_20(tail, lead)
    lead = article_19(tail, lead, tight=tight)
    return article_18(tail, lead), lead
