"""What the front end answers to a fixed set of texts, frozen with its version, so that no reading changes unnoticed.

    python -m tests.speech.text.frozen

writes `frozen.tsv` anew: a line with the version, then a hash of each text and one of its answer. It refuses where an
answer has changed and FRONT_END_VERSION has not. The texts are the golden tables and our own sentences to record.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from pathlib import Path

from speech.text import FRONT_END_VERSION, read
from speech.text.symbols import SYMBOLS
from tests.speech.text.test_golden import _rows

HERE = Path(__file__).parent
FROZEN = HERE / "frozen.tsv"
PROMPTS = HERE.parents[2] / "prompts" / "ko" / "core.tsv"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def texts() -> list[str]:
    """The texts, each once: our sentences and both golden tables."""
    with PROMPTS.open(encoding="utf-8") as file:
        prompts = [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    golden = [text for table in ("readings.tsv", "pronunciations.tsv") for _, text, _ in _rows(table)]
    return list(dict.fromkeys(prompts + golden))


def answers() -> dict[str, str]:
    """Hash of a text → hash of its reading, its pronunciation and the symbols that stand for them."""
    inventory = "".join(SYMBOLS)
    found = {}
    for text in texts():
        said = read(text)
        found[_hash(text)] = _hash(f"{said.reading}\n{said.pronunciation}\n{inventory}")
    return found


def load() -> tuple[str, dict[str, str]]:
    """The version that was frozen, and its answers."""
    head, *lines = FROZEN.read_text(encoding="utf-8").splitlines()
    return head.removeprefix("# version "), dict(line.split("\t") for line in lines)


def changed(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Texts that are answered otherwise; those that came or went do not count."""
    return [text for text in texts() if old.get(_hash(text), new[_hash(text)]) != new[_hash(text)]]


def main() -> int:
    new = answers()
    if FROZEN.exists():
        version, old = load()
        otherwise = changed(old, new)
        if otherwise and version == FRONT_END_VERSION:
            sys.stderr.write(
                f"{len(otherwise)} texts read otherwise than by version {version}, the first {otherwise[0]!r}: "
                "raise FRONT_END_VERSION in speech/text/__init__.py, then run this again.\n"
            )
            return 1
    lines = "".join(f"{text}\t{answer}\n" for text, answer in sorted(new.items()))
    FROZEN.write_text(f"# version {FRONT_END_VERSION}\n{lines}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
