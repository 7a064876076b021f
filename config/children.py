"""The programs that make up a running studio: started, watched, started again when they die, and ended together.

Each child is the leader of a process group of its own, so that Ctrl-C in a terminal reaches the parent alone, which
then ends them in order. Two nets hold when the parent dies without a word: config/bound.py and config/keeper.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOG_BYTES = 10 * 2**20  # a log is put aside at this size …
LOG_COPIES = 3  # … and so many older ones are kept
STEADY_SECONDS = 60.0  # a child that ran so long starts again without waiting
LONGEST_WAIT = 60.0


def web_command(descriptor: int) -> list[str]:
    """The web server on a listening socket that the caller has opened."""
    return [sys.executable, "-m", "config.web", "--fd", str(descriptor)]


@dataclass
class Child:
    """One program: how to start it, where its output goes, and how it has been doing."""

    name: str
    korean: str  # as a person calls it
    english: str
    command: list[str]
    log: Path
    stop_seconds: float = 10.0  # between SIGTERM and SIGKILL
    descriptors: tuple[int, ...] = ()  # that it inherits
    last: bool = False  # ends when the others have ended
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = 0.0  # seconds before the next start
    due: float = 0.0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Children:
    """All children of one parent. For the main thread only: Linux ties a child's life to the thread that starts it."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell  # (Korean, English): one line for the person at the terminal
        self._children: list[Child] = []
        self._hurry = False
        reading, writing = os.pipe()
        self._notes = os.fdopen(writing, "wb", buffering=0)
        self._keeper = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", str(HERE / "keeper.py")], stdin=reading, start_new_session=True
        )
        os.close(reading)

    def start(self, child: Child) -> subprocess.Popen[bytes]:
        """Start `child`; from now on it is watched."""
        if child not in self._children:
            self._children.append(child)
        child.log.parent.mkdir(parents=True, exist_ok=True)
        with child.log.open("ab") as output:
            child.process = subprocess.Popen(  # noqa: S603 - commands of our own
                [sys.executable, "-I", "-S", str(HERE / "bound.py"), str(os.getpid()), *child.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=HERE.parent,
                pass_fds=child.descriptors,
                start_new_session=True,
            )
        child.started = time.monotonic()
        self._note("+", child.process.pid)
        return child.process

    def watch(self) -> None:
        """Look at every child once: start again what died, with a growing wait; put large logs aside."""
        now = time.monotonic()
        for child in self._children:
            rotate(child.log)
            if child.running:
                continue
            if child.process is not None:
                self._died(child, child.process, now)
            if now >= child.due:
                self.start(child)

    def _died(self, child: Child, process: subprocess.Popen[bytes], now: float) -> None:
        self._end_group(process)
        child.process = None
        child.wait = 0.0 if now - child.started > STEADY_SECONDS else min(max(1.0, child.wait * 2), LONGEST_WAIT)
        child.due = now + child.wait
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"exit {process.returncode}"
        self._tell(
            f"꺼진 것을 {child.wait:.0f}초 뒤 다시 켜요: {child.korean}({how}), 기록 {child.log}",
            f"{child.english} ended, starting again in {child.wait:.0f} s",
        )

    def stop(self) -> None:
        """End all: SIGTERM, each with its own grace, then SIGKILL; those marked `last` when the others are gone."""
        for last in (False, True):
            wave = [(child, child.process) for child in self._children if child.last is last and child.process]
            for _, process in wave:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            for child, process in wave:
                while process.poll() is None and not self._hurry and time.monotonic() < begun + child.stop_seconds:
                    time.sleep(0.05)
                self._end_group(process)
        self._notes.close()
        self._keeper.wait()

    def hurry(self) -> None:
        """Wait for nobody any more; may be called from a signal handler while `stop` runs."""
        self._hurry = True

    def _end_group(self, process: subprocess.Popen[bytes]) -> None:
        """Nothing of a dead child's own processes stays either."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._note("-", process.pid)

    def _note(self, sign: str, pid: int) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._notes.write(f"{sign}{pid}\n".encode())


def rotate(log: Path, limit: int = LOG_BYTES) -> None:
    """Put a log of more than `limit` bytes aside: copied and emptied, since its writer holds it open for appending."""
    try:
        if log.stat().st_size <= limit:
            return
    except FileNotFoundError:
        return
    older = [log.with_name(f"{log.name}.{number}") for number in range(1, LOG_COPIES + 1)]
    for newer, old in zip(reversed(older[:-1]), reversed(older[1:]), strict=True):
        if newer.exists():
            newer.replace(old)
    shutil.copyfile(log, older[0])
    os.truncate(log, 0)
