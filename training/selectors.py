"""Everything that is read about runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from celery import current_app
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from speech.models import trainable
from studio.access import is_admin
from studio.models import Clip, Consent, Speaker
from studio.rooms import RoomState
from training.journal import event_json
from training.models import SHIPPED, Checkpoint, RunEvent, TrainingRun
from training.words import curve_figure

logger = logging.getLogger(__name__)

SIZES = ("full", "compact", "trial")
SHOWN_ELSEWHERE = ("step_done", "stage_changed", "evaluated", "training_ended")  # not in the log
CURVE_POINTS = 600  # of one curve on a page that has just been opened
Kind = Checkpoint.Kind


class Part(NamedTuple):
    """One of the two trainings of a run."""

    kind: str
    model: str
    steps: int
    base: Checkpoint | None


def models_available(kind: str) -> list[str]:
    """Names of the models of a kind that can be trained, by their files; nothing is imported."""
    return trainable(kind)


def parts_of(run: TrainingRun) -> list[Part]:
    """The trainings of a run in their order; a part of 0 steps is left out."""
    parts = [
        Part(Kind.ACOUSTIC.value, run.acoustic, run.acoustic_steps, run.acoustic_base),
        Part(Kind.VOCODER.value, run.vocoder, run.vocoder_steps, run.vocoder_base),
    ]
    return [part for part in parts if part.steps]


def consenting_speakers() -> QuerySet[Speaker]:
    """Those who have agreed, and have not taken it back."""
    return Speaker.objects.filter(pk__in=Consent.objects.in_force().values("speaker"))


def clips_to_train(speaker: Speaker) -> QuerySet[Clip]:
    """The kept takes of a speaker whose consent is in force."""
    kept = Clip.objects.filter(speaker=speaker, kept=True, discarded_at__isnull=True)
    return kept.filter(speaker__in=consenting_speakers()).exclude(verdict=Clip.Verdict.REFUSED)


def speakers_to_train(at_least: int = 0) -> QuerySet[Speaker]:
    """Consenting speakers with that many clips; `clip_count` and `clip_seconds` say what a run would train on."""
    kept = Q(clips__kept=True, clips__discarded_at__isnull=True) & ~Q(clips__verdict=Clip.Verdict.REFUSED)
    counted = consenting_speakers().annotate(
        clip_count=Count("clips", filter=kept), clip_seconds=Sum("clips__seconds", filter=kept)
    )
    # The model's own order does not hold where rows are counted.
    return counted.filter(clip_count__gte=at_least).order_by("created_at")


def runs_made_of(speaker: Speaker) -> set[UUID]:
    """Runs that a speaker's clips are in: on them, or started from a checkpoint of such a run."""
    return _with_descendants(TrainingRun.objects.filter(speaker=speaker))


def runs_withdrawn() -> set[UUID]:
    """Runs with a voice in them, their own or that of a base, whose speaker does not agree, or no longer."""
    return _with_descendants(TrainingRun.objects.exclude(speaker__in=consenting_speakers()))


def speaker_withdrawn(bases: Iterable[Checkpoint | None]) -> Speaker | None:
    """Somebody whose voice is in these checkpoints, or in what they started from, without a consent in force."""
    return speaker_withdrawn_in(base.run_id for base in bases if base is not None and base.run_id is not None)


def speaker_withdrawn_in(runs: Iterable[UUID]) -> Speaker | None:
    """Somebody whose voice is in these runs, or in what they started from, without a consent in force."""
    found: set[UUID] = set()
    newest = set(runs)
    while newest:
        found |= newest
        earlier = TrainingRun.objects.filter(pk__in=newest).values_list("acoustic_base__run", "vocoder_base__run")
        newest = {run for pair in earlier for run in pair if run is not None} - found
    return Speaker.objects.filter(runs__in=found).exclude(pk__in=consenting_speakers()).first()


def is_base(checkpoint: Checkpoint) -> bool:
    """Whether a run started from it."""
    return TrainingRun.objects.filter(Q(acoustic_base=checkpoint) | Q(vocoder_base=checkpoint)).exists()


