"""Numbers with a unit: percent, metric, data, money."""

from __future__ import annotations

import re
from functools import cache

from speech.text.lexicon import mapping
from speech.text.spans.quantity import Amount

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
    while end < len(text) and text[end] == "/" and "{}" not in reading:
        below = _single_at(text, end + 1)
        if not below:
            break
        reading += f" 퍼 {mapping('units')[below]}"
        end += 1 + len(below)
    return end, reading


def with_unit(amount: Amount, unit: str, *, negative: bool = False, positive: bool = False) -> str:
    """`5`, `킬로그램` → `오 킬로그램`; below zero degrees are 영하."""
    number = amount.sino
    degrees = unit in ("섭씨 {} 도", "도")
    if negative and degrees:
        return f"영하 {number} 도"
    sign = "마이너스 " if negative else "플러스 " if positive else ""
    if "{}" in unit:
        return sign + unit.format(number)
    return f"{sign}{number} {unit}"


CURRENCIES = {
    "US$": "달러", "HK$": "홍콩달러", "NT$": "대만달러", "C$": "캐나다달러", "CA$": "캐나다달러", "A$": "호주달러",
    "AU$": "호주달러", "S$": "싱가포르달러", "$": "달러", "＄": "달러", "₩": "원", "¥": "엔", "€": "유로", "£": "파운드",
    "₹": "루피", "₽": "루블", "฿": "바트", "₫": "동", "₱": "페소", "₺": "리라", "₿": "비트코인", "¢": "센트",
    "USD": "달러", "KRW": "원", "JPY": "엔", "EUR": "유로", "CNY": "위안", "GBP": "파운드", "元": "위안",
}  # fmt: skip
CURRENCY = re.compile("|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True)))
