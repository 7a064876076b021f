"""Stretches that begin with a figure or a sign before one: telephone, dates, times, ranges, quantities, sums."""

from __future__ import annotations

import re
from functools import cache

from speech.text import numbers
from speech.text.lexicon import rows
from speech.text.spans import units
from speech.text.spans.dates import clock_time, dotted_day, full_date, month_and_day, season, short_year
from speech.text.spans.labels import case, club, metres, padded, plate
from speech.text.spans.maths import between, per_letter, power, proportion
from speech.text.spans.more import (
    added_time,
    bonus,
    code,
    feet,
    generation,
    hundredths,
    index_points,
    power_of_ten,
    roughly,
    spoonfuls,
    tens,
    verse,
    whole_and_part,
)  # fmt: skip
from speech.text.spans.phone import card_or_account, emergency, hidden, telephone
from speech.text.spans.quantity import Amount, amount_at, counted, counter_at, system_of
from speech.text.spans.relations import degrees, formation, fraction, lot, moments, ratio, score, spread, sum_of
from speech.text.spans.scan import Found, Recogniser, word_may_end
from speech.text.spans.units import currency_at, said_once, unit_at, with_unit

_SIGN = re.compile(r"[+-](?=\d)|±(?=\d)")
_VERSION = re.compile(r"\d+(?:\.\d+){2,}")
_LEADING_ZERO = re.compile(r"0\d+(?![\d.,])")


@cache
def _fixed() -> dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]]:
    table: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for row in sorted(rows("fixed"), key=lambda row: -len(row[0])):
        others = tuple(row[2].split("|")) if len(row) > 2 else ()
        table.setdefault(row[0][0], []).append((row[0], row[1], others))
    return {first: tuple(entries) for first, entries in table.items()}


def fixed(text: str, position: int) -> Found | None:
    """Expressions of the table `fixed`: 63빌딩, 6·25, MP3, A4."""
    if position and _joins(text[position - 1], text[position]):
        return None
    for surface, reading, others in _fixed().get(text[position], ()):
        end = position + len(surface)
        dotted = "·" in surface and text.startswith(surface.replace("·", "."), position)
        if (not dotted and not text.startswith(surface, position)) or (dotted and not _EVENT.match(text, end)):
            continue
        if end < len(text) and (_joins(surface[-1], text[end]) or _goes_on(surface, text, end)):
            continue
        return Found(end, reading, "fixed", "fixed", others)
    return None


_EVENT = re.compile(
    r"\s?(?:전쟁|혁명|사태|운동|민주|광복|해방|정변|테러|항쟁|의거|참전|당시|때|기념|사변|쿠데타|절|남침|희생|성명|학살|후퇴"
    r"|사건|군사|반란|특별법|유공자|전사자|참사|참배|세대|총선|대선|지방선거|조치|비상계엄|만세"
    r"|(?:[가-힣]{1,5}\s)?(?:대책|개혁|교육개혁|선언|합의|공동성명|계엄|민주화))"
)
_DAY_OF_EVENT = re.compile(r"(\d{1,2})[.·](\d{1,2})(?![\d.])")


def event(text: str, position: int) -> Found | None:
    """`10·29 참사` → 십이구 참사: month and day as a name, where an event is spoken of."""
    match = _DAY_OF_EVENT.match(text, position)
    if not match or not _EVENT.match(text, match.end()) or not (1 <= int(match[1]) <= 12 and 1 <= int(match[2]) <= 31):
        return None
    day = numbers.sino(int(match[2])) if int(match[2]) in (10, 20, 30) else numbers.digits(match[2])
    return Found(match.end(), numbers.sino(int(match[1])) + day, "fixed", "date.event")


def _joins(left: str, right: str) -> bool:
    """Whether two neighbours are of one piece: figures, or Latin letters with figures."""
    if left.isdigit() and right.isdigit():
        return True
    return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()


