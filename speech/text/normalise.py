"""From any text to Hangul and a few marks: clean, the user's dictionary, then recognisers place by place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from speech.text import hanja
from speech.text.clean import Cleaned, clean
from speech.text.dictionary import Dictionary
from speech.text.hangul import is_syllable
from speech.text.lexicon import groups
from speech.text.particles import refit
from speech.text.spans import figures, labels, maths, more, signs, web, words
from speech.text.spans.gloss import company, gloss
from speech.text.spans.scan import Found, Recogniser, particle_at

_HANGUL = re.compile(r"[가-힣]+")
_SPACE = re.compile(r"\s+")
_TITLE = re.compile(r"\s?(?:전 )?(?:" + "|".join(sorted(groups("words")["title"])) + ")")
_PAUSE = re.compile(r"[.,!?…~·;:。]{0,100}[.,!?…][.,!?…~]*")  # bounded, since each ~ of a run looks ahead

_LATIN: tuple[Recogniser, ...] = (
    signs.face,
    web.email,
    web.url,
    web.file_name,
    more.per_unit,
    labels.days_to_go,
    labels.basement,
    figures.fixed,
    figures.money_sign,
    maths.proportion,
    maths.between,
    maths.function,
    words.half_of_day,
    words.roman,
    words.numbered,
    words.formula,
    words.to,
    words.letters_and,
    words.letters_by_stroke,
    words.initials,
    words.given_name,
    words.phrase,
    words.word,
)
_FIGURES: tuple[Recogniser, ...] = (web.email, web.url, web.file_name, *figures.FIGURES, words.phrase)
_BEFORE_MARKS: tuple[Recogniser, ...] = (gloss, company, signs.weekday, web.mark, more.point_first)
_SIGNS: tuple[Recogniser, ...] = (
    *figures.SIGNS,
    more.per_unit,
    signs.tilde,
    signs.jamo,
    maths.minus,
    maths.triangle,
    maths.compared,
    signs.equals,
    signs.root,
    maths.script,
    signs.vulgar,
    signs.enclosed,
    signs.sign,
)


# Kinds whose reading ends otherwise than it is written, so that the particle may not fit: 1T를 → 한 큰술을.
_REFITTED = frozenset({"dictionary", "unit", "percent", "money", "english", "acronym"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A span before it sounds: `start`, `end` in the text as given, `left_out` the reason where it is not spoken."""

    start: int
    end: int
    reading: str
    kind: str
    rule: str
    alternatives: tuple[str, ...] = ()
    left_out: str = ""


def normalise(text: str, dictionary: Dictionary) -> tuple[list[Draft], tuple[int, ...]]:
    """Spans that tile `text`, whose readings joined are the reading, and the places of invisible characters."""
    cleaned = clean(text)
    drafts = [
        Draft(
            cleaned.offsets[start], cleaned.offsets[found.end], found.reading, found.kind, found.rule,
            found.alternatives, found.left_out,
        )
        for start, found in _scan(cleaned, dictionary)
    ]  # fmt: skip
    if not drafts and text:
        drafts = [Draft(0, len(text), "", "invisible", "left_out")]
    return _spaced(drafts), cleaned.invisible


def _scan(cleaned: Cleaned, dictionary: Dictionary) -> Iterator[tuple[int, Found]]:
    text = cleaned.text
    position, said = 0, ""  # what was read last
    while position < len(text):
        found = dictionary.at(text, position) if dictionary else None
        found = found or _at(text, position)
        yield position, found
        position = found.end
        written = found.kind != "dictionary"
        said = found.reading if found.reading.strip() else said
        reaches = found.kind in _REFITTED or (found.rule == "bracket" and not found.reading)
        behind = refit(text, position, said, alone=written) if reaches else None
        if behind:
            yield position, behind
            position = behind.end


