"""Dates and times in the spellings that people use."""

from __future__ import annotations

import re

from speech.text import numbers
from speech.text.lexicon import groups
from speech.text.spans.quantity import hour
from speech.text.spans.scan import Found, word_before

_MONTHS = {6: "유", 10: "시"}
_DAY_NAMES = "월화수목금토일"

_FULL = re.compile(
    r"(?P<year>(?:1[0-9]|2[01])\d\d)(?:-(?P<m1>\d{1,2})-(?P<d1>\d{1,2})|/(?P<m2>\d{1,2})/(?P<d2>\d{1,2})"
    r"|\.\s?(?P<m3>\d{1,2})\.\s?(?P<d3>\d{1,2})\.?)(?![\d.-]\d|\d)"
)
_SHORT = re.compile(
    r"(?:'(?P<y>\d\d)\.\s?(?P<m>\d{1,2})\.\s?(?P<d>\d{1,2})\.?"
    r"|'?(?P<year>\d\d)(?:\.\s?(?P<m3>\d{2})\.\s?(?P<d3>\d{2})\.?|[/-](?P<m1>\d{2})[/-](?P<d1>\d{2})))"
    r"(?![\d.-]\d|\d)"
)
_MONTH_OF_YEAR = re.compile(r"((?:19|20)\d\d)[.-]\s?(\d{1,2})\.?(?=\s?(?:월|부터|까지|에|[~)]|$))(?![\d년])")
_COMPACT = re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")
_YEAR_AND_MONTH = re.compile(r"((?:19|20)\d\d)/(0?[1-9]|1[0-2])(?![\d/])")
_SPACED_DAY = re.compile(r"(0?[1-9]|1[0-2])\.\s(0?[1-9]|[12]\d|3[01])\.(?!\d)")
_DOTTED_DAY = re.compile(r"(0?[1-9]|1[0-2])\.(0?[1-9]|[12]\d|3[01])(?!\d)\.?")
_DAY_OF_RANGE = re.compile(r"(0?[1-9]|1[0-2])[./-]\s?(0?[1-9]|[12]\d|3[01])(?!\d)\.?")
_SEASON = re.compile(r"'?(\d{4}|\d\d)[-/–~∼]'?(\d{4}|\d\d)(?=\s?시즌)")
_SPAN = re.compile(r"(\d{1,3})h\s?(\d{1,2})m(?:in)?(?![A-Za-z])")
_WEEKDAY = re.compile(rf"\s?\(([{_DAY_NAMES}])\)")
_YEAR = re.compile(r"'(\d\d)(?=년|학번|~|학년도)")
_MONTH_DAY = re.compile(r"(\d{1,2})/(\d{1,2})(?![\d/]|\s?[=+×÷]|\s?(?:~\s?[1-4]/4\s?)?분기)")
_DATE_AFTER = re.compile(r"\s?(?:까지|부터|에|일|자|\(|~|은|이|오전|오후|[월화수목금토일]요일)")

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?![\d:])")
_HALF = re.compile(r"\s?(?P<half>AM|PM|am|pm|a\.m\.|p\.m\.|A\.M\.|P\.M\.)(?![A-Za-z])")
_HOUR_HALF = re.compile(r"(\d{1,2})\s?(AM|PM|am|pm)(?![A-Za-z])")
_RATIO_AFTER = re.compile(r"\s?(?:비율|비로|로 이|으로 이|로 승|승|패|스코어|화면|와이드|무승부|동점|의 비율|배율)")
_RATIO_BEFORE = ("스코어", "스코어는", "비율", "비율은", "비율이", "화면비", "화면비는", "종횡비")


def month(value: int) -> str:
    """`6` → 유월, `10` → 시월."""
    return _MONTHS.get(value, numbers.sino(value)) + "월"


def _date(year: str, month_: str, day: str, *, short: bool = False) -> str | None:
    if not (1 <= int(month_) <= 12 and 1 <= int(day) <= 31):
        return None
    spoken = numbers.sino(int(year)) if not short or year[0] != "0" else numbers.digits(year)
    return f"{spoken} 년 {month(int(month_))} {numbers.sino(int(day))} 일"


def full_date(text: str, position: int) -> Found | None:
    """`2026-11-20`, `2026. 11. 20.`, `2026/11/20`, `24.11.20`, `20261120`, with `(금)` behind."""
    if position and (text[position - 1].isalnum() or text[position - 1] in ".,-"):
        return None
    for pattern, short in ((_FULL, False), (_SHORT, True), (_COMPACT, False)):
        match = pattern.match(text, position)
        if not match:
            continue
        parts = [part for part in match.groups() if part]
        spoken = _date(parts[0], parts[1], parts[2], short=short)
        if spoken is None:
            continue
        end = match.end()
        weekday = _WEEKDAY.match(text, end)
        if weekday:
            return Found(weekday.end(), f"{spoken} {weekday[1]}요일", "date", "date.full")
        if text[end : end + 1] == "일":
            end += 1
        return Found(end, spoken, "date", "date.full")
    match = _YEAR_AND_MONTH.match(text, position)
    if match:
        return Found(match.end(), f"{numbers.sino(int(match[1]))} 년 {month(int(match[2]))}", "date", "date.month")
    match = _SPACED_DAY.match(text, position)
    if match:
        reading = f"{month(int(match[1]))} {numbers.sino(int(match[2]))} 일"
        return Found(match.end(), reading, "date", "date.month_day")
    match = _MONTH_OF_YEAR.match(text, position)
    if match and 1 <= int(match[2]) <= 12 and len(match[2]) == 2:
        end = match.end() + (text[match.end() : match.end() + 1] == "월")
        return Found(end, f"{numbers.sino(int(match[1]))} 년 {month(int(match[2]))}", "date", "date.month")
    return None


