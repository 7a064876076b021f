"""How fast a run goes, and whether that is known well enough to say when it ends."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WARM_UP = 3  # first steps of a process: they fill caches, page files in and compile kernels
SETTLED_STEPS, SETTLED_SECONDS = 20, 60.0  # batches differ in length: the mean of a few steps swings


class StepRate:
    """Steps a second over the last `window` steps, with all that lies between them; the first ones are left out."""

    def __init__(self, window: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times = deque([clock()], maxlen=window + 1)
        self._warm = False

    def step(self) -> None:
        """One more is done."""
        if not self._warm and len(self._times) > WARM_UP:
            self._times = deque([self._times[-1]], maxlen=self._times.maxlen)
            self._warm = True
        self._times.append(self._clock())

    @property
    def per_second(self) -> float:
        return (len(self._times) - 1) / max(self._passed, 1e-9)

    @property
    def settled(self) -> bool:
        """Whether it will not swing widely any more."""
        enough = len(self._times) > SETTLED_STEPS or self._passed >= SETTLED_SECONDS
        return self._warm and enough

    @property
    def _passed(self) -> float:
        return self._times[-1] - self._times[0]
