"""The way of one run: claim it, bring its clips here, train each part in a child process, keep what it makes."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError

from speech.errors import SpeechError
from speech.events import CheckpointSaved, Event, TrainingFailed, Warned
from speech.files import write_text_atomic
from speech.text.dictionary import to_tsv
from studio.dictionary import dictionary_for
from studio.errors import Refused
from studio.models import Clip
from training import drain, services, shelf
from training.lease import Lease, LeaseLost
from training.models import TrainingRun
from training.reporter import RunReporter
from training.selectors import Part, latest_checkpoint, parts_of
from training.trainer import EXIT_STOPPED, Command, Trainer, trainer_command

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
GRACE_SECONDS = 600.0  # for the step and the checkpoint of a large model on a slow machine
STORE_TRIES = 6  # a storage that is away for a minute costs no checkpoint
State = TrainingRun.State
T = TypeVar("T")


class Outcome(Enum):
    FINISHED = auto()
    STOPPED = auto()


class TrainerFailed(SpeechError):
    """The trainer said that it cannot go on, or died more often than a new start can mend."""

    code = "trainer_failed"


def execute(
    run_pk: UUID,
    *,
    command: Command | None = None,
    draining: Callable[[], bool] = drain.requested,
    stop: threading.Event | None = None,
) -> TrainingRun.State | None:
    """Run a queued run to its end, and say how it ended; None when it was not ours to take.

    `command` makes the trainer's command line from the path of `run.json`. `draining`: whether this worker must go, and
    the run back to the queue. `stop`: an event that stops the run as a person's stop button does.
    """
    run = services.run_claim(run_pk=run_pk, worker=f"{socket.gethostname()}:{os.getpid()}")
    if run is None:
        logger.info("Run %s is not waiting for an owner.", run_pk)
        return None
    with Lease(run.pk, run.attempt, stop) as lease, RunReporter(lease) as reporter:
        try:
            return _Owner(run, lease, reporter, command or trainer_command, draining).work()
        except LeaseLost as loss:
            logger.warning("%s was lost to another owner; nothing more is written.", loss)
            with contextlib.suppress(DatabaseError, InterfaceError):  # it may be what was lost
                shelf.erased_forget(run_pk=run.pk)
            return None


class _Owner:
    """One attempt at one run."""

    def __init__(
        self,
        run: TrainingRun,
        lease: Lease,
        reporter: RunReporter,
        command: Command,
        draining: Callable[[], bool],
    ) -> None:
        self.run = run
        self.lease = lease
        self.reporter = reporter
        self.command = command
        self.draining = draining
        self.shared = shelf.run_work_folder(run.pk)
        self.own = self.shared / f"attempt-{run.attempt}"  # never an earlier owner's, who may still be writing

    def work(self) -> TrainingRun.State:
        try:
            outcome = self._train()
        except LeaseLost:
            raise
        except (SpeechError, Refused) as error:
            return self._end(State.FAILED, error.to_json())
        except (OperationalError, InterfaceError) as error:
            if self.run.crashes < services.MOST_CRASHES:
                logger.exception("Run %s goes back to the queue: the database was away.", self.run.pk)
                return self._release("interrupted", crashed=True)
            return self._end(State.FAILED, {"code": "database", "message": str(error), "params": {}})
        except Exception as error:
            logger.exception("Run %s failed.", self.run.pk)
            return self._end(State.FAILED, {"code": "internal", "message": repr(error), "params": {}})
        if outcome is Outcome.FINISHED:
            return self._end(State.FINISHED)
        if self.lease.stop_requested.is_set():
            return self._end(State.STOPPED)
        return self._release("drained")

    def _train(self) -> Outcome:
        shelf.work_sweep(keep=self.run.pk)
        for earlier in self.shared.glob("attempt-*"):
            shutil.rmtree(earlier, ignore_errors=True)  # its checkpoints are in storage
        self.lease.insist(lambda: shelf.clips_fix(run=self.run))
        clips = self.shared / "clips"
        try:
            missing = self._patiently(
                lambda: shelf.clips_fetch(run=self.run, folder=clips, on_clip=self._on_clip), "bring the clips"
            )
            self._tell_of_missing(missing)
            for part in parts_of(self.run):
                if self._must_stop() or self._train_part(part, clips) is Outcome.STOPPED:
                    return Outcome.STOPPED
        except _StopAsked:
            return Outcome.STOPPED
        return Outcome.FINISHED

    def _train_part(self, part: Part, clips: Path) -> Outcome:
        newest = latest_checkpoint(self.run, part.kind)
        if newest is not None and newest.step >= part.steps:
            return Outcome.FINISHED
        self.lease.insist(lambda: services.bases_check(self.run.acoustic_base, self.run.vocoder_base))
        out = self.own / part.kind
        out.mkdir(parents=True, exist_ok=True)
        begun = newest.step if newest else 0
        self.reporter.write(
            "stage_changed",
            {"part": part.kind, "stage": "restore", "done": 0, "total": 0, "step": begun},
            {"part": part.kind, "stage": "restore", "step": begun, "progress": {}},
        )
        self._patiently(
            lambda: shelf.checkpoint_restore(
                run=self.run, part=part, folder=out, on_damaged=partial(self._tell_of_damaged, part)
            ),
            "bring the last checkpoint",
        )
        job = self.own / f"{part.kind}.json"
        write_text_atomic(job, json.dumps(job_of(self.run, part, clips, out, self.shared / "data"), ensure_ascii=False))
        crashes = self.run.crashes
        while True:
            before = latest_checkpoint(self.run, part.kind)
            with self._trainer(job, out) as trainer:
                failure = self._follow(trainer, part)
                code = trainer.process.returncode
                tail = trainer.log_tail()
            if code == 0:
                return Outcome.FINISHED
            asked = trainer.asked_seconds > 0
            if code == EXIT_STOPPED or (asked and code in (-signal.SIGTERM, -signal.SIGKILL)):
                return Outcome.STOPPED
            if failure is not None or 0 < code < 128:
                raise _failed(failure, code, tail)
            crashes = 1 if latest_checkpoint(self.run, part.kind) != before else crashes + 1
            self._crashed(part, code, crashes, tail)

    @contextlib.contextmanager
    def _trainer(self, job: Path, out: Path) -> Iterator[Trainer]:
        trainer = Trainer(self.command(job), out / "trainer.log", self._hold)
        try:
            yield trainer
        finally:
            trainer.kill()  # whatever happened here, it does not outlive its owner

    def _follow(self, trainer: Trainer, part: Part) -> TrainingFailed | None:
        """Pass the trainer's events on until it has ended. Raises LeaseLost."""
        failure = None
        while True:
            event = trainer.next_event(POLL_SECONDS)
            self.lease.check()
            if self._must_stop():
                trainer.ask_to_stop()
            if trainer.asked_seconds > GRACE_SECONDS:
                trainer.kill()
            if isinstance(event, TrainingFailed):
                failure = event
            if event is not None:
                self._pass_on(event, part)
            elif trainer.said_all:
                self.reporter.flush()
                return failure

    def _pass_on(self, event: Event, part: Part) -> None:
        if isinstance(event, CheckpointSaved):
            self._store(event, part)
        else:
            self.reporter(part.kind, event)

    def _hold(self, event: Event) -> Event:
        return shelf.checkpoint_hold(event, self.own / "held") if isinstance(event, CheckpointSaved) else event

    def _store(self, saved: CheckpointSaved, part: Part) -> None:
        """A checkpoint to storage; when that fails, training goes on and a person is told."""
        self.reporter.flush()
        run = self.run
        try:
            event = self._patiently(
                lambda: self.lease.insist(
                    lambda: shelf.checkpoint_store(run=run, attempt=run.attempt, part=part, saved=saved)
                ),
                f"store the checkpoint of step {saved.step}",
            )
        except LeaseLost:
            raise
        except Exception as error:  # whatever a storage raises
            logger.exception("Run %s: the checkpoint of step %s is not stored.", run.pk, saved.step)
            message = f"The checkpoint of step {saved.step} could not be stored: {error}"
            self.reporter(part.kind, Warned("checkpoint_not_stored", message, {"step": saved.step}))
            return
        finally:
            shelf.checkpoint_let_go(saved, self.own / "held")
        if event is None:
            raise LeaseLost(f"run {run.pk}, attempt {run.attempt}")
        self.reporter.tell(event)

    def _patiently(self, do: Callable[[], T], what: str) -> T:
        """Try again while a storage is away for a moment; what is wrong for good is raised at once."""
        tries = 0
        while True:
            try:
                return do()
            except (LeaseLost, _StopAsked, SpeechError, FileNotFoundError, DatabaseError):
                raise
            except Exception as error:  # an S3 client raises kinds of its own
                tries += 1
                if tries == STORE_TRIES:
                    raise
                logger.warning("Run %s could not %s yet: %s", self.run.pk, what, error)
                self._wait(min(2.0**tries, 15.0))

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._must_stop():
            self.lease.check()
            time.sleep(POLL_SECONDS)

    def _tell_of_missing(self, missing: list[Clip]) -> None:
        if missing:
            texts = ", ".join(clip.text for clip in missing[:5])
            message = f"{len(missing)} clips are gone from storage, or damaged there, and were left out: {texts}"
            self.reporter("", Warned("clips_missing", message, {"clips": [str(clip.pk) for clip in missing]}))

    def _tell_of_damaged(self, part: Part, step: int) -> None:
        message = f"The checkpoint of step {step} is damaged or gone from storage; the one before is taken."
        self.reporter(part.kind, Warned("damaged_checkpoint", message, {"step": step}))

    def _crashed(self, part: Part, code: int, crashes: int, tail: str) -> None:
        """Tell of it, wait a little, and let the trainer start again from its last checkpoint; or give up."""
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        if crashes > services.MOST_CRASHES:
            raise TrainerFailed(
                f"The trainer died {crashes} times without a new checkpoint, the last time by {how}. {tail[-500:]}",
                code="trainer_died",
                times=crashes,
                how=how,
            )
        message = f"The trainer died ({how}) and starts again from its last checkpoint."
        params = {"how": how, "times": crashes, "log": tail[-2000:]}
        data = {"part": part.kind, "code": "trainer_restarted", "message": message, "params": params}
        self.reporter.write("warned", data, {"crashes": crashes})
        self._wait(min(2.0**crashes, 30.0))

    def _on_clip(self, done: int, total: int) -> None:
        self.lease.check()
        if self._must_stop():
            raise _StopAsked
        if done == 1 or done == total or done % 25 == 0:
            data = {"part": "", "stage": "fetch", "done": done, "total": total}
            self.reporter.write("stage_changed", data, {"stage": "fetch"})

    def _must_stop(self) -> bool:
        return self.lease.stop_requested.is_set() or self.draining()

    def _end(self, state: TrainingRun.State, error: dict[str, Any] | None = None) -> TrainingRun.State:
        event = self.lease.insist(
            lambda: services.run_end(run_pk=self.run.pk, attempt=self.run.attempt, state=state, error=error)
        )
        if event is None:
            raise LeaseLost(f"run {self.run.pk}, attempt {self.run.attempt}")
        if state is State.FINISHED:
            shutil.rmtree(self.shared, ignore_errors=True)
        return state

    def _release(self, reason: str, *, crashed: bool = False) -> TrainingRun.State:
        run = self.run
        event = self.lease.insist(
            lambda: services.run_release(run_pk=run.pk, attempt=run.attempt, reason=reason, crashed=crashed)
        )
        if event is None:
            raise LeaseLost(f"run {self.run.pk}, attempt {self.run.attempt}")
        return State(event.data["state"])


