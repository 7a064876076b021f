"""How a training process ends: asked to stop, it ends at a checkpoint; its parent gone, it ends at once.

Never imports torch, so that both hold from the first millisecond.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from speech.errors import Busy

EXIT_STOPPED = 75  # EX_TEMPFAIL: run the same command again and it goes on
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_WATCH_SECONDS = 1.0


class Stopped(Exception):
    """A stop was asked for where there is nothing to save yet."""


class StopRequest:
    """Becomes `requested` when SIGTERM or SIGINT comes; a second signal ends the process as usual."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self) -> None:
        self._event.set()

    def listen(self) -> None:
        """Install the handlers; only in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._event.set()
        signal.signal(number, signal.SIG_DFL)


def killed_with_parent() -> None:
    """Have Linux kill this process when the *thread* that started it is gone; elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def die_with_parent() -> None:
    """End this process, without another write, as soon as the process that started it is gone.

    On Linux the kernel sees to it; everywhere a thread watches as well. SIGKILL, because whoever takes the run over
    must find nobody else writing to it.
    """
    parent = os.getppid()
    killed_with_parent()
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def sole_owner(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone. Raises Busy when another trainer has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(
                f"Another trainer is at work in {folder}. Wait for it, stop it, or choose another folder.",
                folder=str(folder),
            ) from error
        yield


@contextlib.contextmanager
def turn(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the folder itself, after whoever has it; `waiting` is called again and again until then.

    A file system that knows no locks of folders lets all in at once.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while not _locked(descriptor):
            waiting()
            time.sleep(_WATCH_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
