"""Everything that changes a run. The row is the truth: each change is one conditional UPDATE with its event."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, TypedDict
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from speech.config import TrainingConfig
from studio import hints
from studio.errors import Refused
from studio.models import Consent, Speaker
from training import selectors
from training.journal import announce_on_commit, record
from training.models import Checkpoint, RunEvent, TrainingRun
from training.watch import LeaseWatch, has_run_out

logger = logging.getLogger(__name__)

EXECUTE_TASK = "training.run_execute"
SWEEP_TASK = "training.work_sweep"
QUEUE = "train"
MOST_STEPS = 1_000_000
STEPS = {"acoustic": 4000, "vocoder": 2000}  # where nobody asks for another number: docs/first-voice.md
FEWEST_CLIPS = 2  # one to train on, one held out
AUTO = "auto"  # a vocoder: the one of the base voice goes on where it has the size asked for, else none is trained
MOST_CRASHES = 3  # in a row, without a new checkpoint between them
RESEND_SECONDS = 60  # a queued run whose message may be lost is sent again after this
State = TrainingRun.State


class RunPlan(TypedDict, total=False):
    """What a person chose: the fields of a new run."""

    acoustic: str
    acoustic_steps: int
    vocoder: str
    vocoder_steps: int
    size: str
    acoustic_base: Checkpoint | None
    vocoder_base: Checkpoint | None
    sample_text: str
    overrides: dict[str, Any]


def run_start(
    *,
    speaker: Speaker,
    acoustic: str = "tacotron2",
    acoustic_steps: int = 0,
    vocoder: str = "",
    vocoder_steps: int = 0,
    size: str = "compact",
    acoustic_base: Checkpoint | Literal["shipped"] | None = "shipped",
    vocoder_base: Checkpoint | Literal["shipped"] | None = "shipped",
    requested_by: User | None = None,
    overrides: Mapping[str, Any] | None = None,
    sample_text: str = "",
    send: bool = True,
) -> TrainingRun:
    """Queue a run and, on commit, send it, unless the caller takes it at once. Raises Refused, or BadConfig.

    BadConfig is for an override that is no setting.

    A base that is "shipped" is the base voice's, where it is of this model and size; None begins with nothing. The
    vocoder `AUTO` is that of its base, or none.
    """
    if vocoder == AUTO:
        shipped = vocoder_base == "shipped"
        going_on = selectors.shipped_base(Checkpoint.Kind.VOCODER, size=size) if shipped else vocoder_base
        vocoder = going_on.model if isinstance(going_on, Checkpoint) else ""
    vocoder_steps = vocoder_steps if vocoder else 0
    plan: RunPlan = {
        "acoustic": acoustic,
        "acoustic_steps": acoustic_steps,
        "vocoder": vocoder if vocoder_steps else "",
        "vocoder_steps": vocoder_steps,
        "size": size,
        "acoustic_base": _base(Checkpoint.Kind.ACOUSTIC, acoustic_base, acoustic, size) if acoustic_steps else None,
        "vocoder_base": _base(Checkpoint.Kind.VOCODER, vocoder_base, vocoder, size) if vocoder_steps else None,
        "sample_text": sample_text.strip(),
        "overrides": dict(overrides or {}),
    }
    _check_plan(plan)
    _check_speaker(speaker)
    bases_check(plan["acoustic_base"], plan["vocoder_base"])
    try:
        with transaction.atomic():
            _hold_bases(plan)
            run = TrainingRun.objects.create(
                speaker=speaker, requested_by=requested_by, queued_at=timezone.now(), **plan
            )
            _record_state(run.pk, State.QUEUED, reason="started", where=Q())
            if send:
                _send_on_commit(run.pk)
    except IntegrityError as error:
        raise _active_run_refusal(speaker) from error
    run.refresh_from_db()
    return run


def run_stop(*, run: TrainingRun, reason: str = "asked") -> TrainingRun:
    """A person's wish: a queued run is stopped at once, a running one at its next step. Raises Refused (409).

    `reason`: "asked" by whoever watches it, "consent_withdrawn" by the speaker, "base_withdrawn" by that of its base.
    """
    now = timezone.now()
    with transaction.atomic():
        list(TrainingRun.objects.select_for_update().filter(pk=run.pk))  # no worker takes or leaves it between the two
        event = _record_state(
            run.pk, State.STOPPED, reason=reason, where=Q(state=State.QUEUED), changes={"ended_at": now}
        ) or _record(
            run.pk,
            "stop_requested",
            {"reason": reason},
            where=Q(state=State.RUNNING, stop_requested=False),
            changes={"stop_requested": True},
        )
    run.refresh_from_db()
    if event is None and run.state != State.RUNNING:
        raise Refused("not_active", _("이 학습은 이미 끝났어요."), 409, state=run.state)
    return run


def run_resume(*, run: TrainingRun) -> TrainingRun:
    """Queue a stopped or failed run again; it goes on from its last checkpoint. Raises Refused."""
    _check_speaker(run.speaker)
    bases_check(run.acoustic_base, run.vocoder_base)
    now = timezone.now()
    changes = {"stop_requested": False, "crashes": 0, "queued_at": now, "ended_at": None, "error": {}}
    try:
        with transaction.atomic():
            event = _record_state(
                run.pk,
                State.QUEUED,
                reason="resumed",
                where=Q(state__in=[State.STOPPED, State.FAILED]),
                changes=changes,
            )
            if event is not None:
                _send_on_commit(run.pk)
    except IntegrityError as error:
        raise _active_run_refusal(run.speaker) from error
    run.refresh_from_db()
    if event is None:
        raise Refused("not_resumable", _("멈췄거나 실패한 학습만 이어서 할 수 있어요."), 409, state=run.state)
    return run


def run_claim(*, run_pk: UUID, worker: str) -> TrainingRun | None:
    """Become the owner of a queued run, with a lease; None when it is another's or nobody's to take."""
    now = timezone.now()
    changes = {
        "attempt": F("attempt") + 1,
        "lease_until": _lease_end(),
        "worker": worker[:200],
        "started_at": Coalesce("started_at", now),
        "stage": "claimed",
    }
    event = _record_state(
        run_pk, State.RUNNING, reason="claimed", worker=worker, where=Q(state=State.QUEUED), changes=changes
    )
    return TrainingRun.objects.select_related("speaker").get(pk=run_pk) if event else None


def lease_renew(*, run_pk: UUID, attempt: int) -> bool:
    """Hold the run for another while. False: it is another's now, and this owner must not write any more."""
    return bool(owned(run_pk, attempt).update(lease_until=_lease_end()))


