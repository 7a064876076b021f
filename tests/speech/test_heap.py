from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: what it sets holds for the whole process.
PROGRAM = """
import resource
import sys
import numpy as np
from speech.heap import keep_freed_memory

MIB = 2**20

def resident():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * resource.getpagesize() // MIB

def touch(size):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(size, dtype=np.uint8)[::4096] = 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

kept = keep_freed_memory(*map(int, sys.argv[1:]))
touch(64 * MIB)
faults, before = touch(64 * MIB), resident()
touch(512 * MIB)
print(int(kept), faults, resident() - before)
"""


def told(*arguments: int) -> tuple[int, int]:
    """Page faults of 64 MiB that come a second time, and the MiB that stay behind 512 of them."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    kept, faults, stayed = map(int, found.stdout.split())
    if not kept:
        pytest.skip("no glibc here")
    return faults, stayed


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_a_large_buffer_that_was_freed_comes_back_without_page_faults() -> None:
    faults, stayed = told()
    assert faults < 1000
    assert stayed > 256


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_what_lies_free_beyond_a_limit_is_given_back() -> None:
    faults, stayed = told(128 * 2**20)
    assert faults < 1000
    assert stayed < 64
