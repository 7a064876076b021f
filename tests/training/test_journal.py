"""Events are numbered without gaps, whoever writes them."""

from __future__ import annotations

import math

import pytest
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from studio.models import Speaker
from tests.training.conftest import numbers_of
from tests.training.test_services import at_once
from training.journal import record
from training.models import TrainingRun


@pytest.fixture
def run(speaker: Speaker) -> TrainingRun:
    return TrainingRun.objects.create(speaker=speaker, queued_at=timezone.now())


def test_many_writers_at_once_leave_no_gap_and_no_double(run: TrainingRun) -> None:
    def write() -> None:
        for number in range(10):
            record(run_pk=run.pk, kind="warned", data={"number": number})

    at_once(8, write)
    assert numbers_of(run) == list(range(1, 81))
    run.refresh_from_db()
    assert run.last_seq == 80


def test_a_write_that_is_rolled_back_takes_its_number_with_it(run: TrainingRun) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        record(run_pk=run.pk, kind="warned", data={})
        raise RuntimeError
    record(run_pk=run.pk, kind="warned", data={})
    assert numbers_of(run) == [1]


def test_a_change_that_does_not_apply_leaves_no_event(run: TrainingRun) -> None:
    refused = record(run_pk=run.pk, kind="warned", data={}, where=Q(attempt=7), changes={"step": 9})
    run.refresh_from_db()
    assert (refused, run.last_seq, run.step) == (None, 0, 0)


def test_a_figure_that_is_no_number_is_written_as_none(run: TrainingRun) -> None:
    """A measure of weights that have just diverged; the trainer itself then falls back."""
    losses = {"loss": math.nan, "mel": 0.5}
    event = record(
        run_pk=run.pk, kind="evaluated", data={"losses": losses, "clips": [math.inf]}, changes={"progress": losses}
    )
    assert event is not None
    event.refresh_from_db()
    run.refresh_from_db()
    assert event.data == {"losses": {"loss": None, "mel": 0.5}, "clips": [None]}
    assert run.progress == {"loss": None, "mel": 0.5}
