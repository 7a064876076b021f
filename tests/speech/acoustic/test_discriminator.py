"""The discriminator of mels, and what the postnet learns from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from speech.acoustic import tacotron2
from speech.acoustic._discriminator import CROP, Discriminator, blurred, crops
from speech.acoustic.tacotron2 import Config, Model
from speech.config import TrainingConfig
from speech.errors import BadConfig
from speech.events import StepDone
from speech.run_folder import entries
from speech.trainer import Trainer
from tests.speech.training import job, of, same, tensors, train

from .builders import TINY, random_batch

AGAINST = replace(TINY, n_mels=16, adversarial_weight=0.1)


def test_a_cell_is_blurred_with_the_two_around_it_on_every_side() -> None:
    mels = torch.zeros(2, 20, 30)
    mels[0, 10, 15] = 1.0
    found = blurred(mels)
    assert found.shape == mels.shape
    assert found[0].sum() == pytest.approx(1.0)
    assert torch.equal(found[0].nonzero().amin(0), torch.tensor([8, 13]))
    assert torch.equal(found[0].nonzero().amax(0), torch.tensor([12, 17]))
    assert torch.allclose(found, found.flip(2).roll(1, 2))
    assert not found[1].any()
    assert torch.allclose(blurred(torch.ones(1, 20, 30))[:, 2:-2, 2:-2], torch.ones(1, 16, 26))


def test_crops_are_of_the_same_frames_of_the_same_clips_and_never_from_behind_an_end() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([200, 70, 30, 64, 150])
    frames = torch.arange(200.0).expand(5, 3, 200) + 1000.0 * torch.arange(5)[:, None, None]
    seen = set()
    for _ in range(200):
        real, made = crops(frames, -frames, lengths)
        assert real.shape == made.shape == (3, 3, CROP)
        for row, ours in zip(real, made, strict=True):
            clip = int(row[0, 0]) // 1000
            first, length = int(row[0, 0]) % 1000, int(lengths[clip])
            inside = min(CROP, length)
            assert 0 <= first <= length - inside
            assert torch.equal(row[:, :inside], frames[clip, :, first : first + inside])
            assert torch.equal(ours[:, :inside], -row[:, :inside])
            assert bool((row[:, inside:] == -11.5).all())
            assert bool((ours[:, inside:] == -11.5).all())
            seen.add((clip, first))
    assert {clip for clip, _ in seen} == {0, 1, 2, 3, 4}
    assert {first for clip, first in seen if clip == 1} == set(range(7))
    assert {first for clip, first in seen if clip in (2, 3)} == {0}


def test_the_discriminator_has_a_say_behind_the_restart_alone() -> None:
    recipe = tacotron2.Recipe(AGAINST, TrainingConfig(steps=100, restart=0.75))
    model, batch = Model(recipe.config).train(), random_batch(recipe.config, [9, 6, 7], [90, 40, 70])
    assert list(recipe.optimizers(model)) == ["model", "discriminator"]
    both = ["discriminator", "model"]
    for step, names in ((0, ["model"]), (74, ["model"]), (75, both), (99, both)):
        told = list(recipe.losses(model, batch, step=step))
        assert [name for name, _, _ in told] == names
        assert ("adversarial" in told[-1][2]) == (names == both)


def test_without_a_weight_there_is_no_discriminator() -> None:
    recipe = tacotron2.Recipe(TINY, TrainingConfig())
    assert recipe.modules() == {}
    assert list(recipe.optimizers(Model(TINY))) == ["model"]
    told = list(recipe.losses(Model(TINY), random_batch(TINY, [9, 6], [20, 14]), step=10**6))
    assert [name for name, _, _ in told] == ["model"]


def test_each_of_the_two_learns_by_its_own_loss() -> None:
    torch.manual_seed(0)
    recipe = tacotron2.Recipe(AGAINST, TrainingConfig())
    model, batch = Model(recipe.config).train(), random_batch(recipe.config, [9, 6], [90, 70])
    steps = recipe.losses(model, batch)
    _, told, _ = next(steps)
    told.backward()
    assert recipe.discriminator is not None
    assert all(one.grad is not None and one.grad.any() for one in recipe.parameters(model, "discriminator"))
    assert all(one.grad is None for one in recipe.parameters(model, "model"))
    _, loss, parts = next(steps)
    terms = [parts[name] for name in ("mel", "mel_post", "gate")]
    expected = torch.stack(terms).sum() + 0.1 * (parts["adversarial"] + 2.0 * parts["features"])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    assert all(one.grad is not None for one in model.parameters())


def test_what_is_asked_of_the_postnet_teaches_nothing_before_it() -> None:
    torch.manual_seed(0)
    recipe = tacotron2.Recipe(AGAINST, TrainingConfig())
    model, batch = Model(recipe.config).train(), random_batch(recipe.config, [9, 6], [90, 70])
    *_, (_, _, parts) = recipe.losses(model, batch)
    (parts["adversarial"] + parts["features"] + parts["mel_post"]).backward()
    taught = {name.split(".")[0] for name, one in model.named_parameters() if one.grad is not None}
    assert taught == {"postnet"}


def test_held_out_losses_are_the_published_ones() -> None:
    torch.manual_seed(0)
    model, batch = Model(AGAINST), random_batch(AGAINST, [9, 6], [90, 70])
    against = tacotron2.Recipe(AGAINST, TrainingConfig())
    plain = tacotron2.Recipe(replace(AGAINST, adversarial_weight=0.0), TrainingConfig())
    assert against.evaluate(model, batch) == plain.evaluate(model, batch)


def _textured(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What a postnet sees and a take, [4, 16, 16]: one slope, under faint noise and under much other noise."""
    slope = torch.linspace(-6.0, -2.0, 16)[None, :, None]
    faint, loud = torch.randn(2, 4, 16, 16, generator=generator)
    return slope + 0.1 * faint, slope + loud


