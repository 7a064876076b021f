"""Short words in brackets: Hanja behind the same word in Hangul, said once, and kinds of companies."""

from __future__ import annotations

import re

from speech.text import hanja
from speech.text.spans.scan import Found, particle_at

_SPELLED = re.compile(r"[(\[]\s?([가-힣]+)\s?[)\]]")
_GLOSS = re.compile(r"[(\[]\s?([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)\s?[)\]]")


_GLOSS_AND_MORE = re.compile(r"[(\[]\s?([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)\s?[,;]\s?")
_COMPANIES = {
    "주": "주식회사",
    "유": "유한회사",
    "재": "재단법인",
    "사": "사단법인",
    "학": "학교법인",
    "의": "의료법인",
}
_COMPANY = re.compile(r"\((?:(주)\)|([유재사학의])\)(?=[가-힣A-Z]))")


def company(text: str, position: int) -> Found | None:
    """`(주)한빛`, `한빛(주)` → 주식회사; other kinds in front of a name alone: `(재)한빛`."""
    match = _COMPANY.match(text, position)
    if not match or (match[2] and position and text[position - 1].isalnum()):
        return None
    behind = "" if particle_at(text, match.end()) else " "
    return Found(match.end(), f" {_COMPANIES[match[1] or match[2]]}{behind}", "word", "company")


def gloss(text: str, position: int) -> Found | None:
    """The brackets and what is in them, where the word before sounds the same."""
    match = _SPELLED.match(text, position)
    if match:
        signs = text[max(0, position - len(match[1])) : position]
        said = [hanja.read_run(signs, initial=initial) for initial in (True, False) if hanja.RUN.fullmatch(signs)]
        if match[1] in said:
            return Found(match.end(), "", "hanja", "hanja.gloss", left_out="repeated")
    match = _GLOSS.match(text, position) or _GLOSS_AND_MORE.match(text, position)
    if not match:
        return None
    behind = "" if match.re is _GLOSS else ", "  # 이성계(李成桂, 1335~1408)
    before = text[max(0, position - len(match[1])) : position]
    for initial in (True, False):
        if before and hanja.read_run(match[1], initial=initial) == before:
            return Found(match.end(), behind, "hanja", "hanja.gloss", left_out="repeated")
    return None
