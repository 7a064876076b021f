"""Fitting a sound to its mel, on speech of the shipped vocoder and on speech that was bent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from speech import checkpoint
from speech.audio import load, log_mel, resample
from speech.config import AudioConfig
from speech.distortion import spectral_distance
from speech.errors import BadConfig
from speech.plan import Plan
from speech.vocoder import hifi_gan
from speech.vocoder._fit import fit
from tests.speech import training

AUDIO = AudioConfig()
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def clip(espeak_clips: Path) -> Tensor:
    """[1, S], at most 1.5 s of speech in whole hops."""
    samples, rate = load(sorted(espeak_clips.glob("*.wav"))[0])
    samples = resample(samples, rate, AUDIO.sample_rate)
    samples = samples[round(0.35 * AUDIO.sample_rate) :]
    return torch.from_numpy(samples[: min(len(samples) // AUDIO.hop_length, 130) * AUDIO.hop_length])[None]


@pytest.fixture(scope="module")
def base_vocoder() -> hifi_gan.Model:
    held = checkpoint.load(ROOT / "voices/base/vocoder.safetensors", expect_kind="vocoder")
    model = hifi_gan.Model(hifi_gan.Config.from_json(held.header.config))
    checkpoint.load_weights(model, held)
    return model.eval()


def mel_of(samples: Tensor, audio: AudioConfig = AUDIO) -> Tensor:
    """[1, S] -> [1, M, S / hop length]."""
    return torch.from_numpy(log_mel(samples[0].numpy(), audio))[None, :, : samples.size(1) // audio.hop_length]


def bent(samples: Tensor) -> Tensor:
    """Louder and softer in turn, and muffled, as no mel of the true sound has it."""
    swell = 1.0 + 0.6 * torch.sin(torch.arange(samples.size(1)) * (2 * np.pi * 3 / AUDIO.sample_rate))
    return torch.nn.functional.avg_pool1d(samples * swell, 4, 1, 2)[:, : samples.size(1)]


def apart(made: Tensor, real: Tensor) -> float:
    return spectral_distance(real[0].numpy(), made[0].numpy())


@pytest.mark.parametrize("other", [{"sample_rate": 24_000}, {"f_max": 11_025.0}, {"n_fft": 2048, "win_length": 2048}])
def test_a_voice_is_fitted_by_the_front_end_that_it_learned_by(
    clip: Tensor, espeak_clips: Path, tmp_path: Path, other: dict[str, Any]
) -> None:
    job = training.job(espeak_clips, tmp_path, "hifi_gan", audio=other, training={"steps": 1})
    plan = Plan.of(job, lambda event: None)
    config = hifi_gan.Config.from_json(plan.config.to_json())
    assert config.audio == hifi_gan.Recipe(config, plan.training).audio == plan.audio != AUDIO
    torch.testing.assert_close(fit(clip, mel_of(clip, plan.audio), config.audio, 1), clip, atol=2e-4, rtol=1e-3)


def test_a_bent_sound_comes_back_by_every_window(clip: Tensor) -> None:
    wrong = bent(clip)
    found = fit(wrong, mel_of(clip), AUDIO, 6)
    assert found.shape == clip.shape
    assert (mel_of(found) - mel_of(clip)).abs().mean() < 0.1 * (mel_of(wrong) - mel_of(clip)).abs().mean()
    assert apart(found, clip) < 0.5 * apart(wrong, clip)


def test_what_fits_already_stays(clip: Tensor) -> None:
    found = fit(clip, mel_of(clip), AUDIO, 3)
    assert 10 * torch.log10((found - clip).square().mean() / clip.square().mean()) < -40


def test_the_shipped_vocoders_copies_come_nearer(clip: Tensor, base_vocoder: hifi_gan.Model) -> None:
    mel = mel_of(clip)
    assert base_vocoder.config.fitting_rounds
    fitted = base_vocoder.infer(mel)
    with torch.inference_mode():
        plain = base_vocoder(mel)
    torch.testing.assert_close(base_vocoder.infer(mel, sigma=0.0), plain, atol=1e-5, rtol=1e-5)
    assert apart(fitted, clip) < apart(plain, clip) - 0.03
    assert (mel_of(fitted) - mel).abs().mean() < 0.85 * (mel_of(plain) - mel).abs().mean()


def test_what_one_band_alone_misses_moves_less_than_what_its_neighbours_miss_too(clip: Tensor) -> None:
    """A network's mel blurs harmonics, so a single band's say is a third of what it was."""
    turned = []
    for bands in (slice(30, 31), slice(29, 32)):
        mel = mel_of(clip)
        mel[:, bands] += 0.5
        turned.append(float((mel_of(fit(clip, mel, AUDIO, 1)) - mel_of(clip))[:, 30].mean()))
    assert 0 < turned[0] < 0.6 * turned[1]


def test_long_sounds_in_chunks_equal_the_whole(clip: Tensor) -> None:
    mel = mel_of(clip)
    whole, chunks = (fit(bent(clip), mel, AUDIO, 4, chunk=chunk) for chunk in (1000, 40))
    assert 10 * torch.log10((whole - chunks).square().mean() / whole.square().mean()) < -60


def test_the_last_chunk_of_a_short_hop_has_enough_around_it(clip: Tensor) -> None:
    audio = AudioConfig(hop_length=64)
    mel = mel_of(clip, audio)[:, :, :81]
    whole, chunks = (fit(bent(clip)[:, : 81 * 64], mel, audio, 1, chunk=chunk) for chunk in (1000, 40))
    torch.testing.assert_close(chunks, whole, atol=1e-5, rtol=1e-4)


def test_the_rows_of_a_batch_do_not_notice_each_other(clip: Tensor) -> None:
    mel = mel_of(clip)
    both = fit(torch.cat((bent(clip), clip)), torch.cat((mel, mel)), AUDIO, 3)
    torch.testing.assert_close(both[:1], fit(bent(clip), mel, AUDIO, 3), atol=1e-5, rtol=1e-5)


def test_silence_stays_silent() -> None:
    silence = torch.zeros(1, 20 * AUDIO.hop_length)
    assert torch.equal(fit(silence, mel_of(silence), AUDIO, 3), silence)


@pytest.mark.parametrize(("frames", "stays"), [(1, True), (2, True), (3, False)])
def test_a_sound_too_short_for_a_spectrum_stays(frames: int, stays: bool) -> None:
    short = torch.randn(1, frames * AUDIO.hop_length)
    assert torch.equal(fit(short, torch.zeros(1, 80, frames), AUDIO, 3), short) == stays


def test_no_rounds_change_nothing(clip: Tensor) -> None:
    assert torch.equal(fit(clip, mel_of(clip) + 1.0, AUDIO, 0), clip)


def test_fewer_rounds_than_none_are_refused() -> None:
    with pytest.raises(BadConfig, match="-1"):
        replace(hifi_gan.PRESETS["v3"], fitting_rounds=-1)
