from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from speech.acoustic import tacotron2
from speech.acoustic._free import BLOCK, Eager, PrenetMasks
from speech.acoustic._layers import keep_mask
from speech.acoustic.tacotron2 import AcousticOutput, Config, Model
from speech.config import TrainingConfig
from speech.errors import BadConfig, BadText
from speech.products import int8_range
from tests.speech.acoustic.builders import DRY, TINY, Batch, random_batch, random_model
from tests.speech.oracles.tacotron2 import Dropped, Spoken, Tacotron2Oracle, published_loss

FULL = replace(tacotron2.PRESETS["full"], **DRY)
FORMS = {
    "published padding": replace(TINY, published_padding=True),
    "masked padding": TINY,
    "three frames a step": replace(TINY, reduction=3),
}


def oracle_of(model: Model, *, training: bool = False) -> Tacotron2Oracle:
    config = model.config
    return Tacotron2Oracle(
        model.state_dict(),
        reduction=config.reduction,
        training=training,
        mask_padding=not config.published_padding,
    )


def tensors(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths


def assert_same(found: AcousticOutput, spoken: Spoken, reduction: int, tolerance: float = 1e-5) -> None:
    for name in ("mel", "mel_post", "gate"):
        torch.testing.assert_close(
            getattr(found, name), getattr(spoken, name), atol=tolerance, rtol=tolerance, msg=name
        )
    alignment = spoken.alignment.repeat_interleave(reduction, 1)
    torch.testing.assert_close(found.alignment, alignment, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("config", FORMS.values(), ids=FORMS.keys())
def test_teacher_forced_outputs_equal_the_step_by_step_oracle(config: Config) -> None:
    model = random_model(config)
    batch = random_batch(config, [9, 6, 3], [18, 12, 15])
    with torch.no_grad():
        assert_same(model(*tensors(batch)), oracle_of(model).forced(*tensors(batch)), config.reduction)


def test_teacher_forced_outputs_of_the_published_size_equal_the_oracle() -> None:
    model = random_model(FULL)
    batch = random_batch(FULL, [31, 24, 11], [40, 52, 17])
    with torch.no_grad():
        assert_same(model(*tensors(batch)), oracle_of(model).forced(*tensors(batch)), 1)


@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("config", FORMS.values(), ids=FORMS.keys())
def test_running_free_equals_the_oracle(monkeypatch: pytest.MonkeyPatch, config: Config, ahead: int) -> None:
    """Also where gates are looked at while the steps behind them are made, as on a GPU."""
    monkeypatch.setattr(Eager, "ahead", ahead)
    model = random_model(config)
    symbols = random_batch(config, [9], [1]).symbols
    with torch.no_grad():
        spoken = oracle_of(model).free(symbols, max_frames=50, threshold=0.9)
        found = model.infer(symbols, torch.tensor([9]), max_frames=50, gate_threshold=0.9)
    frames = spoken.mel_post.shape[2]
    assert found.mel_lengths.tolist() == [frames]
    torch.testing.assert_close(found.mel, spoken.mel_post, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.gate, spoken.gate, atol=1e-5, rtol=1e-5)
    alignment = spoken.alignment.repeat_interleave(config.reduction, 1)[:, :frames]
    torch.testing.assert_close(found.alignment, alignment, atol=1e-5, rtol=1e-5)


def test_running_free_at_the_published_size_with_prenet_dropout_equals_the_oracle() -> None:
    config = replace(FULL, prenet_dropout=0.5)
    model = random_model(config)
    symbols = random_batch(config, [20], [1]).symbols
    source = PrenetMasks([5], config.prenet_channels, 0.5, torch.zeros(()))
    masks = torch.stack([torch.stack(source.at(step)) for step in range(80)])  # [L, 2, 1, C]
    with torch.no_grad():
        dropped = Dropped(prenet=(masks[:, 0], masks[:, 1]))
        spoken = oracle_of(model).free(symbols, max_frames=80, threshold=0.99, dropped=dropped)
        found = model.infer(symbols, torch.tensor([20]), max_frames=80, gate_threshold=0.99, seed=5)
    torch.testing.assert_close(found.mel, spoken.mel_post, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("config", FORMS.values(), ids=FORMS.keys())
def test_gradients_equal_those_of_the_oracle(config: Config) -> None:
    model = random_model(config).train()
    batch = random_batch(config, [9, 6, 3], [18, 12, 15])
    found: AcousticOutput = model(*tensors(batch))
    spread = torch.randn(found.alignment.shape, generator=torch.Generator().manual_seed(3))
    published_loss(Spoken(found.mel, found.mel_post, found.gate, found.alignment), batch.mels, batch.gates).add(
        (found.alignment * spread).sum()
    ).backward()

    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    for name, _ in model.named_parameters():
        weights[name].requires_grad_(True)
    oracle = Tacotron2Oracle(
        weights, reduction=config.reduction, training=True, mask_padding=not config.published_padding
    )
    spoken = oracle.forced(*tensors(batch))
    alignment = spoken.alignment.repeat_interleave(config.reduction, 1)
    published_loss(spoken, batch.mels, batch.gates).add((alignment * spread).sum()).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, weights[name].grad, atol=1e-5, rtol=1e-4)


def test_recurrent_dropout_feeds_back_what_is_left_of_the_hidden_state() -> None:
    config = replace(TINY, attention_dropout=0.4, decoder_dropout=0.3)
    model = random_model(config).train()
    batch = random_batch(config, [9, 6, 3], [18, 12, 15])
    torch.manual_seed(7)
    found = model(*tensors(batch))
    torch.manual_seed(7)
    attention = keep_mask((18, 3, 10), 0.4, batch.mels)
    decoder = keep_mask((18, 3, 9), 0.3, batch.mels)
    dropped = Dropped(attention=attention, decoder=decoder)
    assert_same(found, oracle_of(model, training=True).forced(*tensors(batch), dropped), 1)


def test_a_seed_gives_one_utterance_alone_and_in_a_batch() -> None:
    config = replace(TINY, prenet_dropout=0.5)
    model = random_model(config)
    batch = random_batch(config, [9, 6, 3], [1, 1, 1])
    frames = BLOCK + 20
    together = model.infer(batch.symbols, batch.symbol_lengths, max_frames=frames, gate_threshold=0.95, seed=[4, 5, 6])
    for row, (length, seed) in enumerate(zip([9, 6, 3], [4, 5, 6], strict=True)):
        alone = model.infer(
            batch.symbols[row : row + 1, :length],
            batch.symbol_lengths[row : row + 1],
            max_frames=frames,
            gate_threshold=0.95,
            seed=seed,
        )
        spoken = int(alone.mel_lengths[0])
        assert int(together.mel_lengths[row]) == spoken
        torch.testing.assert_close(together.mel[row, :, :spoken], alone.mel[0], atol=1e-5, rtol=1e-5)
        assert not together.mel[row, :, spoken:].any()


def test_speaking_follows_the_weights_when_they_change() -> None:
    model = random_model(TINY)
    symbols = random_batch(TINY, [9], [1]).symbols
    before = model.infer(symbols, torch.tensor([9]), max_frames=20, gate_threshold=1.0).mel
    with torch.no_grad():
        model.decoder.decoder_rnn.weight_hh.mul_(2.0)
        spoken = oracle_of(model).free(symbols, max_frames=20, threshold=1.0)
    found = model.infer(symbols, torch.tensor([9]), max_frames=20, gate_threshold=1.0).mel
    assert not torch.allclose(before, found)
    torch.testing.assert_close(found, spoken.mel_post, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_speaking_with_products_of_fewer_bits_stays_near(precision: str) -> None:
    if precision == "int8" and not int8_range():
        pytest.skip("no int8 on this processor")
    model = random_model(FULL)
    symbols = random_batch(FULL, [20], [1]).symbols
    exact, near = (
        model.infer(symbols, torch.tensor([20]), max_frames=40, gate_threshold=1.0, precision=each).mel
        for each in ("float32", precision)
    )
    assert 0.0 < (near - exact).abs().max() < 0.1 * exact.abs().max()


def test_speaking_follows_the_running_means_of_the_postnet_when_they_change() -> None:
    model = random_model(TINY)
    symbols = random_batch(TINY, [9], [1]).symbols
    model.infer(symbols, torch.tensor([9]), max_frames=20, gate_threshold=1.0)
    with torch.no_grad():
        for name, value in model.postnet.named_buffers():
            if name.endswith("running_mean"):
                value.add_(1.0)
        spoken = oracle_of(model).free(symbols, max_frames=20, threshold=1.0)
    found = model.infer(symbols, torch.tensor([9]), max_frames=20, gate_threshold=1.0).mel
    torch.testing.assert_close(found, spoken.mel_post, atol=1e-5, rtol=1e-5)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(BadConfig, match="float7"):
        random_model(TINY).infer(torch.tensor([[1]]), torch.tensor([1]), precision="float7")


def test_another_seed_gives_another_utterance() -> None:
    model = random_model(replace(TINY, prenet_dropout=0.5))
    symbols = random_batch(TINY, [9], [1]).symbols
    first, second = (
        model.infer(symbols, torch.tensor([9]), max_frames=20, gate_threshold=1.0, seed=seed).mel for seed in (0, 1)
    )
    assert not torch.allclose(first, second)


def test_speaking_leaves_the_training_mode_and_the_global_generator_as_they_were() -> None:
    model = random_model(replace(TINY, prenet_dropout=0.5)).train()
    batch = random_batch(TINY, [9], [12])
    before = torch.get_rng_state()
    model.infer(batch.symbols, batch.symbol_lengths, max_frames=20)
    tacotron2.Recipe(model.config, TrainingConfig()).evaluate(model, batch)
    assert model.training
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("ahead", [0, 1, 9])
def test_a_sentence_that_never_stops_says_so(monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    monkeypatch.setattr(Eager, "ahead", ahead)
    model = random_model(TINY)
    symbols = random_batch(TINY, [9], [1]).symbols
    found = model.infer(symbols, torch.tensor([9]), max_frames=13, gate_threshold=1.0)
    assert found.reached_limit.tolist() == [True]
    assert found.mel.shape == (1, 6, 13)


def test_without_published_padding_a_sentence_is_the_same_alone_and_among_longer_ones() -> None:
    model = random_model(TINY)
    batch = random_batch(TINY, [9, 6], [18, 12])
    with torch.no_grad():
        together = model(*tensors(batch))
        alone = model(batch.symbols[1:, :6], batch.symbol_lengths[1:], batch.mels[1:, :, :12], batch.mel_lengths[1:])
    torch.testing.assert_close(together.mel_post[1:, :, :12], alone.mel_post, atol=1e-5, rtol=1e-5)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """The 84 entries of the public English checkpoint."""
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (148, 512)}

    def normed(prefix: str, outputs: int, inputs: int) -> None:
        shapes[f"{prefix}.0.conv.weight"] = (outputs, inputs, 5)
        shapes[f"{prefix}.0.conv.bias"] = (outputs,)
        shapes.update({f"{prefix}.1.{name}": (outputs,) for name in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{prefix}.1.num_batches_tracked"] = ()

    def recurrent(prefix: str, suffix: str, hidden: int, inputs: int) -> None:
        shapes[f"{prefix}.weight_ih{suffix}"] = (4 * hidden, inputs)
        shapes[f"{prefix}.weight_hh{suffix}"] = (4 * hidden, hidden)
        shapes[f"{prefix}.bias_ih{suffix}"] = shapes[f"{prefix}.bias_hh{suffix}"] = (4 * hidden,)

    for i in range(3):
        normed(f"encoder.convolutions.{i}", 512, 512)
    for suffix in ("_l0", "_l0_reverse"):
        recurrent("encoder.lstm", suffix, 256, 512)
    recurrent("decoder.attention_rnn", "", 1024, 256 + 512)
    recurrent("decoder.decoder_rnn", "", 1024, 1024 + 512)
    attention = "decoder.attention_layer"
    products = {
        "decoder.prenet.layers.0": (256, 80),
        "decoder.prenet.layers.1": (256, 256),
        f"{attention}.query_layer": (128, 1024),
        f"{attention}.memory_layer": (128, 512),
        f"{attention}.v": (1, 128),
        f"{attention}.location_layer.location_dense": (128, 32),
        "decoder.linear_projection": (80, 1536),
        "decoder.gate_layer": (1, 1536),
    }
    shapes.update({f"{name}.linear_layer.weight": shape for name, shape in products.items()})
    shapes["decoder.linear_projection.linear_layer.bias"] = (80,)
    shapes["decoder.gate_layer.linear_layer.bias"] = (1,)
    shapes[f"{attention}.location_layer.location_conv.conv.weight"] = (32, 2, 31)
    sizes = (80, 512, 512, 512, 512, 80)
    for i in range(5):
        normed(f"postnet.convolutions.{i}", sizes[i + 1], sizes[i])
    return shapes


def test_a_published_state_dict_of_84_entries_loads_strictly() -> None:
    shapes = published_shapes()
    assert len(shapes) == 84
    model = Model(replace(tacotron2.PRESETS["full"], n_symbols=148))
    state = {name: torch.zeros(shape) for name, shape in shapes.items()}
    model.load_state_dict(state, strict=True)
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 2) == 28.19


def test_every_preset_trains_and_speaks() -> None:
    for config in (tacotron2.PRESETS["compact"], tacotron2.PRESETS["trial"]):
        model = Model(config)
        recipe = tacotron2.Recipe(config, TrainingConfig())
        batch = random_batch(config, [9, 6], [20, 14])
        for name, loss, parts in recipe.losses(model.train(), batch):
            assert name in recipe.optimizers(model)
            loss.backward()
            assert parts["guided"] > 0.0
        assert all(parameter.grad is not None for parameter in recipe.parameters(model, "model"))
        found = model.infer(batch.symbols, batch.symbol_lengths, max_frames=10)
        assert found.mel.shape[1] == 80


def test_the_compact_network_has_five_million_parameters() -> None:
    model = Model(tacotron2.PRESETS["compact"])
    assert 5.2e6 < sum(parameter.numel() for parameter in model.parameters()) < 5.4e6


def test_the_loss_falls_when_one_batch_is_learned() -> None:
    torch.manual_seed(0)
    config = tacotron2.PRESETS["trial"]
    model, recipe = Model(config).train(), tacotron2.Recipe(config, TrainingConfig(learning_rate=3e-3))
    batch = random_batch(config, [9, 6], [20, 14])
    optimizer = recipe.optimizers(model)["model"]
    seen = []
    for _ in range(40):
        for _, loss, parts in recipe.losses(model, batch):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen.append(parts["loss"])
    assert seen[-1] < 0.7 * seen[0]


def test_frames_behind_the_end_do_not_weigh_in_the_loss() -> None:
    config = replace(TINY, published_padding=False)
    recipe = tacotron2.Recipe(config, TrainingConfig())
    model = random_model(config)
    alone = random_batch(config, [6], [12])
    padded = Batch(
        torch.nn.functional.pad(alone.symbols, (0, 3)),
        alone.symbol_lengths,
        torch.nn.functional.pad(alone.mels, (0, 5), value=9.0),
        alone.mel_lengths,
        torch.nn.functional.pad(alone.gates, (0, 5), value=1.0),
    )
    assert recipe.evaluate(model, padded) == pytest.approx(recipe.evaluate(model, alone), rel=1e-5)


def test_guided_attention_fades_out_along_a_line() -> None:
    config = replace(TINY, guided_attention_weight=4.0, guided_attention_steps=100)
    recipe = tacotron2.Recipe(config, TrainingConfig())
    assert [recipe.guided_weight(step) for step in (0, 50, 100, 200)] == [4.0, 2.0, 0.0, 0.0]


def test_guided_attention_is_nothing_on_the_diagonal_and_much_in_the_corner() -> None:
    lengths = torch.tensor([10])
    diagonal = tacotron2.guided_attention(torch.eye(10)[None], lengths, lengths, 0.2)
    corner = tacotron2.guided_attention(torch.eye(10).flip(1)[None], lengths, lengths, 0.2)
    assert float(diagonal) == pytest.approx(0.0, abs=1e-6)
    assert float(corner) > 0.4


def test_guided_attention_does_not_fade_with_the_length_of_the_text() -> None:
    short, long = (
        tacotron2.guided_attention(torch.full((1, 40, n), 1.0 / n), torch.tensor([n]), torch.tensor([40]), 0.2)
        for n in (10, 100)
    )
    assert float(long) == pytest.approx(float(short), rel=0.1)


@pytest.mark.parametrize(
    "change", [{"reduction": 0}, {"encoder_channels": 7}, {"location_kernel": 4}, {"prenet_dropout": 1.0}]
)
def test_sizes_that_make_no_network_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(BadConfig, match=next(iter(change))):
        replace(TINY, **change)


@pytest.mark.parametrize("symbols", [[], [11], [-1]])
def test_symbols_the_model_does_not_have_are_refused(symbols: list[int]) -> None:
    row = torch.tensor([symbols], dtype=torch.int64)
    with pytest.raises(BadText):
        random_model(TINY).infer(row, torch.tensor([len(symbols)]))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(rate: float) -> None:
    torch.manual_seed(0)
    mask = keep_mask((1001, 333), rate, torch.zeros(()))
    assert (mask == 0.0).float().mean().item() == pytest.approx(rate, abs=0.003)
    assert mask.mean().item() == pytest.approx(1.0, abs=0.005)
    assert len(mask.unique()) == 2
