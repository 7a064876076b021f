"""Which owners of rows with a lease are silent, by the clock of whoever looks: clocks of machines differ, and jump."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from django.utils import timezone


class Held(Protocol):
    """A row that its `attempt`-th owner holds as long as it renews the lease: a run, an utterance."""

    pk: UUID
    attempt: int
    lease_until: datetime | None


Row = TypeVar("Row", bound=Held)


class LeaseWatch:
    """Looks at the leases again and again; an owner is heard of when its lease has changed since the last look.

    A lease carries the time of its owner's machine. Alone it would take every row from a worker whose clock is behind,
    and all rows at once when a laptop wakes up. One watch for one kind of row.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[UUID, tuple[object, float]] = {}

    def silent(self, held: Iterable[Row], lease_seconds: float) -> list[Row]:
        """Those not heard of for half a lease that has run out, or for more than a whole one whatever it says."""
        now, before = self._clock(), self._heard
        self._heard, found = {}, []
        for row in held:
            lease = row.attempt, row.lease_until
            seen, since = before.get(row.pk, (None, now))
            self._heard[row.pk] = lease, since if seen == lease else now
            patience = lease_seconds * (0.5 if has_run_out(row) else 1.25)
            if now - self._heard[row.pk][1] >= patience:
                found.append(row)
        return found


def has_run_out(row: Held) -> bool:
    """Whether its lease has run out, by this machine's time."""
    return row.lease_until is not None and row.lease_until < timezone.now()
