"""A training on the processors stands back: who speaks, records or works at the same machine goes first.

Never imports torch.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NICENESS = 10  # a tenth of the processors where others want all of them


def stand_back(niceness: int = NICENESS) -> None:
    """Give way to other processes, with all threads that this one has or begins; never to be taken back.

    Many Linux kernels share the processors among sessions first (sched_autogroup), and among the processes of a session
    only then: the one of a trainer that the studio began, which leads its own, stands back as a whole.
    """
    for thread in _threads():
        with contextlib.suppress(OSError):  # it has just ended
            os.setpriority(os.PRIO_PROCESS, thread, max(niceness, os.getpriority(os.PRIO_PROCESS, thread)))
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # a kernel without such groups
            Path("/proc/self/autogroup").write_text(str(niceness))


def _threads() -> list[int]:
    """Linux keeps a niceness for each; elsewhere the process (0) has one."""
    tasks = Path("/proc/self/task")
    return [int(task.name) for task in tasks.iterdir()] if tasks.is_dir() else [0]
