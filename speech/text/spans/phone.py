"""Telephone, card and account numbers, read figure by figure."""

from __future__ import annotations

import re
from functools import cache

from speech.text import numbers
from speech.text.lexicon import groups
from speech.text.spans.quantity import counter_at
from speech.text.spans.scan import Found, word_before

_TELEPHONE = re.compile(
    r"(?:\+\d{1,3}[- .]?(?:\(0\))?\d{1,3}[- .]\d{3,4}[- .]\d{4}"
    r"|\(0\d{1,3}\)\s?\d{3,4}[-. ]\d{4}"
    r"|0\d{1,3}\)\s?\d{3,4}[-. ]\d{4}"
    r"|0(?:1\d|2|[3-6]\d|[57]0\d?|80)([-. ])\d{3,4}\1\d{4}"
    r"|01[016789]\d{7,8}"
    r"|1[568]\d\d[-. ]\d{4})(?![\d-])"
)
_HIDDEN = re.compile(r"0\d{1,2}-(?:[Xx*○]{3,4}|\d{3,4})-(?:[Xx*○]{4}|\d{4})(?![\d-])")
_GROUPS = re.compile(r"\d{2,6}(?:-\d{1,7}){2,4}(?![\d-])|\d{6}-\d{7}(?![\d-])|\d{4}(?: \d{4}){3}(?![\d-])")
_DATE_LIKE = re.compile(r"(?:19|20)?\d\d-\d{1,2}-\d{1,2}(?!\d)")
_SHORT = "(?:" + "|".join(groups("phones")["short"]) + ")"
_EMERGENCY = re.compile(_SHORT + r"(?!\d)")
_CALLS = re.compile(
    r"(?:(?:[와과나]\s|이나\s|하고\s|\s?[,·/]\s?|\s(?:또는|혹은|및)\s)" + _SHORT + "){0,4}"
    r"(?:번?에|번?로|으로|번?을|[를가는은])?\s?(?:긴급\s?)?(?:" + "|".join(groups("phones")["call"]) + ")"
)
_MANY = ("여", "만", "천", "억")  # 경찰 112여 명
_DASHES = {"+": "플러스 "}


def _spoken(text: str) -> str:
    groups = re.findall(r"\+?\d+", text)
    return " ".join((_DASHES["+"] if group[0] == "+" else "") + numbers.digits(group.lstrip("+")) for group in groups)


def telephone(text: str, position: int) -> Found | None:
    """`010-1234-5678` → 공일공 일이삼사 오육칠팔; also (02) 123-4567, 1588-1234, +82-10-…, 01012345678."""
    match = _TELEPHONE.match(text, position)
    if not match or (position and text[position - 1].isdigit()):
        return None
    figures = re.sub(r"\D", "", match.group())
    surface = match.group()
    if surface.isdigit() and len(figures) in (10, 11):
        surface = f"{figures[:3]} {figures[3:-4]} {figures[-4:]}"
    spoken = _spoken(surface)
    return Found(match.end(), spoken, "phone", "phone", (spoken.replace(" ", "에 "), spoken.replace(" ", " 다시 ")))


def hidden(text: str, position: int) -> Found | None:
    """`010-XXXX-1234` → 공일공 엑스엑스엑스엑스 일이삼사: a number with figures kept back."""
    match = _HIDDEN.match(text, position)
    if not match or match.group().replace("-", "").isdigit():
        return None
    parts = (
        numbers.digits(part) if part.isdigit() else ("엑스" if part[0] in "Xx" else "별표") * len(part)
        for part in match.group().split("-")
    )
    return Found(match.end(), " ".join(parts), "phone", "phone.hidden")


def card_or_account(text: str, position: int) -> Found | None:
    """Three or more groups of figures with hyphens, and not a date: figure by figure."""
    match = _GROUPS.match(text, position)
    if not match or (position and text[position - 1].isdigit()) or _DATE_LIKE.fullmatch(match.group()):
        return None
    if len(re.sub(r"\D", "", match.group())) < 7:
        return None
    spoken = _spoken(match.group())
    return Found(match.end(), spoken, "phone", "phone.account", (spoken.replace(" ", " 다시 "),))


@cache
def _called_before() -> tuple[str, ...]:
    return tuple(words.replace("_", " ") for words in groups("phones")["before"])


def emergency(text: str, position: int) -> Found | None:
    """`112에 신고` → 일일이에 신고: short numbers, where a call is spoken of."""
    match = _EMERGENCY.match(text, position)
    if not match or (position and (text[position - 1].isdigit() or text[position - 1] in ",.")):
        return None
    before = word_before(text, position)
    called = before.endswith(_called_before()) or before[-2:] + match.group() in groups("phones")["office"]
    called = called and not counter_at(text, match.end()) and not text.startswith(_MANY, match.end())
    if _CALLS.match(text, match.end()) or called:
        return Found(
            match.end(), numbers.digits(match.group()), "phone", "phone.emergency", (numbers.sino(int(match.group())),)
        )
    return None
