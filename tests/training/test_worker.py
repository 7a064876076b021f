"""A real worker, a real trainer, a real Redis: what is left when one of them goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings

from studio.models import Speaker
from tests import servers
from tests.servers import wait_until
from tests.training.conftest import numbers_of, steps_of
from training import selectors, services
from training.models import TrainingRun

pytestmark = pytest.mark.servers
State = TrainingRun.State
Workers = Callable[..., subprocess.Popen[bytes]]
ENVIRONMENT = {"MOKSORI_RUN_LEASE_SECONDS": "4", "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def _empty_queue(redis_url: str) -> None:
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_purge(services.QUEUE)


@pytest.fixture
def run(speaker: Speaker) -> TrainingRun:
    """Long enough to be caught in the middle; a checkpoint in time for that, and none for long afterwards."""
    seldom = {"checkpoint_every": 12, "evaluate_every": 1000}
    return services.run_start(
        speaker=speaker, acoustic_steps=100_000, size="trial", overrides=seldom, sample_text="네."
    )


def current(run: TrainingRun) -> TrainingRun:
    return TrainingRun.objects.get(pk=run.pk)


def wait_for(run: TrainingRun, holds: Callable[[TrainingRun], Any], what: str, seconds: float = 120) -> None:
    wait_until(lambda: bool(holds(current(run))), what, seconds=seconds)


def trainers_of(run: TrainingRun) -> list[int]:
    """Processes whose command line names this run's folder."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and str(run.pk).encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def starts_of(run: TrainingRun) -> list[int]:
    return [event.data["step"] for event in run.events.filter(kind="training_started").order_by("seq")]


def assert_numbered(run: TrainingRun) -> None:
    numbers = numbers_of(run)
    assert numbers == list(range(1, current(run).last_seq + 1))


def test_a_worker_killed_in_mid_run_leaves_no_trainer_and_the_run_resumes_from_its_last_checkpoint(
    run: TrainingRun, celery_worker: Workers
) -> None:
    first = celery_worker("train", **ENVIRONMENT)
    wait_for(run, lambda run: run.checkpoints.count() and run.step >= 13, "the first checkpoint")
    assert trainers_of(run)
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not trainers_of(run), "the end of the trainer", seconds=15)
    saved = max(run.checkpoints.values_list("step", flat=True))
    assert current(run).state == State.RUNNING
    wait_until(lambda: services.runs_reconcile() > 0, "the lease to expire", seconds=20)
    assert (current(run).state, current(run).crashes) == (State.QUEUED, 1)
    celery_worker("train", **ENVIRONMENT)
    wait_for(run, lambda run: run.step > saved and run.attempt == 2 and len(starts_of(run)) == 2, "the run to go on")
    assert starts_of(run) == [0, saved]
    services.run_stop(run=current(run))
    wait_for(run, lambda run: run.state == State.STOPPED, "the end")
    assert not trainers_of(run)
    assert_numbered(run)


def test_a_worker_asked_to_go_saves_gives_the_run_back_and_is_gone(run: TrainingRun, celery_worker: Workers) -> None:
    worker = celery_worker("train", **ENVIRONMENT)
    wait_for(run, lambda run: run.step >= 3, "the first steps")
    worker.terminate()
    worker.wait(60)
    assert current(run).state == State.QUEUED
    assert not trainers_of(run)
    reasons = [event.data.get("reason") for event in run.events.filter(kind="state_changed").order_by("seq")]
    assert reasons == ["started", "claimed", "drained"]
    saved = max(run.checkpoints.values_list("step", flat=True))
    celery_worker("train", **ENVIRONMENT)
    wait_for(run, lambda run: len(starts_of(run)) == 2, "the run to go on")
    assert starts_of(run) == [0, saved]
    services.run_stop(run=current(run))
    wait_for(run, lambda run: run.state == State.STOPPED, "the end")


@pytest.fixture
def restless_redis(tmp_path: Path) -> Iterator[Callable[[bool], str]]:
    """A Redis of this test's own: `restless_redis(True)` starts it on its old data, `(False)` kills it."""
    from config.redis_server import RedisServer

    server = RedisServer(tmp_path / "redis", tmp_path / "redis" / "redis.sock")
    running: list[Any] = []

    def switch(on: bool) -> str:
        if on:
            context = servers.program(server.command(), log=server.log, stop=signal.SIGKILL)
            running.append(context)
            server.wait(context.__enter__())
        else:
            running.pop().__exit__(None, None, None)
        return str(server.url)

    yield switch
    while running:
        switch(False)


def test_training_goes_on_while_redis_is_away_and_every_event_is_there_afterwards(
    run: TrainingRun, celery_worker: Workers, restless_redis: Callable[[bool], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = restless_redis(True)
    worker = celery_worker("train", **ENVIRONMENT, REDIS_URL=url)
    command = [settings.BASE_DIR / "manage.py", "shell", "-c"]
    send = f"from training.services import run_send; run_send(run_pk='{run.pk}')"
    servers_env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": url}
    subprocess.run([sys.executable, *command, send], env=servers_env, check=True, capture_output=True)
    wait_for(run, lambda run: run.step >= 3, "the first steps")
    restless_redis(False)
    before = current(run).step
    time.sleep(6)  # longer than the lease: it is the database that holds it
    assert services.runs_reconcile() == 0
    wait_for(run, lambda run: run.step > before + 5, "steps without Redis")
    restless_redis(True)
    wait_for(run, lambda run: run.step > before + 10, "steps with Redis again")
    assert worker.poll() is None
    assert current(run).attempt == 1
    assert_numbered(run)
    assert steps_of(run)[-1] > before
    services.run_stop(run=current(run))
    wait_for(run, lambda run: run.state == State.STOPPED, "the end")
    assert_numbered(run)


def test_a_run_in_a_terminal_is_saved_and_stopped_by_ctrl_c_and_follows_its_own_log(
    speaker: Speaker, tmp_path: Path
) -> None:
    command = [sys.executable, "manage.py", "finetune", "--speaker", speaker.name, "--size", "trial", "--here"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **ENVIRONMENT}
    log = tmp_path / "terminal.log"
    with servers.program([*command, "--steps", "100000"], log=log, env=environment, stop=signal.SIGKILL) as terminal:
        wait_until(lambda: TrainingRun.objects.filter(step__gte=3).exists(), "the first steps", process=terminal)
        terminal.send_signal(signal.SIGINT)
        assert terminal.wait(60) == 0
    run = TrainingRun.objects.get()
    assert run.state == State.STOPPED
    assert run.checkpoints.exists()
    assert not trainers_of(run)
    assert selectors.messages_waiting(services.QUEUE) <= 0  # no worker was asked to take it
    said = log.read_text()
    assert "음향 모델 · CPU에서 0걸음부터 시작해요" in said
    assert "저장하고 멈췄어요" in said
