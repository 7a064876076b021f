"""Two numbers and what stands between them: ranges, fractions, ratios, scores, sums."""

from __future__ import annotations

import re

from speech.text import numbers
from speech.text.lexicon import groups
from speech.text.spans.dates import clock_time, day_of_range, dotted_day, full_date, is_month_and_day, month_and_day
from speech.text.spans.maths import FIGURES, compare, number, topic, with_unit_behind
from speech.text.spans.quantity import Amount, amount_at, counted, counter_at, hour, system_of
from speech.text.spans.scan import Found, word_before
from speech.text.spans.units import currency_at, said_once, unit_at, with_unit

_TILDE = re.compile(r"\s?~\s?")
_DASH = re.compile(r"\s?[-–]\s?")
_FRACTION = re.compile(r"(\d{1,4})/(\d{1,4})(?![\d/])")
_FRACTION_WORD = re.compile(r"(\d+)분의\s?(\d+)")
_QUARTER = re.compile(r"([1-4])/4(?=\s?(?:~\s?[1-4]/4\s?)?분기)")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s?:\s?(\d+(?:\.\d+)?)((?:\s?:\s?\d+(?:\.\d+)?){0,6})(?![\d:])")
_RATIO_WORD = re.compile(r"(\d+)\s?대\s?(\d+)(?=\s|[로의으]|$|[.,!?])")
_SCORE = re.compile(r"(\d{1,4})[-–](\d{1,4})(?![\d-])")
_SCORE_AFTER = re.compile(
    r"(?:(?:,\s?|·|\s)\d{1,3}[-–]\d{1,3}(?!\d)){0,6}"  # of the sets of a match, the last one tells
    r"\s?(?:으?로 (?:[^\s.,!?\d]{1,5} |\d세트를 |\d{1,2}연[승패]을 ){0,3}?"
    r"(?:이[겼기긴겨길]|승|패[했배하한해]|졌|지고|져|진 |앞[섰서선]|뒤[졌지진처집]|꺾|물리[쳤치친]|제압|완파|역전"
    r"|비[겼기긴겨]|끝|누[르른]|눌[렀러]|따돌|[가-힣]{1,3}[승패](?=[을를이한했하]|\s|$|[.,]))"
    r"|승리|승(?![가-힣])|패(?![가-힣])|완승|완패|역전|무승부|대승|스코어)"
)
_SCORE_BEFORE = ("스코어", "스코어는", "세트스코어", "점수는", "점수", "볼카운트")
# a game is spoken of in the same sentence
_SCORE_NEAR = re.compile(r"(?:스코어|세트|쿼터|이닝|전반|후반|연장전|피리어드|회[초말])[^.!?\n]*$")
_NEAR = 80  # characters in front that may tell
_FORMATION = re.compile(r"\d(?:-\d){2,4}(?![\d-])")
_PAGE_BEFORE = ("p.", "pp.", "P.", "쪽", "페이지")
_RENT_BEFORE = ("월세", "보증금", "반전세", "혈압", "혈압은", "혈압이")
_OPERATORS = {
    "+": "더하기", "-": "빼기", "−": "빼기", "–": "빼기", "×": "곱하기", "x": "곱하기", "X": "곱하기", "*": "곱하기",
    "÷": "나누기", "/": "나누기",
}  # fmt: skip
_SUM = re.compile(rf"({FIGURES})((?:\s?[+\-–×xX*÷/]\s?{FIGURES}){{0,20}})\s?([=<>≤≥≠≒≈])\s?(-?{FIGURES})(?![\d])")
_PRODUCT = re.compile(rf"({FIGURES})((?:\s?[+×÷]\s?{FIGURES}|\s?[xX*]{FIGURES}|\s-\s\d+){{1,20}})(?![\d])")
_DEGREES = re.compile(
    r"-(?P<low>\d+(?:\.\d+)?)(?:도|℃|°C)?\s?~\s?(?P<sign>-?)(?P<high>\d+(?:\.\d+)?)\s?(?P<unit>도|℃|°C)"
)


