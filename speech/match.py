"""What stays the same between two takes of one sentence, as long as the chair, the microphone and the throat do.

A match file: one sentence is read at the start and again every so often, and its `Portrait` is held against the first.
numpy and scipy only, so that the web process may use it.

| code                       | what differs from the first take                     | `value`            |
| -------------------------- | ---------------------------------------------------- | ------------------ |
| match_farther, _nearer     | quieter and duller (or the reverse): distance        | loudness, LU       |
| match_quieter, _louder     | loudness alone: gain, or how the sentence was spoken | loudness, LU       |
| match_duller, _brighter    | treble alone: the microphone turned, or another one  | treble, dB         |
| match_lower, _higher       | pitch                                                | pitch, semitones   |
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when they are first used: the web process does not wait for them at its start

from speech import quality
from speech.quality import Reason
from speech.wav import Float32Array, Int16Array, to_float32

Float64Array = npt.NDArray[np.float64]

BANDS_HZ = tuple(round(1000 * 10 ** (step / 10)) for step in range(-10, 11))  # thirds of an octave, 100 Hz to 10 kHz
TREBLE_HZ, BODY_HZ = 3_000, (300, 1_500)  # what distance and direction take away; what they leave
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0  # of a voice
PITCH_RATE = 8_000  # Hz, about: enough for the pitch, and fast
PITCH_FRAME, PITCH_HOP = 0.05, 0.02  # seconds
VOICED_FROM = 0.5  # of the autocorrelation's height; below it is noise or silence
OCTAVE_COST = 0.02  # prefers the shorter of two periods that fit alike (Boersma 1993, octave cost)
SPECTRUM_FRAME, SPECTRUM_HOP = 0.0425, 2  # seconds, and frames of the level track: the windows overlap by a half


@dataclass(frozen=True)
class Portrait:
    """One take, as far as it should not change. `bands_db`: [K] thirds of an octave from 100 Hz, in dB of their sum."""

    loudness_lufs: float
    pitch_hz: float | None  # median; None: nothing voiced
    bands_db: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "loudness_lufs": round(self.loudness_lufs, 2),
            "pitch_hz": self.pitch_hz and round(self.pitch_hz, 1),
            "bands_db": [round(level, 1) for level in self.bands_db],
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Portrait:
        return cls(float(row["loudness_lufs"]), row["pitch_hz"], tuple(float(level) for level in row["bands_db"]))

    @property
    def treble_db(self) -> float | None:
        """How far the bands from 3 kHz lie above the body of the voice; None where there is no sound in either."""
        treble = [level for hertz, level in zip(BANDS_HZ, self.bands_db, strict=False) if hertz >= TREBLE_HZ]
        body = [
            level for hertz, level in zip(BANDS_HZ, self.bands_db, strict=False) if BODY_HZ[0] <= hertz <= BODY_HZ[1]
        ]
        return float(np.mean(treble) - np.mean(body)) if treble and body else None


@dataclass(frozen=True)
class MatchLimits:
    """How much may change between two takes before somebody is told."""

    loudness: float = 3.0  # LU
    treble: float = 4.0  # dB, by itself
    treble_with_loudness: float = 1.5  # dB, in the same direction as the loudness: then it is the distance
    pitch: float = 1.5  # semitones


@dataclass(frozen=True)
class Difference:
    """The second take against the first. `spectrum_db`: root mean square over the bands, each take by its own sum."""

    loudness: float  # LU
    pitch: float | None  # semitones
    treble: float | None  # dB
    spectrum_db: float

    def to_json(self) -> dict[str, Any]:
        return {
            "loudness": round(self.loudness, 2),
            "pitch": self.pitch if self.pitch is None else round(self.pitch, 2),
            "treble": self.treble if self.treble is None else round(self.treble, 2),
            "spectrum_db": round(self.spectrum_db, 2),
        }


def portrait(samples: Int16Array | Float32Array, sample_rate: int, *, loudness_lufs: float | None = None) -> Portrait:
    """Measures a take. `samples`: [S] int16, or float32 in -1..1; `loudness_lufs`: where it was measured already."""
    wave = to_float32(samples)
    wave = wave - np.float32(wave.mean(dtype=np.float64)) if len(wave) else wave
    if loudness_lufs is None:
        loudness_lufs = quality.loudness(wave, sample_rate)
    return Portrait(loudness_lufs, pitch_median(wave, sample_rate), _bands(wave, sample_rate))


def compare(first: Portrait, second: Portrait) -> Difference:
    """What has changed since the first take."""
    pitch = 12 * math.log2(second.pitch_hz / first.pitch_hz) if first.pitch_hz and second.pitch_hz else None
    treble = None
    if first.treble_db is not None and second.treble_db is not None:
        treble = second.treble_db - first.treble_db
    pairs = np.array(list(zip(first.bands_db, second.bands_db, strict=False)))  # the lower rate has fewer bands
    apart = float(np.sqrt(np.mean(np.square(pairs[:, 1] - pairs[:, 0])))) if len(pairs) else 0.0
    return Difference(second.loudness_lufs - first.loudness_lufs, pitch, treble, apart)


def drift(difference: Difference, limits: MatchLimits | None = None) -> list[Reason]:
    """What of it a speaker should mend: see the table of codes above; nothing while all is within `limits`."""
    table = limits or MatchLimits()
    loudness, treble, pitch = difference.loudness, difference.treble or 0.0, difference.pitch or 0.0
    found: list[tuple[str, float, float]] = []
    if abs(loudness) >= table.loudness:
        if treble * loudness > 0 and abs(treble) >= table.treble_with_loudness:
            code = "match_farther" if loudness < 0 else "match_nearer"
        else:
            code = "match_quieter" if loudness < 0 else "match_louder"
        found.append((code, loudness, table.loudness))
    elif abs(treble) >= table.treble:
        found.append(("match_duller" if treble < 0 else "match_brighter", treble, table.treble))
    if abs(pitch) >= table.pitch:
        found.append(("match_lower" if pitch < 0 else "match_higher", pitch, table.pitch))
    return [Reason(code, "warned", value, limit) for code, value, limit in found]


def pitch_median(samples: Float32Array, sample_rate: int) -> float | None:
    """The median fundamental of the voiced frames of [S] in Hz, 60 to 500; None where fewer than five are voiced.

    The peak of the autocorrelation over that of the window (P. Boersma, "Accurate short-term analysis of the
    fundamental frequency", 1993), frame by frame; no path is sought, since a median forgives single octave errors.
    """
    step = max(1, sample_rate // PITCH_RATE)
    rate = sample_rate / step
    wave = scipy.signal.resample_poly(samples, 1, step) if step > 1 else samples
    length, hop = round(PITCH_FRAME * rate), round(PITCH_HOP * rate)
    if len(wave) < length:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(wave, length)[::hop]
    power = np.mean(np.square(frames), axis=1)
    frames = frames[power > max(1e-9, np.percentile(power, 95) * 1e-4)]  # within 40 dB of the loud ones
    window, shape = _pitch_window(length)
    spectra = scipy.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * window, 2 * length, axis=1)
    heights = scipy.fft.irfft(_power(spectra), 2 * length, axis=1)[:, :length]
    shortest, longest = math.floor(rate / HIGHEST_HZ), min(math.ceil(rate / LOWEST_HZ), length - 2)
    heights = heights[heights[:, 0] > 0]
    heights = heights / heights[:, :1] / shape
    lags = np.arange(shortest, longest + 1)
    here, before, after = heights[:, lags], heights[:, lags - 1], heights[:, lags + 1]
    strength = np.where((here > before) & (here >= after), here - OCTAVE_COST * np.log2(lags / shortest), -np.inf)
    if not len(strength):
        return None
    best = strength.argmax(axis=1)
    rows = np.arange(len(best))
    voiced = np.isfinite(strength[rows, best]) & (here[rows, best] >= VOICED_FROM)
    if np.count_nonzero(voiced) < 5:
        return None
    rows, best = rows[voiced], best[voiced]
    left, top, right = before[rows, best], here[rows, best], after[rows, best]
    bend = left - 2 * top + right
    shift = np.where(bend < 0, (left - right) / (2 * np.minimum(bend, -1e-12)), 0.0)  # the top of a parabola
    return float(rate / np.median(lags[best] + shift))


@lru_cache(maxsize=8)
def _pitch_window(length: int) -> tuple[Float32Array, Float32Array]:
    """A Hann window, and its autocorrelation as a share of its power."""
    window = np.hanning(length + 2)[1:-1]
    shape = scipy.fft.irfft(np.square(np.abs(scipy.fft.rfft(window, 2 * length))), 2 * length)[:length]
    return window.astype(np.float32), np.maximum(shape / shape[0], 1e-3).astype(np.float32)


def _power(spectra: npt.NDArray[np.complex64]) -> Float32Array:
    """Of each bin; no root is drawn."""
    power: Float32Array = np.square(spectra.real) + np.square(spectra.imag)
    return power


def _bands(wave: Float32Array, sample_rate: int) -> tuple[float, ...]:
    """Levels of the bands below half the rate in speech, without what the room adds, in dB of their sum."""
    track = quality.level_track(wave, sample_rate)
    floor = quality.noise_floor(track, len(wave))
    _start, _end, speaking = quality.find_speech(track, floor, len(wave))
    length = int(scipy.fft.next_fast_len(round(SPECTRUM_FRAME * sample_rate), real=True))
    if not speaking.any() or len(wave) < length:
        return ()
    frames = np.lib.stride_tricks.sliding_window_view(wave, length)[:: SPECTRUM_HOP * track.hop]
    speaking = speaking[::SPECTRUM_HOP][: len(frames)]
    if not speaking.any():
        return ()
    frames = frames[: len(speaking)] * np.hanning(length).astype(np.float32)
    spectra = _power(scipy.fft.rfft(frames, axis=1))
    power = spectra[speaking].mean(axis=0, dtype=np.float64)
    room = spectra[~speaking]
    if len(room) * SPECTRUM_HOP >= quality.ROOM_FRAMES:
        power = np.maximum(power - np.median(room, axis=0), power / 10)
    hertz = np.arange(len(power)) * sample_rate / length
    sums = []
    for centre in BANDS_HZ:
        low, high = centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6)
        if high >= sample_rate / 2:
            break
        inside = (hertz >= low) & (hertz < high)
        sums.append(float(power[inside].sum()) if inside.any() else float(np.interp(centre, hertz, power)))
    levels = 10 * np.log10(np.maximum(np.array(sums), 1e-20))
    whole = 10 * math.log10(max(sum(sums), 1e-20))
    return tuple(float(level - whole) for level in levels)
