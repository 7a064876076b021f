"""`python -m speech read`: texts in, readings out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from speech.config import TextConfig
from speech.errors import BadText, SpeechError
from speech.text import encode, read
from speech.text.dictionary import parse_tsv


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m speech read", description="Read Korean texts as they will be spoken."
    )
    parser.add_argument("text", nargs="*", help="texts; without any, lines of standard input")
    parser.add_argument("--jsonl", action="store_true", help="JSON strings in, one JSON object a line out")
    parser.add_argument("--dictionary", type=Path, help="TSV of own readings: word <TAB> Hangul")
    parser.add_argument("--mode", choices=["pronunciation", "spelling"], default="pronunciation")
    return parser


def _questions(lines: Iterable[str], *, jsonl: bool) -> Iterable[str]:
    for number, line in enumerate(lines, start=1):
        if not jsonl:
            yield line.rstrip("\n")
            continue
        try:
            question = json.loads(line)
        except ValueError:
            question = None
        if not isinstance(question, str):
            raise BadText(f"Line {number} is no JSON string: {line.strip()[:60]!r}.", code="bad_json", line=number)
        yield question


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0, or 2 with one line on standard error where an option or an input line is wrong."""
    options = _parser().parse_args(argv)
    try:
        entries = parse_tsv(options.dictionary.read_text(encoding="utf-8")) if options.dictionary else {}
        config = TextConfig(mode=options.mode)
        for question in _questions(options.text or sys.stdin, jsonl=options.jsonl and not options.text):
            reading = read(question, dictionary=entries, mode=options.mode)
            if options.jsonl:
                answer = reading.to_json()
                answer["symbols"] = encode(reading, config) if reading.reading else []
                sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
            else:
                sys.stdout.write(f"{reading.reading}\n  [{reading.pronunciation}]\n")
                for left in reading.left_out:
                    sys.stdout.write(f"  - {left.surface!r} ({left.start}-{left.end}): {left.reason}\n")
            sys.stdout.flush()
    except (SpeechError, OSError, UnicodeError) as error:
        sys.stderr.write(f"read: {error}\n")
        return 2
    return 0
