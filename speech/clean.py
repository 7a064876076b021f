"""What happens to a clip before training: silence off its edges, one loudness for all. The master stays as it is."""

from __future__ import annotations

import numpy as np

from speech import quality
from speech.wav import Float32Array

MARGIN_SECONDS = 0.15  # of real room kept on both sides; under 0.1 s the first stop consonant gets lost
TARGET_LUFS = -23.0
PEAK_DBFS = -1.0


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