def stop_wanted(*, run_pk: UUID, attempt: int) -> bool:
    """Whether a person asked the run of this owner to stop."""
    return bool(owned(run_pk, attempt).filter(stop_requested=True).exists())


def run_release(*, run_pk: UUID, attempt: int, reason: str, crashed: bool = False) -> RunEvent | None:
    """Give a run back to the queue: its worker goes ("drained"), or lost its footing ("interrupted", a crash).

    One that a person asked to stop meanwhile is stopped: in the queue nobody could ask for it again.
    """
    changes: dict[str, Any] = {"queued_at": timezone.now(), "lease_until": None, "stage": ""}
    if crashed:
        changes["crashes"] = F("crashes") + 1
    with transaction.atomic():
        run = owned(run_pk, attempt).select_for_update().first()
        if run is not None and run.stop_requested:
            return run_end(run_pk=run_pk, attempt=attempt, state=State.STOPPED, reason=reason)
        event = _record_state(run_pk, State.QUEUED, reason=reason, where=owner(attempt), changes=changes)
        if event is not None:
            _send_on_commit(run_pk)
    return event


def run_end(
    *, run_pk: UUID, attempt: int, state: str, error: Mapping[str, Any] | None = None, reason: str = "ended"
) -> RunEvent | None:
    """Close a run as finished, stopped or failed, with the error as `{code, message, params}`."""
    changes = {
        "ended_at": timezone.now(),
        "lease_until": None,
        "stop_requested": False,
        "stage": "",
        "error": dict(error or {}),
    }
    details = {"error": dict(error)} if error else {}
    return _record_state(run_pk, state, reason=reason, where=owner(attempt), changes=changes, **details)


