"""Clips in batches: which go together in an epoch, and the tensors that they become."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from speech.errors import BadConfig
from speech.manifest import ClipEntry, Manifest

LENGTH_BLUR = 0.02  # share by which lengths are blurred, so that an epoch's batches differ from the last one's
PADDING = 1.06  # frames of a batch, padding included, over those that are valid

Indices = npt.NDArray[np.intp]


class Batches:
    """The order of the clips. It depends on nothing but the seed and the epoch, so that a run can be resumed in it."""

    def __init__(self, manifest: Manifest, entries: Sequence[ClipEntry], batch_size: int, seed: int) -> None:
        if batch_size < 1 or not entries:
            raise BadConfig(
                f"{len(entries)} clips cannot be made into batches of {batch_size}.",
                code="bad_batch_size", batch_size=batch_size, clips=len(entries),
            )  # fmt: skip
        self.manifest = manifest
        self.entries = tuple(entries)
        self.batch_size = batch_size
        self.seed = seed
        self._cuts = np.cumsum(self._sizes())[:-1]

    def __len__(self) -> int:
        """Batches in an epoch, the same in each."""
        return len(self._cuts) + 1

    def epoch(self, epoch: int) -> list[list[ClipEntry]]:
        """Every clip once, in `len(self)` batches of at most `batch_size` clips."""
        rng = np.random.default_rng([self.seed, epoch])
        parts = np.split(self._order(rng), self._cuts)
        return [[self.entries[index] for index in parts[number]] for number in rng.permutation(len(parts))]

    def _sizes(self) -> list[int]:
        """Even sizes: no batch of one clip is left over."""
        count = math.ceil(len(self.entries) / self.batch_size)
        return [len(part) for part in np.array_split(np.arange(len(self.entries)), count)]

    def _order(self, rng: np.random.Generator) -> Indices:
        return rng.permutation(len(self.entries))


class AcousticBatches(Batches):
    """Batches of clips of like length: little padding. Which clips meet changes from epoch to epoch.

    Where few clips are nearly as long as the longest, a batch is closed early, at a quarter of `batch_size` or above.
    """

    def longest(self) -> list[ClipEntry]:
        """The batch that needs most memory: to be tried before the first step."""
        return sorted(self.entries, key=lambda entry: -entry.frames)[: self.batch_size]

    def _sizes(self) -> list[int]:
        lengths = sorted((entry.frames for entry in self.entries), reverse=True)
        fewest = max(1, self.batch_size // 4)
        sizes, longest, valid = [0], lengths[0], 0
        for frames in lengths:
            padded = longest * (sizes[-1] + 1) / (valid + frames)
            if sizes[-1] == self.batch_size or (sizes[-1] >= fewest and padded > PADDING):
                sizes.append(0)
                longest, valid = frames, 0
            sizes[-1] += 1
            valid += frames
        if len(sizes) > 1 and sizes[-1] < fewest:  # share the rest with its neighbour
            rest = sizes.pop() + sizes.pop()
            sizes += [rest] if rest <= self.batch_size else [rest // 2, rest - rest // 2]
        return sizes

    def _order(self, rng: np.random.Generator) -> Indices:
        frames = np.array([entry.frames for entry in self.entries], dtype=np.float64)
        blur = rng.uniform(1 - LENGTH_BLUR, 1 + LENGTH_BLUR, len(frames))
        return np.argsort(-frames * blur, kind="stable")


class VocoderBatches(Batches):
    """Batches in any order, since a vocoder takes segments of one length."""


@dataclass(frozen=True, eq=False)
class _Tensors:
    def to(self, device: torch.device | str) -> Self:
        """The same batch on a device."""
        moved = {
            field.name: value.to(device, non_blocking=True)
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), torch.Tensor)
        }
        return dataclasses.replace(self, **moved)


@dataclass(frozen=True, eq=False)
class AcousticBatch(_Tensors):
    """Clips in order of decreasing symbol count, padded at the end."""

    ids: tuple[str, ...]
    symbols: torch.Tensor  # [B, N] int64, padded with 0
    symbol_lengths: torch.Tensor  # [B] int64
    mels: torch.Tensor  # [B, M, T] float32, padded with 0.0 as published
    mel_lengths: torch.Tensor  # [B] int64
    gates: torch.Tensor  # [B, T] float32, 1 from the last valid frame on


@dataclass(frozen=True, eq=False)
class VocoderBatch(_Tensors):
    """Segments of sound and the mel frames over them."""

    mels: torch.Tensor  # [B, M, T] float32
    samples: torch.Tensor  # [B, S] float32, S = T · hop_length


def collate_acoustic(
    manifest: Manifest, entries: Sequence[ClipEntry], device: torch.device | str | None = None
) -> AcousticBatch:
    """The tensors of some clips, on the CPU or on `device`."""
    ordered = sorted(entries, key=lambda entry: (-len(entry.symbols), -entry.frames, entry.id))
    longest = max(entry.frames for entry in ordered)
    symbols = torch.zeros(len(ordered), len(ordered[0].symbols), dtype=torch.int64)
    mels = torch.zeros(len(ordered), manifest.audio.n_mels, longest)
    gates = torch.zeros(len(ordered), longest)
    for row, entry in enumerate(ordered):
        symbols[row, : len(entry.symbols)] = torch.tensor(entry.symbols)
        mels[row, :, : entry.frames] = torch.from_numpy(manifest.mel(entry))
        gates[row, entry.frames - 1 :] = 1.0
    batch = AcousticBatch(
        ids=tuple(entry.id for entry in ordered),
        symbols=symbols,
        symbol_lengths=torch.tensor([len(entry.symbols) for entry in ordered]),
        mels=mels,
        mel_lengths=torch.tensor([entry.frames for entry in ordered]),
        gates=gates,
    )
    return batch if device is None else batch.to(device)


def collate_vocoder(
    manifest: Manifest,
    entries: Sequence[ClipEntry],
    segment: int,
    generator: torch.Generator,
    device: torch.device | str | None = None,
) -> VocoderBatch:
    """One segment of `segment` samples (a multiple of the hop length) from a random place of each clip.

    Clips shorter than that end in silence. Raises BadConfig for another segment.
    """
    hop = manifest.audio.hop_length
    if segment < hop or segment % hop:
        raise BadConfig(
            f"A segment of {segment} samples is no multiple of the hop length {hop}.",
            code="bad_segment", segment=segment, hop_length=hop,
        )  # fmt: skip
    frames = segment // hop
    mels = torch.full((len(entries), manifest.audio.n_mels, frames), math.log(manifest.audio.clip_floor))
    samples = torch.zeros(len(entries), segment)
    for row, entry in enumerate(entries):
        # The last frame of a clip is centred on its end: only the frames before it have a whole hop of samples.
        places = max(0, entry.sample_count // hop - frames) + 1
        first = int(torch.randint(places, (1,), generator=generator))
        mel = torch.from_numpy(manifest.mel(entry, first, first + frames))
        wave = torch.from_numpy(manifest.samples(entry, first * hop, first * hop + segment))
        mels[row, :, : mel.shape[1]] = mel
        samples[row, : len(wave)] = wave
    batch = VocoderBatch(mels, samples)
    return batch if device is None else batch.to(device)
