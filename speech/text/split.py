"""Splitting for speech: sentences first, then clauses where a sentence is longer than the decoder can hold."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache

from speech.text.dictionary import dictionary_of
from speech.text.hangul import is_syllable
from speech.text.lexicon import mapping
from speech.text.normalise import normalise

DECODER_SECONDS = 11.6  # of sound that a decoder holds: 1,000 frames at 86 a second
LONGEST = 60  # syllables, of a voice whose pace nobody knows; at six a second they are safe
_SLOWEST, _FASTEST = 1.0, 15.0  # syllables a second; nobody speaks beyond
_PAIRS = {'"': '"', "“": "”", "‘": "’", "(": ")", "「": "」", "『": "』", "《": "》", "〈": "〉", "[": "]", "【": "】"}
_END = re.compile(r"[.!?。！？…]+[\"'”’)\]」』》〉]*")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:[A-Za-z]|[A-Z][a-z]{1,2}|No|Vol|vs|etc|co)$")
# Behind a straight mark, which may be an apostrophe as well and so opens nothing: '가자!' 하고 외쳤다.
_REPORTED = re.compile(r"\s?(?:하[고며는던든면니자여]|했|한\s|라[고는며면]|이라|인[지가데]|는\s|란\s)")
_DATE = re.compile(r"\d{4}\.\s?\d{1,2}\.\s?\d{1,2}$")
_INNER = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’」』])\s+")
_SPACES = re.compile(r"\s+")
_CLAUSE = re.compile(r"(?<=[,;:，、])\s+|\s+(?=[–—-]\s)|\s*\n\s*")
_FIGURES = re.compile(r"\d[\d.,:/%-]{0,60}")
_LONGEST_NUMBER = 21  # characters; read aloud, some 40 syllables
_REST = re.compile(r"[,;:，、](?=\s)")  # a pause of 0.27 s, about a syllable, of which a list has many
_JOINS = re.compile("[\u1160-\u11ff]")  # a vowel or tail of a decomposed syllable
_SAID_AS_WRITTEN = re.compile(r"[가-힣\s.,!?]*")
_Measure = Callable[[str], int]  # text → its length in syllables
_CONNECTIVE = re.compile(r"(?<=[가-힣](?:고|며|서|만|데|니|면|자|나))\s+")


# Seconds of quiet behind a piece, by the mark that closes it; read aloud by newsreaders at an even pace.
_PAUSES = {".": 0.40, "。": 0.40, "!": 0.40, "?": 0.45, "…": 0.50, ",": 0.20, ";": 0.25, ":": 0.25}
_CLOSING = "\"'”’)]」』》〉】 "


def pause_after(piece: str) -> float:
    """Seconds of quiet that belong behind a piece of `split`: by its last mark, 0.10 where it was cut between words."""
    return _PAUSES.get(piece.rstrip(_CLOSING)[-1:], 0.10)


def longest_for(seconds: float, syllables_per_second: float = 6.0) -> int:
    """How many syllables fit into a decoder's limit of `seconds` at the pace of a voice, with a tenth to spare."""
    return max(1, int(seconds * syllables_per_second * 0.9))


def longest_at(pace: float) -> int:
    """Syllables of the longest piece for a voice of `pace` syllables a second; LONGEST where that is no pace (0)."""
    return longest_for(DECODER_SECONDS, pace) if _SLOWEST <= pace <= _FASTEST else LONGEST


def syllables(text: str) -> int:
    """How long `text` is to speak, in syllables: Hangul as it is, figures, letters and commas by experience."""
    total = 0.0
    for character in unicodedata.normalize("NFC", text):
        if is_syllable(character):
            total += 1
        elif character.isdigit():
            total += 1.7
        elif character.isalpha():
            total += 1.3
        elif unit := mapping("units").get(character):  # ㎢, ℃: one character, up to six syllables
            total += sum(map(is_syllable, unit))
    return round(total) + len(_REST.findall(text))


def split(text: str, *, longest: int = LONGEST) -> list[str]:
    """Sentences of `text`, in order; one with more than `longest` syllables is cut at commas, connectives, then words.

    Quotes, brackets, numbers (3.14), addresses and abbreviations stay whole. No character but spaces between is lost.
    """
    pieces: list[str] = []
    for line in text.splitlines():
        for sentence in _sentences(line.strip()):
            for piece in _clauses(sentence, longest, syllables):
                pieces.extend(_held(piece, longest))
    return pieces


def _sentences(line: str) -> list[str]:
    sentences: list[str] = []
    waiting: list[str] = []  # closing marks of the quotations that are open
    start = seen = 0
    for match in _END.finditer(line):
        end = match.end()
        if end < len(line) and not line[end].isspace() and not _ends_tight(line, match):
            continue
        waiting, seen = _still_open(waiting, line[seen : match.start()]), match.start()
        if waiting or _is_point(line, match, start) or (line[end - 1] == "'" and _REPORTED.match(line, end)):
            continue
        sentence = line[start:end].strip()
        if sentence:
            sentences.append(sentence)
        start = seen = end
    rest = line[start:].strip()
    if rest:
        sentences.append(rest)
    return _joined(sentences)


