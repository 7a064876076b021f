"""Which owners of runs are silent, by the clock of whoever looks: clocks of machines differ, and jump."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from training.models import TrainingRun


class LeaseWatch:
    """Looks at the leases again and again; an owner is heard of when its lease has changed since the last look.

    A lease carries the time of its owner's machine. Alone it would take every run from a worker whose clock is behind,
    and all runs at once when a laptop wakes up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[UUID, tuple[object, float]] = {}

    def silent(self, running: Iterable[TrainingRun]) -> list[TrainingRun]:
        """Those not heard of for half a lease that has run out, or for more than a whole one whatever it says."""
        now, before = self._clock(), self._heard
        self._heard, found = {}, []
        for run in running:
            lease = run.attempt, run.lease_until
            seen, since = before.get(run.pk, (None, now))
            self._heard[run.pk] = lease, since if seen == lease else now
            patience = settings.RUN_LEASE_SECONDS * (0.5 if has_run_out(run) else 1.25)
            if now - self._heard[run.pk][1] >= patience:
                found.append(run)
        return found


def has_run_out(run: TrainingRun) -> bool:
    """Whether its lease has run out, by this machine's time."""
    return run.lease_until is not None and run.lease_until < timezone.now()
