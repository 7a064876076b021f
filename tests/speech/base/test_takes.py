"""Renderings that are made to sound like takes."""

from __future__ import annotations

import numpy as np
import pytest

from speech.audio import log_mel
from speech.base.takes import RATE, as_take
from speech.config import AudioConfig
from speech.distortion import pitch


def vowel(hertz: float = 180.0, seconds: float = 1.0) -> np.ndarray:
    """A steady buzz between two rests, whose harmonics fall by 6 dB an octave."""
    time = np.arange(int(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 40))
    rest = np.zeros(RATE // 4)
    return np.concatenate((rest, 0.3 * np.asarray(sound), rest)).astype(np.float32)


def test_a_seed_gives_one_take_and_another_seed_another() -> None:
    first, again, other = (as_take(vowel(), seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other, atol=0.01)


@pytest.mark.parametrize("seed", range(12))
def test_a_take_is_as_long_as_loud_as_one_may_be_and_never_clipped(seed: int) -> None:
    take = as_take(vowel(), seed)
    assert take.shape == vowel().shape
    assert take.dtype == np.float32
    assert np.isfinite(take).all()
    assert 10 ** (-9.1 / 20) < np.abs(take).max() < 10 ** (-0.9 / 20)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_said_and_how_high_stay(seed: int) -> None:
    plain, take = vowel(), as_take(vowel(), seed)
    middle = slice(RATE // 2, RATE)
    hertz = [float(np.nanmedian(pitch(sound[middle], AudioConfig()))) for sound in (plain, take)]
    assert hertz[1] == pytest.approx(hertz[0], rel=0.05)
    loud = [log_mel(sound, AudioConfig()).mean(axis=0) for sound in (plain, take)]
    assert np.corrcoef(*loud)[0, 1] > 0.6


def test_what_is_silent_becomes_a_room() -> None:
    take = as_take(np.zeros(RATE, np.float32), 1)
    assert np.isfinite(take).all()
    assert 0 < np.abs(take).max() < 1


def test_takes_differ_from_the_rendering_in_what_a_person_has() -> None:
    """Over many: noise between the harmonics, and a period that varies."""
    plain = vowel()[RATE // 2 : RATE]
    takes = [as_take(vowel(), seed)[RATE // 2 : RATE] for seed in range(10)]
    assert _between(plain) < np.median([_between(one) for one in takes]) - 6


def _between(sound: np.ndarray) -> float:
    """How loud it is halfway between the harmonics, against the harmonics: dB."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    place = len(sound) / RATE
    on, off = (np.mean([spectrum[int((k + shift) * 180 * place)] for k in range(2, 20)]) for shift in (0.0, 0.5))
    return float(20 * np.log10(off / on))
