"""The part of a take that training uses: two numbers beside the master, which is never cut."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from speech.clean import MARGIN_SECONDS
from studio.errors import Refused
from studio.models import Clip

LEAST_SECONDS = 0.3  # speech.dataset.MIN_CLIP_SECONDS, without its torch

Bounds = tuple[float, float]  # seconds, from and to


def automatic_trim(clip: Clip) -> Bounds:
    """Where `speech.clean.trim_bounds` cuts the clip when nobody says otherwise, from what was measured of it."""
    start, end = (float(clip.measures.get(name, 0.0)) for name in ("speech_start", "speech_end"))
    if end <= start:
        return 0.0, clip.seconds
    return max(0.0, start - MARGIN_SECONDS), min(clip.seconds, end + MARGIN_SECONDS)


def trim_of(clip: Clip) -> Bounds:
    """The bounds in force: those that were set, else the automatic ones."""
    if clip.trim_start is None or clip.trim_end is None:
        return automatic_trim(clip)
    return clip.trim_start, clip.trim_end


def trim_json(clip: Clip) -> dict[str, Any]:
    """Bounds in seconds, whether somebody `moved` them, the `least` to be left, and the take's own end (`most`)."""
    start, end = trim_of(clip)
    moved = clip.trim_start is not None and clip.trim_end is not None
    least, most = LEAST_SECONDS, round(clip.seconds, 3)
    return {"start": round(start, 3), "end": round(end, 3), "moved": moved, "least": least, "most": most}


def trim_check(clip: Clip, bounds: Bounds) -> None:
    """Refused (400) when the bounds are not inside of the take, or leave too little of it."""
    start, end = bounds
    if not (0 <= start < end <= clip.seconds + 0.0005):  # the page has milliseconds, a take has samples
        raise Refused(
            "trim_outside", _("자르는 자리가 녹음 밖이에요. 0초와 %(seconds).2f초 사이로 정해 주세요.")
            % {"seconds": clip.seconds}, start=start, end=end, seconds=clip.seconds,
        )  # fmt: skip
    if end - start < LEAST_SECONDS - 0.0005:
        raise Refused(
            "trim_too_short", _("남는 소리가 너무 짧아요. %(least).1f초는 남겨 주세요.") % {"least": LEAST_SECONDS},
            start=start, end=end, least=LEAST_SECONDS,
        )  # fmt: skip
