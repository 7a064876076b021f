"""HiFi-GAN: published names and sizes, bounded memory, and a loss that falls."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from speech import convolutions
from speech.config import TrainingConfig
from speech.errors import BadConfig
from speech.vocoder import _fold, _spectra
from speech.vocoder._spectra import stft_loss
from speech.vocoder.hifi_gan import (
    PRESETS,
    Config,
    Model,
    Recipe,
)

# As the networks are: what their sound is fitted to afterwards is tested in test_fit.py.
PLAIN = {name: replace(config, fitting_rounds=0) for name, config in PRESETS.items()}
# Parameters of the paper's table 1 (V1, V2, V3), in millions, weight norm counted in.
PUBLISHED = {"full": 13.94, "v2": 0.93, "v3": 1.46}


def lively(config: Config, seed: int = 0) -> Model:
    """A generator whose random weights are large enough that every layer is heard in the output."""
    torch.manual_seed(seed)
    model = Model(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("weight_g"):
            parameter.data.fill_(1.2)
    return model


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_presets_have_the_published_number_of_parameters(name: str) -> None:
    parameters = sum(p.numel() for p in Model(PRESETS[name]).parameters())
    assert parameters / 1e6 == pytest.approx(PUBLISHED[name], abs=0.01)


def test_the_published_discriminators_have_five_periods_and_three_scales() -> None:
    discriminators = Recipe(PRESETS["full"], TrainingConfig()).discriminators
    assert sum(p.numel() for p in discriminators.mpd.parameters()) / 1e6 == pytest.approx(41.1, abs=0.1)
    assert sum(p.numel() for p in discriminators.msd.parameters()) / 1e6 == pytest.approx(29.6, abs=0.1)


def test_the_state_of_v1_has_the_published_names() -> None:
    expected = {f"{layer}.{part}" for layer in ("conv_pre", "conv_post") for part in ("bias", "weight_g", "weight_v")}
    expected |= {f"ups.{i}.{part}" for i in range(4) for part in ("bias", "weight_g", "weight_v")}
    expected |= {
        f"resblocks.{block}.{group}.{i}.{part}"
        for block in range(12)
        for group in ("convs1", "convs2")
        for i in range(3)
        for part in ("bias", "weight_g", "weight_v")
    }
    assert set(Model(PRESETS["full"]).state_dict()) == expected


@pytest.mark.parametrize("name", ["v2", "v3", "compact", "trial"])
def test_folded_weight_norm_makes_the_same_sound(name: str) -> None:
    model = lively(PRESETS[name])
    mel = torch.randn(2, 80, 20)
    with torch.no_grad():
        before = model(mel)
        after = model.fold()(mel)
    assert before.abs().max() > 0.01
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["full", "v2", "v3", "compact"])
def test_blocks_computed_piece_by_piece_equal_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = lively(PLAIN[name])
    mel = torch.randn(2, 80, 40)
    with torch.no_grad():
        expected = model(mel)
    monkeypatch.setattr(_fold, "PIECE", 1024)
    monkeypatch.setattr(_fold, "LONG_PIECE", 1024)
    monkeypatch.setattr(_fold, "OVERLAP", 2)
    torch.testing.assert_close(model.infer(mel), expected, atol=1e-5, rtol=1e-5)


def test_without_onednns_private_operators_it_sounds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    mel = torch.randn(1, 80, 12)
    with_them = lively(PLAIN["compact"]).infer(mel)
    monkeypatch.setattr(convolutions, "fusing_works", lambda dtype: False)
    torch.testing.assert_close(lively(PLAIN["compact"]).infer(mel), with_them, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["v2", "v3", "compact"])
def test_a_long_mel_in_chunks_equals_the_whole(name: str) -> None:
    model = lively(PLAIN[name])
    mel = torch.randn(1, 80, 130)
    whole = model.infer(mel, chunk=1000)
    chunks = model.infer(mel, chunk=50)
    assert whole.shape == (1, 130 * 256)
    assert whole.abs().max() > 0.01
    error = (whole - chunks).square().mean() / whole.square().mean()
    assert 10 * torch.log10(error) < -100


@pytest.mark.parametrize("folded", [False, True], ids=["weight norm", "weight norm removed"])
@pytest.mark.parametrize("name", ["full", "v2", "v3", "compact", "trial"])
def test_speaking_equals_the_plain_network(name: str, folded: bool) -> None:
    model = lively(PLAIN[name])
    mel = torch.randn(2, 80, 9)
    with torch.no_grad():
        plain = model(mel)
    if folded:
        model.fold()
    assert plain.abs().max() > 0.01
    torch.testing.assert_close(model.infer(mel), plain, atol=1e-5, rtol=1e-5)


def test_speaking_follows_the_weights_when_they_change() -> None:
    model = lively(PRESETS["trial"])
    mel = torch.randn(1, 80, 9)
    before = model.infer(mel)
    with torch.no_grad():
        model.resblocks[0].convs[0].weight_g.mul_(2.0)
        plain = model(mel)
    assert not torch.allclose(before, plain)
    torch.testing.assert_close(model.infer(mel), plain, atol=1e-5, rtol=1e-5)


def test_speaking_in_half_the_bits_stays_near() -> None:
    model = lively(PRESETS["v2"])
    mel = torch.randn(1, 80, 20)
    exact, near = (model.infer(mel, precision=precision) for precision in ("float32", "bf16"))
    assert near.dtype == torch.float32
    assert 0.0 < (near - exact).abs().max() < 0.1 * exact.abs().max()


def test_a_precision_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadConfig, match="int8"):
        lively(PRESETS["trial"]).infer(torch.randn(1, 80, 9), precision="int8")


def test_a_kernel_for_every_rate_is_asked_for() -> None:
    with pytest.raises(BadConfig, match="3 upsample_rates and 2"):
        Config(upsample_rates=(8, 8, 4), upsample_kernel_sizes=(16, 16))


@pytest.mark.parametrize(
    "other",
    [
        {"upsample_rates": [0, 8, 4]},
        {"upsample_rates": [], "upsample_kernel_sizes": []},
        {"upsample_kernel_sizes": [4, 16, 8]},
        {"upsample_kernel_sizes": [15, 16, 8]},
        {"upsample_initial_channel": 7},
        {"resblock": 3},
        {"resblock_kernel_sizes": [4, 5, 7]},
        {"resblock_dilations": [[1, 2]]},
        {"resblock_dilations": [[1, 2], [2, 6], []]},
        {"resblock_kernel_sizes": [3] * 1000, "resblock_dilations": [[1]] * 1000},
        {"periods": [0]},
        {"periods": [], "scales": 0},
        {"discriminator_width": -1.0},
        {"mel_weight": -1.0},
        {"segment": 256},
        {"segment": 1024, "spectral_weight": 15.0},
        {"source": True, "sample_rate": 96_000},
        {"n_mels": 0},
    ],
)
def test_sizes_that_cannot_be_are_refused_by_their_names(other: dict[str, Any]) -> None:
    with pytest.raises(BadConfig) as caught:
        Config.from_json(PRESETS["trial"].to_json() | other)
    assert caught.value.code == "bad_size"
    assert set(caught.value.params["names"]) & set(other)


def test_a_configuration_survives_json() -> None:
    assert Config.from_json(PRESETS["v3"].to_json()) == PRESETS["v3"]


def test_both_optimisers_move_and_the_mel_loss_falls() -> None:
    torch.manual_seed(1)
    config = PRESETS["trial"]
    model = Model(config)
    recipe = Recipe(config, TrainingConfig(learning_rate=2e-3))
    optimizers = recipe.optimizers(model)
    time = torch.arange(config.segment) / 22_050
    samples = torch.stack([0.3 * torch.sin(2 * torch.pi * f * time) for f in (180.0, 260.0)])
    batch = SimpleNamespace(samples=samples, mels=torch.randn(2, 80, config.segment // 256))
    before = recipe.evaluate(model, batch)["mel"]
    judged = recipe.discriminators.mpd[0].conv_post.weight_v.detach().clone()
    names, logged = [], {}
    for step in range(12):
        for name, loss, parts in recipe.losses(model, batch, step=step):
            for parameter in recipe.parameters(model, name):
                parameter.grad = None
            loss.backward()
            optimizers[name].step()
            names.append(name)
            logged |= parts
    assert {"loss", "mel", "adversarial", "features", "discriminator"} == set(logged)
    assert names == ["discriminator", "generator"] * 12
    assert recipe.evaluate(model, batch)["mel"] < 0.8 * before
    assert not torch.equal(judged, recipe.discriminators.mpd[0].conv_post.weight_v)


def test_the_generator_learns_from_the_mel_alone_at_first() -> None:
    config = Config.from_json({**PRESETS["trial"].to_json(), "adversarial_from": 5})
    model, recipe = Model(config), Recipe(config, TrainingConfig())
    batch = SimpleNamespace(samples=torch.randn(1, config.segment) / 10, mels=torch.randn(1, 80, config.segment // 256))
    assert [name for name, _, _ in recipe.losses(model, batch, step=4)] == ["generator"]
    assert [name for name, _, _ in recipe.losses(model, batch, step=5)] == ["discriminator", "generator"]


def test_spectra_join_the_mel_until_the_discriminators_come() -> None:
    config = Config.from_json({**PRESETS["trial"].to_json(), "adversarial_from": 5, "spectral_weight": 15.0})
    model, recipe = Model(config), Recipe(config, TrainingConfig())
    batch = SimpleNamespace(samples=torch.randn(1, config.segment) / 10, mels=torch.randn(1, 80, config.segment // 256))
    [(_, loss, alone)] = recipe.losses(model, batch, step=4)
    assert alone.keys() == {"loss", "mel", "spectra"}
    expected = config.mel_weight * alone["mel"] + 15.0 * alone["spectra"]
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    *_, (_, _, judged) = recipe.losses(model, batch, step=5)
    assert "spectra" not in judged


@pytest.mark.parametrize("sizes", _spectra.WINDOWS)
def test_a_spectrum_and_its_gradient_are_those_of_stft(sizes: tuple[int, int, int]) -> None:
    sound = (torch.randn(2, 8192) / 10).requires_grad_()
    length, hop, win = sizes
    whole = torch.stft(sound, length, hop, win, torch.hann_window(win), return_complex=True)
    expected, found = (whole.abs() ** 2 + 1e-7).sqrt(), _spectra._centred(sound, *sizes)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    (ours,), (theirs,) = (torch.autograd.grad(one.log().sum(), sound, retain_graph=True) for one in (found, expected))
    assert (ours - theirs).norm() <= 1e-3 * theirs.norm()


def test_the_spectra_come_nearer_as_a_sound_does() -> None:
    torch.manual_seed(0)
    sound, noise = torch.randn(2, 1, 8192) / 10
    apart = [float(stft_loss(sound + share * noise, sound)) for share in (1.0, 0.3, 0.1, 0.0)]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] == 0
    assert float(stft_loss(sound * 0.5, sound)) == pytest.approx(0.5 + math.log(2), rel=1e-2)
