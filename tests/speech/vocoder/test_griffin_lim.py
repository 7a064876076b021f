from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from speech import audio, clean
from speech.config import AudioConfig
from speech.errors import BadConfig
from speech.vocoder.griffin_lim import TINY, UNMIXING_ROUNDS, Config, Model


def spoken(path: Path) -> np.ndarray:
    wave, rate = audio.load(path)
    start, end = clean.trim_bounds(wave, rate)
    return audio.resample(clean.level(wave[start:end], rate), rate, 22_050)


def spectrum(samples: np.ndarray) -> torch.Tensor:
    window = torch.hann_window(1024)
    return torch.stft(torch.from_numpy(samples), 1024, 256, 1024, window, center=True, return_complex=True).abs()


def convergence(source: np.ndarray, copy: np.ndarray) -> float:
    """Spectral convergence up to 8 kHz, as far as the mel reaches: 0 is equal, 1 is all wrong."""
    wanted = spectrum(source)[:372]
    got = spectrum(copy)[:372, : wanted.shape[1]]
    return float(torch.linalg.norm(wanted - got) / torch.linalg.norm(wanted))


def copied(samples: np.ndarray, config: Config | None = None) -> np.ndarray:
    mel = torch.from_numpy(audio.log_mel(samples, AudioConfig()))
    return np.asarray(Model(config)(mel[None])[0])


def test_speech_is_close_to_its_source(espeak_clips: Path) -> None:
    for path in sorted(espeak_clips.glob("*.wav"))[:3]:
        source = spoken(path)
        assert convergence(source, copied(source)) < 0.3


def test_a_real_speaker_is_close_to_the_source(lmy: Path) -> None:
    for path in sorted((lmy / "flac").glob("*.flac"))[:3]:
        source = spoken(path)
        assert convergence(source, copied(source)) < 0.15


def test_momentum_finds_a_better_phase_in_as_many_rounds(espeak_clips: Path) -> None:
    source = spoken(min(espeak_clips.glob("*.wav")))
    assert convergence(source, copied(source)) < convergence(source, copied(source, Config(momentum=0.0)))


def test_the_mel_of_the_sound_is_the_mel_it_was_made_of(espeak_clips: Path) -> None:
    source = spoken(min(espeak_clips.glob("*.wav")))
    wanted = audio.log_mel(source, AudioConfig())
    got = audio.log_mel(copied(source), AudioConfig())[:, : wanted.shape[1]]
    assert np.abs(wanted - got).mean() < 0.35


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 50])
def test_every_frame_becomes_a_hop_of_samples(frames: int) -> None:
    samples = Model(Config(rounds=2))(torch.randn(3, 80, frames) - 5)
    assert samples.shape == (3, frames * 256)
    assert samples.dtype == torch.float32
    assert bool(samples.isfinite().all())


def test_a_silent_mel_is_silent() -> None:
    samples = Model()(torch.full((1, 80, 40), math.log(1e-5)))
    assert float(samples.abs().max()) < 1e-4


def test_a_seed_is_one_sound_alone_or_in_a_batch() -> None:
    model = Model(Config(rounds=5))
    mels = torch.randn(3, 80, 30, generator=torch.Generator().manual_seed(1)) - 4
    batch = model.infer(mels, seed=[4, 5, 6])
    torch.testing.assert_close(batch[1], model.infer(mels[1:2], seed=5)[0], atol=1e-4, rtol=0)
    assert not torch.allclose(batch[1], model.infer(mels[1:2], seed=7)[0], atol=1e-2)


def test_it_takes_the_front_end_of_a_checkpoint() -> None:
    front_end = AudioConfig(sample_rate=16_000, hop_length=200, win_length=800, n_mels=64)
    model = Model(Config.from_json(front_end.to_json()))
    assert model.config.front_end == front_end
    assert model(torch.zeros(1, 64, 20)).shape == (1, 4000)


def test_it_has_nothing_to_train() -> None:
    assert list(Model().parameters()) == []
    assert Model().state_dict() == {}


@pytest.mark.parametrize("changes", [{"rounds": 0}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_settings_out_of_range_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(BadConfig):
        Config(**changes)  # type: ignore[arg-type]


def test_the_magnitude_is_that_of_the_plain_multiplicative_updates() -> None:
    model = Model()
    mel = torch.randn(1, 80, 9) - 4.0
    target, gram = model.filters.T @ mel.exp(), model.filters.T @ model.filters
    plain = target / (gram.sum(1)[:, None] + TINY)
    for _ in range(UNMIXING_ROUNDS):
        plain = plain * target / (gram @ plain + TINY)
    torch.testing.assert_close(model.magnitude(mel), plain, atol=1e-5, rtol=1e-5)
