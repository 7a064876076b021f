"""How a take is spoken against how its speaker usually speaks: pace and loudness. numpy only.

| code           | what is unusual                                  | `value`                              |
| -------------- | ------------------------------------------------ | ------------------------------------ |
| fast, slow     | syllables a second                               | per cent from the speaker's median   |
| louder, softer | integrated loudness                              | LU from the speaker's median         |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from speech.limits import Limits
from speech.quality import Reason, Report

TAKES = 10  # before which nobody has a usual manner
SYLLABLES = 8  # in fewer, one drawn-out ending is a pace of its own
SYLLABLE = re.compile("[가-힣]")


@dataclass(frozen=True)
class Usual:
    """A speaker's medians: syllables a second, and LUFS."""

    pace: float
    loudness_lufs: float


def pace_of(pronunciation: str, report: Report) -> float | None:
    """Syllables a second of speech, pauses left out; None for too few of them to say. `pronunciation`: in Hangul."""
    count = len(SYLLABLE.findall(pronunciation))
    return count / report.speech_seconds if count >= SYLLABLES and report.speech_seconds > 0 else None


def usual(paces: Sequence[float], loudnesses: Sequence[float]) -> Usual | None:
    """The medians; None as long as there are fewer than `TAKES` of either."""
    if min(len(paces), len(loudnesses)) < TAKES:
        return None
    return Usual(median(paces), median(loudnesses))


def usual_of(measures: Iterable[Mapping[str, Any]]) -> Usual | None:
    """`usual`, of takes' stored measures; those from before a figure was taken say nothing of it."""
    rows = list(measures)
    paces = [float(row["pace"]) for row in rows if row.get("pace")]
    return usual(paces, [float(row["loudness_lufs"]) for row in rows if "loudness_lufs" in row])


def compare(pace: float | None, loudness_lufs: float, usually: Usual, limits: Limits) -> list[Reason]:
    """What is unusual beyond the limits, as warnings."""
    found = []
    louder = loudness_lufs - usually.loudness_lufs
    if abs(louder) > limits.warn_loudness_off:
        code = "louder" if louder > 0 else "softer"
        found.append(Reason(code, "warned", abs(louder), limits.warn_loudness_off))
    faster = 100 * (pace / usually.pace - 1) if pace and usually.pace else 0.0
    if abs(faster) > limits.warn_pace_off:
        code = "fast" if faster > 0 else "slow"
        found.append(Reason(code, "warned", abs(faster), limits.warn_pace_off))
    return found
