from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speech.events import StepDone
from speech.priority import NICENESS
from tests.speech.training import events_of, job, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# In a process of its own: who has stood back cannot come forward again.
PROGRAM = """
import os, sys, threading
from pathlib import Path
from speech.priority import stand_back

os.nice(int(sys.argv[1]))
threading.Thread(target=threading.Event().wait, daemon=True).start()
stand_back()
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(*(os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path("/proc/self/task").iterdir()))
group = Path("/proc/self/autogroup")
print(group.read_text() if group.exists() else "")
"""


def told(already: int, *, leads: bool) -> tuple[list[int], str]:
    """Niceness of three threads, and of their session (:func:`group_niceness`)."""
    command = [sys.executable, "-c", PROGRAM, str(already)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=leads).stdout
    threads, group = found.split("\n", 1)
    return [int(one) for one in threads.split()], group_niceness(group)


def group_niceness(told: str) -> str:
    """Of what /proc/self/autogroup says; "none" for a kernel without such groups, and for the first sessions of a
    machine, which are in none: theirs is empty."""
    return (told.split() or ["none"])[-1]


def test_all_threads_stand_back_and_never_come_forward() -> None:
    here = os.nice(0)
    assert told(0, leads=False)[0] == [max(here, NICENESS)] * 3
    assert told(15, leads=False)[0] == [min(19, here + 15)] * 3


def test_whoever_leads_a_session_stands_back_with_all_of_it_and_no_one_else_does() -> None:
    _, led = told(0, leads=True)
    _, shared = told(0, leads=False)
    if led == "none":
        pytest.skip("this kernel shares the processors among processes alone")
    assert led == str(NICENESS)
    assert shared == group_niceness(Path("/proc/self/autogroup").read_text())


def test_a_training_on_the_processors_stands_back(espeak_clips: Path, tmp_path: Path) -> None:
    process = start(job(espeak_clips, tmp_path / "out", training={"steps": 100_000}), tmp_path)
    try:
        next(event for event in events_of(process) if isinstance(event, StepDone))
        threads = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()]
        nice = {thread: os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}
        assert min(nice.values()) >= NICENESS, nice
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
