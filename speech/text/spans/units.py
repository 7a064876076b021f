"""Numbers with a unit: percent, metric, data, money."""

from __future__ import annotations

import re
from functools import cache

from speech.text.lexicon import mapping
from speech.text.spans.quantity import Amount
from speech.text.spans.scan import word_before

_MOST_BELOW = 8  # units under a stroke that are read together
_NOT_AFTER = re.compile(r"[A-Za-z0-9]")


@cache
def _by_first() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for sign in sorted(mapping("units"), key=len, reverse=True):
        table.setdefault(sign[0], []).append(sign)
    return {first: tuple(signs) for first, signs in table.items()}


def _single_at(text: str, position: int) -> str:
    """The longest unit at `position`, or nothing."""
    if position >= len(text):
        return ""
    for sign in _by_first().get(text[position], ()):
        if text.startswith(sign, position):
            end = position + len(sign)
            if sign[-1].isascii() and sign[-1].isalnum() and end < len(text) and _NOT_AFTER.match(text, end):
                continue
            return sign
    return ""


def unit_at(text: str, position: int) -> tuple[int, str] | None:
    """Where the unit at `position` ends and how it reads; `{}` stands for the number.

    A compound `a/b` that the table lacks is read as `a 퍼 b`.
    """
    sign = _single_at(text, position)
    if not sign or (sign in ("K", "J", "N", "B", "em") and not text.startswith("/", position + len(sign))):
        return None
    end = position + len(sign)
    reading = mapping("units")[sign]
    for _ in range(_MOST_BELOW):
        if end >= len(text) or text[end] != "/" or "{}" in reading:
            break
        below = _single_at(text, end + 1)
        if not below:
            break
        reading += f" 퍼 {mapping('units')[below]}"
        end += 1 + len(below)
    return end, reading


SIGNS = {"-": "마이너스 ", "+": "플러스 ", "±": "플러스마이너스 ", "": ""}  # in front of a number, as spoken


def with_unit(amount: Amount, unit: str, mark: str = "") -> str:
    """`5`, `킬로그램` → `오 킬로그램`; below zero degrees are 영하. `mark`: the sign in front, if any."""
    number = amount.sino
    degrees = unit in ("섭씨 {} 도", "도")
    if mark == "-" and degrees:
        return f"영하 {number} 도"
    if mark == "-" and unit == "화씨 {} 도":
        return f"화씨 영하 {number} 도"
    sign = SIGNS[mark]
    if "{}" in unit:
        return sign + unit.format(number)
    return f"{sign}{number} {unit}"


def said_once(text: str, start: int, unit: str) -> str:
    """`unit` without what the words in front of the number at `start` say already: `시속 110km/h`, `섭씨 20℃`."""
    name, number, rest = unit.partition(" {} ")
    return rest if number and word_before(text, start).endswith(name) else unit


def currency_at(text: str, position: int) -> tuple[int, str] | None:
    """Where the sign of a currency at `position` ends and how it reads: `US$` → 달러."""
    for sign in _currencies():
        if text.startswith(sign, position):
            return position + len(sign), mapping("currencies")[sign]
    return None


@cache
def _currencies() -> tuple[str, ...]:
    return tuple(sorted(mapping("currencies"), key=len, reverse=True))
