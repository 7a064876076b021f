"""The hum of a vocoder, on what a WaveGlow says after a short training: fresh weights make no hum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from speech import models
from speech.checkpoint import load, load_weights
from speech.config import AudioConfig
from speech.manifest import Manifest
from speech.run_folder import entries
from speech.vocoder._denoiser import Denoiser
from tests.speech.training import job, train


@pytest.fixture(scope="module")
def trained(espeak_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Tensor]:
    """A WaveGlow, and the mel of a clip that it never heard."""
    out = tmp_path_factory.mktemp("waveglow")
    training = {"steps": 30, "checkpoint_every": 30, "evaluate_every": 30, "learning_rate": 2e-3}
    assert train(job(espeak_clips, out, "waveglow", training=training))[0] == 0
    saved = load(out / entries(out)[-1].weights.name)
    network: Any = models.build("waveglow", saved.header.config)
    load_weights(network, saved)
    manifest = Manifest.load(out / "data")
    return network.eval(), torch.from_numpy(manifest.mel(manifest.held_out[0]))[None]


@pytest.fixture(scope="module")
def said(trained: tuple[Any, Tensor]) -> tuple[Denoiser, Tensor]:
    network, mel = trained
    return Denoiser(network, AudioConfig(), torch.device("cpu")), network.infer(mel, seed=1)


def power(samples: Tensor) -> float:
    return float(samples.square().mean())


def test_the_hum_is_what_the_network_says_of_nothing(
    trained: tuple[Any, Tensor], said: tuple[Denoiser, Tensor]
) -> None:
    nothing = trained[0].infer(torch.zeros(1, 80, 88), sigma=0.0)
    assert power(nothing) > 0
    assert said[0].bias.shape == (1, 513, 1)
    assert power(said[0](nothing, 1.0)) < 0.5 * power(nothing)


def test_strength_nought_changes_nothing(said: tuple[Denoiser, Tensor]) -> None:
    denoiser, samples = said
    assert torch.equal(denoiser(samples, 0.0), samples)


def test_the_more_strength_the_less_is_left_and_the_length_stays(said: tuple[Denoiser, Tensor]) -> None:
    denoiser, samples = said
    left = [denoiser(samples, strength) for strength in (0.01, 0.1, 1.0)]
    assert all(one.shape == samples.shape for one in left)
    powers = [power(samples), *map(power, left)]
    assert powers == sorted(powers, reverse=True)
    assert len(set(powers)) == 4


def test_no_magnitude_loses_more_than_its_share_of_the_hum(said: tuple[Denoiser, Tensor]) -> None:
    denoiser, samples = said
    taken = denoiser._spectrum(samples - denoiser(samples, 0.1)).abs()
    assert float(taken.mean()) > 0
    assert float((taken / (0.1 * denoiser.bias)).median()) < 1.01


def test_a_sound_too_short_for_a_spectrum_stays(said: tuple[Denoiser, Tensor]) -> None:
    short = said[1][:, :256]
    assert torch.equal(said[0](short, 0.5), short)