def files_known(run: str) -> set[str]:
    """Keys in storage that the checkpoints of a run refer to; none where there is no such run."""
    try:
        rows = Checkpoint.objects.filter(run=UUID(run))
    except ValueError:
        return set()
    keys = rows.values_list("file", "resume_file", "picture", "sample")
    return {key for row in keys for key in row if key}


def _with_descendants(runs: QuerySet[TrainingRun]) -> set[UUID]:
    """These runs, and all that started from one of their checkpoints."""
    found: set[UUID] = set()
    newest = set(runs.values_list("pk", flat=True))
    while newest:
        found |= newest
        started = Q(acoustic_base__run__in=newest) | Q(vocoder_base__run__in=newest)
        newest = set(TrainingRun.objects.filter(started).exclude(pk__in=found).values_list("pk", flat=True))
    return found


def runs_visible_to(user: AbstractBaseUser | AnonymousUser) -> QuerySet[TrainingRun]:
    """An admin sees all runs, a speaker those of their own voice."""
    runs = TrainingRun.objects.select_related("speaker", "requested_by")
    if is_admin(user):
        return runs
    return runs.filter(speaker__user_id=user.pk) if user.is_authenticated else runs.none()


def bases_available() -> QuerySet[Checkpoint]:
    """Checkpoints that a run may start from: imported or shipped ones, and what others made of voices that agree."""
    agreed = Checkpoint.objects.exclude(run__in=runs_withdrawn())
    return agreed.select_related("run__speaker").order_by("-created_at")


def shipped_base(kind: str, *, model: str = "", size: str = "") -> Checkpoint | None:
    """The base voice's checkpoint of a kind, where it is of this model and size."""
    shipped = Checkpoint.objects.filter(run=None, name=SHIPPED, kind=kind)
    fits = {name: value for name, value in (("model", model), ("size_name", size)) if value}
    return shipped.filter(**fits).first()


def queue_position(run: TrainingRun) -> int:
    """1 for the next in line, 0 for a run that does not wait."""
    if run.state != TrainingRun.State.QUEUED:
        return 0
    return TrainingRun.objects.filter(state=TrainingRun.State.QUEUED, queued_at__lt=run.queued_at).count() + 1


def latest_checkpoint(run: TrainingRun, kind: str) -> Checkpoint | None:
    return run.checkpoints.filter(kind=kind).order_by("-step").first()


def events_after(run: TrainingRun, seq: int, limit: int = 500) -> list[dict[str, Any]]:
    """The next events with a higher number, as pages get them."""
    return [event_json(event) for event in run.events.filter(seq__gt=seq).order_by("seq")[:limit]]


def run_state(run: TrainingRun) -> dict[str, Any]:
    """What a page shows of a run beside its curves; all of it JSON."""
    parts = parts_of(run)
    steps = {part.kind: part.steps for part in parts}
    return {
        "id": str(run.pk),
        "state": run.state,
        "stop_requested": run.stop_requested,
        "queue_position": queue_position(run),
        "part": run.part,
        "stage": run.stage,
        "step": run.step,
        "total": steps.get(run.part, parts[0].steps if parts else 0),
        "progress": run.progress,
        "device": run.device,
        "error": run.error,
        "attempt": run.attempt,
        "last_seq": run.last_seq,
        "parts": [{"kind": part.kind, "model": part.model, "steps": part.steps} for part in parts],
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
    }


