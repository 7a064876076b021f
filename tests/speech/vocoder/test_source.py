"""The source of a generator: a pitch that is measured, heard in a mel, and made into pulses."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from speech.audio import log_mel
from speech.config import AudioConfig, TrainingConfig
from speech.vocoder import _source
from speech.vocoder._source import BINS, HIGHEST, LOWEST, Source
from speech.vocoder.hifi_gan import PRESETS, Model, Recipe

RATE, HOP = 22_050, 256


def voice(pitch: float, seconds: float = 0.4) -> torch.Tensor:
    """[1, S]: harmonics that fall off, each begun at a place of its own."""
    time = torch.arange(int(seconds * RATE / HOP) * HOP) / RATE
    harmonics = [torch.cos(2 * math.pi * pitch * k * time + k) / k for k in range(1, 20) if pitch * k < 8000]
    return torch.stack(harmonics).sum(0)[None] / 10


@pytest.mark.parametrize("pitch", [80.0, 123.0, 220.0, 331.0, 550.0])
def test_the_pitch_of_a_voice_is_measured(pitch: float) -> None:
    samples = voice(pitch)
    hertz, voiced = _source.measure(samples, HOP)
    assert hertz.shape == voiced.shape == (1, samples.size(1) // HOP)
    inside = slice(2, -2)  # at the edges the sound is mirrored
    assert voiced[0, inside].all()
    cents = 1200 * (hertz[0, inside] / pitch).log2()
    assert cents.abs().max() < 10


def test_noise_and_silence_have_no_pitch() -> None:
    torch.manual_seed(0)
    for samples in (torch.randn(1, 8192) / 10, torch.zeros(1, 8192), voice(200.0) / 1000):
        assert not _source.measure(samples, HOP)[1].any()


@pytest.mark.parametrize("pitch", [60.0, 150.0, 480.0])
def test_an_excitation_has_the_pitch_that_it_was_made_of(pitch: float) -> None:
    source = Source(AudioConfig())
    made = source.excite(torch.full((1, 40), pitch), torch.ones(1, 40), seed=0)
    hertz, voiced = _source.measure(made[:, 0], HOP)
    assert voiced[0, 2:-2].all()
    assert (1200 * (hertz[0, 2:-2] / pitch).log2()).abs().max() < 10
    assert made.std(-1) == pytest.approx(torch.ones(1, 2), abs=0.1)


def test_where_nothing_is_voiced_there_are_no_pulses() -> None:
    made = Source(AudioConfig()).excite(torch.full((1, 10), 200.0), torch.zeros(1, 10), seed=0)
    assert not made[:, 0].any()
    assert made[:, 1].std() > 0.9


@torch.no_grad()
def test_noise_that_is_shaped_has_the_mel_that_shapes_it() -> None:
    source, frames = Source(AudioConfig()), 100
    mel = torch.linspace(-2.0, -5.0, 80)[None, :, None].expand(1, 80, frames)
    shaped = source.shape(mel, source.excite(torch.full((1, frames), 200.0), torch.zeros(1, frames), seed=0))
    made = torch.as_tensor(log_mel(shaped[0, 1].numpy(), AudioConfig()))[:, 4 : frames - 4]
    off = made.mean(1) - mel[0, :, 0] - _source.NOISE_GAIN
    assert off.abs().max() < 0.4
    assert abs(off.mean()) < 0.1


def test_pulses_hold_no_harmonic_above_half_the_rate() -> None:
    """Such a one would come back folded, between the harmonics."""
    pitch = RATE / 100  # a period of 100 samples: harmonics at every 40th place of 4,000
    made = Source(AudioConfig()).excite(torch.full((1, 40), pitch), torch.ones(1, 40))[0, 0, 1000:5000]
    spectrum = torch.fft.rfft(made).abs()
    between = spectrum.clone()
    between[::40] = 0
    assert between.max() < 0.01 * spectrum.max()


def test_the_mel_of_a_voice_comes_to_tell_its_pitch() -> None:
    torch.manual_seed(0)
    pitches = [100.0, 140.0, 200.0, 280.0, 400.0]
    sounds = torch.cat([*(voice(pitch) for pitch in pitches), torch.randn(1, voice(100.0).size(1)) / 10])
    true = _source.measure(sounds, HOP)
    frames = true[0].size(1)  # a mel has one more, around the end
    mels = torch.stack([torch.as_tensor(log_mel(sound.numpy(), AudioConfig()))[:, :frames] for sound in sounds])
    source = Source(AudioConfig())
    optimizer = torch.optim.Adam(source.parameters(), 2e-3)
    for _ in range(120):
        optimizer.zero_grad()
        _source.loss(source.hear(mels), true).backward()
        optimizer.step()
    hertz, voiced = source.pitch(mels)
    inside = slice(3, -3)
    for row, pitch in enumerate(pitches):
        assert voiced[row, inside].all()
        assert (1200 * (hertz[row, inside] / pitch).log2()).abs().median() < 30
    assert not voiced[-1, inside].any()


@pytest.mark.parametrize("learns", [True, False])
def test_a_source_can_be_left_as_it_is_while_the_generator_learns(learns: bool) -> None:
    torch.manual_seed(0)
    config = replace(PRESETS["trial"], source=True, source_learns=learns, adversarial_from=100)
    model, recipe = Model(config), Recipe(config, TrainingConfig(learning_rate=1e-3))
    optimizer = recipe.optimizers(model)["generator"]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    sounds = voice(180.0)[:, : config.segment]
    mels = torch.as_tensor(log_mel(sounds[0].numpy(), AudioConfig()))[None, :, : config.segment // HOP]
    [(_, loss, parts)] = recipe.losses(model, SimpleNamespace(samples=sounds, mels=mels))
    loss.backward()
    optimizer.step()
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert any(name.startswith("resblocks") for name in moved)
    assert any(name.startswith("source") for name in moved) == learns
    assert ("pitch" in parts) == learns


def test_places_among_the_bins_and_frequencies_are_one_another() -> None:
    places = torch.linspace(0, BINS - 1, 50)
    assert _source.place_of(_source.hertz_of(places)) == pytest.approx(places, abs=1e-3)
    assert _source.hertz_of(torch.tensor([0.0, BINS - 1.0])) == pytest.approx(torch.tensor([LOWEST, HIGHEST]))


def test_a_generator_with_a_source_speaks_in_chunks_as_in_one() -> None:
    torch.manual_seed(0)
    model = Model(replace(PRESETS["compact"], fitting_rounds=0)).eval()
    mel = torch.randn(1, 80, 150) - 4
    with torch.inference_mode():
        whole = model(mel)
    assert whole.abs().max() > 1e-3
    for chunk in (40, 512):
        assert torch.allclose(model.infer(mel, chunk=chunk), whole, atol=1e-5)


def test_a_seed_gives_one_noise() -> None:
    model = Model(replace(PRESETS["compact"], fitting_rounds=0)).eval()
    mel = torch.randn(1, 80, 20) - 4
    first, again, other = (model.infer(mel, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_sound_of_a_few_frames_is_made_as_well(frames: int) -> None:
    """A voice that has hardly learned may stop at once."""
    made = Model(replace(PRESETS["compact"], fitting_rounds=0)).eval().infer(torch.randn(1, 80, frames) - 4)
    assert made.shape == (1, frames * HOP)
    assert made.isfinite().all()


def test_under_autocast_the_source_keeps_its_own_precision() -> None:
    torch.manual_seed(0)
    source, mel = Source(AudioConfig()), torch.randn(1, 80, 20) - 4
    excitation = source(mel, seed=0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(source(mel, seed=0), excitation)
        shaped = source.shape(mel, excitation)
    assert torch.equal(shaped, source.shape(mel, excitation))