def _texture(mels: Tensor) -> float:
    mels = mels.detach()
    return float((mels[:, 2:] - 2.0 * mels[:, 1:-1] + mels[:, :-2]).std())


def test_it_learns_to_miss_fine_structure_and_its_gradient_asks_for_more() -> None:
    torch.manual_seed(0)
    generator, discriminator = torch.Generator().manual_seed(1), Discriminator()
    optimizer = torch.optim.Adam(discriminator.parameters(), 5e-4, betas=(0.5, 0.99))
    told = []
    for _ in range(40):
        averaged, real = _textured(generator)
        optimizer.zero_grad()
        loss = discriminator.tell(real, averaged)
        loss.backward()
        optimizer.step()
        told.append(loss.item())
    assert told[-1] < 0.2 * told[0]
    averaged, real = _textured(generator)
    _, other = _textured(generator)
    assert sum(discriminator.miss(real, other)) < 0.5 * sum(discriminator.miss(real, averaged))
    made = averaged.requires_grad_()
    (gradient,) = torch.autograd.grad(sum(discriminator.miss(real, made)), made)
    moved = averaged - 0.5 * gradient / gradient.std()
    assert _texture(moved) > 2.0 * _texture(averaged)


def test_a_run_with_a_discriminator_ends_in_the_same_bits_when_resumed(espeak_clips: Path, tmp_path: Path) -> None:
    config = {"adversarial_weight": 0.1}
    for out, runs in (("whole", [4]), ("parts", [2, 4])):
        for steps in runs:
            training = {"steps": steps, "checkpoint_every": 2}
            status, events = train(job(espeak_clips, tmp_path / out, config=config, training=training))
            assert status == 0
            assert all("discriminator" in event.losses for event in of(events, StepDone))
    assert same(tensors(tmp_path / "parts"), tensors(tmp_path / "whole"))


def test_the_best_of_a_run_is_one_that_learned_against_it(
    espeak_clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a distance says, which likes the mean of all that may come."""
    monkeypatch.setattr(Trainer, "_evaluate", lambda self: {"loss": float(self.progress.step)})
    training = {"steps": 6, "checkpoint_every": 1, "restart": 0.5}
    for weight, best in ((0.0, 1), (0.1, 4)):
        out = tmp_path / str(weight)
        status, _ = train(job(espeak_clips, out, config={"adversarial_weight": weight}, training=training))
        assert status == 0
        assert [entry.step for entry in entries(out) if entry.best] == [best]


def test_a_weight_below_nothing_is_named() -> None:
    with pytest.raises(BadConfig, match=r"adversarial_weight=-0\.1"):
        Config(adversarial_weight=-0.1)
