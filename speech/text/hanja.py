"""Hanja in Hangul: words of their own first, else sign by sign with the law of initial sounds."""

from __future__ import annotations

import re
from functools import cache

from speech.text.hangul import join_syllable, split_syllable
from speech.text.lexicon import mapping, rows

RUN = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_LONGEST_WORD = 6
_HALF = 2  # signs; a run of four is two words of two: 國民年金 → 국민연금


@cache
def readings() -> dict[str, str]:
    """Sign → its first reading, before the law of initial sounds."""
    table: dict[str, str] = {}
    for row in rows("hanja"):
        for sign in row[1]:
            table.setdefault(sign, row[0])
    return table


def read_run(run: str, *, initial: bool = True) -> str:
    """A run of Hanja as Hangul; a sign that the table lacks gives a `?` in its place."""
    result = ""
    position = 0
    words = mapping("hanja_words")
    while position < len(run):
        for length in range(min(_LONGEST_WORD, len(run) - position), 1, -1):
            word = words.get(run[position : position + length])
            if word:
                result += word
                position += length
                break
        else:
            second = position == _HALF and len(run) == 2 * _HALF and "?" not in result
            result += _sign(run, position, "" if second else result, initial=initial or second)
            position += 1
    return result


def _sign(run: str, position: int, before: str, *, initial: bool) -> str:
    reading = readings().get(run[position])
    if not reading:
        return "?"
    sign = run[position]
    if sign in "率律列烈裂劣" and before and before[-1] != "?":
        lead, vowel, tail = split_syllable(reading)
        soft = split_syllable(before[-1])[2] in (0, 4)
        return join_syllable(11 if soft else 5, vowel, tail) if lead in (5, 11) else reading
    if sign == "不" and position + 1 < len(run) and _sounds_d_or_j(run[position + 1]):
        return "부"
    return initial_sound(reading) if not before and initial else reading


def _sounds_d_or_j(sign: str) -> bool:
    """Whether 不 before `sign` is 부: before ㄷ and ㅈ."""
    reading = readings().get(sign)
    return bool(reading) and split_syllable(reading or "가")[0] in (3, 12)


def initial_sound(syllable: str) -> str:
    """두음법칙 on one syllable: 녀 → 여, 력 → 역, 로 → 노."""
    lead, vowel, tail = split_syllable(syllable)
    soft = vowel in (2, 3, 6, 7, 12, 17, 20)  # ㅑ ㅒ ㅕ ㅖ ㅛ ㅠ ㅣ
    if (lead == 2 and soft) or (lead == 5 and soft):
        return join_syllable(11, vowel, tail)
    if lead == 5:
        return join_syllable(2, vowel, tail)
    return syllable