def _goes_on(surface: str, text: str, end: int) -> bool:
    """Whether a figure at the end goes on (6·25.3, 9·11일)."""
    if not surface[-1].isdigit():
        return False
    return (text[end] in ".,·:%/" and text[end + 1 : end + 2].isdigit()) or bool(
        "·" in surface and counter_at(text, end) in ("일", "명", "개", "위", "차", "월", "호", "학년", "층")
    )


def version(text: str, position: int) -> Found | None:
    """`3.11.7` → 삼 점 십일 점 칠."""
    match = _VERSION.match(text, position)
    if not match:
        return None
    parts = match.group().split(".")
    return Found(match.end(), " 점 ".join(numbers.integer(part) for part in parts), "version", "version")


def money_sign(text: str, position: int) -> Found | None:
    """`$1,000` → 천 달러; `$3만`, `US$50`, `$10~20`."""
    currency = currency_at(text, position)
    if not currency or (text[position] == "\\" and not _THOUSANDS.match(text, currency[0])):
        return None
    start = currency[0] + (text[currency[0] : currency[0] + 1] == " ")
    amount = amount_at(text, start)
    if not amount:
        return None
    large = _LARGE.match(text, amount.end)
    if large:
        return Found(large.end(), f"{amount.sino} {_LARGE_NAMES[large[1]]} {currency[1]}", "money", "money.sign")
    others = (f"{amount.sino} 위안",) if text[position] == "¥" else ()
    return Found(amount.end, f"{amount.sino} {currency[1]}", "money", "money.sign", others)


_THOUSANDS = re.compile(r"\s?\d{1,3}(?:,\d{3})+")  # \12,000: the sign for won of old fonts, not a folder's
_LARGE = re.compile(r"\s?(M|B|bn|mn|million|billion|trillion)(?![A-Za-z0-9])")
_LARGE_NAMES = {
    "M": "밀리언", "mn": "밀리언", "million": "밀리언", "B": "빌리언", "bn": "빌리언", "billion": "빌리언",
    "trillion": "트릴리언",
}  # fmt: skip


def _plain(text: str, amount: Amount) -> Found:
    rule = "number.digits" if _LEADING_ZERO.fullmatch(amount.text) else "number"
    others = ("공",) if amount.text == "0" else ()
    if rule == "number.digits":
        others = (numbers.digits(amount.text, zero="영"),)
    elif amount.value is not None and not amount.mixed and amount.text.isdigit() and len(amount.text) >= 3:
        others = (numbers.digits(amount.text),)
    return Found(amount.end, amount.sino, "number", rule, others)


def quantity(text: str, position: int) -> Found | None:
    """A number with sign, unit or counter, or alone: `-2.5℃`, `5kg`, `3개`, `10여`, `7`."""
    sign = _SIGN.match(text, position)
    start = position
    if sign:
        if position and (text[position - 1].isalnum() or text[position - 1] in ")]"):
            return None
        start += 1
    amount = amount_at(text, start)
    if not amount:
        return None
    mark = sign.group() if sign else ""
    found = _with_suffix(text, position, amount, mark)
    if found:
        return found
    plain = _plain(text, amount)
    return Found(
        plain.end, units.SIGNS[mark] + plain.reading, plain.kind, plain.rule, () if mark else plain.alternatives
    )


def _with_suffix(text: str, start: int, amount: Amount, mark: str) -> Found | None:
    """The number with the unit or counter behind it; one space may stand between."""
    for gap in (0, 1):
        place = amount.end + gap
        if gap and text[amount.end : place] != " ":
            break
        unit = unit_at(text, place)
        if unit:
            end, name = unit[0], said_once(text, start, unit[1])
            reading = with_unit(amount, name, mark)
            kind = "percent" if name.startswith(("퍼센트", "퍼밀")) else "unit"
            others = (f"{amount.sino} 프로",) if name == "퍼센트" else ()
            return Found(end, reading, kind, f"{kind}.sign", others)
        counter = counter_at(text, place)
        if counter == "기가" and system_of(text, start, place + 1, "기", amount.value) == ("native", False):
            counter = "기"  # 원전 2기가
        if counter and (not gap or word_may_end(text, place + len(counter))):
            return _counter(text, start, amount, counter, place + len(counter), mark)
    return None


