"""The trainer as a child process: `python -m speech finetune run.json`, its events, and its end."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, cast

from django.conf import settings

from speech.events import Event, parse_line
from speech.lifetime import EXIT_STOPPED

__all__ = ["EXIT_STOPPED", "Command", "Trainer", "trainer_command"]

logger = logging.getLogger(__name__)

# The trainer knows files and events only; what leads to our database and storage stays out of its environment.
_PRIVATE = ("MOKSORI_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "S3_", "AWS_", "CELERY")
_LOG_TAIL_BYTES = 8192

Command = Callable[[Path], list[str]]


def trainer_command(job: Path) -> list[str]:
    return [sys.executable, "-m", "speech", "finetune", str(job)]


class Trainer:
    """One running trainer. Start it in the thread that stays: Linux ends a child with the thread that started it.

    `on_arrival` sees each event as soon as it is read, in another thread, and gives what `next_event` will.
    """

    def __init__(
        self, command: list[str], log: Path, on_arrival: Callable[[Event], Event] = lambda event: event
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._on_arrival = on_arrival
        self._asked_at: float | None = None
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._closed = threading.Event()  # its standard output is read to the end
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
        with log.open("ab") as errors:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=settings.BASE_DIR,
                env={**environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # a Ctrl-C in the worker's terminal is the worker's to act on
            )
        reader = partial(self._read, cast("IO[bytes]", self.process.stdout))
        threading.Thread(target=reader, name=f"trainer-{self.process.pid}", daemon=True).start()

    def next_event(self, timeout: float) -> Event | None:
        """The next event, or None when there is none within `timeout` seconds."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None

    @property
    def said_all(self) -> bool:
        """Whether it has ended and every event of it was taken."""
        if self.process.poll() is None:
            return False
        if not self._closed.is_set():
            self._end_group()  # a process that it left behind would hold the pipe open
        return self._closed.is_set() and self._events.empty()

    def ask_to_stop(self) -> None:
        """Once: finish the step, save, exit with 75."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self.process.send_signal(signal.SIGTERM)

    @property
    def asked_seconds(self) -> float:
        """How long ago it was asked to stop; 0 when it was not."""
        return 0.0 if self._asked_at is None else time.monotonic() - self._asked_at

    def kill(self) -> None:
        """End it and all that it started, now."""
        self._end_group()
        self.process.wait()

    def _end_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def log_tail(self) -> str:
        """The last lines that it wrote to standard error."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace").replace("\0", "").strip()  # PostgreSQL takes no zeros

    def _read(self, lines: IO[bytes]) -> None:
        for line in lines:
            try:
                self._events.put(self._on_arrival(parse_line(line.decode("utf-8", errors="replace"))))
            except (ValueError, TypeError, RecursionError) as error:  # a stray print, or a line cut off by a kill
                logger.warning("The trainer said something that is no event: %s", error)
        lines.close()
        self._closed.set()
