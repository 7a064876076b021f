"""Memory that a training step frees is kept for the next one."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)


def keep_freed_memory() -> bool:
    """Tell glibc not to give large buffers back; False where there is no glibc.

    A step of the full Tacotron 2 at batch 16 takes 500,000 page faults otherwise, a tenth of its time; in return the
    process keeps its peak, and a quarter more, for as long as it lives.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
