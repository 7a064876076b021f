"""A bar on a terminal for a command that goes over many files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A function to be called with how many are done and how many there are; it draws nothing where nobody looks."""
    with tqdm(unit=unit, file=sys.stderr, disable=None) as bar:

        def say(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield say
