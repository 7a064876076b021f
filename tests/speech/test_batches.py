from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from speech.config import AudioConfig, TextConfig
from speech.dataset import (
    AcousticBatches,
    ClipEntry,
    Manifest,
    VocoderBatches,
    collate_acoustic,
    collate_vocoder,
    prepare,
)
from speech.errors import BadConfig


@pytest.fixture(scope="module")
def manifest(espeak_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    out = tmp_path_factory.mktemp("prepared")
    return prepare(espeak_clips, out, audio=AudioConfig(), text=TextConfig(), held_out=0.1, seed=1)


def clips_of(lengths: list[int]) -> list[ClipEntry]:
    return [
        ClipEntry(
            id=str(index), text="", reading="", symbols=(2,), frames=length, offset=0,
            sample_count=length * 256, sample_offset=0, held_out=False, fingerprint="",
        )
        for index, length in enumerate(lengths)
    ]  # fmt: skip


def real_lengths(count: int) -> list[int]:
    """Frames of read sentences: log-normal around 4 s, as 300 clips of a real speaker are."""
    seconds = np.exp(np.random.default_rng(5).normal(math.log(3.6), 0.42, count))
    return [int(86 * value) for value in np.clip(seconds, 1.2, 15)]


@pytest.mark.parametrize("kind", [AcousticBatches, VocoderBatches])
@pytest.mark.parametrize(("count", "size"), [(1, 1), (5, 8), (16, 8), (17, 8), (100, 7), (284, 16)])
def test_an_epoch_holds_every_clip_once(manifest: Manifest, kind: type, count: int, size: int) -> None:
    batches = kind(manifest, clips_of(real_lengths(count)), size, 1)
    epoch = batches.epoch(0)
    assert sorted(entry.id for batch in epoch for entry in batch) == sorted(map(str, range(count)))
    assert len(epoch) == len(batches) == len(batches.epoch(7))
    assert max(map(len, epoch)) <= size


@pytest.mark.parametrize("kind", [AcousticBatches, VocoderBatches])
def test_the_order_depends_on_seed_and_epoch_only(manifest: Manifest, kind: type) -> None:
    entries = clips_of(real_lengths(100))
    assert kind(manifest, entries, 8, 1).epoch(3) == kind(manifest, entries, 8, 1).epoch(3)
    assert kind(manifest, entries, 8, 1).epoch(3) != kind(manifest, entries, 8, 1).epoch(4)
    assert kind(manifest, entries, 8, 1).epoch(3) != kind(manifest, entries, 8, 2).epoch(3)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_less_than_a_tenth_of_the_frames_is_padding(manifest: Manifest, size: int) -> None:
    batches = AcousticBatches(manifest, clips_of(real_lengths(284)), size, 1).epoch(0)
    valid = sum(entry.frames for batch in batches for entry in batch)
    padded = sum(max(entry.frames for entry in batch) * len(batch) for batch in batches)
    assert padded / valid < 1.1
    assert min(map(len, batches)) >= size // 4


def test_the_padding_of_a_real_speakers_clips_is_below_a_tenth(lmy_prepared: Manifest) -> None:
    for size in (8, 16, 32):
        batches = AcousticBatches(lmy_prepared, lmy_prepared.train, size, 1).epoch(1)
        valid = sum(entry.frames for batch in batches for entry in batch)
        assert sum(max(entry.frames for entry in batch) * len(batch) for batch in batches) / valid < 1.1


def test_the_longest_clips_come_for_a_dry_run(manifest: Manifest) -> None:
    batches = AcousticBatches(manifest, clips_of([5, 9, 7, 1]), 2, 1)
    assert [entry.frames for entry in batches.longest()] == [9, 7]


def test_no_clips_or_no_size_is_refused(manifest: Manifest) -> None:
    with pytest.raises(BadConfig):
        AcousticBatches(manifest, [], 8, 1)
    with pytest.raises(BadConfig):
        AcousticBatches(manifest, manifest.train, 0, 1)


def test_an_acoustic_batch_holds_its_clips_padded(manifest: Manifest) -> None:
    batch = collate_acoustic(manifest, manifest.entries[:5])
    by_id = {entry.id: entry for entry in manifest.entries}
    assert batch.symbol_lengths.tolist() == sorted(batch.symbol_lengths.tolist(), reverse=True)
    assert batch.symbols.dtype == batch.mel_lengths.dtype == torch.int64
    assert batch.mels.shape == (5, 80, int(batch.mel_lengths.max()))
    for row, name in enumerate(batch.ids):
        entry = by_id[name]
        assert batch.symbols[row, : len(entry.symbols)].tolist() == list(entry.symbols)
        assert not batch.symbols[row, len(entry.symbols) :].any()
        np.testing.assert_array_equal(batch.mels[row, :, : entry.frames].numpy(), manifest.mel(entry))
        assert not batch.mels[row, :, entry.frames :].any()
        assert batch.gates[row].tolist() == [0.0] * (entry.frames - 1) + [1.0] * (
            batch.mels.shape[2] - entry.frames + 1
        )


def test_a_batch_moves_to_a_device_whole(manifest: Manifest) -> None:
    batch = collate_acoustic(manifest, manifest.entries[:2], "meta")
    assert {value.device.type for value in (batch.symbols, batch.mels, batch.gates, batch.mel_lengths)} == {"meta"}
    assert len(batch.ids) == 2
    segments = collate_vocoder(manifest, manifest.entries[:2], 4096, torch.Generator(), "meta")
    assert (segments.mels.device.type, segments.samples.device.type) == ("meta", "meta")


def test_a_vocoder_segment_is_the_sound_under_its_mel(manifest: Manifest) -> None:
    entry = manifest.entries[0]
    batch = collate_vocoder(manifest, [entry] * 6, 32 * 256, torch.Generator().manual_seed(1))
    mel, samples = manifest.mel(entry), manifest.samples(entry)
    assert batch.mels.shape == (6, 80, 32)
    assert batch.samples.shape == (6, 32 * 256)
    places = set()
    for row in range(6):
        first = next(at for at in range(entry.frames) if np.array_equal(mel[:, at], batch.mels[row, :, 0].numpy()))
        np.testing.assert_array_equal(batch.mels[row].numpy(), mel[:, first : first + 32])
        np.testing.assert_array_equal(batch.samples[row].numpy(), samples[first * 256 : (first + 32) * 256])
        places.add(first)
    assert len(places) > 1


def test_segments_depend_on_the_generator_only(manifest: Manifest) -> None:
    first, second = (
        collate_vocoder(manifest, manifest.train, 4096, torch.Generator().manual_seed(9)).samples for _ in range(2)
    )
    assert torch.equal(first, second)


def test_a_clip_shorter_than_its_segment_ends_in_silence(manifest: Manifest) -> None:
    entry = min(manifest.entries, key=lambda entry: entry.frames)
    segment = (entry.frames + 20) * 256
    batch = collate_vocoder(manifest, [entry], segment, torch.Generator().manual_seed(1))
    np.testing.assert_array_equal(batch.samples[0, : entry.sample_count].numpy(), manifest.samples(entry))
    assert not batch.samples[0, entry.sample_count :].any()
    torch.testing.assert_close(batch.mels[0, :, entry.frames :], torch.full((80, 20), math.log(1e-5)))


def test_a_segment_that_is_no_whole_number_of_hops_is_refused(manifest: Manifest) -> None:
    with pytest.raises(BadConfig, match="256"):
        collate_vocoder(manifest, manifest.train, 1000, torch.Generator())
