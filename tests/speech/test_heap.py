from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: what it sets holds for the whole process.
PROGRAM = """
import resource
import numpy as np
from speech.heap import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(64 * 2**20, dtype=np.uint8)[::4096] = 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

kept = keep_freed_memory()
faults()
print(int(kept), faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_a_large_buffer_that_was_freed_comes_back_without_page_faults() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    kept, faults = map(int, found.stdout.split())
    if not kept:
        pytest.skip("no glibc here")
    assert faults < 1000