def runs_reconcile(watch: LeaseWatch | None = None) -> int:
    """Queue again the runs whose owner is gone, and send again the queued ones whose message may be lost.

    The answer is how many runs were touched. Called every few seconds by `manage.py up` or `manage.py reconcile`, with
    a `watch` that has seen the rounds before; without one, a lease that has run out is enough.
    """
    running = TrainingRun.objects.filter(state=State.RUNNING)
    gone = watch.silent(running, settings.RUN_LEASE_SECONDS) if watch else filter(has_run_out, running)
    touched = sum(_expire(run) for run in gone)
    unheard = timezone.now() - timedelta(seconds=RESEND_SECONDS)
    waiting = TrainingRun.objects.filter(state=State.QUEUED).order_by("queued_at")
    late = list(waiting.filter(Q(sent_at__isnull=True) | Q(sent_at__lt=unheard)).values_list("pk", flat=True))
    if not late or selectors.messages_waiting(QUEUE) >= waiting.count():
        return touched  # every queued run can still have its message: the worker is merely busy
    return touched + sum(run_send(run_pk=run_pk) for run_pk in late)


def run_send(*, run_pk: UUID) -> bool:
    """Send the Celery message of a queued run. False when the broker is away; the reconciler tries again."""
    try:
        current_app.send_task(EXECUTE_TASK, args=[str(run_pk)], queue=QUEUE)
    except (OperationalError, OSError) as error:
        hints.lost(error, "run %s was not sent", run_pk)
        return False
    hints.back()
    TrainingRun.objects.filter(pk=run_pk).update(sent_at=timezone.now())
    return True


def owner(attempt: int) -> Q:
    """What holds for a run as long as the owner with this attempt owns it."""
    return Q(attempt=attempt, state=State.RUNNING)


def owned(run_pk: UUID, attempt: int) -> QuerySet[TrainingRun]:
    return TrainingRun.objects.filter(owner(attempt), pk=run_pk)


def _expire(run: TrainingRun) -> bool:
    """What becomes of a run whose owner has not been heard of: stopped, failed after too many crashes, or queued."""
    where = owner(run.attempt) & Q(lease_until=run.lease_until)  # not renewed meanwhile
    changes: dict[str, Any] = {"lease_until": None, "stage": ""}
    ended = {**changes, "ended_at": timezone.now(), "stop_requested": False}
    if run.stop_requested:
        event = _record_state(run.pk, State.STOPPED, reason="lease_expired", where=where, changes=ended)
    elif run.crashes >= MOST_CRASHES:
        error = {
            "code": "worker_lost",
            "message": f"The worker was lost {run.crashes + 1} times without a new checkpoint, lastly {run.worker}.",
            "params": {"times": run.crashes + 1, "worker": run.worker},
        }
        ended["error"] = error
        event = _record_state(run.pk, State.FAILED, reason="lease_expired", where=where, changes=ended, error=error)
    else:
        changes |= {"queued_at": timezone.now(), "sent_at": None, "crashes": F("crashes") + 1}
        event = _record_state(run.pk, State.QUEUED, reason="lease_expired", where=where, changes=changes)
    if event is not None:
        logger.warning("Run %s: the lease of %s expired, the run is %s now.", run.pk, run.worker, event.data["state"])
    return event is not None


def _record(
    run_pk: UUID, kind: str, data: Mapping[str, Any], *, where: Q, changes: Mapping[str, Any]
) -> RunEvent | None:
    event = record(run_pk=run_pk, kind=kind, data=data, where=where, changes=changes)
    if event is not None:
        announce_on_commit(event)
    return event


def _record_state(
    run_pk: UUID, state: str, *, reason: str, where: Q, changes: Mapping[str, Any] | None = None, **details: Any
) -> RunEvent | None:
    return _record(
        run_pk,
        "state_changed",
        {"state": str(state), "reason": reason, **details},
        where=where,
        changes={"state": state, **(changes or {})},
    )


def _send_on_commit(run_pk: UUID) -> None:
    transaction.on_commit(lambda: run_send(run_pk=run_pk))


def _lease_end() -> Any:
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)


