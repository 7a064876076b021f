"""How a speaker's takes hold together over time, and how far they have come: figures and plots of their own page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from speech.limits import Limits
from studio import selectors
from studio.models import Clip, Speaker

MOST_DOTS = 240  # of a plot; with more takes a dot is the median of several
WIDTH, HEIGHT = 600.0, 100.0  # of a plot's own coordinates
PITCH_AWAY = 2.0  # semitones about the middle, for sentences that differ
EDGE = 4.0  # kept free at top and bottom, so that no dot is cut


@dataclass(frozen=True)
class Point:
    """One take, as far as it should be like the others."""

    at: datetime
    sitting: Any
    loudness: float | None  # LUFS
    snr: float | None  # dB
    pitch: float | None  # Hz
    pace: float | None  # syllables a second


@dataclass(frozen=True)
class Plot:
    """One measure over all takes, ready to be drawn in a box of WIDTH × HEIGHT.

    `dots`, `middle`: path data. `band`: top and height of what is as usual, None where there is no such thing.
    """

    code: str
    title: str
    unit: str
    dots: str
    middle: str
    band: tuple[float, float] | None
    top: str
    bottom: str
    summary: str
    outside: int  # takes beyond the band
    grouped: int  # takes in a dot


@dataclass(frozen=True)
class Day:
    """One row of the table beside the plots."""

    day: date
    takes: int
    minutes: float
    loudness: float | None
    snr: float | None
    pitch: float | None
    pace: float | None


@dataclass(frozen=True)
class Streak:
    """Days on end with a usable take: until today, or until yesterday when nothing was recorded yet today."""

    days: int
    today: bool
    longest: int


def course_of(speaker: Speaker) -> dict[str, Any]:
    """All that the page of a speaker shows: figures, `plots`, and the same by day for those who do not see them."""
    rows = _rows(speaker)
    points = [point for point, _seconds in rows]
    paces = [point.pace for point in points if point.pace]
    recorded = [point.at for point in points if point.sitting != Clip.Source.IMPORT]
    progress = selectors.progress(speaker)
    return {
        "progress": progress,
        "streak": streak_of((timezone.localtime(at).date() for at in recorded), timezone.localdate()),
        "pace": median(paces) if paces else None,
        "plots": [plot for plot in _plots(points) if plot is not None],
        "days": _days(rows),
        "first_day": points[0].at if points else None,
        "last_day": points[-1].at if points else None,
    }


def streak_of(days: Iterable[date], today: date) -> Streak:
    """`days`: on which something was recorded, in any order and number."""
    every = sorted(set(days))
    runs: list[tuple[date, int]] = []  # last day, length
    for day in every:
        previous, length = runs[-1] if runs else (None, 0)
        if previous == day - timedelta(days=1):
            runs[-1] = (day, length + 1)
        else:
            runs.append((day, 1))
    last, length = runs[-1] if runs else (None, 0)
    running = last is not None and last >= today - timedelta(days=1)
    return Streak(length if running else 0, last == today, max((length for _last, length in runs), default=0))


def _rows(speaker: Speaker) -> list[tuple[Point, float]]:
    """The usable takes in the order of recording, and their seconds."""
    usable = speaker.clips.filter(discarded_at=None).exclude(verdict=Clip.Verdict.REFUSED).order_by("created_at", "id")
    rows = []
    fields = ("created_at", "session", "source", "seconds", "measures")
    for at, session, source, seconds, measures in usable.values_list(*fields).iterator():
        portrait = measures.get("portrait") or {}
        sitting = Clip.Source.IMPORT if source == Clip.Source.IMPORT else session
        point = Point(
            at,
            sitting,
            measures.get("loudness_lufs"),
            measures.get("snr_db"),
            portrait.get("pitch_hz"),
            measures.get("pace"),
        )
        rows.append((point, seconds))
    return rows


def _days(rows: Sequence[tuple[Point, float]]) -> list[Day]:
    """Newest first."""
    by_day: dict[date, list[tuple[Point, float]]] = {}
    for point, seconds in rows:
        by_day.setdefault(timezone.localtime(point.at).date(), []).append((point, seconds))
    return [_day(day, those) for day, those in sorted(by_day.items(), reverse=True)]


def _day(day: date, those: Sequence[tuple[Point, float]]) -> Day:
    points = [point for point, _seconds in those]
    minutes = selectors.minutes_of(sum(seconds for _point, seconds in those))
    return Day(
        day, len(those), minutes, _middle(each.loudness for each in points),
        _middle(each.snr for each in points), _middle(each.pitch for each in points),
        _middle(each.pace for each in points),
    )  # fmt: skip


def _plots(points: Sequence[Point]) -> list[Plot | None]:
    """The bands: 3 LU about the middle loudness, from the SNR that nobody is warned of, 2 semitones about the pitch."""
    limits = Limits()
    loudness = _middle(point.loudness for point in points) or 0.0
    pitch = _middle(point.pitch for point in points) or 1.0
    tones = (pitch * 2 ** (-PITCH_AWAY / 12), pitch * 2 ** (PITCH_AWAY / 12))
    levels = (loudness - limits.warn_loudness_off, loudness + limits.warn_loudness_off)
    return [
        _plot("loudness", _("소리 크기"), "LUFS", [point.loudness for point in points], levels, 1),
        _plot("snr", _("신호 대 잡음"), "dB", [point.snr for point in points], (limits.warn_snr_below, math.inf), 0),
        _plot("pitch", _("목소리의 높이"), "Hz", [point.pitch for point in points], tones, 0),
    ]


def _plot(
    code: str, title: str, unit: str, values: Sequence[float | None], usual: tuple[float, float], places: int
) -> Plot | None:
    """None where fewer than two takes have the measure. `usual`: from and to."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    size = math.ceil(len(values) / MOST_DOTS)
    dots = [_middle(values[start : start + size]) for start in range(0, len(values), size)]
    middle = median(known)
    shown = [value for value in dots if value is not None]
    ends = [value for value in usual if math.isfinite(value)]
    low, high = min(*shown, *ends), max(*shown, *ends)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(EDGE + (high - value) / span * (HEIGHT - 2 * EDGE), 1)

    step = WIDTH / len(dots)
    marks = [
        f"M{round((number + 0.5) * step, 1)} {place(value)}h0" for number, value in enumerate(dots) if value is not None
    ]
    top = place(min(usual[1], high)) if math.isfinite(usual[1]) else 0.0
    bottom = place(usual[0])
    outside = sum(not usual[0] <= value <= usual[1] for value in known)
    figures = {
        "title": title, "unit": unit, "count": len(known), "middle": _figure(middle, places),
        "low": _figure(min(known), places), "high": _figure(max(known), places), "outside": outside,
    }  # fmt: skip
    summary = _(
        "%(title)s: 녹음 %(count)d개의 가운데값 %(middle)s %(unit)s, "
        "%(low)s에서 %(high)s까지, 평소를 벗어난 것 %(outside)d개"
    )
    return Plot(
        code, title, unit, "".join(marks), f"M0 {place(middle)}H{WIDTH:g}", (top, round(max(0.0, bottom - top), 1)),
        _figure(high, places), _figure(low, places), summary % figures, outside, size,
    )  # fmt: skip


def _middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _figure(value: float, places: int) -> str:
    return f"{value:.{places}f}".replace("-", "−")
