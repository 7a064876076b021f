"""Tables of the front end: tab-separated, UTF-8, `#` opens a comment; the first lines name source and licence."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """All rows of `lexicon/<name>.tsv` as tuples of their columns, trailing blanks stripped."""
    text = resources.files(__package__).joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    lines = (line.rstrip() for line in text.splitlines())
    return tuple(tuple(line.split("\t")) for line in lines if line and not line.startswith("#"))


@cache
def mapping(name: str) -> dict[str, str]:
    """First column → second column."""
    return {row[0]: row[1] for row in rows(name)}


@cache
def words(name: str) -> frozenset[str]:
    """All words of a table of word lists: first column a heading, the others words apart by spaces."""
    return frozenset(word for row in rows(name) for column in row[1:] for word in column.split())


@cache
def groups(name: str) -> dict[str, frozenset[str]]:
    """The same by heading."""
    table: dict[str, set[str]] = {}
    for row in rows(name):
        table.setdefault(row[0], set()).update(" ".join(row[1:]).split())
    return {heading: frozenset(items) for heading, items in table.items()}


@cache
def _forms(name: str) -> dict[str, tuple[tuple[str, ...], frozenset[str]]]:
    """Heading → what a word may begin with, and what counts only as a whole word (`$`)."""
    return {
        heading: (
            tuple(form for form in forms if not form.endswith("$")),
            frozenset(form[:-1] for form in forms if form.endswith("$")),
        )
        for heading, forms in groups(name).items()
    }


def begins(word: str, name: str, heading: str) -> bool:
    """Whether `word` begins with a form below a heading of a table of word lists, or is one that has a `$`."""
    beginnings, whole = _forms(name).get(heading, ((), frozenset()))
    return word in whole or word.startswith(beginnings)
