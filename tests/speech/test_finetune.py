"""The loop with the real trial-sized networks on speech of espeak-ng."""

from __future__ import annotations

import dataclasses
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech.acoustic import tacotron2
from speech.config import AudioConfig, TextConfig
from speech.dataset import prepare
from speech.events import (
    CheckpointSaved,
    DataPrepared,
    Evaluated,
    Event,
    StageChanged,
    StepDone,
    TrainingEnded,
    TrainingFailed,
    TrainingStarted,
    Warned,
    parse_line,
)
from speech.header import read_header
from speech.lifetime import StopRequest, sole_owner
from speech.manifest import Manifest
from speech.run_folder import entries, latest_good, sweep
from speech.text.dictionary import sha256
from tests import pace

from .training import command, events_of, job, of, same, start, tensors, train

MODELS = ("tacotron2", "waveglow", "hifi_gan")


@pytest.fixture(scope="session")
def uninterrupted(espeak_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One whole run of each model, that others are held against."""
    folders = {}
    for model in MODELS:
        out = folders[model] = tmp_path_factory.mktemp(model)
        status, _ = train(job(espeak_clips, out, model))
        assert status == 0
    return folders


@pytest.mark.parametrize("model", MODELS)
def test_the_loss_falls(espeak_clips: Path, tmp_path: Path, model: str) -> None:
    training = {"steps": 40, "checkpoint_every": 40, "evaluate_every": 40, "learning_rate": 1e-3}
    status, events = train(job(espeak_clips, tmp_path, model, training=training))
    losses = [event.losses["loss"] for event in of(events, StepDone)]
    assert status == 0
    assert len(losses) == 40
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_every_line_of_the_trainer_is_an_event_and_the_same_stands_in_the_file(
    espeak_clips: Path, tmp_path: Path
) -> None:
    small = job(espeak_clips, tmp_path / "out", training={"steps": 3, "checkpoint_every": 2})
    done = subprocess.run(
        command(small, tmp_path), capture_output=True, text=True, timeout=pace.patient(300), check=True
    )
    lines = done.stdout.splitlines()
    events = [parse_line(line) for line in lines]
    assert (tmp_path / "out" / "events.jsonl").read_text("utf-8").splitlines() == lines
    assert [event.step for event in of(events, StepDone)] == [1, 2, 3]
    assert [event.step for event in of(events, CheckpointSaved)] == [2, 3]
    assert [event.step for event in of(events, Evaluated)] == [2, 3]
    kinds = [type(event) for event in events if not isinstance(event, StageChanged | Warned)]
    assert kinds[:2] == [DataPrepared, TrainingStarted]
    assert events[-1] == TrainingEnded(3, "finished", str(tmp_path / "out" / "step-00000003.safetensors"))
    stages = [event.stage for event in of(events, StageChanged)]
    assert list(dict.fromkeys(stages)) == ["prepare", "load", "train", "evaluate", "checkpoint"]


def test_a_step_tells_its_rate_and_the_time_left(espeak_clips: Path, tmp_path: Path) -> None:
    _, events = train(job(espeak_clips, tmp_path, training={"steps": 4}))
    for event in of(events, StepDone):
        assert event.steps_per_minute > 0
        assert event.eta_seconds == pytest.approx(60 * (4 - event.step) / event.steps_per_minute)
        assert event.frames > 0
        assert event.memory_mib > 0


def test_a_checkpoint_has_a_header_a_picture_and_a_sound(espeak_clips: Path, tmp_path: Path) -> None:
    _, events = train(job(espeak_clips, tmp_path, training={"steps": 2, "checkpoint_every": 2}))
    saved = of(events, CheckpointSaved)[-1]
    header = read_header(Path(saved.path))
    assert (header.kind, header.model, header.size, header.step) == ("acoustic", "tacotron2", "trial", 2)
    assert len(header.symbols) == 80
    assert header.losses == saved.losses == of(events, Evaluated)[-1].losses
    assert saved.losses["mcd"] > 3  # dB: two steps teach nobody to speak
    assert header.pace == pytest.approx(Manifest.load(tmp_path / "data").pace, abs=0.001)
    assert AudioConfig.from_json(header.audio) == AudioConfig()
    assert Path(saved.picture).read_bytes().startswith(b"\x89PNG")
    samples, rate = soundfile.read(saved.sample)
    assert rate == 22_050
    assert len(samples) > 0
    assert saved.sample_text == "문을 닫아 주세요."
    assert of(events, Evaluated)[-1].alignment["coverage"] > 0
    assert 0 < of(events, Evaluated)[-1].alignment["held_out_coverage"] <= 1


def test_a_checkpoint_keeps_the_dictionary_that_it_learned_to_read_by(espeak_clips: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.tsv"
    own.write_text("MBTI\t유형\n", "utf-8")
    other = job(espeak_clips, tmp_path / "run", training={"steps": 1, "checkpoint_every": 1}, dictionary=str(own))
    saved = of(train(other)[1], CheckpointSaved)[-1]
    assert read_header(Path(saved.path)).front_end["dictionary_sha256"] == sha256({"MBTI": "유형"})


def test_a_vocoder_is_heard_copying_a_held_out_clip(uninterrupted: dict[str, Path]) -> None:
    out = uninterrupted["waveglow"]
    assert (out / "step-00000008.png").read_bytes().startswith(b"\x89PNG")
    samples, rate = soundfile.read(out / "step-00000008.wav")
    assert rate == 22_050
    assert 0 < np.sqrt(np.mean(samples**2)) < 0.11  # the noise of its first steps hurts nobody


@pytest.mark.parametrize("model", MODELS)
def test_a_run_stopped_by_sigterm_exits_75_and_ends_in_the_same_bits_when_resumed(
    espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path], model: str
) -> None:
    asked = job(espeak_clips, tmp_path / "out", model)
    process = start(asked, tmp_path)
    events = []
    for event in events_of(process):
        events.append(event)
        if isinstance(event, StepDone) and event.step == 4:
            process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=pace.patient(60)) == 75
    ended = of(events, TrainingEnded)[-1]
    assert ended.reason == "stopped"
    assert 4 <= ended.step < 8
    assert of(events, CheckpointSaved)[-1].step == ended.step
    status, resumed = train(asked)  # in this process, as the uninterrupted one
    assert status == 0
    assert of(resumed, TrainingStarted)[0].step == ended.step
    assert [event.step for event in of(resumed, StepDone)] == list(range(ended.step + 1, 9))
    assert same(tensors(tmp_path / "out"), tensors(uninterrupted[model]))


def test_a_trainer_killed_while_it_writes_leaves_the_last_good_checkpoint(
    espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path]
) -> None:
    asked = job(espeak_clips, tmp_path / "out")
    process = start(asked, tmp_path)
    writing = 0
    for event in events_of(process):
        writing += isinstance(event, StageChanged) and event.stage == "checkpoint"
        if writing == 2:
            process.kill()
            break
    process.wait(timeout=pace.patient(60))
    assert process.stdout is not None
    process.stdout.close()
    good = latest_good(tmp_path / "out")
    assert good is not None and good.step in (3, 6)
    status, _ = train(asked)
    assert status == 0
    assert same(tensors(tmp_path / "out"), tensors(uninterrupted["tacotron2"]))
    assert not list((tmp_path / "out").glob(".unfinished-*"))


def test_a_damaged_newest_checkpoint_is_passed_over_and_the_run_ends_in_the_same_bits(
    espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path]
) -> None:
    asked = job(espeak_clips, tmp_path)
    stop = StopRequest()

    def stop_at_7(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 7:
            stop.request()

    status, _ = train(asked, stop, stop_at_7)
    assert status == 75
    newest = tmp_path / entries(tmp_path)[-1].weights.name
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1
    newest.write_bytes(content)
    status, events = train(asked)
    assert status == 0
    assert [event.code for event in of(events, Warned) if "checkpoint" in event.code] == ["damaged_checkpoint"]
    assert of(events, TrainingStarted)[0].step == 6
    assert same(tensors(tmp_path), tensors(uninterrupted["tacotron2"]))


def test_a_stop_during_preparation_ends_the_run_at_once(espeak_clips: Path, tmp_path: Path) -> None:
    stop = StopRequest()
    stop.request()
    status, events = train(job(espeak_clips, tmp_path), stop)
    assert status == 75
    assert events[-1] == TrainingEnded(0, "stopped")
    assert not of(events, TrainingStarted)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_trainer_dies_with_its_parent(espeak_clips: Path, tmp_path: Path) -> None:
    asked = job(espeak_clips, tmp_path / "out", training={"steps": 100_000, "checkpoint_every": 100_000})
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, flush=True)\n"
        "for line in child.stdout:\n"
        "    print(line, end='', flush=True)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *command(asked, tmp_path)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    for line in parent.stdout:
        if isinstance(parse_line(line), StepDone):
            break
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(pid)


def prepared(espeak_clips: Path, out: Path, held_out: float = 0.05) -> Manifest:
    config = {"audio": AudioConfig(), "text": TextConfig(), "held_out": held_out, "seed": 1234}
    return prepare(espeak_clips, out / "data", **config)  # type: ignore[arg-type]


def poison(manifest: Manifest, ids: set[str]) -> None:
    """The mels of some clips become NaN on disk."""
    mels = np.memmap(manifest.folder / manifest.mels_file, dtype="<f4", mode="r+")
    for entry in manifest.entries:
        if entry.id in ids:
            first = entry.offset * manifest.audio.n_mels
            mels[first : first + entry.frames * manifest.audio.n_mels] = np.nan
    mels.flush()


def test_a_batch_that_is_not_finite_is_skipped_named_and_harms_nothing(espeak_clips: Path, tmp_path: Path) -> None:
    manifest = prepared(espeak_clips, tmp_path)
    bad = manifest.train[0].id
    poison(manifest, {bad})
    status, events = train(job(espeak_clips, tmp_path))
    assert status == 0
    skipped = [event for event in of(events, Warned) if event.code == "non_finite_batch"]
    assert skipped
    assert all(bad in event.params["clips"] for event in skipped)
    assert not [event for event in of(events, Warned) if event.code == "rolled_back"]
    assert all(math.isfinite(event.losses["loss"]) for event in of(events, Evaluated))
    assert all(tensor.isfinite().all() for tensor in tensors(tmp_path).values())


def test_three_batches_in_a_row_lead_back_to_the_last_checkpoint_at_half_the_rate(
    espeak_clips: Path, tmp_path: Path
) -> None:
    manifest = prepared(espeak_clips, tmp_path)
    path = manifest.folder / manifest.mels_file
    whole = path.read_bytes()

    harmed = []

    def harm_and_heal(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 4 and not harmed:
            harmed.append(event)
            poison(manifest, {entry.id for entry in manifest.train})
        if isinstance(event, Warned) and event.code == "rolled_back":
            with path.open("r+b") as file:
                file.write(whole)

    asked = job(espeak_clips, tmp_path, training={"learning_rate": 1e-3})
    status, events = train(asked, on_event=harm_and_heal)
    assert status == 0
    back = [event for event in of(events, Warned) if event.code == "rolled_back"]
    left = back[0].params["from_step"]
    assert left in (4, 5)  # the batch of step 5 was made while step 4 was at work
    assert [event.params for event in back] == [{"from_step": left, "step": 3, "rate_scale": 0.5}]
    assert [event.step for event in of(events, StepDone)] == [*range(1, left + 1), 4, 5, 6, 7, 8]
    assert {event.learning_rate for event in of(events, StepDone)[left:]} == {5e-4}


def test_data_that_are_never_finite_end_the_run_with_a_sentence(espeak_clips: Path, tmp_path: Path) -> None:
    manifest = prepared(espeak_clips, tmp_path)
    poison(manifest, {entry.id for entry in manifest.train})
    status, events = train(job(espeak_clips, tmp_path))
    assert status == 1
    failed = events[-1]
    assert isinstance(failed, TrainingFailed)
    assert failed.code == "non_finite"
    assert "learning rate" in failed.message


@pytest.fixture
def fill_the_disk() -> Iterator[Callable[[int], None]]:
    """From the call on, the system refuses files beyond so many bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_ends_the_run_clearly_and_it_goes_on_from_the_checkpoint_before(
    espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path], fill_the_disk: Callable[[int], None]
) -> None:
    asked = job(espeak_clips, tmp_path)

    def fill(event: Event) -> None:
        if isinstance(event, CheckpointSaved):
            fill_the_disk(20_000)

    status, events = train(asked, on_event=fill)
    assert status == 1
    assert isinstance(events[-1], TrainingFailed)
    assert events[-1].code == "disk_full"
    assert [entry.step for entry in entries(tmp_path)] == [3]
    fill_the_disk(2**40)
    status, _ = train(asked)
    assert status == 0
    assert same(tensors(tmp_path), tensors(uninterrupted["tacotron2"]))


