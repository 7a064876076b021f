"""A number with what it counts: amounts (3만5천, 1,234.5), counters, and how the two read together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from speech.text import numbers
from speech.text.hangul import is_syllable
from speech.text.lexicon import groups, rows
from speech.text.spans.scan import word_before, word_may_end

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_MAGNITUDE = (
    r"(?:[십백천]?만(?![약화족두남료])|[십백천]?억(?![지제울])|[십백천]?조(?![각건합항치장사카선직기개류문교])"
    r"|[십백천]?경(?=\s?원|\s|$)|천(?![사국막장재하체주연문])|백(?![화두신과])|십(?![자]))"
)
_AMOUNT = re.compile(
    rf"{NUMBER}(?:{_MAGNITUDE}(?:\s?{NUMBER}{_MAGNITUDE})*(?:\d+(?:,\d{{3}})*|\s(?:\d,\d{{3}}|\d{{4}})(?![\d,년-]))?)?"
)
_PART_OF = re.compile(r"\s?[\d일이삼사오육칠팔구십백천]")
_STREET = re.compile(r"[가-힣]\d+$")
_HOURS_BEFORE = re.compile(r"\d시간?\s?$")
_MONTHS = {6: "유", 10: "시"}
_SEASONED = {
    "돈": ("서", "너"),
    "말": ("서", "너"),
    "푼": ("서", "너"),
    "냥": ("석", "넉"),
    "되": ("석", "넉"),
    "섬": ("석", "넉"),
}
_NEAR = 100  # characters around a counter that may tell what it counts
_CLOCK_HOURS = 12
_LAST_NATIVE_HOURS = 23
_MANY = 20  # from here on some things are counted in Sino-Korean numbers


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as typed: `value` is None where it has a decimal point; `mixed` where it names 만, 억 …"""

    end: int
    text: str
    value: int | None
    mixed: bool

    @property
    def sino(self) -> str:
        """`1,234.5` → `천이백삼십사 점 오`."""
        if self.mixed:
            return numbers.mixed(self.text)
        whole, _, fraction = self.text.partition(".")
        return numbers.decimal(whole, fraction) if fraction else numbers.integer(whole)

    @property
    def counted(self) -> str:
        """The same, with a leading zero taken off (05월)."""
        return self.sino if self.value is None else numbers.sino(self.value)


def amount_at(text: str, position: int) -> Amount | None:
    """The number that starts at `position`."""
    match = _AMOUNT.match(text, position)
    if not match:
        return None
    figures = match.group()
    if figures.isdigit():
        return Amount(match.end(), figures, int(figures) if len(figures) <= numbers.LONGEST else None, False)
    mixed = any(mark in figures for mark in "십백천만억조경")
    if not mixed and "." in figures:
        return Amount(match.end(), figures, None, False)
    return Amount(match.end(), figures, numbers.mixed_value(figures), mixed)


@cache
def _systems() -> dict[str, str]:
    """Counter → native, sino or either; `either` wins over the rest."""
    systems: dict[str, str] = {}
    for heading in ("native", "sino", "either"):
        systems.update(dict.fromkeys(groups("counters")[heading], heading))
    return systems


@cache
def _by_first() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for counter in sorted(_systems(), key=len, reverse=True):
        table.setdefault(counter[0], []).append(counter)
    return {first: tuple(counters) for first, counters in table.items()}


@cache
def _contexts() -> dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]]:
    table: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for row in rows("counter_contexts"):
        system, where = row[1].split(":")
        words = tuple(word.replace("_", " ") for word in row[2].split()) if len(row) > 2 else ()
        table.setdefault(row[0], []).append((system, where, words))
    return {counter: tuple(contexts) for counter, contexts in table.items()}


def counter_at(text: str, position: int) -> str:
    """The longest counter at `position`, or nothing. One that would cut a word in two does not count."""
    if position >= len(text):
        return ""
    for counter in _by_first().get(text[position], ()):
        if not text.startswith(counter, position):
            continue
        end = position + len(counter)
        if counter == "로" and not _STREET.search(text, max(0, position - 8), position):
            continue  # a particle (98로 줄었다), but for a street: 도움5로
        if counter == "분의" and not _PART_OF.match(text, end):
            continue  # 세 분의 선생님, but 삼분의 일
        if _systems()[counter] == "sino" or len(counter) > 2 or word_may_end(text, end) or _runs_on(text, counter, end):
            return counter
    return ""


