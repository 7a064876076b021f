"""The hold of an owner on its run: renewed by a thread, lost when the database says so or cannot be asked in time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connections

from training import services

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0  # how soon a person's stop is heard
RETRY_SECONDS = 1.0
T = TypeVar("T")


class LeaseLost(Exception):
    """The run belongs to another owner, or to nobody: nothing may be written any more."""


class Lease:
    """Hold `run_pk` as its `attempt`-th owner. `lost` and `stop_requested` are threading events."""

    def __init__(self, run_pk: UUID, attempt: int, stop: threading.Event | None = None) -> None:
        self.run_pk = run_pk
        self.attempt = attempt
        self.lost = threading.Event()
        self.stop_requested = stop or threading.Event()
        self._seconds = float(settings.RUN_LEASE_SECONDS)
        self._renewed = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{run_pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(TICK_SECONDS * 5)

    def check(self) -> None:
        """Raises LeaseLost when the run is no longer ours."""
        if self.lost.is_set():
            raise LeaseLost(f"run {self.run_pk}, attempt {self.attempt}")

    def insist(self, write: Callable[[], T]) -> T:
        """Do `write` until the database takes it: it may be away for a while, and training goes on meanwhile.

        Raises LeaseLost when it stays away for longer than the lease.
        """
        while True:
            self.check()
            close_old_connections()
            try:
                return write()
            except (OperationalError, InterfaceError) as error:
                logger.warning("Run %s: the database did not take a write (%s); trying again.", self.run_pk, error)
                self._done.wait(RETRY_SECONDS)

    def _beat(self) -> None:
        try:
            while not self._done.wait(min(TICK_SECONDS, self._seconds / 4)) and not self.lost.is_set():
                self._tick()
        finally:
            connections.close_all()

    def _tick(self) -> None:
        close_old_connections()  # after a restart of the server, the old connection only fails
        try:
            if time.monotonic() - self._renewed >= self._seconds / 4:
                asked = time.monotonic()
                if not services.lease_renew(run_pk=self.run_pk, attempt=self.attempt):
                    self._lose("another owner has it, or it was closed")
                    return
                self._renewed = asked
            if services.stop_wanted(run_pk=self.run_pk, attempt=self.attempt):
                self.stop_requested.set()
        except (OperationalError, InterfaceError) as error:
            logger.warning("Run %s: the lease could not be renewed (%s).", self.run_pk, error)
            if time.monotonic() - self._renewed >= self._seconds:
                self._lose("the database was away for longer than the lease")

    def _lose(self, why: str) -> None:
        if not self._done.is_set():
            logger.warning("Run %s: attempt %s lost its lease: %s.", self.run_pk, self.attempt, why)
        self.lost.set()