def _active_run_refusal(speaker: Speaker) -> Refused:
    run = TrainingRun.objects.filter(speaker=speaker, state__in=TrainingRun.ACTIVE).first()
    return Refused(
        "active_run",
        _("%(speaker)s 목소리는 이미 학습 중이거나 차례를 기다리고 있어요.") % {"speaker": speaker.label},
        409,
        run=str(run.pk) if run else "",
    )


def bases_check(*bases: Checkpoint | None) -> None:
    """Raises Refused (409) where somebody whose voice is in a base has taken the consent back."""
    if speaker := selectors.speaker_withdrawn(bases):
        words = _("%(speaker)s 님이 동의를 거두어서, 그 목소리를 바탕으로는 학습할 수 없어요. 다른 바탕을 골라 주세요.")
        raise Refused("base_withdrawn", words % {"speaker": speaker.label}, 409, speaker=speaker.label)


def checkpoints_lock(*checkpoints: Checkpoint) -> int:
    """Within a transaction: nobody starts a run from these, speaks with them or removes them until it ends; how many
    there are."""
    ids = [checkpoint.pk for checkpoint in checkpoints]
    return len(list(Checkpoint.objects.select_for_update().filter(pk__in=ids).order_by("pk")))


def _hold_bases(plan: RunPlan) -> None:
    """Raises Refused (409) where a base was removed since it was looked up: the run would lose it without a word."""
    bases = {base for base in (plan["acoustic_base"], plan["vocoder_base"]) if base is not None}
    if checkpoints_lock(*bases) < len(bases):
        raise Refused("base_gone", _("바탕 체크포인트가 그사이에 지워졌어요. 다른 바탕을 골라 주세요."), 409)


def _check_speaker(speaker: Speaker) -> None:
    if not Consent.objects.in_force().filter(speaker=speaker).exists():
        raise Refused(
            "no_consent",
            _("%(speaker)s 님의 동의가 없어서 학습할 수 없어요.") % {"speaker": speaker.label},
            speaker=speaker.name,
        )
    if (clips := selectors.clips_to_train(speaker).count()) < FEWEST_CLIPS:
        raise Refused(
            "too_few_clips",
            _("학습하려면 쓸 수 있는 녹음이 둘은 있어야 해요. 지금은 %(clips)s개예요.") % {"clips": clips},
            clips=clips,
        )


def _check_plan(plan: RunPlan) -> None:
    TrainingConfig.from_json(plan["overrides"])
    if plan["size"] not in selectors.SIZES:
        raise Refused("unknown_size", _("그런 크기는 없어요: %(size)s") % {"size": plan["size"]}, size=plan["size"])
    if not plan["acoustic_steps"] and not plan["vocoder_steps"]:
        raise Refused("nothing_to_train", _("몇 걸음 학습할지 적어 주세요."))
    _check_part(Checkpoint.Kind.ACOUSTIC, plan["acoustic"], plan["acoustic_steps"], plan["acoustic_base"], plan["size"])
    _check_part(Checkpoint.Kind.VOCODER, plan["vocoder"], plan["vocoder_steps"], plan["vocoder_base"], plan["size"])


def _base(kind: str, base: Checkpoint | Literal["shipped"] | None, model: str, size: str) -> Checkpoint | None:
    return selectors.shipped_base(kind, model=model, size=size) if base == "shipped" else base


def _check_part(kind: str, model: str, steps: int, base: Checkpoint | None, size: str) -> None:
    if not steps:
        return
    if not 0 < steps <= MOST_STEPS:
        raise Refused(
            "bad_steps", _("걸음 수는 1부터 %(most)s까지예요.") % {"most": MOST_STEPS}, steps=steps, most=MOST_STEPS
        )
    if model not in (there := selectors.models_available(kind)):
        raise Refused(
            "unknown_model", _("그런 모델은 없어요: %(model)s") % {"model": model}, model=model, available=there
        )
    if base is not None and (base.kind != kind or base.model != model or base.size_name not in ("", size)):
        raise Refused(
            "wrong_base",
            _("바탕 체크포인트(%(base)s)는 %(model)s %(size)s 모델의 것이 아니에요.")
            % {"base": base, "model": model, "size": size},
            base=str(base.pk),
        )