def _unit_near(text: str, position: int) -> tuple[int, str] | None:
    """The unit at `position`, or one of more than a letter behind a space: `5-10 cm`, but no `2-1 A팀`."""
    apart = unit_at(text, position + 1) if text.startswith(" ", position) else None
    letter = (
        apart is not None and apart[0] == position + 2 and text[position + 1].isalpha() and text[position + 1].isascii()
    )
    return unit_at(text, position) or (None if letter else apart)


def _quantity_end(text: str, position: int) -> tuple[Amount, int, str, str] | None:
    """A number at `position`: amount, end behind its unit or counter, that unit, that counter."""
    amount = amount_at(text, position)
    if not amount:
        return None
    unit = _unit_near(text, amount.end)
    if unit:
        return amount, unit[0], unit[1], ""
    counter = counter_at(text, amount.end)
    if not counter and text[amount.end : amount.end + 1] == " ":
        counter = counter_at(text, amount.end + 1)
        if counter:
            return amount, amount.end + 1 + len(counter), "", counter
    return amount, amount.end + len(counter), "", counter


def spread(text: str, position: int) -> Found | None:
    """`3~5개` → 세 개에서 다섯 개, `10~20%`, `$10~20`, `2019-2021년`."""
    currency = currency_at(text, position)
    start = currency[0] if currency else position
    first = _quantity_end(text, start)
    if not first:
        return None
    link = _TILDE.match(text, first[1]) or _dash_of_range(text, first)
    if not link:
        return None
    again = currency_at(text, link.end())
    second = _quantity_end(text, again[0] if again else link.end())
    if not second:
        return None
    if _is_run_of_tens(first, second):
        tens = f"{first[0].sino}{second[0].sino} {second[3] or second[2]}".rstrip()
        return Found(second[1], tens, "range", "range.tens")
    if currency:
        return Found(second[1], f"{first[0].sino}에서 {second[0].sino} {currency[1]}", "range", "range.money")
    return Found(second[1], _spread(text, position, first, second), "range", "range")


def degrees(text: str, position: int) -> Found | None:
    """`-3~5도` → 영하 삼 도에서 영상 오 도, `-12∼-5℃`: a range of temperatures that begins below zero."""
    match = _DEGREES.match(text, position)
    if not match or (position and (text[position - 1].isalnum() or text[position - 1] in ")]")):
        return None
    scale = "섭씨 " if match["unit"] != "도" else ""
    low, high = number(match["low"]), number(match["high"])
    below = "영하" if match["sign"] else "영상"
    reading = f"{scale}영하 {low} 도에서 {below} {high} 도"
    return Found(match.end(), reading, "range", "range.degrees", (f"{scale}영하 {low}에서 {below} {high} 도",))


def moments(text: str, position: int) -> Found | None:
    """Two dates or two clock times with a tilde or dash between: `10:00~18:00`, `3/1~3/5`."""
    for recogniser in (full_date, clock_time, month_and_day, dotted_day):
        first = recogniser(text, position)
        if not first:
            continue
        link = _TILDE.match(text, first.end) or (_DASH.match(text, first.end) if recogniser is clock_time else None)
        if not link:
            continue
        second = recogniser(text, link.end())
        if not second and recogniser is full_date:
            second = day_of_range(text, link.end())
        if second:
            return Found(second.end, f"{first.reading}에서 {second.reading}", "range", f"range.{first.kind}")
    return None


def _is_run_of_tens(first: tuple[Amount, int, str, str], second: tuple[Amount, int, str, str]) -> bool:
    """`3~40대` → 삼사십 대: a figure and the next ten, so that both count tens."""
    low, high = first[0].value, second[0].value
    if low is None or high is None or first[2] or first[3]:
        return False
    return 2 <= low < 9 and high == (low + 1) * 10


def _dash_of_range(text: str, first: tuple[Amount, int, str, str]) -> re.Match[str] | None:
    """A hyphen is a range only between two whole numbers that grow and that a counter or unit follows."""
    link = _DASH.match(text, first[1])
    if not link or first[0].value is None:
        return None
    second = _quantity_end(text, link.end())
    if not second or second[0].value is None or not (second[2] or second[3]) or second[0].value <= first[0].value:
        return None
    if second[3] in ("호", "번지", "승", "패", "호실", "동"):
        return None
    return link


