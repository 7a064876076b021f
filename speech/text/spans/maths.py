"""Formulas of school: signs between letters and figures, what is greater, powers, ions, proportions."""

from __future__ import annotations

import re
import unicodedata

from speech.text import numbers
from speech.text.hangul import is_syllable, tail_of
from speech.text.lexicon import mapping
from speech.text.spans.scan import Found
from speech.text.spans.units import unit_at

FIGURES = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"  # no run of commas: 1,2,3,4 is four numbers
_TERM = rf"(?:{FIGURES}[A-Za-zα-ω]?|[A-Za-zα-ω])[²³]?"
_SIDE = rf"-?{_TERM}(?:\s?[+-]\s?{_TERM}){{0,6}}"
_PIECES = re.compile(rf"{FIGURES}|[A-Za-zα-ω]|[²³+-]")
_SIGNS = {"+": " 플러스 ", "-": " 마이너스 ", "²": " 제곱", "³": " 세제곱"}
_APART = r"(?![A-Za-z0-9²³(]|\s?[<>=≤≥≠≈])"

_ENDINGS = ("이고", "이며", "이면", "이므로", "일", "인", "이라고", "이라면", "이라", "입니다", "이다")
_ENDING = re.compile(rf"(?:{'|'.join(_ENDINGS)}|고|며|면|므로|라고|라면|라|다)(?![가-힣])")
_CLAUSE = re.compile(r"이?면|(?:일|인)(?![가-힣])")  # 엑스가 삼보다 크면, but 엑스는 삼보다 크고
_OF_GREATER = ("크고", "크며", "크면", "크므로", "클", "큰", "크다고", "크다면", "크다", "큽니다", "크다")
_OF_OTHERS = ("고", "으며", "으면", "으므로", "을", "은", "다고", "다면", "다", "습니다", "다")
_STEMS = {"<": "작", "≤": "작거나 같", "≥": "크거나 같", "≠": "같지 않"}
_PLAIN = {"<": "작다", ">": "크다", "≤": "작거나 같다", "≥": "크거나 같다", "≠": "같지 않다"}


def topic(word: str) -> str:
    """`은` or `는`, as the last syllable of `word` asks."""
    return "은" if tail_of(word[-1]) else "는"


def number(figures: str) -> str:
    """Figures with a point or thousands commas: `1,234.5` → 천이백삼십사 점 오."""
    whole, _, part = figures.replace(",", "").partition(".")
    return numbers.decimal(whole, part) if part else numbers.integer(whole)


def with_unit_behind(text: str, end: int, spoken: str, rule: str) -> Found:
    """A formula that ends before `end` and is read `spoken`, with the unit behind it: `√5㎝`, `4×100m`."""
    unit = unit_at(text, end)
    if not unit:
        return Found(end, spoken, "math", rule)
    return Found(unit[0], unit[1].format(spoken) if "{}" in unit[1] else f"{spoken} {unit[1]}", "unit", "unit.sign")


def vulgar_parts(character: str) -> tuple[int, int] | None:
    """What stands above and below the stroke of `½`; None for other characters."""
    above, slash, below = unicodedata.normalize("NFKC", character).partition("\u2044")
    return (int(above), int(below)) if slash and above.isdigit() and below.isdigit() else None


def said_last(text: str, position: int) -> str:
    """The reading of the figure, letter, power or fraction in front of `position`: what a particle there asks for."""
    before = text[max(0, position - 4) : position].rstrip()[-1:]
    if before in "²³":
        return "제곱"
    parts = vulgar_parts(before)
    if parts:
        return numbers.sino(parts[0])
    if before.isascii() and before.isdigit():
        return numbers.digits(before)
    return mapping("letters").get(before.upper(), before)


def _side(text: str) -> str:
    said = (
        _SIGNS.get(piece) or (number(piece) if piece[0].isdigit() else mapping("letters").get(piece.upper(), ""))
        for piece in _PIECES.findall(text)
    )
    return "".join(said).strip()


def _predicate(sign: str, text: str, end: int) -> tuple[int, str]:
    """Where `이고`, `이면` … behind a comparison end, and the verb with them: 크고, 작으면; else 크다."""
    match = _ENDING.match(text, end)
    written = match.group() if match else "이다"
    place = _ENDINGS.index(written if written in _ENDINGS else f"이{written}")
    verb = _OF_GREATER[place] if sign == ">" else _STEMS[sign] + _OF_OTHERS[place]
    return (match.end() if match else end), verb


def compare(left: str, right: str, sign: str, text: str, end: int) -> tuple[int, str]:
    """Where the comparison of `left` with `right`, which ends before `end`, closes, and how it is said."""
    joint = ("이" if tail_of(left[-1]) else "가") if _CLAUSE.match(text, end) else topic(left)
    end, verb = _predicate(sign, text, end)
    against = ("과" if tail_of(right[-1]) else "와") if sign == "≠" else "보다"
    return end, f"{left}{joint} {right}{against} {verb}"


