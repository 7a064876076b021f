"""Makes espeak-ng's renderings sound like takes: breath, an unsteady voice, a microphone, a room.

A synthesizer's periods repeat to the sample, its vowels have no breath, its room no walls. A vocoder that heard nothing
else takes a person's breath and reverberation for what it knows, and sings them. What is varied here is what such
corpora are usually varied by (see e.g. Ko et al. 2017, "A study on data augmentation of reverberant speech"); the
amounts are wide enough for a studio and for a kitchen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from speech.wav import Float32Array

RATE = 22_050  # Hz
_Doubles = npt.NDArray[np.float64]
_Chance = np.random.Generator
_LOWEST = 60.0  # Hz, of what a microphone's response tells apart
_TAPS = 1024  # of that response


def as_take(samples: Float32Array, seed: int) -> Float32Array:
    """samples: [S] at 22,050 Hz -> the same, [S], as a person could have said it somewhere; one `seed`, one result."""
    chance = np.random.default_rng(seed)
    sound = samples.astype(np.float64)
    for change, share in _CHANGES:
        if chance.random() < share:
            sound = change(sound, chance)
    loudest = float(np.abs(sound).max()) or 1.0
    sound = sound / loudest + _level(chance.uniform(-75, -45)) * _coloured(len(sound), chance.uniform(-1, 5), chance)
    peak = _level(chance.uniform(-9, -1))
    return np.asarray(sound * (peak / np.abs(sound).max()), np.float32)


def _level(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _drift(length: int, hertz: float, chance: _Chance) -> _Doubles:
    """[S] of about unit variance that moves no faster than `hertz`."""
    from scipy.interpolate import CubicSpline

    knots = int(2 * hertz * length / RATE) + 4
    drawn = CubicSpline(np.linspace(0, length, knots), chance.standard_normal(knots))(np.arange(length))
    return np.asarray(drawn, np.float64)


def _coloured(length: int, falls: float, chance: _Chance) -> _Doubles:
    """[S] of unit variance: noise whose spectrum falls by so many dB an octave."""
    spectrum = np.fft.rfft(chance.standard_normal(length))
    hertz = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 50.0)
    noise = np.fft.irfft(spectrum * (hertz / 1000) ** (-falls / 6.02), length)
    return np.asarray(noise / noise.std(), np.float64)


def _unsteady(sound: _Doubles, chance: _Chance) -> _Doubles:
    """Periods up to 1 % longer or shorter from one to the next, and a pitch that wavers by up to 2 %."""
    from scipy.interpolate import CubicSpline

    length = len(sound)
    jitter = chance.uniform(0, 0.01) * _drift(length, 60, chance)
    wow = chance.uniform(0, 0.02) * _drift(length, 4, chance)
    places = (1 + jitter + wow).cumsum()
    places = (places - places[0]) * ((length - 1) / (places[-1] - places[0]))
    return np.asarray(CubicSpline(np.arange(length), sound)(places), np.float64)


def _wavering(sound: _Doubles, chance: _Chance) -> _Doubles:
    """Periods up to a decibel louder or softer from one to the next."""
    return np.asarray(sound * np.exp(chance.uniform(0, 0.12) * _drift(len(sound), 60, chance)), np.float64)


def _breathy(sound: _Doubles, chance: _Chance) -> _Doubles:
    """Noise that swells with the voice, 18 to 40 dB under its loudest."""
    window = np.hanning(int(RATE * chance.uniform(0.004, 0.02)))
    swell = np.sqrt(np.maximum(np.convolve(sound**2, window, "same"), 0.0))
    breath = swell / (swell.max() + 1e-9) * _coloured(len(sound), chance.uniform(-3, 3), chance)
    return np.asarray(sound + _level(chance.uniform(-40, -18)) * np.abs(sound).max() * breath, np.float64)


def _heard_by_a_microphone(sound: _Doubles, chance: _Chance) -> _Doubles:
    """A response that goes up and down by some decibels between 60 Hz and half the rate, and tilts."""
    from scipy.signal import fftconvolve

    knots = np.geomspace(_LOWEST, RATE / 2, 9)
    tilt = chance.uniform(-3, 3) * np.linspace(-1, 1, len(knots))
    gains = np.clip(chance.uniform(1, 6) * chance.standard_normal(len(knots)) + tilt, -15, 12)
    hertz = np.maximum(np.fft.rfftfreq(_TAPS, 1 / RATE), _LOWEST)
    response = 10 ** (np.interp(np.log(hertz), np.log(knots), gains) / 20)
    taps = np.roll(np.fft.irfft(response), _TAPS // 2) * np.hanning(_TAPS)
    return np.asarray(fftconvolve(sound, taps, "same"), np.float64)


def _in_a_room(sound: _Doubles, chance: _Chance) -> _Doubles:
    """Reverberation of 0.08 to 0.45 s, 4 to 20 dB under the sound itself."""
    from scipy.signal import fftconvolve

    length = int(chance.uniform(0.08, 0.45) * RATE)
    tail = chance.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)  # down by 60 dB at its end
    tail[: int(0.002 * RATE)] = 0.0  # until the nearest wall answers
    tail[1:] += chance.uniform(0, 0.7) * tail[:-1]  # walls swallow the treble
    tail *= _level(-chance.uniform(4, 20)) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return np.asarray(fftconvolve(sound, tail)[: len(sound)], np.float64)


# What may happen to a sound on its way, in that order, and to which share of the takes.
_CHANGES: tuple[tuple[Callable[[_Doubles, _Chance], Any], float], ...] = (
    (_unsteady, 0.8), (_wavering, 0.6), (_breathy, 0.7), (_heard_by_a_microphone, 0.9), (_in_a_room, 0.6),
)  # fmt: skip
