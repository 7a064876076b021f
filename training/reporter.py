"""From the trainer's events to numbered rows, and from there to the pages that look."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

from speech.events import DataPrepared, Event, StageChanged, StepDone, TrainingStarted
from training.journal import announce, record
from training.lease import Lease, LeaseLost
from training.models import RunEvent
from training.services import owner

SECONDS_BETWEEN_STEPS = 0.5  # of rows; a fast trainer does more steps than anyone can look at
STEP_ROWS = 4000  # most rows of one part's steps
SECONDS_BETWEEN_SENDS = 0.5


class RunReporter:
    """Write the events of one owner: first the row, with the next number, then the message. Raises LeaseLost."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self._announcer = Announcer()
        self._last_step = (0, 0.0)  # number and time of the last step that got a row
        self._held_back: tuple[str, StepDone] | None = None

    def __enter__(self) -> Self:
        self._announcer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._announcer.stop()

    def __call__(self, part: str, event: Event) -> None:
        """One event of the trainer. Steps and counts that come too fast get no row; the last step always does."""
        if isinstance(event, StepDone):
            if not self._is_due(event):
                self._held_back = (part, event)
                return
            self._last_step = (event.step, time.monotonic())
            self._held_back = None
        else:
            self._write_held_back()
        data = event.to_json()
        del data["event"]
        self.write(event.name, {"part": part, **data}, _changes(part, event))

    def write(self, kind: str, data: dict[str, Any], changes: dict[str, Any] | None = None) -> None:
        """One row, and `changes` to the run with it."""
        lease = self.lease
        event = lease.insist(
            lambda: record(run_pk=lease.run_pk, kind=kind, data=data, where=owner(lease.attempt), changes=changes)
        )
        if event is None:
            lease.lost.set()
            raise LeaseLost(f"run {lease.run_pk}, attempt {lease.attempt}")
        self._announcer.tell(event)

    def tell(self, event: RunEvent) -> None:
        """Announce a row that a service has written."""
        self._announcer.tell(event)

    def flush(self) -> None:
        """Write the newest step where it was held back: nothing else is coming."""
        self._write_held_back()

    def _is_due(self, event: StepDone) -> bool:
        step, at = self._last_step
        if event.step in (1, event.total) or event.step < step:
            return True
        stride = max(1, event.total // STEP_ROWS)
        return event.step - step >= stride and time.monotonic() - at >= SECONDS_BETWEEN_STEPS

    def _write_held_back(self) -> None:
        if self._held_back is not None:
            part, event = self._held_back
            self._held_back = None
            self._last_step = (event.step, time.monotonic())
            data = event.to_json()
            del data["event"]
            self.write(event.name, {"part": part, **data}, _changes(part, event))


class Announcer:
    """Sends at most two messages a second, always the newest; the sockets read what lies between from the rows.

    In a thread of its own, so that a Redis that hangs never holds a training up.
    """

    def __init__(self) -> None:
        self._newest: RunEvent | None = None
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._send_all, name="announcer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def tell(self, event: RunEvent) -> None:
        with self._wake:
            self._newest = event
            self._wake.notify()

    def stop(self, seconds: float = 3.0) -> None:
        """Send the last one; a Redis that is away is not waited for."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(seconds)

    def _send_all(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._newest is not None or self._stopping)
                event, self._newest = self._newest, None
            if event is None:
                return
            announce(event)
            with self._wake:
                self._wake.wait_for(lambda: self._stopping, SECONDS_BETWEEN_SENDS)


def _changes(part: str, event: Event) -> dict[str, Any]:
    """What an event changes in the run's own row."""
    match event:
        case StageChanged(stage=stage):
            return {"part": part, "stage": stage}
        case DataPrepared():
            return {"part": part, "stage": "prepare"}
        case TrainingStarted(step=step, device=device):
            return {"part": part, "stage": "train", "step": step, "device": device[:120], "progress": {}}
        case StepDone(step=step):
            progress = event.to_json()
            del progress["event"]
            return {"part": part, "step": step, "progress": progress}
        case _:
            return {}