def run_curves(run: TrainingRun) -> dict[str, dict[str, list[list[float]]]]:
    """Loss curves by part: `{"acoustic": {"train": [[step, loss], …], "held_out": […]}}`, thinned for a page.

    Both lines of a part show `words.curve_figure`, which training and checking measure alike. Where a run fell back to
    an earlier checkpoint, the later way replaces what it left.
    """
    curves: dict[str, dict[str, list[list[float]]]] = {
        part.kind: {"train": [], "held_out": []} for part in parts_of(run)
    }
    figures = {part.kind: curve_figure(part.model) for part in parts_of(run)}
    names = {"step_done": "train", "evaluated": "held_out"}
    for kind, data in run.events.filter(kind__in=names).order_by("seq").values_list("kind", "data"):
        curve = curves.setdefault(data.get("part", ""), {"train": [], "held_out": []})[names[kind]]
        loss = (data.get("losses") or {}).get(figures.get(data.get("part"), "loss"))
        if loss is None:
            continue
        while curve and curve[-1][0] >= data["step"]:
            curve.pop()
        curve.append([data["step"], loss])
    return {part: {name: thinned(points) for name, points in lines.items()} for part, lines in curves.items()}


def thinned(points: list[list[float]], most: int = CURVE_POINTS, *, mean: bool = True) -> list[list[float]]:
    """At most `most` points: of equal runs of neighbours the mean, or else the last; the first and the last stay."""
    if len(points) <= most:
        return points
    inner, count = points[1:-1], most - 2
    means = []
    for number in range(count):
        group = inner[number * len(inner) // count : (number + 1) * len(inner) // count]
        value = sum(loss for _, loss in group) / len(group) if mean else group[-1][1]
        means.append([group[-1][0], value])
    return [points[0], *means, points[-1]]


def log_events(run: TrainingRun, after: int = 0) -> Iterable[RunEvent]:
    """The events that a person reads as a log: everything but steps, counting, and what the curves show."""
    return run.events.filter(seq__gt=after).exclude(kind__in=SHOWN_ELSEWHERE).order_by("seq")


def clip_texts(ids: Iterable[str]) -> dict[str, str]:
    """What is said in these clips, by id."""
    valid = [one for one in ids if _is_uuid(one)]
    return {str(pk): text for pk, text in Clip.objects.filter(pk__in=valid).values_list("pk", "text")}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def checkpoints_of(run: TrainingRun) -> QuerySet[Checkpoint]:
    """Newest first, the vocoder's above the acoustic model's."""
    return run.checkpoints.order_by("-kind", "-step")


def last_checkpoint_json(checkpoint: Checkpoint) -> dict[str, Any]:
    """Where a page finds the picture and the sound of a checkpoint."""
    return {
        "id": str(checkpoint.pk),
        "step": checkpoint.step,
        "kind": checkpoint.kind,
        "picture": reverse("training:checkpoint_picture", args=[checkpoint.pk]) if checkpoint.picture else "",
        "sample": reverse("training:checkpoint_sample", args=[checkpoint.pk]) if checkpoint.sample else "",
    }


def room_state(user: User) -> RoomState:
    """The line about this room on the first page."""
    runs = runs_visible_to(user)
    if running := runs.filter(state=TrainingRun.State.RUNNING).first():
        total = {part.kind: part.steps for part in parts_of(running)}.get(running.part, 0)
        detail = f"{running.step:,} / {total:,}" if total else ""
        words = _("%(speaker)s 목소리를 배우고 있어요") % {"speaker": running.speaker.label}
        return RoomState(words, "busy", detail)
    if waiting := runs.filter(state=TrainingRun.State.QUEUED).count():
        return RoomState(_("%(count)s개가 차례를 기다려요") % {"count": waiting}, "busy")
    newest = runs.first()
    if newest is None:
        return RoomState(_("아직 배운 목소리가 없어요"))
    if newest.state == TrainingRun.State.FAILED:
        return RoomState(_("%(speaker)s 학습이 실패했어요") % {"speaker": newest.speaker.label}, "bad")
    return RoomState(_("%(count)s번 배웠어요") % {"count": runs.count()}, "good")


def messages_waiting(queue: str) -> int:
    """How many Celery messages wait in a queue; -1 when the broker cannot be asked."""
    try:
        with current_app.connection_for_read() as connection:
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)
    except Exception as error:  # whatever the transport raises for a broker that is away, or a queue never used
        logger.debug("The queue %s cannot be read: %s", queue, error)
        return -1
