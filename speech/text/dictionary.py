"""The person's own readings: a word as it is written → Hangul. TSV in and out, checked when it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache

from speech.errors import BadText
from speech.text.clean import clean
from speech.text.hangul import is_syllable
from speech.text.spans.scan import Found, word_may_end

_ALLOWED = " .,!?"
_HEADER = "# surface\treading"


class Dictionary:
    """Entries by their first character, longest first.

    An entry counts where a word begins, if the word ends with it or a particle follows (목소리 in 목소리가).
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Raises BadText (`bad_dictionary`) that names the first entry which is empty or not read in Hangul."""
        table: dict[str, list[tuple[str, str]]] = {}
        for surface, reading in entries.items():
            key, said = entry_of(surface, reading)
            table.setdefault(key[0], []).append((key, said))
        self._table = {first: sorted(rows, key=lambda row: -len(row[0])) for first, rows in table.items()}

    def __bool__(self) -> bool:
        return bool(self._table)

    def at(self, text: str, position: int) -> Found | None:
        """The longest entry that stands at `position` of a cleaned text."""
        for surface, reading in self._table.get(text[position], ()):
            end = position + len(surface)
            if text.startswith(surface, position) and _stands_alone(text, position, end):
                return Found(end, reading, "dictionary", "dictionary")
        return None


def _stands_alone(text: str, start: int, end: int) -> bool:
    if start and _same_script(text[start - 1], text[start]):
        return False
    if end < len(text) and is_syllable(text[end]) and is_syllable(text[end - 1]):
        return word_may_end(text, end)
    return end >= len(text) or not _same_script(text[end - 1], text[end])


def _same_script(left: str, right: str) -> bool:
    if is_syllable(left) or is_syllable(right):
        return is_syllable(left) and is_syllable(right)
    return left.isalnum() and right.isalnum()


def entry_of(surface: str, reading: str) -> tuple[str, str]:
    """An entry as it is looked up: the cleaned word, and its reading with single spaces. Raises BadText."""
    key = clean(surface).text.strip() if isinstance(surface, str) else ""
    if not key or key.startswith("# "):  # `# ` opens a comment of the TSV
        raise BadText("A dictionary entry has no word; delete the row or write one.", code="bad_dictionary", surface="")
    if not isinstance(reading, str) or not any(map(is_syllable, reading)):
        raise BadText(
            f"The dictionary reads {surface!r} as {reading!r}; write the reading in Hangul.",
            code="bad_dictionary",
            surface=surface,
            reading=reading,
        )
    wrong = sorted({character for character in reading if not is_syllable(character) and character not in _ALLOWED})
    if wrong:
        raise BadText(
            f"The dictionary's reading of {surface!r} holds {' '.join(wrong)!r}; only Hangul and .,!? can be spoken.",
            code="bad_dictionary",
            surface=surface,
            reading=reading,
        )
    return key, " ".join(reading.split())


def parse_rows(text: str) -> tuple[dict[str, str], list[BadText]]:
    """Rows `surface <TAB> reading`, and what is wrong with the others, by their `line`; never raises.

    Blank lines and comments (`# …`, or `#` without a tab) pass. Of two rows for one word the later holds.
    """
    entries: dict[str, str] = {}
    bad: list[BadText] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if not line.strip() or (line.startswith("#") and (line.startswith("# ") or "\t" not in line)):
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) < 2 or not columns[1]:
            message = f"Line {number} of the dictionary is not `word <TAB> reading`: {line!r}."
            bad.append(BadText(message, code="bad_dictionary", line=number))
            continue
        try:
            surface, reading = entry_of(columns[0], columns[1])
        except BadText as error:
            message = f"Line {number}: {error.message}"
            bad.append(BadText(message, code="bad_dictionary", line=number, **error.params))
        else:
            entries[surface] = reading
    return entries, bad


def parse_tsv(text: str) -> dict[str, str]:
    """The rows of `parse_rows`. Raises BadText that names the first bad line."""
    entries, bad = parse_rows(text)
    if bad:
        raise bad[0]
    return entries


def to_tsv(entries: Mapping[str, str]) -> str:
    """The entries as parse_tsv reads them, in order of the words."""
    return "\n".join([_HEADER, *(f"{surface}\t{entries[surface]}" for surface in sorted(entries))]) + "\n"


def sha256(entries: Mapping[str, str] | None) -> str:
    """Hash of the entries whatever their order, for the header of a checkpoint; of no entries likewise."""
    return hashlib.sha256(to_tsv(entries or {}).encode()).hexdigest()


def occurring(entries: Mapping[str, str], text: str) -> dict[str, str]:
    """The entries whose word stands anywhere in `text`: all that its reading can depend on."""
    plain = clean(text).text
    return {surface: reading for surface, reading in entries.items() if clean(surface).text.strip() in plain}


@lru_cache(maxsize=64)
def _frozen(entries: tuple[tuple[str, str], ...]) -> Dictionary:
    return Dictionary(dict(entries))


def dictionary_of(entries: Mapping[str, str] | None) -> Dictionary:
    """The checked dictionary of `entries`; the same entries are checked once."""
    try:
        return _frozen(tuple((entries or {}).items()))
    except TypeError:
        return Dictionary(entries or {})
