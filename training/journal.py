"""The numbered diary of a run: every change of a run and the event that tells of it are one transaction.

Numbers run from 1 without gaps, because the number is counted up in the run's own row: who writes holds that row until
the commit, and a write that fails takes its number back with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from studio.live import publish
from training.models import RunEvent, TrainingRun


def record(
    *,
    run_pk: UUID,
    kind: str,
    data: Mapping[str, Any],
    where: Q | None = None,
    changes: Mapping[str, Any] | None = None,
) -> RunEvent | None:
    """Write the next event of a run and `changes` to its row, if the run matches `where`; else None and nothing."""
    with transaction.atomic():
        runs = TrainingRun.objects.filter(where or Q(), pk=run_pk)
        if not runs.update(last_seq=F("last_seq") + 1, **finite(dict(changes or {}))):
            return None
        seq = TrainingRun.objects.values_list("last_seq", flat=True).get(pk=run_pk)
        return RunEvent.objects.create(run_id=run_pk, seq=seq, kind=kind, data=finite(dict(data)))


def finite(value: Any) -> Any:
    """The same with None for every NaN and infinity: JSON has none, and neither databases nor browsers take them."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: finite(one) for key, one in value.items()}
        case list():
            return [finite(one) for one in value]
    return value


def group_of(run_pk: UUID) -> str:
    """The channel group of the pages that look at this run."""
    return f"run.{run_pk}"


def event_json(event: RunEvent) -> dict[str, Any]:
    """An event as pages get it: `{"seq", "kind", "data", "at"}`."""
    return {"seq": event.seq, "kind": event.kind, "data": event.data, "at": event.created_at.isoformat()}


def announce(event: RunEvent) -> None:
    """Tell the pages of an event that is committed. Never raises: a page that misses it reads the row."""
    publish(group_of(event.run_id), event.seq, event_json(event))


def announce_on_commit(event: RunEvent) -> None:
    """`announce`, once the surrounding transaction is committed."""
    transaction.on_commit(lambda: announce(event))