def _spread(text: str, position: int, first: tuple[Amount, int, str, str], second: tuple[Amount, int, str, str]) -> str:
    (low, _, low_unit, low_counter), (high, end, unit, counter) = first, second
    if counter or low_counter:
        low_counter = low_counter or counter
        counter = counter or low_counter
        shared = counter == low_counter and not first[3] and counter in groups("counters")["of_ten_thousands"]
        if shared and high.mixed and not low.mixed:
            return f"{low.sino}에서 {high.sino} {counter}"
        if not first[3] and low.mixed and _shares_magnitude(low, high):
            return f"{low.sino}에서 {high.sino} {counter}"
        # 1~5번 are numbers of things, 1~2번 times
        numbered = counter == "번" and (high.value or 0) - (low.value or 0) > 1
        below = _one(text, position, end, low, low_counter, numbered=numbered)
        return f"{below}에서 {_one(text, position, end, high, counter, numbered=numbered)}"
    if low_unit and unit:
        return f"{with_unit(low, low_unit)}에서 {with_unit(high, unit)}"
    unit = said_once(text, position, unit)
    if "{}" in unit:
        return unit.format(f"{low.sino}에서 {high.sino}")
    return f"{low.sino}에서 {high.sino}" + (f" {unit}" if unit else "")


def _shares_magnitude(low: Amount, high: Amount) -> bool:
    """`5천~6천만 원`: the first number leaves out the 만 of the second."""
    return low.value is not None and high.value is not None and high.value >= 1_000 * low.value


def _one(text: str, start: int, end: int, amount: Amount, counter: str, *, numbered: bool) -> str:
    if counter == "시" and amount.value is not None:
        return f"{hour(amount.value)} 시"
    system, _ = system_of(text, start, end, counter, amount.value)
    return counted(amount, counter, "sino" if numbered else system)


def fraction(text: str, position: int) -> Found | None:
    """`1/3` → 삼분의 일, `3분의 1`, `3/4분기` → 삼사분기; a date where one is spoken of."""
    match = _QUARTER.match(text, position)
    if match:
        return Found(match.end(), f"{numbers.sino(int(match[1]))}사", "fraction", "fraction.quarter")
    match = _FRACTION_WORD.match(text, position)
    if match:
        reading = f"{numbers.whole(match[1])}분의 {numbers.whole(match[2])}"
        return Found(match.end(), reading, "fraction", "fraction.word")
    match = _FRACTION.match(text, position)
    if not match:
        return None
    if word_before(text, position).endswith(_RENT_BEFORE) or (
        int(match[1]) > int(match[2]) >= 40 and "혈압" in text[max(0, position - _NEAR) : position + _NEAR]
    ):
        return Found(match.start(2), f"{numbers.sino(int(match[1]))}에 ", "number", "number.pair")
    if is_month_and_day(text, position) or int(match[2]) == 0:
        return None
    reading = f"{numbers.sino(int(match[2]))}분의 {numbers.sino(int(match[1]))}"
    date = month_and_day(text, position)
    others = (date.reading,) if date else ()
    return Found(match.end(), reading, "fraction", "fraction.either" if others else "fraction", others)


def ratio(text: str, position: int) -> Found | None:
    """`16:9`, `3:2:1` → 대 between; `1대 1`, `1 대 1`."""
    match = _RATIO.match(text, position)
    if match:
        parts = re.split(r"\s?:\s?", match.group())
        spoken = " 대 ".join(number(part) for part in parts)
        return Found(match.end(), spoken, "ratio", "ratio")
    match = _RATIO_WORD.match(text, position)
    if match and (" " not in match.group() or " 대 " in match.group() or "대 " in match.group()):
        return Found(match.end(), f"{numbers.whole(match[1])} 대 {numbers.whole(match[2])}", "ratio", "ratio")
    return None


