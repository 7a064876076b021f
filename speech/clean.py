"""What happens to a clip before training: silence off its edges, one loudness for all; noise where it is asked for.

The master stays as it is.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when they are first used: the web process does not wait for them at its start

from speech import quality
from speech.wav import Float32Array

MARGIN_SECONDS = 0.15  # of real room kept on both sides; under 0.1 s the first stop consonant gets lost
TARGET_LUFS = -23.0
PEAK_DBFS = -1.0
DEPTH_DB = 12.0  # more of it takes breath and the ends of words with the noise
WINDOW_SECONDS = 0.032
SMOOTHING = 0.98  # Ephraim and Malah's weight of the frame before


def trim_bounds(
    samples: Float32Array,
    sample_rate: int,
    *,
    noise_floor_dbfs: float | None = None,
    margin: float = MARGIN_SECONDS,
) -> tuple[int, int]:
    """Start and end (exclusive), in samples, of the speech in [S] with `margin` seconds of room on both sides.

    The threshold comes from the take's own room, or from `noise_floor_dbfs` where the session's room was measured.
    A take without speech keeps its whole length: nothing is cut that nobody understood.
    """
    track = quality.level_track(samples - np.float32(samples.mean(dtype=np.float64)), sample_rate)
    floor = quality.noise_floor(track, len(samples)) if noise_floor_dbfs is None else noise_floor_dbfs
    start, end, speaking = quality.find_speech(track, floor, len(samples))
    if not speaking.any():
        return 0, len(samples)
    kept = round(margin * sample_rate)
    return max(0, start - kept), min(len(samples), end + kept)


def level(
    samples: Float32Array, sample_rate: int, target_lufs: float = TARGET_LUFS, peak_dbfs: float = PEAK_DBFS
) -> Float32Array:
    """[S] → [S] at `target_lufs`, or as near as a peak of `peak_dbfs` lets it; nothing is limited or compressed.

    Sound too quiet to have a loudness (all silence) passes through.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    measured = quality.loudness(samples, sample_rate)
    if peak == 0 or measured <= quality.SILENCE_DBFS:
        return samples
    gain = min(10 ** ((target_lufs - measured) / 20), 10 ** (peak_dbfs / 20) / peak)
    return samples * np.float32(gain)


def denoise(samples: Float32Array, sample_rate: int, room: Float32Array, *, depth_db: float = DEPTH_DB) -> Float32Array:
    """[S] → [S] with the room's own noise taken down by at most `depth_db`; `room`: [R], its tone, at the same rate.

    A Wiener gain for each bin of a short-time spectrum, from the room's mean power there and the a priori SNR by the
    decision-directed rule (Ephraim and Malah 1984), which keeps the gain from fluttering. The depth is a floor, so what
    stays of the room keeps its colour. A room tone too short for two windows changes nothing.
    """
    size = 2 ** round(math.log2(WINDOW_SECONDS * sample_rate))
    if len(room) < 2 * size or len(samples) < size:
        return samples
    hann = scipy.signal.get_window("hann", size)
    window = scipy.signal.ShortTimeFFT(hann, size // 4, sample_rate, scale_to=None)
    noise = np.mean(np.abs(window.stft(room.astype(np.float64))) ** 2, axis=1)[:, None]  # [F, 1]
    spectrum = window.stft(samples.astype(np.float64))  # [F, T]
    post = np.abs(spectrum) ** 2 / np.maximum(noise, 1e-20)
    gain = _wiener(post, 10 ** (-depth_db / 20))
    return window.istft(spectrum * gain, k1=len(samples)).astype(np.float32)  # type: ignore[no-any-return]


def _wiener(post: npt.NDArray[np.float64], floor: float) -> npt.NDArray[np.float64]:
    """Gains [F, T] of the a posteriori SNR [F, T], frame by frame."""
    gain = np.empty_like(post)
    before = np.zeros(len(post))  # of the frame before: its clean power over the noise
    for frame in range(post.shape[1]):
        prior = SMOOTHING * before + (1 - SMOOTHING) * np.maximum(post[:, frame] - 1, 0)
        gain[:, frame] = np.maximum(prior / (1 + prior), floor)
        before = gain[:, frame] ** 2 * post[:, frame]
    return gain
