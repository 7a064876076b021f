from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from speech.clean import denoise, level, trim_bounds
from speech.quality import inspect, loudness, take_floor

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
    levelled = level(make_take(), RATE, target_lufs=-3.0)
    assert 20 * np.log10(np.abs(levelled).max()) == pytest.approx(-1.0, abs=0.01)


def test_silence_is_not_raised() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    assert np.array_equal(level(silence, RATE), silence)


def room_noise(seconds: float, dbfs: float, seed: int, rate: int = RATE) -> np.ndarray:
    """Noise that falls by 5 dB an octave, as a fan's does."""
    count = round(seconds * rate)
    hertz = np.fft.rfftfreq(count, 1 / rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count)) * np.maximum(hertz, 30) ** (-5 / 6.02)
    wave = np.fft.irfft(spectrum, count)
    return (wave / np.sqrt(np.mean(wave**2)) * 10 ** (dbfs / 20)).astype(np.float32)


def test_a_room_that_was_measured_counts_unless_the_take_tells_of_another(make_take: Make) -> None:
    wave = make_take(floor_dbfs=-70)
    own = take_floor(wave, RATE)
    assert own == pytest.approx(-70, abs=0.5)
    assert take_floor(wave, RATE, -67.0) == -67.0
    assert take_floor(wave, RATE, -50.0) == own == take_floor(wave, RATE, -85.0)


def test_where_a_fan_turns_the_measured_room_finds_speech_that_the_take_alone_misses(make_take: Make) -> None:
    noisy = make_take(lead=1.0, spoken=2.0, tail=1.0, floor_dbfs=-90) + room_noise(4.0, -48, 3)
    alone, measured = inspect(noisy, RATE), inspect(noisy, RATE, room_dbfs=-48.5)
    assert measured.speech_start == pytest.approx(1.0, abs=0.03)
    assert abs(measured.speech_start - 1.0) <= abs(alone.speech_start - 1.0)
    assert measured.noise_floor_dbfs == alone.noise_floor_dbfs  # the room says where, the take says how loud


@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_the_room_tone_takes_its_noise_out_of_a_take(make_take: Make, rate: int) -> None:
    clean = make_take(lead=1.0, spoken=2.0, tail=1.0, floor_dbfs=-90, rate=rate)
    noisy = clean + room_noise(4.0, -45, 3, rate)
    better = denoise(noisy, rate, room_noise(5.0, -45, 4, rate))
    assert better.shape == noisy.shape and better.dtype == np.float32
    quiet = slice(round(0.1 * rate), round(0.9 * rate))
    before, after = (10 * np.log10(np.mean(wave[quiet] ** 2)) for wave in (noisy, better))
    assert 9 < before - after < 12.1  # the depth is its floor
    spoken = slice(round(1.1 * rate), round(2.9 * rate))
    error = [np.mean((wave[spoken] - clean[spoken]) ** 2) for wave in (noisy, better)]
    assert error[1] < 0.4 * error[0]  # nearer to what was said, too, since a frame goes by the one before


def test_a_take_of_a_silent_room_comes_through_untouched(make_take: Make) -> None:
    clean = make_take(floor_dbfs=-90)
    kept = denoise(clean, RATE, room_noise(5.0, -95, 4))
    assert 10 * np.log10(np.mean(clean**2) / np.mean((kept - clean) ** 2)) > 40


def test_a_room_tone_that_is_too_short_says_nothing(make_take: Make) -> None:
    wave = make_take()
    assert denoise(wave, RATE, np.zeros(100, np.float32)) is wave