def score(text: str, position: int) -> Found | None:
    """`3-0` where a game is spoken of → 삼 대 영; else figures with a hyphen are read with 다시 (주소 123-4)."""
    match = _SCORE.match(text, position)
    if not match or (position and text[position - 1].isalnum()) or _SUM.match(text, position):
        return None
    first, second = int(match[1]), int(match[2])
    if first > 999 and counter_at(text, match.end()) not in ("번", "호"):
        return None  # 2024-25 예산, but 9401-1번 버스
    before = word_before(text, position)
    near = text[max(0, position - _NEAR) : position]
    if _SCORE_AFTER.match(text, match.end()) or before.endswith(_SCORE_BEFORE) or _SCORE_NEAR.search(near):
        return Found(match.end(), f"{numbers.sino(first)} 대 {numbers.sino(second)}", "ratio", "ratio.score")
    if text[match.end() : match.end() + 1].isascii() and text[match.end() : match.end() + 1].isalpha():
        return None
    if first < second and _unit_near(text, match.end()):
        return None
    if before.endswith(_PAGE_BEFORE) and first < second:
        return Found(match.end(), f"{numbers.sino(first)}에서 {numbers.sino(second)}", "range", "range.pages")
    counter = counter_at(text, match.end())
    if text[match.end() : match.end() + 1] in ("=", "%", "℃") or (counter and counter not in ("번지", "호", "번")):
        return None
    if text[match.end() : match.end() + 2] in ("=", " ="):
        return None
    others = (f"{numbers.sino(first)} 대 {numbers.sino(second)}", f"{numbers.sino(first)}에서 {numbers.sino(second)}")
    return Found(match.end(), f"{numbers.sino(first)} 다시 {numbers.sino(second)}", "number", "number.hyphen", others)


_LOT = re.compile(r"(\d{1,4})-(\d{1,4})(?:\s?(번지|번길)|(?![\d.,~-]))")
_PLACE_BEFORE = re.compile(r"[가-힣](?:동|리|로|길|가|읍|면)\s?$")


def lot(text: str, position: int) -> Found | None:
    """`우동 1408-5`, `1408-5번지` → 천사백팔 다시 오 (번지): the number of a lot of land or a house."""
    match = _LOT.match(text, position)
    if not match or (position and text[position - 1].isalnum()):
        return None
    if not match[3] and (len(match[1]) < 4 or not _PLACE_BEFORE.search(text, max(0, position - 4), position)):
        return None
    reading = f"{numbers.sino(int(match[1]))} 다시 {numbers.sino(int(match[2]))}"
    return Found(match.end(), f"{reading} {match[3]}" if match[3] else reading, "number", "number.lot")


def formation(text: str, position: int) -> Found | None:
    """`4-3-3` → 사 삼 삼: single figures with hyphens, one after the other."""
    match = _FORMATION.match(text, position)
    if not match or (position and text[position - 1].isalnum()):
        return None
    spoken = " ".join(numbers.digits(figure, zero="영") for figure in match.group()[::2])
    return Found(match.end(), spoken, "number", "number.row")


def _operation(match: re.Match[str]) -> str:
    spoken = number(match[1])
    for operator, figures in re.findall(rf"\s?([+\-–×xX*÷/])\s?({FIGURES})", match[2]):
        spoken += f" {_OPERATORS[operator]} {number(figures)}"
    return spoken


def sum_of(text: str, position: int) -> Found | None:
    """`1+1=2` → 일 더하기 일은 이, `3×4`, `5>3` → 오는 삼보다 크다."""
    match = _SUM.match(text, position)
    if match and (not position or not text[position - 1].isalnum()):
        left = _operation(match)
        right = ("마이너스 " if match[4][0] == "-" else "") + number(match[4].lstrip("-"))
        if match[3] in "=≒≈":
            said = right if match[3] == "=" else f"약 {right}"
            return Found(match.end(), f"{left}{topic(left)} {said}", "math", "math.relation")
        end, said = compare(left, right, match[3], text, match.end())
        return Found(end, said, "math", "math.relation")
    match = _PRODUCT.match(text, position)
    if match and (not position or not text[position - 1].isalnum()):
        return with_unit_behind(text, match.end(), _operation(match), "math.operation")
    return None