def _counter(text: str, start: int, amount: Amount, counter: str, end: int, mark: str) -> Found:
    system, guessed = system_of(text, start, end, counter, amount.value)
    if counter == "시" and amount.value is not None:
        system = "native" if 0 < amount.value <= 12 else "sino"
    reading = counted(amount, counter, system)
    if mark == "-" and counter in ("도", "도씨"):
        reading = f"영하 {reading}"
    elif mark:
        reading = units.SIGNS[mark] + reading
    kind = _KINDS.get(counter, "counter")
    other = counted(amount, counter, "sino" if system == "native" else "native")
    others = () if other == reading or kind != "counter" or mark else (other,)
    rule = "counter.either" if guessed else f"{kind}.{system}"
    return Found(end, reading, kind, rule, others)


_KINDS = {
    **dict.fromkeys(("년", "월", "일", "년도", "학년도", "년대", "월호"), "date"),
    **dict.fromkeys(("시", "분", "초"), "time"),
    **dict.fromkeys(("원", "달러", "엔", "유로", "위안", "센트", "파운드", "원권", "원짜리", "원대"), "money"),
    **dict.fromkeys(("퍼센트", "프로", "퍼센트포인트"), "percent"),
    "번째": "ordinal",
}

_ORDINALS = {
    1: "첫째",
    2: "둘째",
    3: "셋째",
    4: "넷째",
    5: "다섯째",
    6: "여섯째",
    7: "일곱째",
    8: "여덟째",
    9: "아홉째",
    10: "열째",
}
_LISTED = re.compile(r"(\d{1,2})(?=(?:·\d{1,2}|,\s?\d{1,2}(?!\d)){1,5}번째)")
_ORDINAL = re.compile(r"(\d{1,2})째")


def ordinal(text: str, position: int) -> Found | None:
    """`2째` → 둘째, and each of `2·3번째` → 두, 세 번째."""
    match = _LISTED.match(text, position)
    if match and not (position and text[position - 1].isalnum()):
        return Found(match.end(), numbers.ordinal(int(match[1])), "ordinal", "ordinal")
    match = _ORDINAL.match(text, position)
    if match and int(match[1]) in _ORDINALS:
        return Found(match.end(), _ORDINALS[int(match[1])], "ordinal", "ordinal")
    return None


def brand_year_round(text: str, position: int) -> Found | None:
    """`365 열린어린이집` → 삼육오: the figure alone in front of a word is a name."""
    if not text.startswith("365 ", position) or position + 4 == len(text):
        return None
    counter = counter_at(text, position + 4)
    if not (counter and word_may_end(text, position + 4 + len(counter))):
        return Found(position + 3, "삼육오", "fixed", "fixed", ("삼백육십오",))
    return None


FIGURES: tuple[Recogniser, ...] = (
    fixed,
    power_of_ten,
    proportion,
    between,
    per_letter,
    power,
    added_time,
    bonus,
    generation,
    event,
    brand_year_round,
    card_or_account,
    telephone,
    hidden,
    code,
    case,
    plate,
    padded,
    metres,
    club,
    emergency,
    season,
    verse,
    moments,
    full_date,
    dotted_day,
    short_year,
    clock_time,
    hundredths,
    index_points,
    whole_and_part,
    feet,
    roughly,
    tens,
    spoonfuls,
    ratio,
    formation,
    lot,
    score,
    spread,
    fraction,
    month_and_day,
    sum_of,
    version,
    ordinal,
    quantity,
)
SIGNS: tuple[Recogniser, ...] = (telephone, season, short_year, money_sign, degrees, spread, sum_of, between, quantity)
