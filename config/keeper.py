"""Ends what a dead parent left behind: the parent writes `+PID` and `-PID` lines (process groups), this reads them.

The end of the input means that the parent is gone, however it went: the pipe closes with its process. Whatever group is
still on the list then gets SIGTERM, and SIGKILL after a grace. Works wherever there are pipes and process groups; on
Linux it is the second of two nets (config/bound.py is the first).

This file uses the standard library only and imports nothing of the project, so that it starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 20.0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line[0] == "+":
            groups.add(pid)
        else:
            groups.discard(pid)
    end_groups(groups)


def end_groups(groups: set[int]) -> None:
    """SIGTERM, then SIGKILL to those that are still there after the grace."""
    _signal(groups, signal.SIGTERM)
    end = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < end and any(_lives(group) for group in groups):
        time.sleep(0.1)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main()