def _ends_tight(line: str, match: re.Match[str]) -> bool:
    """Whether a mark without a space behind it ends a sentence all the same: `갔다.그리고`."""
    before, after = line[max(0, match.start() - 1) : match.start()], line[match.end()]
    if match.group()[0] in "!?。！？" and is_syllable(after):
        return match.group()[-1] in "!?。！？"
    return before in tuple("다요죠까") and is_syllable(after) and match.group() == "."


def _is_point(line: str, match: re.Match[str], start: int) -> bool:
    """Whether the mark is part of a date, a list number or an abbreviation: `2026. 11. 20.`, `1. 서론`, `Mr. Kim`.

    `start`: where the sentence began that the mark may end.
    """
    if match.group() != ".":
        return False
    near = max(0, match.start() - 24)
    before, after = line[near : match.start()], line[match.end() : match.end() + 8].lstrip()
    if before[-1:].isdigit():
        if _DATE.search(before):
            return True
        alone = line[start : match.start()].strip().isdigit()
        return bool(after) and (after[0].isdigit() or alone)
    return bool(_ABBREVIATION.search(before)) and bool(after)


def _still_open(waiting: list[str], text: str) -> list[str]:
    """The closing marks that are still waited for behind `text`."""
    for character in text:
        if waiting and character == waiting[-1]:
            waiting.pop()
        elif character in _PAIRS:
            waiting.append(_PAIRS[character])
    return waiting


def _joined(sentences: list[str]) -> list[str]:
    """Pieces without anything to say join the sentence before them."""
    joined: list[str] = []
    for sentence in sentences:
        if joined and not any(character.isalnum() for character in sentence):
            joined[-1] = f"{joined[-1]} {sentence}"
        else:
            joined.append(sentence)
    return joined


def _held(piece: str, longest: int) -> list[str]:
    """`piece`, cut further where it is longer read aloud than experience says: W is three syllables, and + four."""
    if _said(piece) <= longest:
        return [piece]
    parts = _clauses(piece, longest, _said)
    return parts if len(parts) == 1 else [held for part in parts for held in _held(part, longest)]


@lru_cache(maxsize=1024)  # words and marks come again
def _said(text: str) -> int:
    """Syllables of `text` as it is read aloud; takes much longer than `syllables`."""
    if _SAID_AS_WRITTEN.fullmatch(text):
        return syllables(text)
    drafts, _ = normalise(text, dictionary_of(None))
    return syllables("".join(draft.reading for draft in drafts))


def _clauses(sentence: str, longest: int, measure: _Measure) -> list[str]:
    if measure(sentence) <= longest:
        return [sentence]
    whole = _quotations(sentence, longest, measure)
    for kept in (whole, []) if whole else ([],):
        for pattern in (_INNER, _CLAUSE, _CONNECTIVE, _SPACES):
            parts = _parts(pattern, sentence, kept)
            if len(parts) > 1:
                packed = _packed(parts, longest, measure)
                return [piece for part in packed for piece in _clauses(part, longest, measure)]
    return _cut(sentence, longest, measure)


def _quotations(sentence: str, longest: int, measure: _Measure) -> list[tuple[int, int]]:
    """Where quotations and brackets stand that one piece can hold, so that they stay whole."""
    found: list[tuple[int, int]] = []
    waiting: list[str] = []
    start = 0
    for place, character in enumerate(sentence):
        before = len(waiting)
        waiting = _still_open(waiting, character)
        if not before and waiting:
            start = place
        elif before and not waiting and measure(sentence[start : place + 1]) <= longest:
            found.append((start, place + 1))
    return found


def _parts(pattern: re.Pattern[str], sentence: str, kept: list[tuple[int, int]]) -> list[str]:
    """`sentence` cut at the pattern, but inside none of the stretches `kept`."""
    parts: list[str] = []
    start = 0
    begins = [begin for begin, _ in kept]
    for match in pattern.finditer(sentence):
        index = bisect_left(begins, match.start()) - 1
        if index < 0 or match.end() >= kept[index][1]:
            parts.append(sentence[start : match.start()])
            start = match.end()
    return [part for part in (*parts, sentence[start:]) if part]


def _cut(word: str, longest: int, measure: _Measure) -> list[str]:
    """A word that no piece can hold, cut into pieces; a number in it stays whole where it is one that people write."""
    length = -(-len(word) // (measure(word) // longest + 1))
    pieces: list[str] = []
    start = 0
    while start < len(word):
        end = min(start + length, len(word))
        near = _FIGURES.finditer(word, start, end + _LONGEST_NUMBER)
        number = next((run for run in near if run.end() > end), None)
        if number and number.start() < end and len(number.group()) <= _LONGEST_NUMBER:
            end = number.start() if number.start() > start else number.end()
        while end < len(word) and _JOINS.match(word, end):
            end += 1
        pieces.append(word[start:end])
        start = end
    return pieces


def _packed(parts: list[str], longest: int, measure: _Measure) -> list[str]:
    """Neighbouring parts put together, about equally long, none over `longest` where that can be."""
    total = sum(measure(part) for part in parts)
    goal = total / -(-total // longest) if total else longest
    packed = [parts[0]]
    for part in parts[1:]:
        before = measure(packed[-1])
        together = before + measure(part)
        if together <= longest and (together <= goal * 1.15 or before < 4):
            packed[-1] = f"{packed[-1]} {part}"
        else:
            packed.append(part)
    if len(packed) == 1 and len(parts) > 1:
        return [" ".join(parts[: len(parts) // 2]), " ".join(parts[len(parts) // 2 :])]
    return packed