def test_a_warm_start_takes_the_base_and_begins_at_step_1(
    espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path]
) -> None:
    base = uninterrupted["tacotron2"] / "step-00000008.safetensors"
    asked = job(espeak_clips, tmp_path, size="", base=str(base), training={"steps": 1})
    status, events = train(asked)
    assert status == 0
    started = of(events, TrainingStarted)[0]
    assert started.step == 0
    assert started.warm_start["base"] == str(base)
    assert started.warm_start["skipped"] == []
    assert "base_partial" not in [event.code for event in of(events, Warned)]
    header = read_header(tmp_path / "step-00000001.safetensors")
    assert header.base.startswith("step-00000008.safetensors ")
    assert header.config == read_header(base).config
    cold = of(train(dataclasses.replace(asked, base=None, size="trial", out=str(tmp_path / "cold")))[1], StepDone)
    assert of(events, StepDone)[0].losses["mel"] < cold[0].losses["mel"]


def test_a_base_of_other_sizes_is_told_once(espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path]) -> None:
    base = uninterrupted["tacotron2"] / "step-00000008.safetensors"
    header = read_header(base)
    other = {"postnet_channels": header.config["postnet_channels"] + 8}
    asked = job(espeak_clips, tmp_path, size="", base=str(base), config=other, training={"steps": 1})
    status, events = train(asked)
    assert status == 0
    (warning,) = [event for event in of(events, Warned) if event.code == "base_partial"]
    told = of(events, TrainingStarted)[0].warm_start
    assert warning.params["loaded"] == told["loaded"] > 0
    assert warning.params["skipped"] == len(told["skipped"]) > 0
    again = train(dataclasses.replace(asked, training={**asked.training, "steps": 2}))[1]
    assert "base_partial" not in [event.code for event in of(again, Warned)]


