"""Golden tables: `kind <TAB> text <TAB> answer [ | other answer …]`, spaces and marks not counted."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from speech.text import read

_HERE = Path(__file__).parent
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\([nt])")


def _rows(name: str) -> list[tuple[str, str, tuple[str, ...]]]:
    rows = []
    for line in (_HERE / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            kind, text, answers = line.split("\t")
            rows.append((kind, _unescaped(text), tuple(_bare(answer) for answer in answers.split(" | "))))
    return rows


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else {"n": "\n", "t": "\t"}[match[2]], text)


def _bare(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] in "LN")


@pytest.mark.parametrize(("kind", "text", "answers"), _rows("readings.tsv"))
def test_a_text_is_read_as_the_golden_table_says(kind: str, text: str, answers: tuple[str, ...]) -> None:
    assert _bare(read(text).reading) in answers, kind


@pytest.mark.parametrize(("article", "text", "answers"), _rows("pronunciations.tsv"))
def test_a_text_sounds_as_the_golden_table_says(article: str, text: str, answers: tuple[str, ...]) -> None:
    assert _bare(read(text).pronunciation) in answers, article