class _StopAsked(Exception):
    """Someone wants the run to stop while its clips are still being brought."""


def job_of(run: TrainingRun, part: Part, clips: Path, out: Path, data: Path) -> dict[str, Any]:
    """`run.json` of one part, for speech.job.Job."""
    often = max(5, min(250, part.steps // 10))
    training = {"evaluate_every": often, "checkpoint_every": often, **run.overrides, "steps": part.steps}
    job: dict[str, Any] = {
        "model": part.model,
        "size": run.size,
        "clips": str(clips),
        "out": str(out),
        "work": str(data),
        "base": str(shelf.base_fetch(base=part.base)) if part.base else None,
        "training": training,
    }
    if run.sample_text:
        job["sample_text"] = run.sample_text
    if own := dictionary_for(run.speaker):
        job["dictionary"] = str(out / "dictionary.tsv")
        write_text_atomic(out / "dictionary.tsv", to_tsv(own))
    return job


def _failed(failure: TrainingFailed | None, code: int, tail: str) -> TrainerFailed:
    """What the trainer said went wrong; or the last line of its log, where it said nothing."""
    if failure is not None:
        return TrainerFailed(failure.message, code=failure.code, **failure.params)
    last = tail.splitlines()[-1] if tail else "it said nothing"
    return TrainerFailed(f"The trainer ended with status {code}: {last}", exit_status=code, log=tail[-2000:])
