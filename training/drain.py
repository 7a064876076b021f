"""Whether this worker is asked to go. A run then ends at a checkpoint and waits for the next worker.

Celery's main process gets the SIGTERM and then waits for its pool process, which runs the task and hears nothing. One
byte of shared memory, made before the fork, tells it.
"""

from __future__ import annotations

import mmap
from typing import Any

from celery.signals import worker_process_init, worker_shutting_down

from speech import lifetime

_flag = mmap.mmap(-1, 1)  # anonymous and shared: a forked process sees what its parent writes


def requested() -> bool:
    return _flag[0] != 0


def request(**_: Any) -> None:
    _flag[0] = 1


def clear() -> None:
    """For a process that goes on after it was asked, as a test does."""
    _flag[0] = 0


def die_with_worker(**_: Any) -> None:
    """End the pool process with its worker, even by `kill -9`; the trainer in turn ends with the pool process."""
    lifetime.killed_with_parent()


worker_shutting_down.connect(request)
worker_process_init.connect(die_with_worker)
