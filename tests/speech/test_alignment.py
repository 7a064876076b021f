"""Figures of an alignment, on alignments whose faults are known."""

from __future__ import annotations

import numpy as np
import pytest

from speech.alignment import ALIGNMENT, alignment_figures, said_by


def alignment(path: list[int], symbols: int) -> np.ndarray:
    return np.eye(symbols, dtype=np.float32)[path]


def test_a_straight_reading_covers_all_and_ends_at_the_end() -> None:
    figures = alignment_figures(alignment([0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 7, 7], 8))
    assert figures == {"coverage": 1.0, "repeats": 0.0, "skips": 0.0, "finished": 1.0, "stopped": 1.0, "focus": 1.0}


def test_a_jump_back_is_a_repeat() -> None:
    assert alignment_figures(alignment([0, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7], 8))["repeats"] == 1.0


def test_three_symbols_either_way_are_no_jump() -> None:
    figures = alignment_figures(alignment([0, 1, 2, 3, 0, 3, 4, 5, 6, 7], 8))
    assert (figures["repeats"], figures["skips"]) == (0.0, 0.0)
    figures = alignment_figures(alignment([0, 1, 2, 3, 4, 0, 4, 5, 6, 7], 8))
    assert (figures["repeats"], figures["skips"]) == (1.0, 1.0)


def test_a_leap_ahead_is_a_skip_and_leaves_symbols_unread() -> None:
    figures = alignment_figures(alignment([0, 1, 2, 9, 10, 11], 12))
    assert figures["skips"] == 1.0
    assert figures["coverage"] == 8 / 12


def test_a_reading_that_stays_at_the_start_has_not_finished() -> None:
    figures = alignment_figures(alignment([0, 0, 0, 1, 1], 20), reached_limit=True)
    assert figures["finished"] == 0.0
    assert figures["stopped"] == 0.0


@pytest.mark.parametrize(("last", "finished"), [(7, 1.0), (5, 1.0), (4, 0.0)])
def test_a_reading_has_finished_where_it_ends_at_one_of_the_last_three_symbols(last: int, finished: float) -> None:
    assert alignment_figures(alignment([*range(last + 1)], 8))["finished"] == finished


def test_an_attention_spread_over_all_has_no_focus() -> None:
    spread = np.full((5, 10), 0.1, np.float32)
    assert alignment_figures(spread)["focus"] == pytest.approx(0.1)
    spread[0] = np.eye(10)[0]  # one frame of five that looks at one symbol
    assert alignment_figures(spread)["focus"] == pytest.approx((1.0 + 4 * 0.1) / 5)


@pytest.mark.parametrize(
    ("path", "frame"),
    [
        ([0, 1, 2, 3, 4, 5, 5, 5, 5], 5),
        ([0, 1, 2, 3, 4, 5, 1, 2, 3, 4], 5),  # what begins anew has said it all
        ([0, 5, 1, 2, 3, 4, 5, 5], 6),  # a glance ahead is not the end
        ([0, 1, 2, 3, 4, 4, 4], None),
        ([0, 1, 5, 5, 5], None),
    ],
)
def test_when_everything_was_said(path: list[int], frame: int | None) -> None:
    assert said_by(alignment(path, 6)) == frame


def test_nothing_at_all_covers_nothing() -> None:
    figures = alignment_figures(np.zeros((0, 4), np.float32))
    assert figures == {**dict.fromkeys(ALIGNMENT, 0.0), "stopped": 1.0}
