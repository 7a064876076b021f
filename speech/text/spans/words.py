"""Stretches of Latin letters: words, acronyms, Roman numerals, halves of the day."""

from __future__ import annotations

import re

from speech.text import numbers
from speech.text.latin import letter_name, longest_entry, lookup, plain_latin, read_word
from speech.text.spans.dates import clock_time
from speech.text.spans.quantity import amount_at, counter_at
from speech.text.spans.scan import Found, word_before
from speech.text.transliterate import korean_name

_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]+(?:'[A-Za-z]+)?")
_NEXT_WORD = re.compile(r" [a-z]{2,}")
_GREEK = re.compile(r"[Α-ω]")
_PHRASE = re.compile(r"[A-Za-z0-9]+(?:[-&.'+ ]{1,3}[A-Za-z0-9]+)*[+#.]*")
_AND = re.compile(r"([A-Za-z])&([A-Za-z])(?![A-Za-z])")
_FORMULA = re.compile(r"(?=[A-Z][A-Za-z]{0,5}[₂-₉])[A-Z][a-z]?(?:[₁-₉][₀-₉]?|[A-Z][a-z]?){1,12}(?![A-Za-z₀-₉])")
_OF_FORMULA = re.compile(r"[A-Za-z]|[₁-₉][₀-₉]?")
_ENGLISH = {
    "₂": "투", "₃": "쓰리", "₄": "포", "₅": "파이브", "₆": "식스", "₇": "세븐", "₈": "에이트", "₉": "나인", "₁₀": "텐",
    "₁₁": "일레븐", "₁₂": "트웰브",
}  # fmt: skip
_FIGURES = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_STROKE = re.compile(r"([A-Z])/([A-Z])(?![A-Za-z/])")
_ROMAN = re.compile(r"(?=[IVX]{2,}|[VX](?![A-Za-z]))(X{0,3})(IX|IV|V?I{0,3})(?![A-Za-z0-9'-])")
_HALF = re.compile(r"(AM|PM|am|pm|A\.M\.|P\.M\.|a\.m\.|p\.m\.)\s?(?=\d)")
_NUMBERED = re.compile(
    r"(?:No|NO|no|Lv|LV|lv|Vol|VOL|vol|Ch|ch|Chap|Fig|fig|Op|op|pp?)\.\s?(?=\d)|(?:[Vv]er|VER)\.?\s?(?=\d)"
)
_NUMBERED_NAMES = {
    "no": "넘버 ", "lv": "레벨 ", "vol": "볼륨 ", "ch": "챕터 ", "chap": "챕터 ", "fig": "피규어 ",
    "op": "오푸스 ", "p": "페이지 ", "pp": "페이지 ", "ver": "버전 ",
}  # fmt: skip
_NAME_BEFORE = re.compile(r"[A-Za-z]\.? $")
_GIVEN_NAME = re.compile(r"([A-Z][a-z]{1,5})-([A-Z]?[a-z]{1,5})(?![A-Za-z-])")
_TO = re.compile(r"([A-Z])2([A-Z])(?![A-Za-z0-9₀-₉])")
_INITIALS = re.compile(r"(?:[A-Z]\.){2,}")


def half_of_day(text: str, position: int) -> Found | None:
    """`AM 9:00` → 오전 아홉 시, `PM 3시`."""
    match = _HALF.match(text, position)
    if not match:
        return None
    half = "오전" if match[1][0] in "aA" else "오후"
    clock = clock_time(text, match.end())
    if clock:
        return Found(clock.end, f"{half} {clock.reading}", "time", "time.half")
    amount = amount_at(text, match.end())
    if amount and counter_at(text, amount.end) == "시":
        return Found(match.end(), f"{half} ", "time", "time.half")
    return None


def roman(text: str, position: int) -> Found | None:
    """`제IV부`, `루이 XIV`, `World War II`: behind 제, a word or a name."""
    match = _ROMAN.match(text, position)
    if not match or not match.group() or (position and text[position - 1].isascii() and text[position - 1].isalnum()):
        return None
    before = word_before(text, position)
    if len(match.group()) == 1 and not before.endswith("제"):
        return None
    if not before and match.group() not in ("II", "III", "IV", "VI", "VII", "VIII"):
        return None
    value = (
        10 * len(match[1])
        + {"": 0, "I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9}[match[2]]
    )
    return Found(match.end(), numbers.sino(value), "roman", "roman", (" ".join(letter_name(c) for c in match.group()),))


def numbered(text: str, position: int) -> Found | None:
    """`No. 5` → 넘버 오, `Vol.3` → 볼륨 삼."""
    match = _NUMBERED.match(text, position)
    if not match:
        return None
    return Found(match.end(), _NUMBERED_NAMES[match.group().rstrip(". ").lower()], "english", "english.abbreviation")


def phrase(text: str, position: int) -> Found | None:
    """Entries of the lexicon that hold more than letters: e-mail, K-POP, Wi-Fi, C++, Big Bang."""
    match = _PHRASE.match(text, position, position + longest_entry())
    if not match:
        return None
    whole = match.group()
    for length in range(len(whole), 1, -1):
        surface = whole[:length]
        cuts = length < len(whole) and whole[length - 1].isalnum() and whole[length].isalnum()
        known = None if cuts or surface.isalpha() else lookup(surface)
        end = position + length
        if known and not (end < len(text) and text[end].isascii() and text[end].isalnum() and surface[-1].isalnum()):
            return Found(end, known[0], "english", known[1])
    return None


def letters_and(text: str, position: int) -> Found | None:
    """`R&D` → 알 앤드 디."""
    match = _AND.match(text, position)
    if not match or (position and text[position - 1].isascii() and text[position - 1].isalpha()):
        return None
    left, right = letter_name(match[1]), letter_name(match[2])
    return Found(match.end(), f"{left} 앤드 {right}", "acronym", "letters", (f"{left} 앤 {right}",))


def to(text: str, position: int) -> Found | None:
    """`P2E`, `O2O` → 피투이, 오투오: a 2 between two capitals is `to`."""
    match = _TO.match(text, position)
    if not match or (position and text[position - 1].isascii() and text[position - 1].isalnum()):
        return None
    return Found(match.end(), f"{letter_name(match[1])}투{letter_name(match[2])}", "acronym", "letters")


def formula(text: str, position: int) -> Found | None:
    """`H₂SO₄` → 에이치투에스오포: letters by their names, figures as in English."""
    match = _FORMULA.match(text, position)
    before = text[max(0, position - 1) : position]
    if not match or (before.isascii() and before.isalnum()):
        return None
    pieces = _OF_FORMULA.findall(match.group())
    said = (_ENGLISH.get(one) or letter_name(one) or numbers.whole(one.translate(_FIGURES)) for one in pieces)
    return Found(match.end(), "".join(said), "acronym", "letters")


def letters_by_stroke(text: str, position: int) -> Found | None:
    """`A/S` → 에이에스: two capitals are one word, and more of them a list."""
    match = _STROKE.match(text, position)
    before = text[max(0, position - 1) : position]
    if not match or before == "/" or (before.isascii() and before.isalnum()):
        return None
    return Found(match.end(), letter_name(match[1]) + letter_name(match[2]), "acronym", "letters")


def given_name(text: str, position: int) -> Found | None:
    """`Kim Min-ho` → 김 민호: two syllables of Korean with a hyphen."""
    match = _GIVEN_NAME.match(text, position)
    korean = korean_name(match[1] + match[2]) if match and all(korean_name(one * 2) for one in match.groups()) else ""
    return Found(match.end(), korean, "english", "english.romanised") if match and len(korean) == 2 else None


def initials(text: str, position: int) -> Found | None:
    """`U.S.A.` → 유에스에이."""
    match = _INITIALS.match(text, position)
    if not match:
        return None
    return Found(match.end(), "".join(letter_name(letter) for letter in match.group()), "acronym", "letters")


def word(text: str, position: int) -> Found | None:
    """One word of Latin letters."""
    match = _WORD.match(text, position)
    if not match:
        return _greek(text, position)
    surface = plain_latin(match.group())
    end = match.end()
    if surface == "a" and _NEXT_WORD.match(text, end):
        return Found(end, "어", "english", "english.lexicon", ("에이",))
    known = lookup(surface)
    if surface == "Lee" and _NAME_BEFORE.search(text, max(0, position - 20), position):
        known = ("리", "english.lexicon")  # Bruce Lee, Mr. Lee; a Korean's comes first
    if not known and "'" in surface:
        end = position + match.group().index("'")
        if surface.endswith("'s"):
            end = match.end()
            reading, rule = read_word(surface[:-2])
            return Found(end, reading + "스", "english", rule)
        surface = surface[: surface.index("'")]
    reading, rule = known or read_word(
        "".join(letter for letter in surface if letter.isascii() and letter.isalpha()) or ""
    )
    if not reading:
        return None
    if end < len(text) and text[end].isdigit():
        reading += " "
    kind = "acronym" if rule in ("letters", "letter", "english.acronym") else "english"
    others = (
        ("".join(letter_name(letter) for letter in surface),)
        if rule.startswith("english") and len(surface) <= 6
        else ()
    )
    return Found(end, reading, kind, rule, tuple(other for other in others if other and other != reading.strip()))


def _greek(text: str, position: int) -> Found | None:
    match = _GREEK.match(text, position)
    name = letter_name(match.group()) if match else ""
    return Found(position + 1, name, "acronym", "letter") if name else None
