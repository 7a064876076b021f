"""Run a program that ends with its parent: `python -I -S config/bound.py PARENT_PID PROGRAM …`.

Linux can tell a process when its parent dies (PR_SET_PDEATHSIG), which also covers `kill -9` of the parent. The request
is made here and not in a `preexec_fn`, since Python code between fork and exec can hang in a process with threads; it
outlives the `exec`. Elsewhere (macOS) the program just runs, and `config.keeper` ends it.

This file uses the standard library only and imports nothing of the project, so that it starts in a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    parent, program = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)  # the parent died before the request was made
    os.execvp(program[0], program)  # noqa: S606 - the program is named by our own code


if __name__ == "__main__":
    main(sys.argv[1:])
