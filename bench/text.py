"""How often our front end reads as a newsreader would, beside g2pK and num2words where these are installed.

    python bench/text.py [--readings TABLE.tsv …] [--pronunciations TABLE.tsv …]

Without arguments the golden tables of tests/speech/text are taken. A table has rows
`kind <TAB> text <TAB> answer [ | other answer …]`; `\\n` and `\\uXXXX` in a text are escapes, `#` opens a comment.
Spaces and marks are not compared. g2pK gives no readings, only sounds: its reading of a text holds where the text
sounds, by g2pK itself, as one of the answers does. num2words only writes out numbers. Neither is a requirement of ours:
`pip install g2pk num2words`.
"""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from speech.text import read

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "speech" / "text"
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|n|t|r|\\)")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
PLAIN = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
Case = tuple[str, list[str]]
Holds = Callable[[str, list[str]], bool]


def cases(path: Path) -> list[Case]:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [row for row in rows if len(row) > 2 and not row[0].startswith("#")]
    return [(ESCAPE.sub(lambda hit: PLAIN.get(hit[1]) or chr(int(hit[1][1:], 16)), row[1]), row[2].split("|"))
            for row in kept]  # fmt: skip


def bare(text: str) -> str:
    """Letters and figures alone; what is compared."""
    text = unicodedata.normalize("NFC", text)
    return "".join(character for character in text if unicodedata.category(character)[0] in "LN")


def among(said: str, answers: Iterable[str]) -> bool:
    return bare(said) in {bare(answer) for answer in answers}


def g2pk() -> Any:
    """g2pK's own function, or why there is none. Without NLTK's CMU dictionary it knows no English word."""
    try:
        from g2pk import G2p
        from nltk.corpus import cmudict
    except ImportError:
        return "not installed"
    try:
        cmudict.dict()
    except LookupError:
        sys.stderr.write("g2pK: no CMU dictionary (nltk.download('cmudict')), so it reads no English words.\n")
        import g2pk.g2pk as inside

        inside.cmudict = argparse.Namespace(dict=dict)
    return G2p()


def num2words() -> Any:
    try:
        from num2words import num2words
    except ImportError:
        return "not installed"

    def spoken(text: str) -> str:
        return NUMBER.sub(lambda hit: str(num2words(hit[0].replace(",", ""), lang="ko")), text)

    return spoken


def systems(field: str) -> dict[str, Holds | str]:
    """By name: whether its answer to a text holds; or in words why it cannot be asked."""
    sound, spell = g2pk(), num2words()
    if field == "pronunciation":
        return {
            "moksori": lambda text, answers: among(read(text).pronunciation, answers),
            "g2pK": sound if isinstance(sound, str) else lambda text, answers: among(sound(text), answers),
            "num2words": "no pronunciation",
        }
    return {
        "moksori": lambda text, answers: among(read(text).reading, answers),
        "g2pK": sound
        if isinstance(sound, str)
        else lambda text, answers: among(sound(text), [sound(answer) for answer in answers]),
        "num2words": spell if isinstance(spell, str) else lambda text, answers: among(spell(text), answers),
    }


def share(holds: Holds | str, table: list[Case]) -> str:
    if isinstance(holds, str):
        return holds
    good = 0
    for text, answers in table:
        try:
            good += holds(text, answers)
        except Exception as error:  # another's program: a text that it falls over is one that it does not read
            sys.stderr.write(f"{type(error).__name__} for {text!r}\n")
    return f"{good / max(1, len(table)):.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", nargs="*", type=Path, metavar="TSV")
    parser.add_argument("--pronunciations", nargs="*", type=Path, metavar="TSV")
    options = parser.parse_args()
    if options.readings is None and options.pronunciations is None:
        options.readings, options.pronunciations = [GOLDEN / "readings.tsv"], [GOLDEN / "pronunciations.tsv"]
    head = ("table", "cases", "moksori", "g2pK", "num2words")
    lines = [head]
    for field, paths in (("reading", options.readings), ("pronunciation", options.pronunciations)):
        asked = systems(field) if paths else {}
        for path in paths or ():
            table = cases(path)
            lines.append((path.stem, str(len(table)), *(share(holds, table) for holds in asked.values())))
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, (24, 6, 14, 14, 16), strict=True)).rstrip())


if __name__ == "__main__":
    main()
