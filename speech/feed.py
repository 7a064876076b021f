"""Which clips come when, and the tensors that the loop is fed with."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from speech.dataset import (
    AcousticBatches,
    Batches,
    ClipEntry,
    Manifest,
    VocoderBatches,
    collate_acoustic,
    collate_vocoder,
)
from speech.plan import Plan


class Feed:
    """Training batches by epoch and number, and the held-out ones; the same for the same seed."""

    def __init__(self, plan: Plan, manifest: Manifest) -> None:
        self._plan, self._manifest = plan, manifest
        self._train = self._batches(manifest.train)
        self._epoch: tuple[int, list[list[ClipEntry]]] = (-1, [])

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._train)

    def clips(self, epoch: int, index: int) -> list[ClipEntry]:
        """The clips of one batch. An `index` behind the end (the batch size was changed) is the epoch's last."""
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._train.epoch(epoch))
        return self._epoch[1][min(index, len(self) - 1)]

    def held_out(self) -> list[list[ClipEntry]]:
        return self._batches(self._manifest.held_out).epoch(0)

    def collate(self, clips: list[ClipEntry], seed: int) -> Any:
        """An AcousticBatch or a VocoderBatch on the plan's device; `seed` places a vocoder's segments."""
        if self._plan.kind == "acoustic":
            return collate_acoustic(self._manifest, clips, self._plan.device)
        segment: int = self._plan.config.to_json()["segment"]
        places = torch.Generator().manual_seed(seed)
        return collate_vocoder(self._manifest, clips, segment, places, self._plan.device)

    def _batches(self, entries: tuple[ClipEntry, ...]) -> Batches:
        cls = AcousticBatches if self._plan.kind == "acoustic" else VocoderBatches
        return cls(self._manifest, entries, self._plan.training.batch_size, self._plan.training.seed)


def seed_of(*parts: int) -> int:
    """One seed of several numbers, unlike for unlike numbers."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


def frames_of(batch: Any) -> int:
    """Valid mel frames of an AcousticBatch, samples of a VocoderBatch."""
    lengths = getattr(batch, "mel_lengths", None)
    return int(batch.samples.numel() if lengths is None else lengths.sum())
