"""The articles of 표준 발음법 that two neighbouring syllables decide, each a table or a function named after it.

Numbers of leads, vowels and tails are those of speech.text.hangul. Respelling words by lexicon (articles 16, 24 to 30)
is in speech.text.respell, phrases in speech.text.phrase.
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

# Articles 8 to 11: at the end of a word or before a consonant only ㄱ ㄴ ㄷ ㄹ ㅁ ㅂ ㅇ sound.
NEUTRAL = _tail_table(
    "ㄲㄱ ㅋㄱ ㄳㄱ ㄺㄱ ㅅㄷ ㅆㄷ ㅈㄷ ㅊㄷ ㅌㄷ ㅎㄷ ㅍㅂ ㅄㅂ ㄿㅂ ㄵㄴ ㄶㄴ ㄼㄹ ㄽㄹ ㄾㄹ ㅀㄹ ㄻㅁ"
)
_STOPS = frozenset(_T[letter] for letter in "ㄱㄷㅂ")

# Article 18: a stop before ㄴ or ㅁ.
NASALISED = {_T["ㄱ"]: _T["ㅇ"], _T["ㄷ"]: _T["ㄴ"], _T["ㅂ"]: _T["ㅁ"]}

# Articles 13 and 14: the tail goes over to a vowel; of two the second, and ㅅ of a pair becomes ㅆ.
_LINKED: dict[int, tuple[int, int]] = {
    **{_T[letter]: (0, LEADS.index(letter)) for letter in "ㄱㄲㄴㄷㄹㅁㅂㅅㅆㅈㅊㅋㅌㅍ"},
    **{
        _T[pair]: (_T[first], LEADS.index(second))
        for pair, first, second in (
            ("ㄳ", "ㄱ", "ㅆ"), ("ㄵ", "ㄴ", "ㅈ"), ("ㄺ", "ㄹ", "ㄱ"), ("ㄻ", "ㄹ", "ㅁ"), ("ㄼ", "ㄹ", "ㅂ"),
            ("ㄽ", "ㄹ", "ㅆ"), ("ㄾ", "ㄹ", "ㅌ"), ("ㄿ", "ㄹ", "ㅍ"), ("ㅄ", "ㅂ", "ㅆ"),
        )
    },
    # Article 12, 4: ㅎ falls silent before a vowel.
    _T["ㅎ"]: (0, NULL),
    _T["ㄶ"]: (0, N),
    _T["ㅀ"]: (0, R),
}  # fmt: skip


def articles_13_14(tail: int) -> tuple[int, int]:
    """The tail before a vowel: 옷이 → 오시, 앉아 → 안자, 값을 → 갑쓸, 많아 → 마나."""
    return _LINKED.get(tail, (tail, NULL))


def article_5(lead: int, vowel: int, *, first: bool) -> int:
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


_ALWAYS_TENSE = frozenset(
    _T[letter]
    for letter in "ㄱㄲㅋㄳㄺㄷㅅㅆㅈㅊㅌㅂㅍㄿㅄ"  # article 23
    + "ㄵ"  # article 24: stems in ㄴ(ㄵ)
    + "ㄼㄾㄽ"  # article 25: stems in ㄼ, ㄾ
)


def tenses_after(tail: int) -> bool:
    """Articles 23, 24 (ㄵ only) and 25: whether ㄱㄷㅂㅅㅈ behind this tail are tense."""
    return tail in _ALWAYS_TENSE


def stops_before(tail: int, lead: int) -> int:
    """Article 11, exception: ㄺ of a stem before ㄱ is ㄹ (맑게 → 말께); 0 where the general tables decide."""
    return _T["ㄹ"] if tail == _T["ㄺ"] and lead in (G, G + 1) else 0


def article_18_19_20(tail: int, lead: int, *, tight: bool) -> tuple[int, int]:
    """A sounded tail before ㄴ, ㅁ, ㄹ: 먹는 → 멍는, 담력 → 담녁, 협력 → 혐녁, 난로 → 날로, 칼날 → 칼랄."""
    if lead in (N, M) and tail in NASALISED:
        return NASALISED[tail], lead
    if lead == R:
        if tail in NASALISED:
            return NASALISED[tail], N
        if tail in (_T["ㅁ"], _T["ㅇ"]):
            return tail, (N if tight else R)
        if tail == _T["ㄴ"] and tight:
            return _T["ㄹ"], R
    if lead == N and tail == _T["ㄹ"] and tight:
        return tail, R
    return tail, lead