def short_year(text: str, position: int) -> Found | None:
    """`'24년` → 이십사 (년), `'98학번` → 구팔, `'26. 1. 1.`."""
    full = full_date(text, position) if _SHORT.match(text, position) else None
    if full:
        return full
    match = _YEAR.match(text, position)
    if not match:
        return None
    figures = match[1]
    if text.startswith("학번", match.end()) or figures[0] == "0":
        return Found(match.end(), numbers.digits(figures), "date", "date.year")
    if text.startswith("년", match.end()):
        return Found(match.end() + 1, f"{numbers.sino(int(figures))} 년", "date", "date.year")
    return Found(match.end(), numbers.sino(int(figures)), "date", "date.year")


def month_and_day(text: str, position: int) -> Found | None:
    """`11/20까지` → 십일월 이십 일; where nothing speaks of a date it is a fraction."""
    match = _MONTH_DAY.match(text, position)
    if not match:
        return None
    first, second = int(match[1]), int(match[2])
    if not (1 <= first <= 12 and 1 <= second <= 31):
        return None
    weekday = _WEEKDAY.match(text, match.end())
    if weekday:
        reading = f"{month(first)} {numbers.sino(second)} 일 {weekday[1]}요일"
        return Found(weekday.end(), reading, "date", "date.month_day")
    end = match.end() + (text[match.end() : match.end() + 1] == "일")
    return Found(end, f"{month(first)} {numbers.sino(second)} 일", "date", "date.month_day")


def dotted_day(text: str, position: int) -> Found | None:
    """`12.24(화)` → 십이월 이십사 일 화요일: a month and a day with a point, where the day of the week tells."""
    match = _DOTTED_DAY.match(text, position)
    if not match or (position and (text[position - 1].isalnum() or text[position - 1] in ".,-")):
        return None
    weekday = _WEEKDAY.match(text, match.end())
    if not weekday:
        return None
    reading = f"{month(int(match[1]))} {numbers.sino(int(match[2]))} 일 {weekday[1]}요일"
    return Found(weekday.end(), reading, "date", "date.month_day")


def day_of_range(text: str, position: int) -> Found | None:
    """`5.31`, `5/31`, `05-31` behind a full date and `~`: where its year goes on."""
    match = _DAY_OF_RANGE.match(text, position)
    if not match:
        return None
    reading = f"{month(int(match[1]))} {numbers.sino(int(match[2]))} 일"
    weekday = _WEEKDAY.match(text, match.end())
    if weekday:
        return Found(weekday.end(), f"{reading} {weekday[1]}요일", "date", "date.month_day")
    return Found(match.end(), reading, "date", "date.month_day")


def season(text: str, position: int) -> Found | None:
    """`2023-24시즌`, `23/24 시즌` → 이천이십삼 이십사 (시즌): a season of two years."""
    match = _SEASON.match(text, position)
    if not match or (position and text[position - 1].isalnum()) or (int(match[1]) + 1 - int(match[2])) % 100:
        return None
    reading = f"{numbers.integer(match[1])} {numbers.integer(match[2])}"
    return Found(match.end(), reading, "date", "date.season")


def is_month_and_day(text: str, position: int) -> bool:
    """Whether `11/20` here is a date and not a fraction."""
    match = _MONTH_DAY.match(text, position)
    if not match or not (1 <= int(match[1]) <= 12 and 1 <= int(match[2]) <= 31):
        return False
    if "0" in (match[1][0], match[2][0]) or _CLOCK.match(text, match.end() + text.startswith(" ", match.end())):
        return True
    if int(match[1]) >= int(match[2]) or (int(match[2]) > 12 and int(match[2]) <= 31 and int(match[1]) > 3):
        return True
    if word_before(text, position).endswith(tuple(groups("words")["date"])) or _WEEKDAY.match(text, match.end()):
        return True
    after = _DATE_AFTER.match(text, match.end())
    return bool(after) and after is not None and after.group().strip() in ("까지", "부터", "일", "오전", "오후")


def clock_time(text: str, position: int) -> Found | None:
    """`14:05` → 십사 시 오 분, `5:30 PM` → 오후 다섯 시 삼십 분, `9am`."""
    match = _SPAN.match(text, position)
    if match:
        reading = f"{numbers.native(int(match[1]))} 시간 {numbers.sino(int(match[2]))} 분"
        return Found(match.end(), reading, "time", "time.span")
    match = _HOUR_HALF.match(text, position)
    if match and 1 <= int(match[1]) <= 12:
        half = "오전" if match[2].lower() == "am" else "오후"
        return Found(match.end(), f"{half} {hour(int(match[1]))} 시", "time", "time.half")
    match = _CLOCK.match(text, position)
    if not match or int(match[1]) > 24 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        return None
    before = word_before(text, position)
    if not match[3] and (_RATIO_AFTER.match(text, match.end()) or before.endswith(_RATIO_BEFORE)):
        return None
    spoken = f"{hour(int(match[1]))} 시"
    if int(match[2]) or int(match[3] or 0):
        spoken += f" {numbers.sino(int(match[2]))} 분"
    if match[3]:
        spoken += f" {numbers.sino(int(match[3]))} 초"
    end = match.end()
    half_mark = _HALF.match(text, end)
    if half_mark:
        end = half_mark.end()
        spoken = f"{'오전' if half_mark['half'][0] in 'aA' else '오후'} {spoken}"
    others = (spoken.replace("삼십 분", "반"),) if spoken.endswith("삼십 분") else ()
    return Found(end, spoken, "time", "time.clock", others)
