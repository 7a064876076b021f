from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from speech import toom_cook
from speech.config import TrainingConfig
from speech.errors import BadAudio, BadConfig
from speech.vocoder import _unwind, waveglow
from speech.vocoder._coupling import coupling
from speech.vocoder._flow import NormedConvolution
from speech.vocoder.waveglow import BLOCK, Config, Model
from tests.speech.oracles.waveglow import WaveGlowOracle

TINY = replace(waveglow.PRESETS["trial"], n_mels=5, flows=5, early_every=2, layers=3, channels=6)


@dataclass(frozen=True)
class Batch:
    """The tensors of `speech.dataset.VocoderBatch`."""

    mels: Tensor
    samples: Tensor


def random_model(config: Config) -> Model:
    """Random weights; the last layer of every coupling is not the zero it starts from."""
    torch.manual_seed(0)
    model = Model(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".end." in name:
                parameter.normal_(0.0, 0.2 / config.channels**0.5)
            elif name.endswith("weight_g"):
                parameter.mul_(1.3)
    return model.eval()


def random_batch(config: Config, frames: int = 6, batch: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(1)
    mels = torch.randn(batch, config.n_mels, frames, generator=generator) - 4.0
    return Batch(mels, 0.3 * torch.randn(batch, frames * config.hop_length, generator=generator))


def oracle_of(model: Model, weights: dict[str, Tensor] | None = None) -> WaveGlowOracle:
    config = model.config
    return WaveGlowOracle(
        weights or model.state_dict(),
        group=config.group,
        early_every=config.early_every,
        early_size=config.early_size,
    )


@pytest.fixture(scope="module")
def published() -> Model:
    """Of the published size, which takes seconds to make; nobody changes it."""
    return random_model(waveglow.PRESETS["full"])


@pytest.fixture(params=["tiny", "published size"])
def model(request: pytest.FixtureRequest) -> Model:
    made: Model = random_model(TINY) if request.param == "tiny" else request.getfixturevalue("published")
    return made


def test_noise_and_determinants_equal_the_oracle(model: Model) -> None:
    batch = random_batch(model.config, frames=4)
    with torch.no_grad():
        noise, log_scale, log_determinant = oracle_of(model).to_noise(batch.mels, batch.samples)
        found = model(batch.mels, batch.samples)
    torch.testing.assert_close(found.noise, noise, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.log_scale, log_scale, atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(found.log_determinant, log_determinant, atol=1e-3, rtol=1e-5)


def test_the_sound_made_of_a_seed_equals_the_oracles(model: Model) -> None:
    mels = random_batch(model.config, frames=4).mels
    noise = torch.stack([model.noise(4 * 32, 7)] * 2) * 0.8
    with torch.no_grad():
        expected = oracle_of(model).to_samples(mels, noise)
    torch.testing.assert_close(model.infer(mels, sigma=0.8, seed=7), expected, atol=1e-5, rtol=1e-4)


def test_going_back_from_the_noise_gives_the_sound_again(model: Model) -> None:
    batch = random_batch(model.config)
    with torch.no_grad():
        noise = model(batch.mels, batch.samples).noise
        again = model.inverse(batch.mels, noise)
    torch.testing.assert_close(again, batch.samples, atol=1e-4, rtol=0.0)


def test_gradients_equal_those_of_the_oracle() -> None:
    model = random_model(TINY).train()
    batch = random_batch(TINY)
    recipe = waveglow.Recipe(replace(TINY, sigma=0.7), TrainingConfig())
    for _, loss, _ in recipe.losses(model, batch):
        loss.backward()
    weights = {name: value.detach().clone().requires_grad_(True) for name, value in model.state_dict().items()}
    expected = oracle_of(model, weights).loss(batch.mels, batch.samples, 0.7)
    expected.backward()
    torch.testing.assert_close(loss, expected)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, weights[name].grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("vectors", [3, 40])
def test_the_coupling_differentiated_by_hand_equals_the_one_that_autograd_takes_apart(vectors: int) -> None:
    """Also where a dilation reaches beyond both ends of a sound that is shorter."""
    network = random_model(TINY).pairs()[0][1]
    width, mels = network.start.weight_v.size(1), TINY.n_mels * TINY.group
    found, expected = [], []
    for hand, results in ((True, found), (False, expected)):
        generator = torch.Generator().manual_seed(2)
        half, mel, told = (torch.randn(2, size, vectors, generator=generator) for size in (width, mels, 2 * width))
        half.requires_grad_(), mel.requires_grad_()
        network.zero_grad()
        if hand:
            made = coupling(network, half.transpose(1, 2), mel.transpose(1, 2).flatten(0, 1)).transpose(1, 2)
        else:
            made = network(half, mel)
        (made * told).sum().backward()
        results += [made, half.grad, mel.grad, *(parameter.grad for parameter in network.parameters())]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_gradients_in_bf16_lie_near_the_exact_ones() -> None:
    config = replace(waveglow.PRESETS["trial"], segment=2048)
    batch, gradients = random_batch(config, frames=8), []
    for half in (False, True):
        model = random_model(config).train()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            loss = next(waveglow.Recipe(config, TrainingConfig()).losses(model, batch))[1]
        loss.backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    exact, rounded = gradients
    assert 0.0 < (rounded - exact).norm() < 0.02 * exact.norm()


def published_shapes(channels: int = 256, layers: int = 8) -> dict[str, tuple[int, ...]]:
    """The entries of the public checkpoint with fused conditioning layers."""
    shapes: dict[str, tuple[int, ...]] = {"upsample.weight": (80, 80, 1024), "upsample.bias": (80,)}

    def normed(name: str, outputs: int, inputs: int, kernel: int = 1) -> None:
        shapes[f"{name}.weight_g"] = (outputs, 1, 1)
        shapes[f"{name}.weight_v"] = (outputs, inputs, kernel)
        shapes[f"{name}.bias"] = (outputs,)

    for k in range(12):
        width = 8 - 2 * (k // 4)
        shapes[f"convinv.{k}.conv.weight"] = (width, width, 1)
        normed(f"WN.{k}.start", channels, width // 2)
        normed(f"WN.{k}.cond_layer", 2 * channels * layers, 640)
        shapes[f"WN.{k}.end.weight"], shapes[f"WN.{k}.end.bias"] = (width, channels, 1), (width,)
        for i in range(layers):
            normed(f"WN.{k}.in_layers.{i}", 2 * channels, channels, 3)
            normed(f"WN.{k}.res_skip_layers.{i}", channels if i == layers - 1 else 2 * channels, channels)
    return shapes


def test_a_published_state_dict_loads_strictly() -> None:
    state = {name: torch.ones(shape) for name, shape in published_shapes().items()}
    Model(waveglow.PRESETS["full"]).load_state_dict(state, strict=True)


def test_a_state_dict_without_weight_norm_loads_strictly_and_sounds_the_same() -> None:
    model = random_model(TINY)
    plain = dict(model.state_dict())
    for name, module in model.named_modules():
        if isinstance(module, NormedConvolution):
            del plain[f"{name}.weight_g"], plain[f"{name}.weight_v"]
            plain[f"{name}.weight"] = module.weight.detach()
    other = Model(TINY)
    other.load_state_dict(plain, strict=True)
    mels = random_batch(TINY).mels
    torch.testing.assert_close(other.infer(mels), model.infer(mels), atol=1e-5, rtol=1e-5)


def test_a_seed_gives_one_sound_alone_and_in_a_batch() -> None:
    model = random_model(TINY)
    mels = random_batch(TINY, frames=BLOCK // 32 + 9).mels
    together = model.infer(mels, seed=[3, 4])
    for row, seed in enumerate((3, 4)):
        alone = model.infer(mels[row : row + 1], seed=seed)
        torch.testing.assert_close(together[row], alone[0], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(model.infer(mels[:1], seed=3), model.infer(mels[:1], seed=4))


def test_the_sound_follows_the_weights_when_they_change() -> None:
    model = random_model(TINY)
    mels = random_batch(TINY).mels
    before = model.infer(mels)
    with torch.no_grad():
        model.convinv[1].conv.weight.mul_(1.5)
        model.WN[0].start.weight_g.mul_(1.5)
    noise = torch.stack([model.noise(6 * 32, 0)] * 2) * 0.666
    with torch.no_grad():
        expected = oracle_of(model).to_samples(mels, noise)
    assert not torch.allclose(before, expected)
    torch.testing.assert_close(model.infer(mels), expected, atol=1e-5, rtol=1e-4)


def test_a_sound_made_in_pieces_equals_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(TINY)
    mels = random_batch(TINY, frames=40).mels
    whole = model.infer(mels, seed=5)
    monkeypatch.setattr(_unwind, "CHUNK", 7)
    torch.testing.assert_close(model.infer(mels, seed=5), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("fewer", [False, True], ids=["plain filters", "fewer products"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_layer_that_takes_some_vectors_after_the_others_equals_the_whole(
    precision: str, fewer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toom_cook, "LEAST_OF_THREE", 0 if fewer else 1000)
    mels = random_batch(TINY, frames=7).mels
    whole = random_model(TINY).infer(mels, seed=5, precision=precision)
    monkeypatch.setattr(_unwind, "PIECE", 192)
    pieces = random_model(TINY).infer(mels, seed=5, precision=precision)
    torch.testing.assert_close(pieces, whole, atol=1e-5 if precision == "float32" else 1e-3, rtol=1e-5)


def test_fewer_products_make_the_same_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    mels, made = random_batch(TINY, frames=7).mels, []
    for least in (0, 1000):
        monkeypatch.setattr(toom_cook, "LEAST_OF_THREE", least)
        made.append(random_model(TINY).infer(mels, seed=5))
    assert not torch.equal(*made)
    torch.testing.assert_close(*made, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_what_speaking_sees_of_a_mel_is_what_learning_saw(frames: int) -> None:
    model = random_model(TINY)
    mels = random_batch(TINY, frames=frames).mels
    with torch.no_grad():
        seen = _unwind._Condition(TINY, model.upsample, torch.float32)(mels)
        torch.testing.assert_close(seen.transpose(1, 2), model.condition(mels), atol=1e-5, rtol=1e-5)


def test_products_in_half_the_bits_stay_near(published: Model) -> None:
    mels = random_batch(published.config).mels
    exact, near = (published.infer(mels, precision=precision) for precision in ("float32", "bf16"))
    error = (near - exact).square().mean() / exact.square().mean()
    assert 0.0 < error < 1e-3


def test_speaking_leaves_the_global_generator_as_it_was() -> None:
    model = random_model(TINY)
    before = torch.get_rng_state()
    model.infer(random_batch(TINY).mels)
    assert torch.equal(before, torch.get_rng_state())


def test_the_loss_falls_when_one_batch_is_learned() -> None:
    torch.manual_seed(0)
    config = waveglow.PRESETS["trial"]
    model, recipe = Model(config).train(), waveglow.Recipe(config, TrainingConfig(learning_rate=3e-3))
    batch = random_batch(config, frames=16)
    optimizer = recipe.optimizers(model)["model"]
    before = recipe.evaluate(model, batch)["loss"]
    for _ in range(20):
        for _, loss, _ in recipe.losses(model, batch):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert recipe.evaluate(model, batch)["loss"] < before - 0.3


def test_a_segment_of_every_preset_is_a_whole_number_of_frames() -> None:
    for config in waveglow.PRESETS.values():
        assert config.segment % config.hop_length == 0


def test_samples_that_do_not_belong_to_the_mel_are_refused() -> None:
    batch = random_batch(TINY)
    with pytest.raises(BadAudio, match="6 frames"):
        random_model(TINY)(batch.mels, batch.samples[:, :-1])


@pytest.mark.parametrize("change", [{"group": 7}, {"flows": 20}, {"segment": 1000}, {"kernel": 2}, {"sigma": 0.0}])
def test_sizes_that_make_no_network_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(BadConfig, match=next(iter(change))):
        replace(TINY, **change)