_BETWEEN = re.compile(rf"({_SIDE})\s?([<>≤≥])\s?([a-zα-ω])\s?([<>≤≥])\s?({_SIDE}){_APART}")
_NEAR = 60  # characters of a formula that are looked at
_LEFT = re.compile(r"(?:(?<![A-Za-z가-힣])\d{0,6}[A-Za-zα-ω]|\d)[²³]?\s?$")
_COMPARED = re.compile(rf"([<>≤≥≠])\s?({_SIDE}){_APART}")


def between(text: str, position: int) -> Found | None:
    """`0<x≤5` → 엑스는 영보다 크고 오보다 작거나 같다."""
    match = _BETWEEN.match(text, position)
    if not match or (position and text[position - 1].isalnum()) or (match[2] in "<≤") != (match[4] in "<≤"):
        return None
    middle = _side(match[3])
    end, spoken = compare(middle, _side(match[5]), match[4], text, match.end())
    joint, second = spoken[len(middle)], spoken[len(middle) + 2 :]
    first = {"<": "크고", "≤": "크거나 같고", ">": "작고", "≥": "작거나 같고"}[match[2]]
    return Found(end, f"{middle}{joint} {_side(match[1])}보다 {first} {second}", "math", "math.relation")


def compared(text: str, position: int) -> Found | None:
    """`x>3이고` → (엑스)는 삼보다 크고; before another particle in the order that it is written: 엑스 크다 삼의 해."""
    match = _COMPARED.match(text, position)
    if not match or not _LEFT.search(text, max(0, position - 9), position):
        return None
    opening = text.rfind("<", max(0, position - _NEAR), position) if match[1] == ">" else -1
    if opening > text.rfind(">", max(0, position - _NEAR), position) and not compared(text, opening):
        return None  # a bracket: A <B> C
    if is_syllable(text[match.end() : match.end() + 1]) and not _ENDING.match(text, match.end()):
        return Found(position + 1, f" {_PLAIN[match[1]]} ", "math", "math.relation")
    left = said_last(text, position)
    end, spoken = compare(left, _side(match[2]), match[1], text, match.end())
    return Found(end, spoken[len(left) :], "math", "math.relation")


def ties(text: str, position: int) -> bool:
    """Whether a sign at `position` is read as a particle of what stands before the space in front of it."""
    if text[position : position + 1] == "=":
        return text[position + 1 : position + 2].isalnum() or text[position + 1 : position + 2] in tuple(" -(√")
    found = compared(text, position)
    return found is not None and not found.reading.startswith(" ")


_OF_FORMULA = r"[0-9A-Za-zα-ωΑ-Ω.,²³¹⁰-⁻₀-₉√¼-¾⅐-⅞()=<>≤≥≠≈+\-–×÷*/^ ]"
_FORMULA_BEFORE = re.compile(rf"{_OF_FORMULA}{{1,60}}$")
_FORMULA = re.compile(rf"{_OF_FORMULA}{{1,60}}")
_NO_FORMULA = re.compile(r"[A-Za-z]{4}|<[^<>=]*>|(?<![A-Za-z0-9])[A-Z]-\d")
_MINUS = re.compile(r"[-–]\s?(?=[0-9A-Za-zα-ω√¼-¾⅐-⅞(])")
_OPERAND_BEFORE = re.compile(r"(?:[0-9A-Za-zα-ω²³)¼-¾⅐-⅞]\s?|[=<>≤≥≠(]\s?|^)$")
_VARIABLE_BEFORE = re.compile(r"(?<![A-Za-z0-9])\d{0,3}[nxy]$")


def minus(text: str, position: int) -> Found | None:
    """`2x-3=y` → 마이너스: between letters and figures of a formula, and `n-1`."""
    match = _MINUS.match(text, position)
    if not match or not _OPERAND_BEFORE.search(text, max(0, position - 2), position):
        return None
    before = _FORMULA_BEFORE.search(text, max(0, position - _NEAR), position)
    around = (before.group() if before else "") + _FORMULA.match(text, position).group()  # type: ignore[union-attr]
    stands = re.search("[=<>≤≥≠≈]", around) and not _NO_FORMULA.search(around)
    variable = text[position + 1 : position + 2].isdigit() and _VARIABLE_BEFORE.search(
        text, max(0, position - 5), position
    )
    return Found(match.end(), " 마이너스 ", "math", "math.minus") if stands or variable else None


