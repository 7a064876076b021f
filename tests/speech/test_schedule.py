"""The learning rate over a run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from speech.config import TrainingConfig
from speech.schedule import factor, restart_step


def test_without_any_setting_the_rate_stays() -> None:
    assert {factor(step, TrainingConfig(steps=100)) for step in range(100)} == {1.0}


def test_it_warms_up_along_a_line() -> None:
    training = TrainingConfig(steps=100, warmup_steps=4)
    assert [factor(step, training) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("anneal", ["cosine", "exponential"])
def test_it_falls_from_the_end_of_the_warm_up_to_its_share_at_the_last_step(anneal: str) -> None:
    training = TrainingConfig(steps=50, warmup_steps=10, anneal=anneal, final_rate=0.05)
    rates = [factor(step, training) for step in range(10, 50)]
    assert rates[0] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.05)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates))
    assert factor(500, training) == pytest.approx(0.05)


def test_the_cosine_is_half_way_down_in_the_middle() -> None:
    training = TrainingConfig(steps=21, anneal="cosine", final_rate=0.2)
    assert factor(10, training) == pytest.approx(0.6)


def test_where_the_warm_up_leaves_one_step_that_is_the_last() -> None:
    training = TrainingConfig(steps=5, warmup_steps=4, anneal="cosine", final_rate=0.05)
    assert [factor(step, training) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 0.05])


def test_the_exponential_curve_falls_by_the_same_share_each_step() -> None:
    training = TrainingConfig(steps=21, anneal="exponential", final_rate=0.01)
    assert factor(10, training) == pytest.approx(0.1)


def test_behind_its_restart_a_run_goes_as_a_new_one_of_the_rest_of_the_steps() -> None:
    whole = TrainingConfig(steps=100, restart=0.6, warmup_steps=5, anneal="cosine", final_rate=0.05)
    parts = [replace(whole, steps=steps, restart=0.0) for steps in (60, 40)]
    expected = [factor(step, part) for part in parts for step in range(part.steps)]
    assert [factor(step, whole) for step in range(100)] == expected
    assert [restart_step(one) for one in (whole, *parts)] == [60, 0, 0]
