"""Hanja in brackets behind the same word in Hangul: `대한민국(大韓民國)`, `孝(효)` are said once."""

from __future__ import annotations

import re

from speech.text import hanja
from speech.text.spans.scan import Found

_SPELLED = re.compile(r"[(\[]\s?([가-힣]+)\s?[)\]]")
_GLOSS = re.compile(r"[(\[]\s?([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)\s?[)\]]")


def gloss(text: str, position: int) -> Found | None:
    """The brackets and what is in them, where the word before sounds the same."""
    match = _SPELLED.match(text, position)
    if match:
        signs = text[max(0, position - len(match[1])) : position]
        said = [hanja.read_run(signs, initial=initial) for initial in (True, False) if hanja.RUN.fullmatch(signs)]
        if match[1] in said:
            return Found(match.end(), "", "hanja", "hanja.gloss", left_out="repeated")
    match = _GLOSS.match(text, position)
    if not match:
        return None
    before = text[max(0, position - len(match[1])) : position]
    for initial in (True, False):
        if before and hanja.read_run(match[1], initial=initial) == before:
            return Found(match.end(), "", "hanja", "hanja.gloss", left_out="repeated")
    return None
