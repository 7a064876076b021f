"""The loop on a GPU: it learns in bf16, computes what a processor computes, and resumes in the same bits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from speech import models
from speech.events import Evaluated, Event, StepDone, TrainingStarted
from speech.job import Job
from speech.lifetime import StopRequest

from .training import job, of, same, tensors, train

pytestmark = pytest.mark.gpu
AGAINST = {"adversarial_weight": 0.1}
NETWORKS = pytest.mark.parametrize(
    ("model", "config"), [("tacotron2", {}), ("tacotron2", AGAINST), ("waveglow", {}), ("hifi_gan", {})]
)
DRY = dict.fromkeys(("convolution_dropout", "prenet_dropout", "attention_dropout", "decoder_dropout"), 0.0)


def on_cuda(clips: Path, out: Path, model: str, **other: Any) -> Job:
    return dataclasses.replace(job(clips, out, model, **other), device="cuda")


@NETWORKS
def test_a_run_takes_bf16_and_learns(espeak_clips: Path, tmp_path: Path, model: str, config: dict[str, float]) -> None:
    training = {"steps": 60, "evaluate_every": 30, "checkpoint_every": 60, "learning_rate": 1e-3}
    status, events = train(on_cuda(espeak_clips, tmp_path, model, training=training, config=config))
    assert status == 0
    assert of(events, TrainingStarted)[0].precision == "bf16"
    steps = [event.losses["loss"] for event in of(events, StepDone)]
    figures = [value for event in of(events, Evaluated) for value in (event.losses | event.alignment).values()]
    assert all(math.isfinite(value) for value in [*steps, *figures])
    assert sum(steps[-5:]) < sum(steps[:5])


@NETWORKS
def test_steps_in_float32_are_the_processors(
    espeak_clips: Path, tmp_path: Path, model: str, config: dict[str, float]
) -> None:
    """A few steps, so that gradients and the optimiser are compared too."""
    config = DRY | config if model == "tacotron2" else config
    asked = job(espeak_clips, tmp_path / "cpu", model, training={"steps": 4, "precision": "float32"}, config=config)
    expected = [event.losses for event in of(train(asked)[1], StepDone)]
    events = train(dataclasses.replace(asked, device="cuda", out=str(tmp_path / "cuda")))[1]
    found = [event.losses for event in of(events, StepDone)]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=2e-3, abs=2e-4)


@NETWORKS
def test_a_stopped_run_ends_in_the_same_bits(
    espeak_clips: Path, tmp_path: Path, model: str, config: dict[str, float]
) -> None:
    def stopping_at(step: int) -> tuple[StopRequest, Callable[[Event], None]]:
        stop = StopRequest()

        def heed(event: Event) -> None:
            if isinstance(event, StepDone) and event.step == step:
                stop.request()

        return stop, heed

    whole, parts = (on_cuda(espeak_clips, tmp_path / name, model, config=config) for name in ("whole", "parts"))
    assert train(whole)[0] == 0
    assert train(parts, *stopping_at(4))[0] == 75
    assert train(parts)[0] == 0
    assert same(tensors(tmp_path / "whole"), tensors(tmp_path / "parts"))


@pytest.mark.parametrize(("model", "size"), [("waveglow", "compact"), ("hifi_gan", "v3"), ("hifi_gan", "compact")])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bf16", 0.1)])
def test_a_vocoder_makes_the_processors_sound(model: str, size: str, precision: str, tolerance: float) -> None:
    torch.manual_seed(0)
    network = models.build(model, models.preset_of(model, size).to_json()).eval()
    mel = torch.randn(2, 80, 70) - 4.0
    expected = network.infer(mel)
    found = network.to("cuda").infer(mel.to("cuda"), precision=precision).cpu()
    assert (found - expected).norm() <= tolerance * expected.norm()