def test_a_run_that_goes_on_needs_its_base_no_more(
    espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path]
) -> None:
    base = tmp_path / "base.safetensors"
    base.write_bytes((uninterrupted["tacotron2"] / "step-00000008.safetensors").read_bytes())
    asked = job(espeak_clips, tmp_path / "out", size="", base=str(base), training={"steps": 1})
    train(asked)
    base.unlink()
    status, events = train(dataclasses.replace(asked, training={**asked.training, "steps": 2}))
    assert status == 0
    assert [event.step for event in of(events, StepDone)] == [2]
    header = read_header(tmp_path / "out" / "step-00000002.safetensors")
    assert header.base.startswith("base.safetensors ")


def test_a_run_goes_on_as_it_began_when_the_program_has_come_to_begin_otherwise(
    espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = uninterrupted["tacotron2"] / "step-00000008.safetensors"
    asked = job(espeak_clips, tmp_path, base=str(base), training={"steps": 1})
    for steps, dropout in ((1, 0.3), (2, 0.1)):
        monkeypatch.setitem(tacotron2.GOING_ON, "trial", {"convolution_dropout": dropout})
        status, _ = train(dataclasses.replace(asked, training={**asked.training, "steps": steps}))
        assert status == 0
        config = read_header(tmp_path / f"step-{steps:08d}.safetensors").config
        assert config["convolution_dropout"] == 0.3


def test_a_vocoder_as_base_of_an_acoustic_model_is_refused_with_both_names(
    espeak_clips: Path, tmp_path: Path, uninterrupted: dict[str, Path]
) -> None:
    base = uninterrupted["waveglow"] / "step-00000008.safetensors"
    status, events = train(job(espeak_clips, tmp_path, base=str(base)))
    assert status == 1
    assert isinstance(events[-1], TrainingFailed)
    assert "a vocoder (waveglow, step 8)" in events[-1].message
    assert "kind acoustic was expected" in events[-1].message


def test_a_folder_of_a_run_of_other_sizes_is_not_overwritten(espeak_clips: Path, tmp_path: Path) -> None:
    train(job(espeak_clips, tmp_path, training={"steps": 1}))
    other = job(espeak_clips, tmp_path, config={"decoder_rnn_channels": 48})
    status, events = train(other)
    assert status == 1
    assert isinstance(events[-1], TrainingFailed)
    assert events[-1].code == "other_run"


@pytest.mark.parametrize("size", ["trial", ""])
@pytest.mark.parametrize("model", ["waveglow", "hifi_gan"])
def test_a_folder_of_a_run_of_another_model_is_named_as_such_before_any_work(
    espeak_clips: Path, uninterrupted: dict[str, Path], model: str, size: str
) -> None:
    status, events = train(job(espeak_clips, uninterrupted["tacotron2"], model, size=size))
    assert (status, events[-1].code) == (1, "other_run")  # type: ignore[attr-defined]
    assert not of(events, DataPrepared)


def test_what_killed_writers_left_is_swept_away_and_nothing_else(espeak_clips: Path, tmp_path: Path) -> None:
    asked = job(espeak_clips, tmp_path, training={"steps": 2, "checkpoint_every": 1})
    train(asked)
    base = tmp_path / "step-00000077.safetensors"  # a person's, under a name like ours
    base.write_bytes((tmp_path / "step-00000001.safetensors").read_bytes())
    left = [tmp_path / name for name in ("step-00000009.safetensors", "step-00000009.resume.safetensors")]
    left.append(Path(asked.work_folder) / ".unfinished-0123.f32")
    for path in left:
        path.write_bytes(b"half a")
    status, events = train(dataclasses.replace(asked, base=str(base), training={**asked.training, "steps": 3}))
    assert (status, of(events, TrainingStarted)[0].step) == (0, 2)
    assert [path for path in left if path.exists()] == []
    assert base.exists()
    assert [entry.step for entry in entries(tmp_path)] == [2, 3]


def test_a_checkpoint_without_a_list_is_not_taken_for_a_leftover(tmp_path: Path) -> None:
    (tmp_path / "step-00000009.safetensors").write_bytes(b"brought here by hand")
    sweep(tmp_path)
    assert (tmp_path / "step-00000009.safetensors").exists()


def test_two_trainers_never_share_a_folder(espeak_clips: Path, tmp_path: Path) -> None:
    with sole_owner(tmp_path):
        status, events = train(job(espeak_clips, tmp_path))
    assert status == 1
    assert isinstance(events[-1], TrainingFailed)
    assert events[-1].code == "busy"


def test_a_finished_run_that_is_started_again_ends_at_once(espeak_clips: Path, uninterrupted: dict[str, Path]) -> None:
    before = tensors(uninterrupted["tacotron2"])
    status, events = train(job(espeak_clips, uninterrupted["tacotron2"]))
    assert status == 0
    assert not of(events, StepDone)
    assert isinstance(events[-1], TrainingEnded)
    assert events[-1].step == 8
    assert same(tensors(uninterrupted["tacotron2"]), before)


def test_a_smaller_batch_than_the_published_takes_its_rate_along(espeak_clips: Path, tmp_path: Path) -> None:
    _, events = train(job(espeak_clips, tmp_path, training={"steps": 1}))
    assert of(events, StepDone)[0].learning_rate == pytest.approx(1e-3 * math.sqrt(4 / 64))


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"size": "huge"}, "unknown_size"),
        ({"config": {"colour": 1}}, "unknown_setting"),
        ({"audio": {"hop_length": 0}}, "bad_size"),
        ({"audio": {"hop_length": -1}}, "bad_size"),
        ({"audio": {"hop_length": 1024}}, "bad_size"),
        ({"audio": {"win_length": 2048}}, "bad_size"),
        ({"audio": {"n_fft": 1023, "win_length": 1023}}, "bad_size"),
        ({"audio": {"n_fft": 2**40}}, "bad_size"),
        ({"audio": {"clip_floor": 0}}, "bad_size"),
        ({"audio": {"sample_rate": 0}}, "bad_size"),
        ({"audio": {"f_max": 20_000}}, "bad_mel_range"),
        ({"config": {"n_mels": 40}}, "bad_size"),
        ({"config": {"n_symbols": 10}}, "bad_size"),
        ({"model": "waveglow", "config": {"hop_length": 128}}, "bad_size"),
        ({"model": "hifi_gan", "audio": {"hop_length": 128}}, "bad_size"),
        ({"training": {"steps": 0}}, "out_of_range"),
        ({"model": "tacotron3"}, "unknown_model"),
        ({"base": "/nowhere/base.safetensors"}, "missing"),
    ],
)
def test_a_job_that_cannot_be_is_refused_before_any_work(
    espeak_clips: Path, tmp_path: Path, other: dict[str, object], code: str
) -> None:
    status, events = train(job(espeak_clips, tmp_path, **other))  # type: ignore[arg-type]
    assert status == 1
    assert isinstance(events[-1], TrainingFailed)
    assert events[-1].code == code


@pytest.mark.parametrize("model", MODELS)
def test_a_run_in_bf16_on_the_cpu_evaluates_and_learns(espeak_clips: Path, tmp_path: Path, model: str) -> None:
    training = {"steps": 20, "evaluate_every": 10, "checkpoint_every": 20, "precision": "bf16", "learning_rate": 1e-3}
    status, events = train(job(espeak_clips, tmp_path, model, training=training))
    assert status == 0
    assert of(events, TrainingStarted)[0].precision == "bf16"
    figures = [value for event in of(events, Evaluated) for value in (event.losses | event.alignment).values()]
    assert [event.step for event in of(events, Evaluated)] == [10, 20]
    assert all(math.isfinite(value) for value in figures)
    assert of(events, StepDone)[-1].losses["loss"] < of(events, StepDone)[0].losses["loss"]
