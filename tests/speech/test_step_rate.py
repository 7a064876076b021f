"""The remaining time is told once it is known, and the first slow steps have no part in it."""

from __future__ import annotations

import pytest

from speech.step_rate import SETTLED_STEPS, WARM_UP, StepRate


def told(seconds: list[float], window: int = 200) -> StepRate:
    """After steps that took so long."""
    times = iter([0.0, *(sum(seconds[: number + 1]) for number in range(len(seconds)))])
    rate = StepRate(window, lambda: next(times))
    for _ in seconds:
        rate.step()
    return rate


def test_each_step_has_a_rate_from_the_first_on() -> None:
    assert told([4.0]).per_second == pytest.approx(0.25)
    assert told([4.0, 2.0]).per_second == pytest.approx(1 / 3)


def test_the_first_steps_of_a_cold_machine_are_left_out() -> None:
    cold = [60.0, 20.0, 5.0]
    assert len(cold) == WARM_UP
    assert told([*cold, *[1.0] * 4]).per_second == pytest.approx(1.0)


def test_it_settles_after_steps_enough_or_a_minute() -> None:
    assert not told([1.0] * (WARM_UP + SETTLED_STEPS - 1)).settled
    assert told([1.0] * (WARM_UP + SETTLED_STEPS)).settled
    assert not told([90.0] * WARM_UP).settled
    assert told([90.0] * (WARM_UP + 1)).settled


def test_it_looks_back_over_its_window_only() -> None:
    assert told([1.0] * 10 + [2.0] * 20, window=20).per_second == pytest.approx(0.5)
    assert told([1.0] * 10 + [2.0] * 19, window=20).per_second == pytest.approx(20 / 39)
