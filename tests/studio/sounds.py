"""Sounds for the tests of the recording room: like speech in level and rhythm, but made, and the same every time."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from speech.wav import wav_bytes
from studio import consent


@lru_cache(maxsize=128)
def take(
    seconds: float = 2.0, rate: int = 48_000, *, peak_dbfs: float = -6.0, floor_dbfs: float = -72.0,
    quiet: float = 0.4, seed: int = 0,
) -> npt.NDArray[np.int16]:  # fmt: skip
    """[S] int16, read-only: room noise, and syllables of 140 Hz between `quiet` seconds of room at both ends."""
    generator = np.random.default_rng(seed)
    count = int(seconds * rate)
    time = np.arange(count) / rate
    wave = 10 ** (floor_dbfs / 20) * generator.standard_normal(count)
    inside = (time > quiet) & (time < seconds - quiet)
    syllables = np.where(inside, np.sin(np.pi * 4 * (time - quiet)) ** 2, 0.0)
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)) * syllables
    wave += voice / np.abs(voice).max() * 10 ** (peak_dbfs / 20)
    samples = np.clip(np.rint(wave * 32_768), -32_768, 32_767).astype(np.int16)
    samples.flags.writeable = False  # everyone who asks gets the same
    return samples


def statement(seconds: float = 16.0, **how: float) -> npt.NDArray[np.int16]:
    """[S] int16 at 48 kHz: as long as somebody takes to read the statement of consent."""
    return take(seconds=seconds, **how)  # type: ignore[arg-type]


def statement_upload(samples: npt.NDArray[np.int16] | None = None, rate: int = 48_000, **fields: object) -> dict:
    """The fields of a spoken statement as the page sends them, with the WAV's bytes under `data`."""
    data = wav_bytes(statement() if samples is None else samples, rate)
    shown = consent.text_sha256(consent.text())
    return {
        "id": str(uuid4()), "sha256": hashlib.sha256(data).hexdigest(), "text_sha256": shown, "data": data, **fields,
    }  # fmt: skip


def upload(prompt: int, samples: npt.NDArray[np.int16] | None = None, rate: int = 48_000, **fields: object) -> dict:
    """The fields of a take as the page sends them, with the WAV's bytes under `data`."""
    data = wav_bytes(take(rate=rate) if samples is None else samples, rate)
    return {
        "id": str(uuid4()), "prompt": prompt, "sha256": hashlib.sha256(data).hexdigest(), "data": data, **fields,
    }  # fmt: skip
