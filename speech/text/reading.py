"""What the front end answers: the reading of a text, its spans, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Rules whose answer is a guess that a person should look at.
GUESSES = frozenset({"english.by_rule", "english.romanised", "english.sound", "counter.either", "fraction.either"})


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of the text and how it is read.

    `start`, `end` count characters of the text as given; the spans of a reading tile it. `reading` is Hangul spelling,
    `pronunciation` how that sounds; both may be empty (a quotation mark). `kind` says what it is (counter, date,
    english …), `rule` which rule read it, `alternatives` what else it could be.
    """

    start: int
    end: int
    surface: str
    reading: str
    pronunciation: str
    kind: str
    rule: str
    alternatives: tuple[str, ...] = ()

    @property
    def guessed(self) -> bool:
        """Whether the rule guesses, so that a page should mark the span."""
        return self.rule in GUESSES

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "surface": self.surface,
            "reading": self.reading,
            "pronunciation": self.pronunciation,
            "kind": self.kind,
            "rule": self.rule,
            "alternatives": list(self.alternatives),
            "guessed": self.guessed,
        }


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Characters that are not spoken: `reason` is emoji, invisible, sign, repeated or unknown."""

    start: int
    end: int
    surface: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "surface": self.surface, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text is read: Hangul, spaces and the marks `! , . ?`, in spelling and as it sounds (equal in length)."""

    text: str
    reading: str
    pronunciation: str
    spans: tuple[Span, ...]
    left_out: tuple[LeftOut, ...]
    mode: str = "pronunciation"

    def to_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "reading": self.reading,
            "pronunciation": self.pronunciation,
            "mode": self.mode,
            "spans": [span.to_json() for span in self.spans],
            "left_out": [left.to_json() for left in self.left_out],
        }
