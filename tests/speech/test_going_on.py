"""A run that goes on: what it was asked before, what it is asked now, and what stood between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from speech import checkpoint
from speech.errors import BadConfig
from speech.events import CheckpointSaved, Evaluated, Event, StageChanged, StepDone, TrainingEnded, TrainingFailed
from speech.job import Job
from speech.lifetime import StopRequest
from speech.plan import Plan
from speech.run_folder import TOLD_NAME, entries
from tests.speech.training import job, of, train

ROOT = Path(__file__).parents[2]


def plan(asked: Job) -> Plan:
    return Plan.of(asked, lambda event: None)


@pytest.mark.parametrize("model", ["tacotron2", "hifi_gan"])
def test_a_size_that_is_left_out_is_the_bases_before_and_after_a_stop(
    espeak_clips: Path, tmp_path: Path, model: str
) -> None:
    part = {"tacotron2": "acoustic", "hifi_gan": "vocoder"}[model]
    base = str(ROOT / f"voices/base/{part}.safetensors")
    asked = Job(
        model=model, clips=str(espeak_clips), out=str(tmp_path), base=base, training={"steps": 20, "threads": 1}
    )
    before = plan(asked)
    network = checkpoint.open_any(Path(base)).tensors
    checkpoint.save(tmp_path, before.header(1, {}), network, {}, {})
    after = plan(asked)
    assert before.size == after.size == "compact"
    assert after.training == before.training
    assert after.config == before.config


def stopping_as_it_measures(time: int) -> tuple[StopRequest, Callable[[Event], None]]:
    stop, times = StopRequest(), [0]

    def heed(event: Event) -> None:
        if isinstance(event, StageChanged) and event.stage == "evaluate":
            times[0] += 1
            if times[0] == time:
                stop.request()

    return stop, heed


def test_a_stop_while_the_last_checkpoint_is_measured_measures_it_later(espeak_clips: Path, tmp_path: Path) -> None:
    asked = job(espeak_clips, tmp_path, training={"steps": 4, "checkpoint_every": 2, "evaluate_every": 2})
    status, events = train(asked, *stopping_as_it_measures(2))
    assert (status, of(events, TrainingEnded)[-1].reason) == (75, "stopped")
    assert [(one.step, bool(one.losses)) for one in entries(tmp_path)] == [(2, True), (4, False)]
    status, events = train(asked)
    assert (status, of(events, TrainingEnded)[-1].reason) == (0, "finished")
    assert [one.step for one in of(events, Evaluated)] == [4]
    assert not of(events, StepDone)
    assert [(one.step, bool(one.losses)) for one in entries(tmp_path)] == [(2, True), (4, True)]
    _, events = train(asked)
    assert not of(events, Evaluated)


def test_a_checkpoint_that_nobody_was_told_of_is_told_by_the_next_process(espeak_clips: Path, tmp_path: Path) -> None:
    asked = job(espeak_clips, tmp_path, training={"steps": 2, "checkpoint_every": 2, "evaluate_every": 2})
    _, events = train(asked)
    told = of(events, CheckpointSaved)[-1]
    _, events = train(asked)
    assert not of(events, CheckpointSaved)
    (tmp_path / TOLD_NAME).write_text("0")  # as if the process had ended right behind its list
    _, events = train(asked)
    assert of(events, CheckpointSaved) == [told]
    (tmp_path / TOLD_NAME).unlink()  # a folder of files that were brought here
    _, events = train(asked)
    assert not of(events, CheckpointSaved)


def test_settings_of_the_optimiser_are_those_asked_for_now(espeak_clips: Path, tmp_path: Path) -> None:
    first = {"steps": 1, "checkpoint_every": 1, "weight_decay": 0.0, "learning_rate": 1e-3}
    train(job(espeak_clips, tmp_path, training=first))
    status, _ = train(job(espeak_clips, tmp_path, training=first | {"steps": 2, "weight_decay": 0.25}))
    assert status == 0
    described = checkpoint.read_metadata(tmp_path / entries(tmp_path)[-1].resume.name)[checkpoint._RESUME_KEY]
    groups = json.loads(described)["optimizers"]["model"]["groups"]
    assert [group["weight_decay"] for group in groups] == [0.25] * len(groups)


@pytest.mark.parametrize(
    ("other", "words"),
    [({"audio": {"f_max": 4000.0}}, "another mel"), ({"text": {"mode": "spelling"}}, "other symbols")],
    ids=["audio", "text"],
)
def test_a_run_does_not_go_on_with_another_front_end(
    espeak_clips: Path, tmp_path: Path, other: dict[str, Any], words: str
) -> None:
    training = {"steps": 1, "checkpoint_every": 1}
    train(job(espeak_clips, tmp_path, training=training))
    status, events = train(job(espeak_clips, tmp_path, training=training | {"steps": 2}, **other))
    failed = of(events, TrainingFailed)[-1]
    assert (status, failed.code) == (1, "other_run")
    assert words in failed.message


@pytest.mark.parametrize(
    "setting",
    [
        {"held_out": 0.0}, {"held_out": 1.0}, {"learning_rate": -1.0}, {"clip_norm": -1.0}, {"seed": -1},
        {"threads": -1}, {"steps": "8"}, {"learning_rate": "1e-3"}, {"ema": None}, {"batch_size": 2.5},
        {"learning_rate": float("nan")}, {"steps": True},
    ],
    ids=str,
)  # fmt: skip
def test_a_setting_of_the_wrong_kind_is_named_before_any_work(
    espeak_clips: Path, tmp_path: Path, setting: dict[str, Any]
) -> None:
    with pytest.raises(BadConfig) as caught:
        plan(job(espeak_clips, tmp_path, training=setting))
    assert next(iter(setting)) in caught.value.message


@pytest.mark.parametrize("wrong", [{"out": 5}, {"training": [1]}, {"base": 3}, {"config": None}])
def test_so_is_one_of_the_job(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadConfig, match=next(iter(wrong))):
        Job.from_json({"model": "tacotron2", "clips": "clips", "out": "out"} | wrong)


def test_a_checkpoint_in_the_memory_does_not_follow_its_file(tmp_path: Path) -> None:
    saved = checkpoint.Header(kind="acoustic", model="tacotron2", config={})
    path = tmp_path / "voice.safetensors"
    checkpoint.write_weights(path, saved, {"weight": torch.arange(4096.0)})
    loaded = checkpoint.load(path)
    with path.open("rb+") as file:
        file.seek(-4096, 2)
        file.write(b"\xff" * 4096)
    assert torch.equal(loaded.tensors["weight"], torch.arange(4096.0))
