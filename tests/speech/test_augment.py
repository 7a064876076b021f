"""Clips that sound otherwise each time: the right pitch, the right length, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from speech import models
from speech.augment import alter, masked_inputs, stretch
from speech.batches import collate_acoustic, collate_vocoder
from speech.config import AudioConfig, TextConfig, TrainingConfig
from speech.dataset import prepare
from speech.distortion import pitch
from speech.manifest import Manifest


@pytest.fixture(scope="module")
def manifest(espeak_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    out = tmp_path_factory.mktemp("data")
    return prepare(espeak_clips, out, audio=AudioConfig(), text=TextConfig(), held_out=0.1, seed=1)


def test_without_settings_the_clips_are_themselves(manifest: Manifest) -> None:
    same, clips = alter(manifest, manifest.train, TrainingConfig(), 3, tempo=True)
    assert same is manifest
    assert tuple(clips) == manifest.train


def test_a_pitch_moves_the_voice_and_keeps_its_pace(manifest: Manifest) -> None:
    training = TrainingConfig(augment_pitch=4.0)
    changed, clips = alter(manifest, manifest.train[:4], training, 7, tempo=True)
    for before, after in zip(manifest.train, clips, strict=False):
        assert after.frames == before.frames
        frames = [np.nanmedian(pitch(sounds.samples(one), manifest.audio)) for sounds, one in
                  ((manifest, before), (changed, after))]  # fmt: skip
        moved = 12 * np.log2(frames[1] / frames[0])
        by_length = 12 * np.log2(before.sample_count / after.sample_count)
        assert moved == pytest.approx(by_length, abs=0.6)
        assert abs(moved) < 4.6
    assert {after.sample_count for after in clips} != {before.sample_count for before in manifest.train[:4]}


def test_a_pace_lengthens_or_shortens_the_mel_and_the_batch_with_it(manifest: Manifest) -> None:
    changed, clips = alter(manifest, manifest.train, TrainingConfig(augment_tempo=0.2), 5, tempo=True)
    shares = [after.frames / before.frames for before, after in zip(manifest.train, clips, strict=True)]
    assert min(shares) >= 1 / 1.21
    assert max(shares) <= 1 / 0.79
    assert len(set(shares)) > len(shares) // 2
    batch = collate_acoustic(changed, clips)
    assert sorted(batch.mel_lengths.tolist()) == sorted(one.frames for one in clips)


def test_a_vocoders_segments_keep_sound_and_mel_together(manifest: Manifest) -> None:
    from speech.audio import log_mel

    changed, clips = alter(manifest, manifest.train[:2], TrainingConfig(augment_pitch=3.0), 2, tempo=False)
    batch = collate_vocoder(changed, clips, 16_384, torch.Generator().manual_seed(1))
    for mel, samples in zip(batch.mels, batch.samples, strict=True):
        again = log_mel(samples.numpy(), manifest.audio)[:, :64]
        assert np.abs(again - mel.numpy())[:, 4:-4].mean() < 1e-3  # edges are reflected, not continued


def test_a_seed_repeats_what_it_drew_and_another_draws_anew(manifest: Manifest) -> None:
    training = TrainingConfig(augment_pitch=1.0, augment_tempo=0.1)
    first, again, other = (alter(manifest, manifest.train, training, seed, tempo=True) for seed in (1, 1, 2))
    assert first[1] == again[1] != other[1]
    for one in first[1]:
        np.testing.assert_array_equal(first[0].mel(one), again[0].mel(one))


def test_a_stretched_mel_keeps_its_ends(manifest: Manifest) -> None:
    mel = manifest.mel(manifest.train[0])
    longer = stretch(mel, 2 * mel.shape[1] - 1)
    np.testing.assert_allclose(longer[:, ::2], mel, atol=1e-5)


def test_masking_hides_frames_from_the_decoder_and_not_from_the_loss(manifest: Manifest) -> None:
    config = models.preset_of("tacotron2", "trial")
    network = models.build("tacotron2", config.to_json())
    seen: list[torch.Tensor] = []
    network.decoder.prenet.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    batch = collate_acoustic(manifest, manifest.train)
    whole = batch.mels.clone()
    for share in (0.0, 0.3):
        torch.manual_seed(1)
        with masked_inputs(network, share):
            network(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
    hidden = (seen[0] != seen[1]).any(2)
    spoken = seen[0].abs().sum(2) > 0
    assert hidden.sum() / spoken.sum() == pytest.approx(0.3, abs=0.05)
    assert not (hidden & ~spoken).any()
    assert len(seen[1][hidden].unique(dim=0)) == 1  # one and the same mean frame
    torch.testing.assert_close(seen[1][hidden][0], seen[0][spoken].mean(0))
    assert torch.equal(batch.mels, whole)
    network(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
    assert torch.equal(seen[2], seen[0])
