"""Numbers that name a thing rather than count it: court cases, cars, flights, years of birth, days to go, floors."""

from __future__ import annotations

import re

from speech.text import numbers
from speech.text.lexicon import groups
from speech.text.spans.quantity import counter_at
from speech.text.spans.scan import Found
from speech.text.spans.units import unit_at

_NEAR = 20  # characters around that may tell
_CASE_SIGNS = "|".join(sorted(groups("words")["case"], key=len, reverse=True))
_CASE = re.compile(rf"((?:19|20)\d\d|\d\d(?=[가-힣]{{2}}))({_CASE_SIGNS})(\d{{1,7}})(?![\d.,가-힣])")
_PLATE = re.compile(
    r"(\d{2,3})([가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배허하호])\s?(\d{4})(?![\d,.~-])"
)
_OF_CARS = re.compile(
    "차량|승용차|차번호|화물차|트럭|택시|버스|번호판|차주|견인|뺑소니|렌터카|자동차|(?:흰|검은|회)색|주차"
)


def case(text: str, position: int) -> Found | None:
    """`2023헌바12` → 이천이십삼 헌바 십이: the number of a case before a court."""
    match = _CASE.match(text, position)
    if not match or (position and text[position - 1].isalnum()) or (len(match[2]) == 1 and len(match[3]) < 2):
        return None
    reading = f"{numbers.sino(int(match[1]))} {match[2]} {numbers.sino(int(match[3]))}"
    others = (f"{numbers.digits(match[1])} {match[2]} {numbers.digits(match[3])}",)
    return Found(match.end(), reading, "number", "number.case", others)


def plate(text: str, position: int) -> Found | None:
    """`12가 3456 차량` → 십이 가 삼사오육: the plate of a car, where one is spoken of."""
    match = _PLATE.match(text, position)
    if not match or (position and text[position - 1].isalnum()):
        return None
    if not _OF_CARS.search(text, max(0, position - _NEAR), match.end() + _NEAR):
        return None
    last = numbers.digits(match[3])
    others = (f"{numbers.digits(match[1])} {match[2]} {last}",)
    return Found(match.end(), f"{numbers.integer(match[1])} {match[2]} {last}", "number", "number.plate", others)


_PADDED = re.compile(r"(0\d{1,3})\s?(편(?![가-힣]{2})|년생|학번|년식|년대생?)")


def padded(text: str, position: int) -> Found | None:
    """`KE017편`, `00년생` → 공일칠 편, 공공 년생: figures of a name that begin with a nought."""
    match = _PADDED.match(text, position)
    before = text[max(0, position - 1) : position]
    if not match or before.isdigit() or (match[2][0] == "편" and not (before.isascii() and before.isalpha())):
        return None
    return Found(match.end(), f"{numbers.digits(match[1])} {match[2]}", "number", "number.digits")


_DAYS_TO_GO = re.compile(r"D-(\d{1,4})(?![\d-]|[.,]\d|\s?비자|[A-Za-z])")
_BASEMENT = re.compile(r"B([1-9])(?:(?P<floor>\s?층)|(?=\s?~\s?B?\d|\s?(?:에\s)?주차))")
_BASEMENT_ALONE = re.compile(r"B([1-9])(?P<floor>)(?![\dA-Za-z])")
_BASEMENT_BEFORE = re.compile(r"(?:지하|지하층|주차장은?|B\d\s?[~,]|층\s?[~,])\s?$")


def days_to_go(text: str, position: int) -> Found | None:
    """`D-7` → 디 마이너스 칠."""
    match = _DAYS_TO_GO.match(text, position)
    if not match or text[position - 1 : position].isalnum():
        return None
    number = numbers.sino(int(match[1]))
    return Found(
        match.end(), f"디 마이너스 {number}", "number", "number.days", (f"디데이 {number} 일 전", f"디 {number}")
    )


def basement(text: str, position: int) -> Found | None:
    """`지하 B4`, `B4~B1` → 비 사, 비 일: floors, not sizes of paper."""
    match = _BASEMENT.match(text, position)
    if not match and _BASEMENT_BEFORE.search(text, max(0, position - 8), position):
        match = _BASEMENT_ALONE.match(text, position)
    if not match or text[position - 1 : position].isalnum():
        return None
    floor = " 층" if match["floor"] else ""
    return Found(match.end(), f"비 {numbers.sino(int(match[1]))}{floor}", "number", "number.floor")


_METRES = re.compile(r"(\d{1,2})m\s?(\d\d)(?![\d.,:~%-])")


def metres(text: str, position: int) -> Found | None:
    """`2m36` → 이 미터 삼십육: a height or a width in metres and centimetres."""
    match = _METRES.match(text, position)
    if not match or text[position - 1 : position] in (".", ","):
        return None
    end = match.end()
    for place in (end, end + text.startswith(" ", end)):
        if unit_at(text, place) or counter_at(text, place) not in ("", "과"):
            return None
    below = numbers.digits(match[2], zero="영") if match[2][0] == "0" else numbers.sino(int(match[2]))
    return Found(end, f"{numbers.sino(int(match[1]))} 미터 {below}", "unit", "unit.metres")


_CLUB = re.compile(r"([1-9]0)-\1(?=\s?클럽)")


def club(text: str, position: int) -> Found | None:
    """`30-30 클럽` → 삼십 삼십: so many home runs and so many stolen bases."""
    match = _CLUB.match(text, position)
    if not match or text[position - 1 : position].isalnum():
        return None
    number = numbers.sino(int(match[1]))
    return Found(match.end(), f"{number} {number}", "number", "number.club")
