"""A vocoder trained on an acoustic model's own mels."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from speech import models
from speech.__main__ import main
from speech.batches import collate_acoustic
from speech.checkpoint import load, write_weights
from speech.config import AudioConfig, TextConfig
from speech.dataset import prepare
from speech.errors import BadCheckpoint
from speech.events import StepDone, TrainingFailed
from speech.header import Header, read_header
from speech.manifest import Manifest
from speech.plan import Plan
from speech.run_folder import entries
from speech.teacher import taught
from speech.text.symbols import SYMBOLS
from speech.vocoder import hifi_gan

from .training import job, of, train


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An acoustic model of random weights, whose rows stand in another order than ours."""
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    torch.manual_seed(3)
    network = models.build("tacotron2", models.preset_of("tacotron2", "trial").to_json())
    header = Header(
        kind="acoustic", model="tacotron2", config=network.config.to_json(), symbols=SYMBOLS[::-1],
        audio=AudioConfig().to_json(), text=TextConfig().to_json(),
    )  # fmt: skip
    write_weights(path, header, network.state_dict())
    return path


@pytest.fixture
def manifest(espeak_clips: Path, tmp_path: Path) -> Manifest:
    return prepare(espeak_clips, tmp_path / "data", audio=AudioConfig(), text=TextConfig(), held_out=0.1, seed=1)


def test_its_mels_are_those_of_the_teacher_led_along_the_true_ones(manifest: Manifest, teacher: Path) -> None:
    changed = taught(manifest, load(teacher), torch.device("cpu"))
    network = models.build("tacotron2", models.preset_of("tacotron2", "trial").to_json()).eval()
    network.load_state_dict(load(teacher).tensors)
    # Not to the bit: what the prenet drops hangs on the whole batch.
    clip = max(manifest.entries, key=lambda entry: entry.frames)
    batch = collate_acoustic(manifest, [clip])
    with torch.inference_mode():
        symbols = len(SYMBOLS) - 1 - batch.symbols
        own = network(symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths).mel_post[0].numpy()
    made = changed.mel(clip)
    assert made.shape == own.shape == manifest.mel(clip).shape
    assert np.corrcoef(made.ravel(), own.ravel())[0, 1] > 0.5
    assert not np.allclose(made, manifest.mel(clip), atol=0.1)
    np.testing.assert_array_equal(changed.samples(clip), manifest.samples(clip))


def test_they_are_made_once_and_anew_for_another_teacher(manifest: Manifest, teacher: Path) -> None:
    first = taught(manifest, load(teacher), torch.device("cpu"))
    path = manifest.folder / first.mels_file
    made = path.stat().st_mtime_ns
    taught(manifest, load(teacher), torch.device("cpu"))
    assert path.stat().st_mtime_ns == made
    other = load(teacher)
    other.tensors["embedding.weight"] += 0.1
    second = taught(manifest, other, torch.device("cpu"))
    assert second.mels_file != first.mels_file
    assert not path.exists()


def test_a_vocoder_learns_from_them_as_a_stage_of_its_own(espeak_clips: Path, tmp_path: Path, teacher: Path) -> None:
    asked = job(espeak_clips, tmp_path, "hifi_gan", teacher=str(teacher), training={"steps": 2})
    status, events = train(asked)
    assert status == 0
    plain, others = train(dataclasses.replace(asked, teacher=None, out=str(tmp_path / "plain")))
    assert plain == 0
    assert of(events, StepDone)[0].losses != of(others, StepDone)[0].losses
    assert len(list((tmp_path / "data").glob("teacher-*.f32"))) == 1


def test_the_checkpoint_tells_whose_mels_it_learned_from(
    espeak_clips: Path, tmp_path: Path, teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(job(espeak_clips, tmp_path, "hifi_gan", teacher=str(teacher), training={"steps": 2}))
    path = tmp_path / entries(tmp_path)[-1].weights.name
    told = f"teacher.safetensors {load(teacher).header.tensors_sha256[:16]}"
    assert read_header(path).teacher == told
    capsys.readouterr()
    assert main(["inspect", str(path)]) == 0
    assert f"teacher: {told}\n" in capsys.readouterr().out


def test_a_run_goes_on_with_its_teacher_wherever_that_lies_now_and_not_without(
    espeak_clips: Path, tmp_path: Path, teacher: Path
) -> None:
    asked = job(espeak_clips, tmp_path / "run", "hifi_gan", teacher=str(teacher), training={"steps": 1})
    assert train(asked)[0] == 0
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(teacher.read_bytes())
    on = {**asked.training, "steps": 2}
    assert train(dataclasses.replace(asked, teacher=str(moved), training=on))[0] == 0
    status, events = train(dataclasses.replace(asked, teacher=None, training={**on, "steps": 3}))
    failed = of(events, TrainingFailed)[-1]
    assert (status, failed.code) == (1, "other_run")
    assert "another teacher" in failed.message


@pytest.mark.parametrize(("given", "rounds"), [({}, 0), ({"fitting_rounds": 5}, 5)])
def test_a_taught_vocoder_is_not_fitted_to_what_its_teacher_tells(
    tmp_path: Path, teacher: Path, given: dict[str, int], rounds: int
) -> None:
    asked = dataclasses.replace(job(tmp_path, tmp_path, "hifi_gan", teacher=str(teacher)), size="compact", config=given)
    assert Plan.of(asked, lambda event: None).config.to_json()["fitting_rounds"] == rounds
    alone = Plan.of(dataclasses.replace(asked, teacher=None, config={}), lambda event: None)
    assert alone.config.to_json()["fitting_rounds"] == hifi_gan.PRESETS["compact"].fitting_rounds > 0


def test_a_teacher_that_lacks_a_symbol_is_refused(manifest: Manifest, teacher: Path) -> None:
    other = load(teacher)
    fewer = dataclasses.replace(other, header=dataclasses.replace(other.header, symbols=("_",) * len(SYMBOLS)))
    with pytest.raises(BadCheckpoint, match="never learned"):
        taught(manifest, fewer, torch.device("cpu"))


@pytest.mark.parametrize(
    ("model", "other", "code"),
    [
        ("tacotron2", {}, "no_teacher"),
        ("hifi_gan", {"audio": {"f_max": 11_025.0}}, "other_audio"),
        ("hifi_gan", {"training": {"augment_pitch": 1.0}}, "taught_pitch"),
    ],
)
def test_a_job_that_cannot_have_this_teacher_is_refused(
    espeak_clips: Path, tmp_path: Path, teacher: Path, model: str, other: dict[str, object], code: str
) -> None:
    status, events = train(job(espeak_clips, tmp_path, model, teacher=str(teacher), **other))  # type: ignore[arg-type]
    assert status == 1
    assert isinstance(events[-1], TrainingFailed)
    assert events[-1].code == code