_RAISED = re.compile(r"(⁻?)([²³¹⁰⁴-⁹]{1,12})")
_POWER = re.compile(r"(\d+(?:\.\d+)?)(?:\^(-?)(\d{1,12})|(⁻?)([²³¹⁰⁴-⁹]{1,12}))")
_ELEMENT = re.compile(r"[A-Z][a-z]?(?![a-z])")  # ¹⁴C
_BASE_BEFORE = re.compile(r"[0-9A-Za-zα-ωΑ-Ω)}\]|₀-₉]$")  # not 그랬다¹⁾, whose figure is a footnote's
_ION = re.compile(r"([²³¹⁴-⁹]?)([⁺⁻])(?![⁰-⁹²³¹])")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_ENGLISH = {"": "", "¹": "원 ", "²": "투 ", "³": "쓰리 ", "⁴": "포 "}


def _raised(below: str, figures: str) -> str:
    figures = figures.translate(_SUPERSCRIPTS)
    if not below and figures in ("2", "3"):
        return {"2": "제곱", "3": "세제곱"}[figures]
    return f"{'마이너스 ' if below else ''}{numbers.whole(figures)} 제곱"


def power(text: str, position: int) -> Found | None:
    """`2²` → 이의 제곱, `10⁻³` → 십의 마이너스 삼 제곱, `10³kg`, `2^10`."""
    match = _POWER.match(text, position)
    if not match:
        return None
    spoken = f"{number(match[1])}의 {_raised(match[2] or match[4], match[3] or match[5])}"
    return with_unit_behind(text, match.end(), spoken, "math.power")


def script(text: str, position: int) -> Found | None:
    """Figures above and below the line: `x²` → 제곱, `x⁻¹` → 마이너스 일 제곱, `Ca²⁺` → 투 플러스, `CH₄` → 사.

    Those of a footnote are not spoken.
    """
    character = text[position]
    if "₀" <= character <= "₉":
        return Found(position + 1, numbers.sino(ord(character) - ord("₀")), "number", "sign.subscript")
    ion = _ION.match(text, position)
    before = text[max(0, position - 1) : position]
    if ion and (before.isalpha() or "₀" <= before <= "₉"):
        spoken = "플러스" if ion[2] == "⁺" else "마이너스"
        return Found(ion.end(), f" {_ENGLISH.get(ion[1], '')}{spoken}{_gap(text, ion.end())}", "math", "sign.ion")
    match = _RAISED.match(text, position)
    if not match:
        return None
    if not _BASE_BEFORE.search(text, max(0, position - 1), position):
        if _ELEMENT.match(text, match.end()):
            return Found(match.end(), f"{numbers.whole(match[2].translate(_SUPERSCRIPTS))} ", "number", "sign.isotope")
        mark = match.end() + text.startswith((")", "⁾"), match.end())
        return Found(mark, "", "symbol", "sign.footnote", left_out="sign")
    reading = f" {_raised(match[1], match[2])}{_gap(text, match.end())}"
    return Found(match.end(), reading, "math", "sign.superscript")


def _gap(text: str, end: int) -> str:
    """Nothing before Hangul, which may be a particle (x²은), else a space."""
    return "" if is_syllable(text[end : end + 1]) else " "


_TRIANGLE = re.compile(r"△(?=[A-Z]{3}(?![A-Za-z]))")


def triangle(text: str, position: int) -> Found | None:
    """`△ABC` → 삼각형 에이비씨; elsewhere the sign is a bullet."""
    match = _TRIANGLE.match(text, position)
    return Found(match.end(), "삼각형 ", "math", "math.triangle") if match else None


_PART = r"(?:\d{1,4}(?:\.\d+)?|[a-zA-Z])"
_PROPORTION = re.compile(rf"({_PART})\s?:\s?({_PART})\s?=\s?({_PART})\s?:\s?({_PART})(?![A-Za-z0-9:])")
_PER_LETTER = re.compile(r"(\d{1,3})/([xynN])(?![A-Za-z0-9/])")
_FUNCTION = re.compile(r"(?<![A-Za-z])([fghFGP])\((-?\d{1,3}|[a-zA-Z])\)")


def proportion(text: str, position: int) -> Found | None:
    """`3:5=6:x` → 삼 대 오는 육 대 엑스."""
    match = _PROPORTION.match(text, position)
    if not match or (position and text[position - 1].isalnum()):
        return None
    first, second, third, fourth = (_side(part) for part in match.groups())
    return Found(match.end(), f"{first} 대 {second}{topic(second)} {third} 대 {fourth}", "math", "math.relation")


def function(text: str, position: int) -> Found | None:
    """`f(x)` → 에프 엑스."""
    match = _FUNCTION.match(text, position)
    if not match:
        return None
    return Found(match.end(), f"{_side(match[1])} {_side(match[2])}", "math", "math.function")


def per_letter(text: str, position: int) -> Found | None:
    """`1/n` → 엔분의 일."""
    match = _PER_LETTER.match(text, position)
    if not match:
        return None
    return Found(match.end(), f"{_side(match[2])}분의 {_side(match[1])}", "fraction", "fraction.letter")
