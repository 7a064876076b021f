"""What an admin does with takes after they are recorded: the worst first, listen, accept or send back with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from speech import manner
from speech.limits import Limits
from speech.manner import Usual
from studio import selectors, takes
from studio.arrivals import speaker_lock
from studio.errors import Refused
from studio.models import Clip, Review, Speaker
from studio.words import Words

LONGEST_REASON = 200

STATES: dict[str, Words] = {
    "": gettext_lazy("모두"),
    "kept": gettext_lazy("고른 것"),
    "unheard": gettext_lazy("아직 안 들은 것"),
    "accepted": gettext_lazy("받은 것"),
    "returned": gettext_lazy("돌려보낸 것"),
    "out": gettext_lazy("화자가 뺀 것"),
}
ORDERS: dict[str, Words] = {"worst": gettext_lazy("걱정되는 것부터"), "newest": gettext_lazy("새것부터")}

# What a take can be worst in: the words, and how its value is shown.
CONCERNS: dict[str, tuple[Words, str]] = {
    "silent": (gettext_lazy("말소리가 없음"), "{:.1f} s"),
    "clipped": (gettext_lazy("찌그러진 곳"), "{:.0f}"),
    "dropout": (gettext_lazy("끊긴 곳"), "{:.0f}"),
    "zeros": (gettext_lazy("끊긴 길이"), "{:.2f} s"),
    "noisy": (gettext_lazy("신호 대 잡음"), "{:.0f} dB"),
    "noisy_room": (gettext_lazy("배경 잡음"), "{:.0f} dBFS"),
    "too_quiet": (gettext_lazy("작은 소리, 최고"), "{:.1f} dBFS"),
    "too_loud": (gettext_lazy("큰 소리, 최고"), "{:.1f} dBFS"),
    "edge": (gettext_lazy("짧은 여백"), "{:.2f} s"),
    "dc_offset": (gettext_lazy("치우친 신호"), "{:.1%}"),
    "too_long": (gettext_lazy("긴 문장"), "{:.1f} s"),
    "loudness": (gettext_lazy("평소와 다른 크기"), "{:+.1f} LU"),
    "pace": (gettext_lazy("평소와 다른 빠르기"), "{:+.0f} %"),
}


@dataclass(frozen=True)
class Concern:
    """What a take is worst in. `score`: 0 at the threshold of a warning, 1 at that of a refusal, below 0 is fine."""

    score: float
    code: str
    value: float

    @property
    def words(self) -> str:
        return str(CONCERNS[self.code][0])

    @property
    def figure(self) -> str:
        return CONCERNS[self.code][1].format(self.value).replace("-", "−")


@dataclass(frozen=True)
class Sieve:
    """What of a speaker's takes is shown. Empty fields let everything through."""

    verdict: str = ""
    state: str = ""
    text: str = ""
    since: date | None = None
    until: date | None = None
    order: str = "worst"


def take_accept(*, clip: Clip, by: User | None) -> Review:
    """The take is good: it is kept, and no newer one replaces it by itself.

    Refused (409) where the verdict refuses, and where the speaker took the take out: only they take it back.
    """
    with transaction.atomic():
        speaker_lock(clip.speaker)
        if Clip.objects.filter(pk=clip.pk, discarded_at__isnull=False).exists():
            raise Refused("take_out", _("화자가 뺀 녹음이에요. 화자가 되살려야 받을 수 있어요."), 409)
        Review.objects.filter(clip=clip).delete()  # one that was sent back could not be kept
        takes.clip_keep(clip=clip)
        return Review.objects.create(clip=clip, decision=Review.Decision.ACCEPTED, by=by)


def take_return(*, clip: Clip, reason: str, by: User | None) -> Review:
    """The take goes back to its speaker: it is no longer kept, and its prompt is asked for again, with the reason."""
    values = {"decision": Review.Decision.RETURNED, "reason": " ".join(reason.split())[:LONGEST_REASON], "by": by}
    with transaction.atomic():
        speaker_lock(clip.speaker)
        Clip.objects.filter(pk=clip.pk).update(kept=False, chosen=False)
        review, _created = Review.objects.update_or_create(clip=clip, defaults=values)
    return review


def review_clear(*, clip: Clip) -> None:
    """Takes a decision back: the take stands as if nobody had listened, and is kept again where nothing else is."""
    with transaction.atomic():
        speaker_lock(clip.speaker)
        gone, _rows = Review.objects.filter(clip=clip).delete()
        clip.refresh_from_db()
        if gone and not clip.kept and clip.discarded_at is None:
            takes.clip_restore(clip=clip)


def review_decide(*, clip: Clip, decision: str, reason: str, by: User | None) -> Clip:
    """One of `accept`, `return`, `clear`; the take as it is then. Refused: bad_decision, and as above."""
    if decision == "accept":
        take_accept(clip=clip, by=by)
    elif decision == "return":
        take_return(clip=clip, reason=reason or _("다시 한번 읽어 주세요."), by=by)
    elif decision == "clear":
        review_clear(clip=clip)
    else:
        raise Refused("bad_decision", _("모르는 결정이에요: %(decision)s") % {"decision": decision})
    return Clip.objects.select_related("review").get(pk=clip.pk)