_PARTICLE_AND_MORE = re.compile(r"(?:[를을은는랑와과]|하고)[가-힣]")


def _runs_on(text: str, counter: str, end: int) -> bool:
    """Whether a counter stands here though the word goes on, since spaces are left out: 2개를샀어, 3시반에만나자."""
    lists = groups("counters")
    if counter == "시":
        return text.startswith(tuple(lists["behind_hour"]), end)
    if counter in ("명", "마리", "살") and text.startswith("의", end):
        return True
    if counter not in lists["running_on"]:
        return False
    return bool(_PARTICLE_AND_MORE.match(text, end)) or text.startswith(tuple(lists["behind_thing"]), end)


def system_of(text: str, start: int, end: int, counter: str, value: int | None) -> tuple[str, bool]:
    """Which numbers `counter` takes here, and whether that is a guess. `start`, `end`: of number and counter."""
    system = _systems()[counter]
    sign = text[max(0, start - 1) : start]
    if sign == "#" or (sign.isascii() and sign.isalpha() and counter != "개"):
        return "sino", False  # KE123편, GS25, #1 채널
    if start and text[start - 1] in "초중고" and not (start > 1 and is_syllable(text[start - 2])):
        return "sino", False  # 중2병
    before = word_before(text, start)
    if before.endswith("제") and before[-2:-1] in ("", " ", "(", '"', "'") and counter != "번째":
        return "sino", False
    if system != "either":
        return system, False
    if counter == "분" and _HOURS_BEFORE.search(text, max(0, start - 8), start):
        return "sino", False  # 총 2시간 15분
    after = text[end : end + 6].lstrip()
    near = text[max(0, start - _NEAR) : end + _NEAR]
    for choice, where, words in _contexts()[counter]:
        if (
            (where == "after" and after.startswith(words))
            or (where == "before" and any(word in f" {before} " for word in words))
            or (where == "near" and any(word in near for word in words))
            or (where == "object" and before.endswith(("을", "를")))
        ):
            return _decided(choice, near, counter, value)
        if where == "otherwise":
            return _decided(choice, "", counter, value)
        if where == "default":
            system, _ = _decided(choice, near, counter, value)
            return system, True
    return "native", True


def _decided(choice: str, text: str, counter: str, value: int | None) -> tuple[str, bool]:
    """`either` stands for 대: 20대 is an age, unless the text near by counts other 대 as well (5대, 45대).

    `few` is native below twenty: 두 표, but 구십칠 표; `times` below a hundred: 세 번, but 삼백이 번.
    """
    if choice in ("few", "times"):
        return ("native" if value is not None and value < (_MANY if choice == "few" else 100) else "sino"), False
    if choice != "either":
        return choice, False
    if value is None or value % 10 or not 10 <= value <= 90:
        return "native", True
    counts = [int(figures[-2:]) for figures in re.findall(rf"(\d{{1,6}}){counter}", text)]
    return ("native" if any(count % 10 for count in counts) else "sino"), True


def counted(amount: Amount, counter: str, system: str) -> str:
    """Number and counter as read, apart by a space: `세 개`, `유월`, `열두 시`, `삼 점 오 배`."""
    value = amount.value
    if value is None:
        return f"{amount.sino} {counter}"
    if counter in ("월", "월호", "월분", "월생"):
        return _MONTHS.get(value, amount.counted) + counter
    if counter == "번째":
        return f"{numbers.ordinal(value)} {counter}"
    if system == "sino" or amount.mixed:
        return f"{amount.counted} {counter}"
    if counter in _SEASONED and value in (3, 4):
        return f"{_SEASONED[counter][value - 3]} {counter}"
    if (counter == "배" and value >= 20) or (counter == "시간" and value > _LAST_NATIVE_HOURS):
        return f"{amount.counted} {counter}"
    return f"{numbers.native(value)} {counter}"


def hour(value: int) -> str:
    """The hour of a clock: native up to 12, Sino-Korean beyond (십사 시)."""
    return numbers.native(value) if 0 < value <= _CLOCK_HOURS else numbers.sino(value)
