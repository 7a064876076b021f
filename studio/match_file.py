"""The match file: one sentence, read at the start, in each sitting and every 50 takes: has anything moved?"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.utils import timezone

from speech.match import Portrait, compare, drift, portrait
from speech.wav import parse_wav
from studio import files
from studio.models import Clip, Prompt, Review, Speaker

EVERY = 50  # takes
AGAIN_AFTER = 10  # takes after it was skipped; or at the next sitting
SITTING_ENDS = timedelta(hours=3)  # without a page: as static/js/check/sitting.js has it
LEAST_SPEECH = 1.5  # seconds: a shorter sentence says little of loudness and spectrum
LOOKED_AT = 20  # first takes, among which one is long enough


def reference_of(speaker: Speaker) -> Clip | None:
    """The first take that was good enough and long enough; all later ones of its prompt are held against it. Or None.

    Nothing marks it, so nothing can go stale: when it is taken out or sent back, the next one is the first.
    """
    usable = speaker.clips.filter(source=Clip.Source.BROWSER, discarded_at=None, prompt__active=True)
    usable = usable.exclude(verdict=Clip.Verdict.REFUSED).exclude(review__decision=Review.Decision.RETURNED)
    first = usable.order_by("created_at", "id").values_list("pk", "measures__speech_seconds")[:LOOKED_AT]
    found = next((pk for pk, seconds in first if (seconds or 0.0) >= LEAST_SPEECH), None)
    return None if found is None else speaker.clips.select_related("prompt").filter(pk=found).first()


def match_due(speaker: Speaker) -> Prompt | None:
    """The reference's prompt, once `EVERY` takes have followed its last usable one, or a new sitting has begun since.

    Whoever skips it is left in peace for `AGAIN_AFTER` takes or for the rest of the sitting, and then asked again.
    """
    reference = reference_of(speaker)
    if reference is None or reference.prompt is None:
        return None
    own = speaker.clips.filter(source=Clip.Source.BROWSER)
    of_prompt = own.filter(prompt=reference.prompt, discarded_at=None).exclude(verdict=Clip.Verdict.REFUSED)
    last = of_prompt.order_by("-created_at").values_list("created_at", flat=True).first()
    if last is None:
        return None
    since = own.filter(created_at__gt=last).order_by("created_at").values_list("created_at", flat=True)
    moments = [last, *since[:EVERY]]
    if len(moments) <= EVERY and not _is_anew([*moments, timezone.now()]):
        return None
    skipped = speaker.skips.filter(prompt=reference.prompt, created_at__gt=last).values_list("created_at", flat=True)
    return None if any(_is_recent(speaker, at) for at in skipped) else reference.prompt


def _is_anew(moments: list[datetime]) -> bool:
    """Whether the speaker was away for long between two of these moments, which are in order."""
    return any(later - earlier >= SITTING_ENDS for earlier, later in pairwise(moments))


def _is_recent(speaker: Speaker, skipped_at: datetime) -> bool:
    """Whether it was skipped in this sitting, a few takes ago."""
    followed = speaker.clips.filter(source=Clip.Source.BROWSER, created_at__gt=skipped_at).count()
    anew = speaker.sessions.filter(started_at__gt=skipped_at).exists()
    return followed < AGAIN_AFTER and not anew and timezone.now() - skipped_at < SITTING_ENDS


def match_judge(clip: Clip) -> None:
    """Holds a new take of the reference's prompt against it: what has drifted becomes a warning, with figures.

    `clip` is measured, and not saved yet. `measures["match"]` gets the differences and since when.
    """
    if clip.prompt_id is None or clip.verdict == Clip.Verdict.REFUSED:
        return
    reference = reference_of(clip.speaker)
    if reference is None or reference.prompt_id != clip.prompt_id or reference.pk == clip.pk:
        return
    first = _portrait_of(reference)
    if first is None:
        return
    difference = compare(first, Portrait.from_json(clip.measures["portrait"]))
    since = reference.created_at.isoformat()
    clip.measures["match"] = {**difference.to_json(), "since": since, "first": str(reference.pk)}
    reasons = [_reason(dataclasses.asdict(reason), difference.treble, since) for reason in drift(difference)]
    if reasons:
        clip.reasons = [*clip.reasons, *reasons]
        clip.verdict = Clip.Verdict.WARNED


def _reason(reason: dict[str, Any], treble: float | None, since: str) -> dict[str, Any]:
    return {**reason, "value": round(reason["value"], 2), "treble": round(treble or 0.0, 2), "since": since}


def portrait_add(*, clip: Clip) -> bool:
    """Measures a take from before portraits were; False where its sound is gone."""
    measured = _portrait_of(clip)
    if measured is not None and "portrait" not in clip.measures:
        clip.measures["portrait"] = measured.to_json()
        clip.save(update_fields=["measures"])
    return measured is not None


def _portrait_of(clip: Clip) -> Portrait | None:
    """As it was measured when the take came in; takes from before that was done are measured now."""
    if row := clip.measures.get("portrait"):
        return Portrait.from_json(row)
    try:
        wav = parse_wav(files.read_bytes(clip.file))
    except FileNotFoundError:
        return None
    return portrait(wav.samples, wav.sample_rate)
