"""Where our sounds differ from what a morphological analyser's tags ask for: a way to find what no table holds.

    python bench/tagger.py TEXT.txt …  [--show 40]

A line of a text is a sentence or more. Three things that the tags decide are looked at in all that is Hangul:

* across: whether a word behind one in ㄹ begins tense, as it does behind an adnominal alone (article 27);
* within: whether an ending behind a stem in ㄴ or ㅁ, or a bound noun or an ending in ㄹ, is tense in one word, and a
  particle behind a noun is not (articles 24, 25 and 27);
* entries: rows of the exception lexicon that begin or end amid a morpheme with others in them (감동적인 is no 동적인).

A difference is where to look, no error yet: the tagger errs as well. `pip install kiwipiepy`, which is no requirement
of ours.
"""

from __future__ import annotations

import argparse
import collections
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from speech.text import read
from speech.text.hangul import split_syllable, tail_of
from speech.text.respell import applied

LAX = (0, 3, 7, 9, 12)  # ㄱ ㄷ ㅂ ㅅ ㅈ; each one's tense lead is the next
LONGEST = 150
Counts = collections.Counter[tuple[str, str]]


def hangul(paths: list[Path]) -> Iterator[str]:
    """What stands between other characters, in which a syllable is one of the pronunciation."""
    for path in paths:
        for part in re.split(r"[^가-힣 ]+", path.read_text(encoding="utf-8")):
            text = " ".join(part.split())
            if 4 <= len(text) <= LONGEST:
                yield text


def across(text: str, tokens: list[Any]) -> Iterator[tuple[int, bool]]:
    """Syllables behind a space and ㄹ, and whether they should be tense."""
    ends = {token.start + token.len - 1: token for token in tokens if token.len}
    for found in re.finditer(r"[가-힣] (?=[가-힣])", text):
        place = found.start()
        if tail_of(text[place]) == 8 and split_syllable(text[place + 2])[0] in LAX and place in ends:
            yield place + 2, ends[place].tag == "ETM"


def within(text: str, tokens: list[Any]) -> Iterator[tuple[int, bool]]:
    """The same of syllables that begin a morpheme in a word."""
    for left, right in pairwise(tokens):
        place = right.start
        if right.form[:1] == "\u11af":  # an ending that begins with ㄹ
            place += 1
            if right.len > 1 and len(right.form) > 1 and split_syllable(text[place])[0] in LAX:
                yield place, True
            continue
        together = right.len and place and left.start + left.len == place and text[place - 1] != " "
        if not together or split_syllable(text[place])[0] not in LAX:
            continue
        tail = tail_of(text[place - 1])
        stem = left.tag[:2] in ("VV", "VA", "VX") and tail in (4, 5, 10, 11, 13, 16)
        if (stem and right.tag[0] == "E") or (left.tag == "ETM" and tail == 8 and right.tag[0] == "N"):
            yield place, True
        elif left.tag in ("NNG", "NNP", "NNB", "NP", "NR") and right.tag[0] == "J" and tail in (4, 8, 16, 21):
            yield place, False


def cut(text: str, tokens: list[Any]) -> Iterator[tuple[str, str]]:
    """Rows that begin or end amid a morpheme while they hold more than one, and the word."""
    for word in re.finditer("[가-힣]+", text):
        for start, entry in applied(word[0]):
            first = word.start() + start
            last = first + len(entry.surface)
            over = [token for token in tokens if token.len and token.start < last and token.start + token.len > first]
            amid = len(over) > 1 and (over[0].start < first or over[-1].start + over[-1].len > last)
            if amid and entry.surface != entry.respelled:
                yield entry.surface, word[0]


def word_at(text: str, place: int) -> str:
    """The word of a syllable, with the one in front where it begins it."""
    words = text[:place].split(" ")
    return (" ".join(words[-2:]) if text[place - 1] == " " else words[-1]) + text[place:].split(" ")[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--show", type=int, default=40, help="differences of each kind, the commonest first")
    asked = parser.parse_args()
    try:
        from kiwipiepy import Kiwi
    except ImportError:
        parser.error("kiwipiepy is not there: pip install kiwipiepy")
    kiwi = Kiwi(num_workers=1)
    seen: collections.Counter[str] = collections.Counter()
    differ: dict[str, Counts] = {name: collections.Counter() for name in ("across", "within", "entries")}
    for text in hangul(asked.texts):
        reading = read(text)
        if reading.reading != text:
            continue  # letters apart, a chat word: the syllables do not tally
        tokens = kiwi.tokenize(text)
        for name, places in (("across", across(text, tokens)), ("within", within(text, tokens))):
            for place, tense in places:
                seen[name] += 1
                if (split_syllable(reading.pronunciation[place])[0] not in LAX) != tense:
                    differ[name]["tense" if tense else "lax", word_at(text, place)] += 1
        differ["entries"].update(cut(text, tokens))
    for name, found in differ.items():
        of = f" of {seen[name]:,}: {100 - 100 * found.total() / seen[name]:.2f} % agree" if seen[name] else ""
        print(f"{name}: {found.total():,} differ{of}")
        for (should, word), count in found.most_common(asked.show):
            print(f"  {count:5}  {should}  {word}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
