"""A run with the trainer itself, in its smallest size: what a page and a voice get from it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from speech.checkpoint import load, write_weights
from speech.header import read_header
from studio import files
from studio.models import Speaker
from studio.takes import clip_discard
from tests.synthesis.babble import write_acoustic
from tests.training.conftest import numbers_of, steps_of
from training import runner, selectors, services
from training.models import Checkpoint, TrainingRun

State = TrainingRun.State


@pytest.fixture(autouse=True)
def _redis(redis_url: str) -> None:
    """Runs are sent and announced."""


def test_a_run_of_both_parts_ends_with_weights_a_picture_and_a_sample(speaker: Speaker) -> None:
    run = services.run_start(
        speaker=speaker, acoustic_steps=6, vocoder="waveglow", vocoder_steps=5, size="trial", sample_text="안녕하세요."
    )
    assert runner.execute(run.pk) == State.FINISHED
    run.refresh_from_db()
    numbers = numbers_of(run)
    assert numbers == list(range(1, len(numbers) + 1))
    assert run.device == "cpu"
    assert {5, 6} <= set(steps_of(run))
    for kind in ("acoustic", "vocoder"):
        newest = selectors.latest_checkpoint(run, kind)
        assert newest is not None
        assert files.read_bytes(newest.picture).startswith(b"\x89PNG")
        assert files.read_bytes(newest.sample).startswith(b"RIFF")
        assert math.isfinite(newest.losses["loss"])
        assert newest.size == len(files.read_bytes(newest.file))
    curves = selectors.run_curves(run)
    assert [len(curves[kind]["held_out"]) > 0 for kind in ("acoustic", "vocoder")] == [True, True]
    assert all(math.isfinite(loss) for _, loss in curves["acoustic"]["train"])


def test_a_run_goes_on_without_a_take_that_was_taken_out(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, acoustic_steps=12, size="trial", sample_text="네.")
    begun = TrainingRun.objects.filter(pk=run.pk, step__gte=3)
    assert runner.execute(run.pk, draining=begun.exists) == State.QUEUED
    clip_discard(clip=speaker.clips.get(source_id="bora-2"))
    assert runner.execute(run.pk) == State.FINISHED
    assert [event.data["clips"] for event in run.events.filter(kind="data_prepared")] == [6, 5]
    assert run.events.filter(kind="training_started").latest("seq").data["step"] >= 3
    newest = selectors.latest_checkpoint(run, "acoustic")
    assert newest is not None and newest.step == 12


def test_an_imported_checkpoint_is_what_a_run_starts_from(speaker: Speaker, tmp_path: Path) -> None:
    first = services.run_start(speaker=speaker, acoustic_steps=2, size="trial", sample_text="네.")
    assert runner.execute(first.pk) == State.FINISHED
    made = selectors.latest_checkpoint(first, "acoustic")
    assert made is not None
    taken = files.fetch(made.file, tmp_path / "taken.safetensors")
    call_command("import_checkpoint", taken, name="보라 바탕")
    with pytest.raises(CommandError, match="이미 있어요"):
        call_command("import_checkpoint", taken, name="보라 바탕")
    base = Checkpoint.objects.get(name="보라 바탕")
    assert (base.kind, base.model, base.size_name, base.step) == ("acoustic", "tacotron2", "trial", 2)
    assert base.front_end == made.front_end == dict(read_header(taken).front_end)
    assert base.pace == made.pace == read_header(taken).pace > 1
    second = services.run_start(speaker=speaker, acoustic_steps=1, size="trial", acoustic_base=base, sample_text="네.")
    assert runner.execute(second.pk) == State.FINISHED
    started = second.events.get(kind="training_started").data
    assert started["warm_start"]["loaded"] > 50
    assert started["step"] == 0


def test_of_two_imports_at_once_one_hears_that_the_name_is_taken(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = write_acoustic(tmp_path / "taken.safetensors")
    save = files.save_bytes

    def then_the_other(key: str, content: bytes | Path) -> int:
        """While its weights go to storage, the other import is done."""
        monkeypatch.setattr(files, "save_bytes", save)
        call_command("import_checkpoint", taken, name="보라 바탕")
        return save(key, content)

    monkeypatch.setattr(files, "save_bytes", then_the_other)
    with pytest.raises(CommandError, match="이미 있어요"):
        call_command("import_checkpoint", taken, name="보라 바탕")
    assert Checkpoint.objects.filter(name="보라 바탕").count() == 1


def test_a_file_that_is_no_checkpoint_is_not_imported(transactional_db: None, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"not at all")
    with pytest.raises(CommandError):
        call_command("import_checkpoint", tmp_path / "x.safetensors", name="x")
    assert not Checkpoint.objects.exists()


def test_a_checkpoint_whose_weights_are_no_numbers_is_not_imported(transactional_db: None, tmp_path: Path) -> None:
    made = load(write_acoustic(tmp_path / "made.safetensors"))
    broken = {name: tensor.clone() for name, tensor in made.tensors.items()}
    broken["decoder.gate_layer.linear_layer.bias"].fill_(float("nan"))
    write_weights(tmp_path / "broken.safetensors", made.header, broken)
    with pytest.raises(CommandError, match="gate_layer"):
        call_command("import_checkpoint", tmp_path / "broken.safetensors", name="x")
    assert not Checkpoint.objects.exists()
    call_command("import_checkpoint", tmp_path / "made.safetensors", name="x")


def test_a_sentence_that_nobody_can_read_fails_the_run_in_words(speaker: Speaker) -> None:
    speaker.clips.update(text="☃☃☃")
    run = services.run_start(speaker=speaker, acoustic_steps=5, size="trial")
    assert runner.execute(run.pk) == State.FAILED
    run.refresh_from_db()
    assert run.error["code"] == "too_few_clips", run.error
