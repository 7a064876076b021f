"""Which clips come when, and the tensors that the loop is fed with."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

from speech.augment import alter
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


@dataclass(frozen=True, eq=False)
class Fed:
    """One training batch: its clips, the seed of all that is random in its step, and its tensors."""

    clips: list[ClipEntry]
    seed: int
    tensors: Any  # an AcousticBatch or a VocoderBatch on the plan's device


class Feed:
    """Training batches by epoch and number, and the held-out ones; the same for the same seed.

    While a GPU works on a batch, a thread makes the one behind it (`ahead`). What a batch holds follows from its place
    alone, whichever thread makes it. On a processor the loop makes its batches, which takes a four-hundredth of a step
    (a sixth where every clip gets a pitch of its own): beside a second thread that multiplies OpenMP would count more
    threads than processors, and let its own sleep between any two operations. That took twice the time on two cores.
    """

    def __init__(self, plan: Plan, manifest: Manifest, batch_size: int, *, ahead: bool | None = None) -> None:
        self.batch_size = batch_size
        self._plan, self._manifest = plan, manifest
        self._train = self._batches(manifest.train)
        self._epoch: tuple[int, list[list[ClipEntry]]] = (-1, [])
        ahead = plan.device.type != "cpu" if ahead is None else ahead
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed") if ahead else None
        self._ahead: tuple[tuple[int, int, int], Future[Fed]] | None = None

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._train)

    def clips(self, epoch: int, index: int) -> list[ClipEntry]:
        """The clips of one batch. An `index` behind the end (the batch size was changed) is the epoch's last."""
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._train.epoch(epoch))
        return self._epoch[1][min(index, len(self) - 1)]

    def following(self, epoch: int, index: int) -> tuple[int, int]:
        """Epoch and number of the batch behind one."""
        return (epoch, index + 1) if index + 1 < len(self) else (epoch + 1, 0)

    def take(self, epoch: int, index: int, salt: int) -> Fed:
        """A training batch. `salt` makes another seed of the same place (the run was rolled back)."""
        place = (epoch, index, salt)
        ahead, self._ahead = self._ahead, None
        fed = ahead[1].result() if ahead and ahead[0] == place else self._make(self.clips(epoch, index), place)
        if self._thread:
            behind = (*self.following(epoch, index), salt)
            self._ahead = behind, self._thread.submit(self._make, self.clips(*behind[:2]), behind)
        return fed

    def close(self) -> None:
        """No batch is made any more."""
        if self._thread:
            self._thread.shutdown(cancel_futures=True)

    def held_out(self) -> list[list[ClipEntry]]:
        return self._batches(self._manifest.held_out).epoch(0)

    def collate(self, clips: list[ClipEntry], seed: int) -> Any:
        """An AcousticBatch or a VocoderBatch on the plan's device; `seed` places a vocoder's segments."""
        return self._collate(self._manifest, clips, seed)

    def _make(self, clips: list[ClipEntry], place: tuple[int, int, int]) -> Fed:
        training = self._plan.training
        seed = seed_of(training.seed, *place)
        manifest, heard = alter(self._manifest, clips, training, seed, tempo=self._plan.kind == "acoustic")
        return Fed(clips, seed, self._collate(manifest, heard, seed))

    def _collate(self, manifest: Manifest, clips: list[ClipEntry], seed: int) -> Any:
        if self._plan.kind == "acoustic":
            return collate_acoustic(manifest, clips, self._plan.device)
        segment: int = self._plan.config.to_json()["segment"]
        places = torch.Generator().manual_seed(seed)
        return collate_vocoder(manifest, clips, segment, places, self._plan.device)

    def _batches(self, entries: tuple[ClipEntry, ...]) -> Batches:
        cls = AcousticBatches if self._plan.kind == "acoustic" else VocoderBatches
        return cls(self._manifest, entries, self.batch_size, self._plan.training.seed)


def seed_of(*parts: int) -> int:
    """One seed of several numbers, unlike for unlike numbers."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


def frames_of(batch: Any) -> int:
    """Valid mel frames of an AcousticBatch, samples of a VocoderBatch."""
    lengths = getattr(batch, "mel_lengths", None)
    return int(batch.samples.numel() if lengths is None else lengths.sum())
