from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from speech.clean import level, trim_bounds
from speech.quality import loudness

Make = Callable[..., np.ndarray]
RATE = 48_000


def test_silence_is_cut_down_to_the_margin(make_take: Make) -> None:
    start, end = trim_bounds(make_take(lead=1.0, spoken=2.0, tail=1.5), RATE, margin=0.15)
    assert start / RATE == pytest.approx(0.85, abs=0.02)
    assert end / RATE == pytest.approx(3.15, abs=0.02)


@pytest.mark.parametrize("floor", [-90.0, -75.0, -60.0, -45.0])
def test_no_speech_is_cut_in_any_room(make_take: Make, floor: float) -> None:
    start, end = trim_bounds(make_take(lead=0.5, spoken=2.0, tail=0.5, floor_dbfs=floor), RATE)
    assert start / RATE <= 0.5 - 0.1
    assert end / RATE >= 2.5 + 0.1


def test_a_soft_onset_and_a_soft_ending_stay_inside(make_take: Make) -> None:
    wave = make_take(lead=1.0, spoken=2.0, tail=1.0, floor_dbfs=-75)
    soft = (10 ** (-55 / 20) * np.random.default_rng(3).normal(size=round(0.2 * RATE))).astype(np.float32)
    wave[round(0.8 * RATE) : RATE] += soft
    wave[3 * RATE : round(3.2 * RATE)] += soft
    start, end = trim_bounds(wave, RATE, margin=0.1)
    assert start / RATE == pytest.approx(0.7, abs=0.03)
    assert end / RATE == pytest.approx(3.3, abs=0.03)


def test_the_room_that_was_measured_sets_the_threshold(make_take: Make) -> None:
    wave = make_take(lead=1.0, floor_dbfs=-80)
    murmur = (10 ** (-62 / 20) * np.random.default_rng(4).normal(size=round(0.4 * RATE))).astype(np.float32)
    wave[round(0.6 * RATE) : RATE] += murmur
    assert trim_bounds(wave, RATE)[0] / RATE == pytest.approx(0.45, abs=0.03)
    assert trim_bounds(wave, RATE, noise_floor_dbfs=-60)[0] / RATE == pytest.approx(0.85, abs=0.03)


def test_a_take_cut_tight_keeps_its_edges(make_take: Make) -> None:
    wave = make_take(lead=0.05, tail=0.05)
    assert trim_bounds(wave, RATE) == (0, len(wave))


def test_a_take_without_speech_keeps_its_length(make_take: Make) -> None:
    wave = make_take(peak_dbfs=-200)
    assert trim_bounds(wave, RATE) == (0, len(wave))
    assert trim_bounds(np.zeros(RATE, dtype=np.float32), RATE) == (0, RATE)


@pytest.mark.parametrize("peak", [-30.0, -12.0, -3.0])
def test_every_take_gets_the_same_loudness(make_take: Make, peak: float) -> None:
    levelled = level(make_take(peak_dbfs=peak, floor_dbfs=-90), RATE)
    assert levelled.dtype == np.float32
    assert loudness(levelled, RATE) == pytest.approx(-23.0, abs=0.1)


def test_the_peak_is_never_above_its_limit(make_take: Make) -> None:
    levelled = level(make_take(), RATE, target_lufs=-3.0, peak_dbfs=-1.0)
    assert 20 * np.log10(np.abs(levelled).max()) == pytest.approx(-1.0, abs=0.01)


def test_silence_is_not_raised() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    assert np.array_equal(level(silence, RATE), silence)
