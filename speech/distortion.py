"""How far generated speech lies from a real take of the same sentence: cepstra, pitch and voicing, after time warping.

They belong beside the alignment figures of `speech.alignment`: an attention trained with a guide soon draws a straight
diagonal that reads nothing, and only the sound tells.
"""

from __future__ import annotations

import fcntl
import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import scipy  # its parts load when they are first used

from speech.audio import log_mel
from speech.config import AudioConfig
from speech.errors import BadAudio
from speech.wav import Float32Array

COEFFICIENTS = 13  # the first one, loudness, is left out
DECIBELS = 10.0 / np.log(10.0) * np.sqrt(2.0)  # Kubichek 1993, "Mel-cepstral distance measure"
PITCH_RANGE = (65.0, 500.0)  # Hz
SPECTRA = (256, 512, 1024, 2048, 4096)  # windows of `spectral_distance`, samples
GROSS = 0.2  # share by which a pitch must be off to count as a gross error

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Distortion:
    """`mcd`: dB; `pitch_cents`: root mean square over frames that both voice; the others are shares from 0 to 1.

    A figure that two sounds do not have is NaN.
    """

    mcd: float
    pitch_cents: float
    gross_pitch_error: float
    voicing_error: float
    duration_ratio: float  # made / real

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def spectral_distance(real: Float32Array, made: Float32Array) -> float:
    """How far apart the spectra of two sounds [S] are that lie abreast, dB: the mean over windows of many lengths.

    Parts 60 dB under the loudest are not told apart. A mel alone would favour Griffin-Lim, whose sound is fitted to the
    one window that the mel has; phases that do not belong together show in the others.
    """
    _check(real, made, SPECTRA[-1])
    length = min(len(real), len(made))
    apart = []
    for size in SPECTRA:
        theirs, ours = (np.abs(librosa.stft(one[:length], n_fft=size, hop_length=size // 4)) for one in (real, made))
        floor = max(float(theirs.max()) / 1000.0, 1e-9)
        theirs, ours = (20.0 * np.log10(np.maximum(one, floor)) for one in (theirs, ours))
        apart.append(np.abs(theirs - ours).mean())
    return float(np.mean(apart))


def _check(real: Float32Array, made: Float32Array, window: int) -> None:
    if (length := min(len(real), len(made))) <= window:
        raise BadAudio(f"{length} samples are too few to compare; give more than {window}.", code="too_short")
    if not (np.isfinite(real).all() and np.isfinite(made).all()):
        raise BadAudio("A sound with samples that are no numbers cannot be compared.", code="not_finite")


def cepstra(mel: FloatArray) -> FloatArray:
    """Log mel [M, T] → [T, 13], its cosine transform without the constant part."""
    return np.asarray(scipy.fft.dct(mel, axis=0, norm="ortho")[1 : COEFFICIENTS + 1].T / np.sqrt(len(mel) / 2))


def mel_distortion(real: FloatArray, made: FloatArray) -> float:
    """The mel-cepstral distortion of log mels [M, T] and [M, T'] in dB, before any vocoder; 0 frames are silence."""
    made = made if made.shape[1] else np.full((len(made), 1), real.min())
    theirs, ours = cepstra(real), cepstra(made)
    return _apart(theirs, ours, warp(theirs, ours))


def _apart(theirs: FloatArray, ours: FloatArray, path: npt.NDArray[np.intp]) -> float:
    """dB over the pairs of frames of a path."""
    return float(DECIBELS * np.linalg.norm(theirs[path[:, 0]] - ours[path[:, 1]], axis=1).mean())


def warp(first: FloatArray, second: FloatArray) -> npt.NDArray[np.intp]:
    """[T, C] and [T', C] → [L, 2], pairs of frames in order of time (dynamic time warping)."""
    _compile(_try_warp)
    return _warp(first, second)


def pitch(samples: Float32Array, audio: AudioConfig) -> FloatArray:
    """samples: [S] → [T] Hz, NaN where there is no voice (probabilistic YIN)."""
    _compile(_try_pitch)
    return _pitch(samples, audio)


@functools.cache
def _compile(attempt: Callable[[], object]) -> None:
    """Have what librosa leaves to numba compiled, by one process at a time.

    Several that write numba's cache at once can spoil it for good: four that first asked for a pitch in a new
    environment left one in which every later process ended with a segmentation fault.
    """
    with (Path(tempfile.gettempdir()) / f"moksori-numba-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        attempt()


def _try_warp() -> object:
    rows = np.arange(3.0 * COEFFICIENTS).reshape(3, COEFFICIENTS)
    return _warp(rows, rows)


def _try_pitch() -> object:
    audio = AudioConfig()
    tone = np.sin(np.arange(audio.sample_rate // 4) * (2 * np.pi * 150 / audio.sample_rate)).astype(np.float32)
    return _pitch(tone, audio)


def _warp(first: FloatArray, second: FloatArray) -> npt.NDArray[np.intp]:
    _, path = librosa.sequence.dtw(first.T, second.T, metric="euclidean")
    return np.asarray(path[::-1])


def _pitch(samples: Float32Array, audio: AudioConfig) -> FloatArray:
    low, high = PITCH_RANGE
    hertz, _, _ = librosa.pyin(
        samples, fmin=low, fmax=high, sr=audio.sample_rate, frame_length=audio.n_fft, hop_length=audio.hop_length
    )
    return np.asarray(hertz)


def distortion(real: Float32Array, made: Float32Array, audio: AudioConfig | None = None) -> Distortion:
    """Compare a real take with a generated one of the same sentence, both [S] float32 at `audio.sample_rate`.

    Loudness does not count: it is in the cepstrum's constant part. Raises BadAudio for a sound without a frame.
    """
    audio = audio or AudioConfig()
    _check(real, made, audio.n_fft)
    theirs, ours = (cepstra(log_mel(one, audio)) for one in (real, made))
    path = warp(theirs, ours)
    real_pitch, made_pitch = _at(pitch(real, audio), path[:, 0]), _at(pitch(made, audio), path[:, 1])
    real_voiced, made_voiced = np.isfinite(real_pitch), np.isfinite(made_pitch)
    both = real_voiced & made_voiced
    ratio = made_pitch[both] / real_pitch[both]
    never = 1.0 if (real_voiced | made_voiced).any() else float("nan")  # neither is voiced: there is no pitch to miss
    return Distortion(
        mcd=_apart(theirs, ours, path),
        pitch_cents=float(np.sqrt(np.mean((1200 * np.log2(ratio)) ** 2))) if both.any() else float("nan"),
        gross_pitch_error=float(np.mean(np.abs(ratio - 1) > GROSS)) if both.any() else never,
        voicing_error=float(np.mean(real_voiced != made_voiced)),
        duration_ratio=len(made) / len(real),
    )


def _at(values: FloatArray, frames: npt.NDArray[np.intp]) -> FloatArray:
    return values[np.minimum(frames, len(values) - 1)]
