"""More out of few clips: each time a clip comes, a little higher or lower, slower or faster, or with holes.

Pitch is that of a tape played faster or slower: the sound is resampled, and so its formants move along with it; half a
semitone is another mood of the speaker, three are another person. The pace is then put back by stretching the mel.
Tempo stretches the mel along time, linearly, which keeps the pitch. Masking replaces frames that the decoder is fed
under teacher forcing by the mean frame (drop frame rate, arXiv 1909.01145), so that it has to listen to the text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from speech import audio as sound
from speech.config import TrainingConfig
from speech.manifest import ClipEntry, Manifest
from speech.wav import Float32Array

Sound = tuple[Float32Array, Float32Array]  # mel [M, T], samples [S]


@dataclass(frozen=True)
class Altered(Manifest):
    """A manifest some of whose clips sound otherwise."""

    sounds: dict[str, Sound] = field(default_factory=dict)

    def mel(self, entry: ClipEntry, start: int = 0, end: int | None = None) -> Float32Array:
        """[M, T]."""
        return self.sounds[entry.id][0][:, start:end]

    def samples(self, entry: ClipEntry, start: int = 0, end: int | None = None) -> Float32Array:
        """[S]."""
        return self.sounds[entry.id][1][start:end]


def alter(
    manifest: Manifest, entries: Sequence[ClipEntry], training: TrainingConfig, seed: int, *, tempo: bool
) -> tuple[Manifest, list[ClipEntry]]:
    """The clips with a pitch (and with `tempo` a pace) of their own, drawn by `seed`; as they are where none is asked.

    A vocoder goes without `tempo`: a stretched mel is that of no sound.
    """
    pace = training.augment_tempo if tempo else 0.0
    if not training.augment_pitch and not pace:
        return manifest, list(entries)
    rng = np.random.default_rng(seed)
    sounds: dict[str, Sound] = {}
    altered = []
    for entry in entries:
        semitones = rng.uniform(-training.augment_pitch, training.augment_pitch)
        faster = 1.0 + rng.uniform(-pace, pace)
        mel, samples = _pitched(manifest, entry, 2.0 ** (semitones / 12)) if training.augment_pitch else (
            manifest.mel(entry), manifest.samples(entry)
        )  # fmt: skip
        if tempo:
            mel = stretch(mel, max(2, round(entry.frames / faster)))
        sounds[entry.id] = mel, samples
        altered.append(dataclasses.replace(entry, frames=mel.shape[1], sample_count=len(samples)))
    own = {one.name: getattr(manifest, one.name) for one in dataclasses.fields(manifest)}
    return Altered(**own, sounds=sounds), altered


def stretch(mel: Float32Array, frames: int) -> Float32Array:
    """mel: [M, T] → [M, frames], linear along time."""
    stretched = torch.nn.functional.interpolate(
        torch.from_numpy(mel)[None], size=frames, mode="linear", align_corners=True
    )
    return np.asarray(stretched[0].numpy(), dtype=np.float32)


def _pitched(manifest: Manifest, entry: ClipEntry, factor: float) -> Sound:
    """All frequencies times `factor`, and the length divided by it."""
    rate = manifest.audio.sample_rate
    samples = np.clip(sound.resample(manifest.samples(entry), rate, round(rate / factor)), -1.0, 1.0)
    return sound.log_mel(samples, manifest.audio), samples


@contextmanager
def masked_inputs(model: torch.nn.Module, share: float) -> Iterator[None]:
    """While it lasts, `share` of the frames that the decoder is fed are the mean of all frames instead.

    It works at the door of the decoder's prenet, so that the targets stay whole. Draws from torch's global generator.
    """
    if not share:
        yield
        return

    def mask(_: torch.nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        frames = arguments[0]  # [steps, B, M], rows of zeros before the start and behind the end
        spoken = frames.abs().sum(2, keepdim=True) > 0
        mean = (frames * spoken).sum((0, 1)) / spoken.sum().clamp(min=1)
        gone = (torch.rand(frames.shape[:2], device=frames.device) < share)[..., None] & spoken
        return torch.where(gone, mean, frames), *arguments[1:]

    handle = model.get_submodule("decoder.prenet").register_forward_pre_hook(mask)
    try:
        yield
    finally:
        handle.remove()