def _at(text: str, position: int) -> Found:
    character = text[position]
    if "가" <= character <= "힣":
        return _hangul(text, position)
    if character.isspace():
        end = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        apart = "" if end == position + 1 and maths.ties(text, end) else " "
        return Found(end, ". " if "\n" in text[position:end] else apart, "space", "space")
    if "0" <= character <= "9":
        return _first(_FIGURES, text, position)
    if "a" <= character <= "z" or "A" <= character <= "Z":
        return _first(_LATIN, text, position)
    return _mark(text, position)


def _first(recognisers: tuple[Recogniser, ...], text: str, position: int) -> Found:
    for recogniser in recognisers:
        found = recogniser(text, position)
        if found:
            return found
    return signs.unknown(text, position)


def _hangul(text: str, position: int) -> Found:
    days = signs.days(text, position) if text[position] in "월화수목금토일" else None
    if days:
        return days
    part = more.series(text, position) if not is_syllable(text[position - 1 : position]) else None
    if part:
        return part
    match = _HANGUL.match(text, position)
    end = match.end() if match else position + 1
    if text.startswith("~", end):
        apart = signs.words_apart(text, position)
        if apart:
            return apart
    return Found(end, text[position:end], "word", "hangul")


def _mark(text: str, position: int) -> Found:
    character = text[position]
    for recogniser in _BEFORE_MARKS:
        found = recogniser(text, position)
        if found:
            return found
    if character not in "+-" or not text[position + 1 : position + 2].isdigit():
        match = _PAUSE.match(text, position)
        if match:
            emoticon = signs.jamo(text, position)
            return emoticon or Found(match.end(), _pause(match.group()), "punctuation", "punctuation")
    if character in "()":
        apart = ", " if character == "(" else "" if particle_at(text, position + 1) else " "
        return Found(position + 1, apart, "punctuation", "bracket")
    run = hanja.RUN.match(text, position)
    if run:
        return _hanja(text, position, run.end())
    for recogniser in _SIGNS:
        found = recogniser(text, position)
        if found:
            return found
    if character.isalpha():
        found = words.word(text, position)
        if found:
            return found
    return signs.unknown(text, position)


def _pause(marks: str) -> str:
    """One mark for a run: a question before an exclamation before a stop; `...` stays, commas become one."""
    if "?" in marks:
        return "? "
    if "!" in marks:
        return "! "
    if "…" in marks or "..." in marks or ".." in marks:
        return "... "
    return ". " if "." in marks else ", "


def _hanja(text: str, position: int, end: int) -> Found:
    known = hanja.readings()
    initial = position == 0 or not text[position - 1].isalnum()
    if text[position] not in known:
        return replace(signs.unknown(text, position), end=position + 1)
    stop = position
    while stop < end and text[stop] in known:
        stop += 1
    if text[position:stop] == "金" and initial and _TITLE.match(text, stop):
        return Found(stop, "김", "hanja", "hanja", ("금",))
    return Found(stop, hanja.read_run(text[position:stop], initial=initial), "hanja", "hanja")


def _spaced(drafts: list[Draft]) -> list[Draft]:
    """One space at most between words, none at the ends or in front of a mark, one mark at most in a row.

    A space belongs to the draft that asked for it first, so that a word's reading is the word alone.
    """
    readings = [""] * len(drafts)
    last = ""  # the last character written
    asked = -1  # the draft that asked for a space that is still to come
    for index, draft in enumerate(drafts):
        for character in draft.reading:
            if character == " ":
                asked = index if asked < 0 and last else asked
            elif character in ".,!?":
                if last and (last not in ".,!?" or _goes_on(readings[index], character)):
                    readings[index] += character
                    last = character
                    asked = -1
            else:
                if asked >= 0:
                    readings[asked] += " "
                asked = -1
                readings[index] += character
                last = character
    return [replace(draft, reading=reading) for draft, reading in zip(drafts, readings, strict=True)]


def _goes_on(reading: str, mark: str) -> bool:
    """Whether `mark` is one more dot of an ellipsis."""
    return mark == "." and reading.endswith(".") and not reading.endswith("...")
