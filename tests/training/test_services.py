"""Runs as rows: who may start, who owns, what becomes of the orphaned."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import connections
from django.utils import timezone

from speech.errors import BadConfig
from studio.errors import Refused
from studio.models import Clip, Speaker
from tests.servers import wait_until
from tests.training.conftest import make_speaker, numbers_of
from training import selectors, services
from training.models import Checkpoint, TrainingRun
from training.watch import LeaseWatch

State = TrainingRun.State
TRIAL: dict[str, Any] = {"acoustic": "tacotron2", "acoustic_steps": 20, "size": "trial"}


@pytest.fixture(autouse=True)
def _redis(redis_url: str) -> None:
    """Starting a run sends a message."""
    purge()


def purge() -> None:
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_purge(services.QUEUE)


def at_once(times: int, do: Callable[[], Any]) -> list[Any]:
    """What `do` answered or raised in so many threads that begin together."""
    gate = threading.Barrier(times)

    def work() -> Any:
        try:
            gate.wait(20)
            return do()
        except Refused as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(times)]]


def expire(run: TrainingRun) -> None:
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_ten_starts_at_once_make_one_run(speaker: Speaker) -> None:
    answers = at_once(10, lambda: services.run_start(speaker=speaker, **TRIAL))
    assert [type(answer).__name__ for answer in answers].count("TrainingRun") == 1
    refusals = [answer for answer in answers if isinstance(answer, Refused)]
    assert {(refusal.code, refusal.status) for refusal in refusals} == {("active_run", 409)}
    assert len(refusals) == 9
    assert TrainingRun.objects.count() == 1
    assert selectors.messages_waiting(services.QUEUE) == 1


def test_twelve_deliveries_of_a_run_make_one_owner(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    owners = at_once(12, lambda: services.run_claim(run_pk=run.pk, worker="w"))
    assert sum(answer is not None for answer in owners) == 1
    run.refresh_from_db()
    assert (run.state, run.attempt) == (State.RUNNING, 1)
    assert numbers_of(run) == [1, 2]


def test_two_speakers_train_side_by_side(speaker: Speaker) -> None:
    services.run_start(speaker=speaker, **TRIAL)
    second = services.run_start(speaker=make_speaker("mina"), **TRIAL)
    assert selectors.queue_position(second) == 2


def test_nobody_is_trained_without_consent(speaker: Speaker) -> None:
    speaker.consents.update(withdrawn_at=timezone.now())
    with pytest.raises(Refused) as refusal:
        services.run_start(speaker=speaker, **TRIAL)
    assert refusal.value.code == "no_consent"
    assert not TrainingRun.objects.exists()


def test_a_single_usable_clip_is_too_few(speaker: Speaker) -> None:
    first, second, *_ = Clip.objects.filter(speaker=speaker)
    Clip.objects.exclude(pk__in=[first.pk, second.pk]).update(kept=False)
    Clip.objects.filter(pk=second.pk).update(verdict=Clip.Verdict.REFUSED)
    with pytest.raises(Refused) as refusal:
        services.run_start(speaker=speaker, **TRIAL)
    assert (refusal.value.code, refusal.value.params) == ("too_few_clips", {"clips": 1})


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({"acoustic": "../evil"}, "unknown_model"),
        ({"acoustic": "waveglow"}, "unknown_model"),
        ({"vocoder": "griffin_lim", "vocoder_steps": 5}, "unknown_model"),
        ({"size": "huge"}, "unknown_size"),
        ({"acoustic_steps": 0}, "nothing_to_train"),
        ({"acoustic_steps": 10**9}, "bad_steps"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(speaker: Speaker, choice: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        services.run_start(speaker=speaker, **{**TRIAL, **choice})
    assert refusal.value.code == code


def test_an_unknown_setting_is_refused_by_its_name(speaker: Speaker) -> None:
    with pytest.raises(BadConfig, match="batchsize"):
        services.run_start(speaker=speaker, **TRIAL, overrides={"batchsize": 3})


def test_a_base_of_another_model_is_refused(speaker: Speaker) -> None:
    base = Checkpoint.objects.create(kind="vocoder", model="waveglow", file="x", sha256="0" * 64, size=1)
    with pytest.raises(Refused) as refusal:
        services.run_start(speaker=speaker, **TRIAL, acoustic_base=base)
    assert refusal.value.code == "wrong_base"


def test_a_base_of_another_size_is_refused(speaker: Speaker) -> None:
    values = {"kind": "acoustic", "model": "tacotron2", "file": "x", "sha256": "0" * 64, "size": 1}
    full, unknown = (Checkpoint.objects.create(**values, size_name=name) for name in ("full", ""))
    with pytest.raises(Refused) as refusal:
        services.run_start(speaker=speaker, **TRIAL, acoustic_base=full)
    assert refusal.value.code == "wrong_base"
    assert services.run_start(speaker=speaker, **TRIAL, acoustic_base=unknown).acoustic_base == unknown


def test_a_queued_run_is_stopped_at_once_and_can_be_resumed(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    assert services.run_stop(run=run).state == State.STOPPED
    with pytest.raises(Refused, match="끝났"):
        services.run_stop(run=run)
    assert services.run_resume(run=run).state == State.QUEUED
    with pytest.raises(Refused) as refusal:
        services.run_resume(run=run)
    assert refusal.value.code == "not_resumable"
    assert numbers_of(run) == [1, 2, 3]


def test_a_stopped_run_does_not_come_back_beside_another_of_its_speaker(speaker: Speaker) -> None:
    first = services.run_stop(run=services.run_start(speaker=speaker, **TRIAL))
    services.run_start(speaker=speaker, **TRIAL)
    with pytest.raises(Refused) as refusal:
        services.run_resume(run=first)
    assert refusal.value.code == "active_run"


def test_a_running_run_is_asked_to_stop_and_its_owner_hears_it(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="w")
    assert not services.stop_wanted(run_pk=run.pk, attempt=1)
    services.run_stop(run=run)
    services.run_stop(run=run)  # a second click changes nothing
    assert services.stop_wanted(run_pk=run.pk, attempt=1)
    assert numbers_of(run) == [1, 2, 3]


def test_a_stop_is_not_lost_while_a_worker_gives_the_run_back(
    speaker: Speaker, meanwhile: Callable[[Callable[[], None]], threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="w")
    record_state = services._record_state

    def slowly(*values: Any, **more: Any) -> Any:
        """Between its first look, at the queue, and the second, at the running ones, the worker leaves."""
        monkeypatch.setattr(services, "_record_state", record_state)
        event = record_state(*values, **more)
        meanwhile(lambda: services.run_release(run_pk=run.pk, attempt=1, reason="drained") and None).join(0.5)
        return event

    monkeypatch.setattr(services, "_record_state", slowly)
    services.run_stop(run=run)
    wait_until(lambda: TrainingRun.objects.get(pk=run.pk).state == State.STOPPED, "the stop")


def test_an_owner_that_was_replaced_can_write_nothing(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="first")
    expire(run)
    services.runs_reconcile()
    services.run_claim(run_pk=run.pk, worker="second")
    assert not services.lease_renew(run_pk=run.pk, attempt=1)
    assert services.run_end(run_pk=run.pk, attempt=1, state=State.FINISHED) is None
    assert services.run_release(run_pk=run.pk, attempt=1, reason="drained") is None
    assert services.lease_renew(run_pk=run.pk, attempt=2)
    run.refresh_from_db()
    assert (run.state, run.worker, run.attempt) == (State.RUNNING, "second", 2)


def test_a_run_whose_worker_vanished_is_queued_and_sent_again(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="w")
    purge()
    assert services.runs_reconcile() == 0
    expire(run)
    assert services.runs_reconcile() == 2
    run.refresh_from_db()
    assert (run.state, run.crashes) == (State.QUEUED, 1)
    assert selectors.messages_waiting(services.QUEUE) == 1


def test_a_run_that_goes_on_under_another_worker_began_with_the_first(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    first = services.run_claim(run_pk=run.pk, worker="first")
    services.run_release(run_pk=run.pk, attempt=1, reason="drained")
    second = services.run_claim(run_pk=run.pk, worker="second")
    assert first is not None and second is not None
    assert second.started_at == first.started_at is not None


def test_a_run_stays_with_the_worker_that_renews_its_lease(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="w")
    now = [0.0]
    watch = LeaseWatch(lambda: now[0])
    for quarter in range(8):
        now[0] = quarter * settings.RUN_LEASE_SECONDS / 4
        assert services.lease_renew(run_pk=run.pk, attempt=1)
        assert services.runs_reconcile(watch) == 0


def test_a_worker_that_is_heard_of_again_just_then_keeps_its_run(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="w")
    expire(run)
    take_back = services._expire

    def too_late(silent: TrainingRun) -> bool:
        assert services.lease_renew(run_pk=run.pk, attempt=1)
        return take_back(silent)

    monkeypatch.setattr(services, "_expire", too_late)
    assert services.runs_reconcile() == 0
    run.refresh_from_db()
    assert (run.state, run.crashes) == (State.RUNNING, 0)


def renewed(run: TrainingRun, ahead: timedelta) -> None:
    """As an owner does it whose clock is `ahead`, or behind."""
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() + ahead)


def test_a_run_stays_with_a_worker_that_is_heard_of_whatever_its_clock_says(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="behind")
    now = [0.0]
    watch = LeaseWatch(lambda: now[0])
    for quarter in range(40):
        now[0] = quarter * settings.RUN_LEASE_SECONDS / 4
        renewed(run, timedelta(hours=-1))
        assert services.runs_reconcile(watch) == 0
    now[0] += settings.RUN_LEASE_SECONDS / 2  # and then no more
    assert services.runs_reconcile(watch) > 0
    run.refresh_from_db()
    assert run.state == State.QUEUED


def test_a_run_is_taken_from_a_worker_that_died_whatever_its_clock_said(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="ahead")
    renewed(run, timedelta(hours=1))
    now = [0.0]
    watch = LeaseWatch(lambda: now[0])
    assert services.runs_reconcile(watch) == 0
    now[0] = settings.RUN_LEASE_SECONDS
    assert services.runs_reconcile(watch) == 0
    now[0] = settings.RUN_LEASE_SECONDS * 1.25
    assert services.runs_reconcile(watch) > 0
    run.refresh_from_db()
    assert run.state == State.QUEUED


def test_a_run_that_loses_every_worker_fails_in_the_end(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    for _ in range(services.MOST_CRASHES + 1):
        services.run_claim(run_pk=run.pk, worker="w")
        expire(run)
        services.runs_reconcile()
    run.refresh_from_db()
    assert (run.state, run.error["code"]) == (State.FAILED, "worker_lost")
    assert services.run_resume(run=run).crashes == 0


def test_a_run_that_was_to_stop_when_its_worker_vanished_is_stopped(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="w")
    services.run_stop(run=run)
    expire(run)
    services.runs_reconcile()
    run.refresh_from_db()
    assert (run.state, run.stop_requested) == (State.STOPPED, False)


def test_a_run_that_was_to_stop_when_its_worker_left_does_not_wait_in_the_queue(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    services.run_claim(run_pk=run.pk, worker="w")
    services.run_stop(run=run)
    assert services.run_release(run_pk=run.pk, attempt=1, reason="drained") is not None
    run.refresh_from_db()
    assert (run.state, run.stop_requested, run.lease_until) == (State.STOPPED, False, None)
    assert services.run_resume(run=run).state == State.QUEUED


def test_a_run_started_while_the_broker_is_away_is_sent_later(speaker: Speaker) -> None:
    command = [sys.executable, "manage.py", "finetune", "--speaker", speaker.name, "--size", "trial", "--steps", "5"]
    away = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": "unix:///nowhere/redis.sock"}
    subprocess.run(command, cwd=settings.BASE_DIR, env=away, check=True, capture_output=True)
    run = TrainingRun.objects.get()
    assert (run.state, run.sent_at) == (State.QUEUED, None)
    assert services.runs_reconcile() == 1
    assert selectors.messages_waiting(services.QUEUE) == 1
    assert services.runs_reconcile() == 0


def test_a_run_that_waits_behind_a_busy_worker_is_not_sent_again_and_again(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    TrainingRun.objects.filter(pk=run.pk).update(sent_at=timezone.now() - timedelta(hours=1))
    assert services.runs_reconcile() == 0
    purge()
    assert services.runs_reconcile() == 1
