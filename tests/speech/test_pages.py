"""Memory that Linux moves into huge pages keeps what it holds."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from speech.pages import in_huge_pages

MIB = 2**20


def huge(address: int) -> int:
    """KiB in huge pages of what is mapped around an address."""
    for region in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text()):
        first, last = (int(end, 16) for end in region.split(None, 1)[0].split("-"))
        if first <= address < last:
            return int(re.findall(r"AnonHugePages:\s+(\d+) kB", region)[0])
    raise AssertionError("nothing is mapped there")


def test_what_is_moved_stays_as_it_was_and_where_it_was() -> None:
    data = np.arange(16 * MIB, dtype=np.uint8)
    address = data.ctypes.data
    if not in_huge_pages(address, data.nbytes):
        pytest.skip("a system without huge pages, or older than Linux 6.1")
    assert data.ctypes.data == address
    assert np.array_equal(data, np.arange(16 * MIB, dtype=np.uint8))
    assert huge(address + 8 * MIB) >= 12 * 1024  # all but the ends


def test_what_fills_no_huge_page_and_what_is_not_there_are_left() -> None:
    data = np.zeros(2 * MIB - 1, dtype=np.uint8)
    assert not in_huge_pages(data.ctypes.data, data.nbytes)
    assert not in_huge_pages(0, 16 * MIB)
