"""Numbers in Hangul: Sino-Korean, native Korean, digit by digit, and the mixed ones that people type (3만5천)."""

from __future__ import annotations

import re

DIGITS = "영일이삼사오육칠팔구"
_PLACES = ("", "십", "백", "천")
_GROUPS = ("", "만", "억", "조", "경", "해", "자", "양", "구", "간", "정", "재", "극")
_MAGNITUDES = {"십": 10, "백": 100, "천": 1000, "만": 10**4, "억": 10**8, "조": 10**12, "경": 10**16}

_NATIVE_ONES_BEFORE = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")

LONGEST = 4 * len(_GROUPS)  # digits that the groups can name


def sino(number: int) -> str:
    """`12345` → `만 이천삼백사십오`: groups of four, apart; 일 is dropped before 십, 백, 천 and a leading 만."""
    if number == 0:
        return "영"
    if len(str(number)) > LONGEST:
        return digits(str(number))
    groups: list[str] = []
    rest, index = number, 0
    while rest:
        rest, group = divmod(rest, 10_000)
        if group:
            groups.append(_group(group) + _GROUPS[index])
        index += 1
    groups.reverse()
    if groups[0] == "일만":
        groups[0] = "만"
    return " ".join(groups)


def _group(number: int) -> str:
    """One group of up to four digits."""
    pieces: list[str] = []
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            pieces.append(("" if digit == 1 and place else DIGITS[digit]) + _PLACES[place])
    return "".join(pieces)


def digits(figures: str, *, zero: str = "공") -> str:
    """Figure by figure, as in a telephone number: `0102` → `공일공이`."""
    return "".join(zero if figure == "0" else DIGITS[int(figure)] for figure in figures)


def whole(figures: str) -> str:
    """A whole number, a leading zero taken off; figure by figure where it is too long for a name."""
    return sino(int(figures)) if len(figures) <= LONGEST else digits(figures)


def native(number: int) -> str:
    """`3` → `세`, as before a counter; from 100 on hundreds are Sino-Korean (백다섯), from 1,000 on all is."""
    if number <= 0 or number >= 1000:
        return sino(number)
    hundreds, rest = divmod(number, 100)
    prefix = sino(hundreds * 100) if hundreds else ""
    if rest == 20:
        return prefix + "스무"
    tens, ones = divmod(rest, 10)
    return prefix + _NATIVE_TENS[tens] + _NATIVE_ONES_BEFORE[ones]


def ordinal(number: int) -> str:
    """`1` → `첫`, `3` → `세`, `11` → `열한`: what stands before 번째."""
    return "첫" if number == 1 else native(number)


def decimal(whole: str, fraction: str) -> str:
    """`3`, `05` → `삼 점 영오`."""
    return f"{integer(whole)} 점 {digits(fraction, zero='영')}"


def integer(figures: str) -> str:
    """Figures with or without thousands commas; a leading zero is read figure by figure (06234 → 공육이삼사)."""
    plain = figures.replace(",", "")
    if len(plain) > LONGEST or (len(plain) > 1 and plain[0] == "0"):
        return digits(plain)
    return sino(int(plain))


_PART = re.compile(r"(\d[\d,]*)(?:\.(\d+))?\s?([십백천]?[만억조경]|[십백천])?")


def mixed_value(text: str) -> int | None:
    """The value of `3만5천`, `3천5백만`, `1억 2,345만`, `9조 1,834억`; None where a part has a point or no name."""
    total = group = 0  # what 만, 억 … have closed, and what is still open: 3천 and 5백 of 3천5백만
    for match in _PART.finditer(text):
        whole, fraction, magnitude = match.groups()
        plain = whole.replace(",", "")
        if fraction is not None or len(plain) > LONGEST:
            return None
        value = int(plain)
        for step in magnitude or "":
            if step in _GROUPS:
                value, group = (group + value) * _MAGNITUDES[step], 0
                total += value
                break
            value *= _MAGNITUDES[step]
        else:
            group += value
    return total + group


def mixed(text: str) -> str:
    """Reading of figures and magnitudes mixed: `3만5천` → `삼만 오천`, `1.5억` → `일 점 오억`."""
    value = mixed_value(text)
    if value is not None:
        return sino(value)
    pieces: list[str] = []
    for whole, fraction, magnitude in _PART.findall(text):
        number = decimal(whole, fraction) if fraction else integer(whole)
        if magnitude and number in ("일", "영") and magnitude[0] in "십백천만":
            number = ""
        pieces.append(number + magnitude)
    return " ".join(pieces)
