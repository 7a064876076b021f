"""Memory that a training step, or a sentence, frees is kept for the next one."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)
_EVERYTHING = 2**31 - 1


def keep_freed_memory(most: int = _EVERYTHING) -> bool:
    """Tell glibc to give no large buffers back, or only what lies free beyond `most` bytes; False where there is none.

    A step of the full Tacotron 2 at batch 16 takes 500,000 page faults otherwise, a tenth of its time, and two
    sentences of the base voice 12,000, a fifteenth. In return the process keeps its peak, and a quarter more, for as
    long as it lives.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, most))