def takes_sieved(speaker: Speaker, sieve: Sieve) -> QuerySet[Clip]:
    """The takes that pass, newest first."""
    clips = speaker.clips.filter(discarded_at__isnull=sieve.state != "out")
    if sieve.verdict in Clip.Verdict.values:
        clips = clips.filter(verdict=sieve.verdict)
    if sieve.state == "kept":
        clips = clips.filter(kept=True)
    elif sieve.state == "unheard":
        clips = clips.filter(review__isnull=True)
    elif sieve.state in Review.Decision.values:
        clips = clips.filter(review__decision=sieve.state)
    if sieve.text:
        clips = clips.filter(Q(text__icontains=sieve.text) | Q(reading__icontains=sieve.text))
    if sieve.since:
        clips = clips.filter(created_at__date__gte=sieve.since)
    if sieve.until:
        clips = clips.filter(created_at__date__lte=sieve.until)
    return clips.order_by("-created_at", "-id")


def takes_ordered(speaker: Speaker, sieve: Sieve, usual: Usual | None) -> list[Any]:
    """The ids of the takes that pass, in the order that was asked for; of takes that are alike the newest first."""
    clips = takes_sieved(speaker, sieve)
    if sieve.order == "newest":
        return list(clips.values_list("pk", flat=True))
    rows = clips.values_list("pk", "source", "measures")
    scored = [(concern_of(source, measures, usual).score, pk) for pk, source, measures in rows]
    scored.sort(key=lambda each: -each[0])  # stable
    return [pk for _score, pk in scored]


def takes_shown(ids: Iterable[Any], usual: Usual | None) -> list[Clip]:
    """These takes, in this order, each with `concern`."""
    found = Clip.objects.select_related("prompt", "review").in_bulk(list(ids))
    shown = [found[pk] for pk in ids if pk in found]
    for clip in shown:
        clip.concern = concern_of(clip.source, clip.measures, usual)  # type: ignore[attr-defined]
    return shown


def usual_of(speaker: Speaker) -> Usual | None:
    """How this speaker usually reads, by all kept takes; None while there are too few."""
    return manner.usual_of(selectors.clips_kept(speaker).values_list("measures", flat=True))


def concern_of(source: str, measures: Mapping[str, Any], usual: Usual | None) -> Concern:
    """What a take is worst in, by `speech.limits.Limits` and against what is `usual` for its speaker.

    Imported files were cut and levelled by somebody else: their edges and levels are as they are.
    """
    table = Limits.for_import() if source == Clip.Source.IMPORT else Limits()
    if measures.get("speech_seconds", 0.0) < table.refuse_speech_below:
        return Concern(3.0, "silent", measures.get("speech_seconds", 0.0))
    snr, floor = measures.get("snr_db", 0.0), measures.get("noise_floor_dbfs", 0.0)
    peak, offset = measures.get("peak_dbfs", 0.0), abs(measures.get("dc_offset", 0.0))
    edge = min(measures.get("lead_seconds", 1.0), measures.get("tail_seconds", 1.0))
    clipped, holes = measures.get("clipped_runs", 0), measures.get("dropouts", 0)
    zeros, seconds = measures.get("longest_zero_run_seconds", 0.0), measures.get("seconds", 0.0)
    scores: list[Concern] = [
        Concern(1 + clipped / 10 if clipped >= table.refuse_clipped_runs else -1.0, "clipped", clipped),
        Concern(1 + holes / 10 if holes >= table.refuse_dropouts_from else -1.0, "dropout", holes),
        _between(zeros, table.warn_zeros_from, table.refuse_zeros_from, "zeros"),
        _between(snr, table.warn_snr_below, table.refuse_snr_below, "noisy"),
        _between(floor, table.warn_floor_above, table.warn_floor_above + 20, "noisy_room"),
        _between(peak, table.warn_peak_below, table.refuse_peak_below, "too_quiet"),
        _between(peak, table.warn_peak_above, 0.0, "too_loud"),
        _between(edge, 2 * table.refuse_edge_below, table.refuse_edge_below, "edge"),
        _between(offset, table.warn_dc_above, 5 * table.warn_dc_above, "dc_offset"),
        _between(seconds, table.warn_seconds_above, 2 * table.warn_seconds_above, "too_long"),
        *(_unusual(measures, usual, table) if usual else ()),
    ]
    return max(scores, key=lambda each: each.score)


def _unusual(measures: Mapping[str, Any], usual: Usual, table: Limits) -> list[Concern]:
    """0 at the threshold of the warning, 1 twice as far away."""
    louder = measures.get("loudness_lufs", usual.loudness_lufs) - usual.loudness_lufs
    faster = 100 * ((measures.get("pace") or usual.pace) / usual.pace - 1)
    return [
        Concern(abs(louder) / table.warn_loudness_off - 1, "loudness", louder),
        Concern(abs(faster) / table.warn_pace_off - 1, "pace", faster),
    ]


def _between(value: float, warned: float, refused: float, code: str) -> Concern:
    """0 at `warned`, 1 at `refused`, in a straight line through both. A limit that is infinite never matters."""
    span = refused - warned
    if span == 0 or abs(warned) == float("inf"):
        return Concern(-1.0, code, value)
    if abs(refused) == float("inf"):  # only a warning: as far again as the limit is from nothing
        span = abs(warned) if refused > 0 else -abs(warned)
    return Concern((value - warned) / span, code, value)
