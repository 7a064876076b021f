"""Mels as an acoustic model makes them, for a vocoder to learn what it will be given in use.

The acoustic model is led along the true frames (teacher forcing), so that its mel stays aligned with the recorded
samples, and blurs and errs as it does when it speaks. The mels lie beside the true ones, at the same offsets.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speech import checkpoint
from speech.batches import collate_acoustic
from speech.errors import BadCheckpoint
from speech.events import Event, StageChanged
from speech.files import write_atomic
from speech.header import Checkpoint
from speech.lifetime import turn
from speech.manifest import MELS, ClipEntry, Manifest
from speech.text.symbols import SYMBOLS

BATCH = 8  # clips of like length at a time


def taught(
    manifest: Manifest,
    teacher: Checkpoint,
    device: torch.device,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Manifest:
    """The same clips with the teacher's mels; made once, and again when the teacher or the clips are others.

    Raises BadCheckpoint for a teacher that never learned some of the symbols; DiskFull.
    """
    name = f"teacher-{_mark(manifest, teacher)}.f32"
    path = manifest.folder / name
    size = max(entry.offset + entry.frames for entry in manifest.entries) * manifest.audio.n_mels * MELS.itemsize
    # Whoever prepares clips in the same folder sweeps away what was left half made, and must not take this for it.
    with turn(manifest.folder, lambda: on_event(StageChanged("prepare", 0, len(manifest.entries)))):
        if not path.exists():
            write_atomic(
                path, lambda temporary: _write(temporary, size, manifest, teacher, device, on_event), needs=size
            )
    for other in manifest.folder.glob("teacher-*.f32"):
        if other != path:
            other.unlink()
    return replace(manifest, mels_file=name, _open={})


def _mark(manifest: Manifest, teacher: Checkpoint) -> str:
    """Of all that the mels follow from."""
    digest = hashlib.sha256(checkpoint.tensors_hash(teacher.tensors).encode())
    for entry in manifest.entries:
        digest.update(f"{entry.fingerprint} {entry.offset} {entry.symbols}\n".encode())
    return digest.hexdigest()[:16]


def _write(
    path: Path,
    size: int,
    manifest: Manifest,
    teacher: Checkpoint,
    device: torch.device,
    on_event: Callable[[Event], None],
) -> None:
    network = checkpoint.network_of(teacher).to(device).eval()
    rows = _rows(teacher, manifest)
    entries = sorted(manifest.entries, key=lambda entry: entry.frames)
    frame = manifest.audio.n_mels * MELS.itemsize
    with path.open("wb") as file:
        os.truncate(path, size)
        for start in range(0, len(entries), BATCH):
            on_event(StageChanged("prepare", start, len(entries)))
            for entry, mel in _led(network, manifest, entries[start : start + BATCH], rows, device):
                file.seek(entry.offset * frame)
                file.write(np.ascontiguousarray(mel.T, dtype=MELS).tobytes())
        on_event(StageChanged("prepare", len(entries), len(entries)))


@torch.inference_mode()
def _led(
    network: Any, manifest: Manifest, entries: list[ClipEntry], rows: torch.Tensor, device: torch.device
) -> list[tuple[ClipEntry, np.ndarray[Any, np.dtype[np.float32]]]]:
    """Each clip with its mel [M, T] as the network makes it frame by frame from the true ones."""
    batch = collate_acoustic(manifest, entries, device)
    symbols = rows.to(device)[batch.symbols]
    made = network(symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths).mel_post.float().cpu().numpy()
    row_of = {clip: row for row, clip in enumerate(batch.ids)}
    return [(entry, made[row_of[entry.id], :, : entry.frames]) for entry in entries]


def _rows(teacher: Checkpoint, manifest: Manifest) -> torch.Tensor:
    """[symbols] → the teacher's rows, by the symbols' names."""
    own = {symbol: row for row, symbol in enumerate(teacher.header.symbols)}
    used = sorted({number for entry in manifest.entries for number in entry.symbols})
    if unknown := [SYMBOLS[number] for number in used if SYMBOLS[number] not in own]:
        raise BadCheckpoint(
            f"{teacher.source} never learned {' '.join(unknown)}, which the clips need: it cannot teach here.",
            code="unknown_symbol",
            symbols=unknown,
        )
    return torch.tensor([own.get(symbol, 0) for symbol in SYMBOLS])
