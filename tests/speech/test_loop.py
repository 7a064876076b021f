"""What the loop can do beside stepping: schedules, summed gradients, averages, smaller batches, augmented clips."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from speech import models
from speech.events import Evaluated, StepDone, TrainingFailed, Warned
from speech.feed import Fed, Feed
from speech.lifetime import StopRequest
from speech.manifest import Manifest
from speech.plan import Plan
from speech.run_folder import entries
from speech.update import Network
from speech.vocoder import hifi_gan, waveglow

from .training import job, of, same, tensors, train

ALL: dict[str, Any] = {
    "warmup_steps": 2,
    "anneal": "cosine",
    "ema": 0.9,
    "effective_batch": 6,
    "batch_size": 3,
    "augment_pitch": 0.5,
    "augment_tempo": 0.1,
    "augment_masking": 0.2,
}
VOCODER = {name: value for name, value in ALL.items() if name not in ("augment_tempo", "augment_masking")}


def stopping_at(step: int) -> tuple[StopRequest, Callable[[Any], None]]:
    stop = StopRequest()

    def heed(event: Any) -> None:
        if isinstance(event, StepDone) and event.step == step:
            stop.request()

    return stop, heed


# A source's noise, and both halves of its way: by spectra, then against the discriminators.
SOURCE = {"source": True, "spectral_weight": 15.0, "adversarial_from": 3}


@pytest.mark.parametrize(
    ("model", "training", "config"),
    [("tacotron2", ALL, {}), ("hifi_gan", VOCODER, {}), ("hifi_gan", VOCODER, SOURCE)],
    ids=["tacotron2", "hifi_gan", "hifi_gan with a source"],
)
def test_with_everything_on_a_stopped_run_ends_in_the_same_bits(
    espeak_clips: Path, tmp_path: Path, model: str, training: dict[str, Any], config: dict[str, Any]
) -> None:
    training = {**training, "steps": 6}
    whole = job(espeak_clips, tmp_path / "whole", model, training=training, config=config)
    parts = job(espeak_clips, tmp_path / "parts", model, training=training, config=config)
    assert train(whole)[0] == 0
    assert train(parts, *stopping_at(4))[0] == 75
    assert train(parts)[0] == 0
    assert same(tensors(tmp_path / "whole"), tensors(tmp_path / "parts"))


def test_the_rate_follows_its_schedule(espeak_clips: Path, tmp_path: Path) -> None:
    training = {"learning_rate": 1e-3, "warmup_steps": 2, "anneal": "exponential", "final_rate": 0.01, "steps": 5}
    _, events = train(job(espeak_clips, tmp_path, training=training))
    rates = [event.learning_rate for event in of(events, StepDone)]
    assert rates == pytest.approx([5e-4, 1e-3, 1e-3, 1e-4, 1e-5])


def test_gradients_are_summed_up_over_batches_by_their_clips(espeak_clips: Path, tmp_path: Path) -> None:
    quiet = dict.fromkeys(("convolution_dropout", "prenet_dropout", "attention_dropout", "decoder_dropout"), 0.0)
    asked = job(espeak_clips, tmp_path, config=quiet, training={"steps": 1, "clip_norm": 0.0, "learning_rate": 0.0})
    train(asked)
    plan = Plan.of(asked, lambda event: None)
    manifest = Manifest.load(tmp_path / "data")
    network = Network(plan, models.build("tacotron2", plan.config.to_json()), plan.recipe())
    feed = Feed(plan, manifest, 4)
    clips = list(manifest.train[:3]), list(manifest.train[3:4])
    batches = [Fed(some, 1, feed.collate(some, 1)) for some in clips]
    feed.close()
    alone = []
    for batch in batches:
        told = network.move([len(batch.clips)], lambda number, batch=batch: batch, 0, 1.0)  # type: ignore[misc]
        alone.append((told.losses["loss"], [one.grad.clone() for one in network.model.parameters()]))
    told = network.move([3, 1], lambda number: batches[number], 0, 1.0)
    (first, of_first), (second, of_second) = alone
    assert told.losses["loss"] == pytest.approx(0.75 * first + 0.25 * second, rel=1e-5)
    for parameter, one, other in zip(network.model.parameters(), of_first, of_second, strict=True):
        torch.testing.assert_close(parameter.grad, 0.75 * one + 0.25 * other, rtol=1e-4, atol=1e-5)


def test_a_step_takes_as_many_batches_as_make_the_effective_one(espeak_clips: Path, tmp_path: Path) -> None:
    training = {"batch_size": 2, "effective_batch": 6, "steps": 2}
    _, events = train(job(espeak_clips, tmp_path, "waveglow", training=training))
    segment = models.preset_of("waveglow", "trial").to_json()["segment"]
    assert {event.frames // segment for event in of(events, StepDone)} <= {6, 7}  # a batch may be one clip short


def test_the_average_is_evaluated_and_saved_as_the_voice(espeak_clips: Path, tmp_path: Path) -> None:
    asked = job(espeak_clips, tmp_path, training={"ema": 0.95, "steps": 4, "checkpoint_every": 4})
    _, events = train(asked)
    newest = entries(tmp_path)[-1]
    voice, resume = load_file(tmp_path / newest.weights.name), load_file(tmp_path / newest.resume.name)
    name = "decoder.attention_rnn.weight_hh"
    raw = resume[f"module:raw/{name}"]
    assert not torch.equal(voice[name], raw)
    plain = job(espeak_clips, tmp_path / "plain", training={"steps": 4, "checkpoint_every": 4})
    _, others = train(plain)
    assert torch.equal(tensors(tmp_path / "plain")[name], raw)  # training itself is untouched
    assert of(events, Evaluated)[-1].losses != of(others, Evaluated)[-1].losses


def test_an_average_can_be_begun_and_ended_in_the_middle_of_a_run(espeak_clips: Path, tmp_path: Path) -> None:
    for number, decay in enumerate((0.0, 0.9, 0.0), start=1):
        asked = job(espeak_clips, tmp_path, training={"ema": decay, "steps": number * 2, "checkpoint_every": 2})
        status, _ = train(asked)
        assert status == 0
    assert not any(name.startswith("module:raw/") for name in tensors(tmp_path))


def test_a_run_that_has_begun_goes_on_though_its_preset_has_changed(
    espeak_clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(espeak_clips, tmp_path, "hifi_gan", training={"steps": 2, "checkpoint_every": 2})
    assert train(asked)[0] == 0
    before = Plan.of(asked, lambda event: None).config
    monkeypatch.setitem(hifi_gan.PRESETS, "trial", replace(hifi_gan.PRESETS["trial"], mel_weight=30.0))
    longer = job(espeak_clips, tmp_path, "hifi_gan", training={"steps": 3, "checkpoint_every": 3})
    assert train(longer)[0] == 0
    assert Plan.of(longer, lambda event: None).config == before
    new = Plan.of(job(espeak_clips, tmp_path / "new", "hifi_gan"), lambda event: None)
    assert new.config.to_json()["mel_weight"] == 30.0


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """From the call on, the memory holds so many clips: a larger batch fails as torch fails."""
    losses = waveglow.Recipe.losses

    def hold(clips: int) -> None:
        def some(self: Any, model: Any, batch: Any, *, step: int = 0) -> Any:
            if len(batch.samples) > clips:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return losses(self, model, batch, step=step)

        monkeypatch.setattr(waveglow.Recipe, "losses", some)

    yield hold


def test_a_batch_that_the_memory_does_not_hold_is_halved_and_the_run_goes_on(
    espeak_clips: Path, tmp_path: Path, small_memory: Callable[[int], None]
) -> None:
    small_memory(3)
    training = {"batch_size": 10, "held_out": 0.17, "steps": 4, "checkpoint_every": 2}
    stopped, heed = stopping_at(2)
    status, first = train(job(espeak_clips, tmp_path, "waveglow", training=training), stopped, heed)
    clips = len(Manifest.load(tmp_path / "data").train)
    assert status == 75
    halved = [event.params["batch_size"] for event in of(first, Warned) if event.code == "batch_halved"]
    assert halved == ([clips // 2, clips // 4] if clips // 2 > 3 else [clips // 2])
    segment = models.preset_of("waveglow", "trial").to_json()["segment"]
    assert all(event.frames >= clips * segment for event in of(first, StepDone))  # a step still sees all clips
    status, rest = train(job(espeak_clips, tmp_path, "waveglow", training=training))
    assert status == 0
    assert [event.step for event in of(rest, StepDone)] == [3, 4]
    assert not [event for event in of(rest, Warned) if event.code == "batch_halved"]  # it is remembered


def test_a_memory_that_holds_no_clip_ends_the_run_with_a_sentence(
    espeak_clips: Path, tmp_path: Path, small_memory: Callable[[int], None]
) -> None:
    small_memory(0)
    status, events = train(job(espeak_clips, tmp_path, "waveglow"))
    assert status == 1
    assert isinstance(events[-1], TrainingFailed)
    assert events[-1].code == "out_of_memory"
    assert "single clip" in events[-1].message


def test_a_batch_made_ahead_is_the_batch_made_on_the_spot(espeak_clips: Path, tmp_path: Path) -> None:
    train(job(espeak_clips, tmp_path, training={"steps": 1}))
    plan = Plan.of(job(espeak_clips, tmp_path, training=ALL), lambda event: None)
    manifest = Manifest.load(tmp_path / "data")
    ahead, fresh = Feed(plan, manifest, 3, ahead=True), Feed(plan, manifest, 3)
    place = (0, 0)
    for _ in range(2 * len(ahead)):
        fed = ahead.take(*place, 0)
        fresh.close()
        fresh = Feed(plan, manifest, 3)
        alone = fresh.take(*place, 0)
        assert fed.clips == alone.clips
        assert torch.equal(fed.tensors.mels, alone.tensors.mels)
        assert sum(thread.name.startswith("feed") for thread in threading.enumerate()) == 1, "on a processor: none"
        place = ahead.following(*place)
    assert ahead.following(0, len(ahead) - 1) == (1, 0)
    ahead.close()
    fresh.close()


@pytest.mark.parametrize(
    ("model", "training", "code"),
    [
        ("tacotron2", {"anneal": "sideways"}, "unknown_anneal"),
        ("tacotron2", {"ema": 1.0}, "out_of_range"),
        ("tacotron2", {"final_rate": 0.0}, "out_of_range"),
        ("hifi_gan", {"augment_tempo": 0.1}, "not_for_vocoders"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    espeak_clips: Path, tmp_path: Path, model: str, training: dict[str, Any], code: str
) -> None:
    status, events = train(job(espeak_clips, tmp_path, model, training=training))
    assert status == 1
    assert isinstance(events[-1], TrainingFailed)
    assert events[-1].code == code
