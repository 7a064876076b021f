"""The way of one run around its trainer: a child process that finishes, stops, dies, fails or is lost."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from speech.events import CheckpointSaved
from speech.text import FRONT_END_VERSION
from speech.text.dictionary import parse_tsv, sha256
from studio import files, sweep
from studio.dictionary import entry_set
from studio.erasure import speaker_erase
from studio.models import Clip, Speaker
from studio.review import review_clear, take_return
from studio.takes import clip_discard
from tests.servers import wait_until
from tests.training.conftest import numbers_of, steps_of
from training import drain, lease, runner, selectors, services, shelf
from training.models import Checkpoint, TrainingRun
from training.selectors import parts_of
from training.trainer import Command

State = TrainingRun.State
StandIn = Callable[..., Command]
Meanwhile = Callable[[Callable[[], None]], Any]


@pytest.fixture(autouse=True)
def _redis(redis_url: str) -> None:
    """Runs are sent and announced."""


def start(speaker: Speaker, steps: int = 20, **choice: Any) -> TrainingRun:
    return services.run_start(speaker=speaker, acoustic_steps=steps, size="trial", **choice)


def wait_for_step(run: TrainingRun, step: int) -> None:
    wait_until(lambda: TrainingRun.objects.get(pk=run.pk).step >= step, f"step {step}", seconds=30)


def log_of(run: TrainingRun, attempt: int = 1, part: str = "acoustic") -> str:
    return (shelf.run_work_folder(run.pk) / f"attempt-{attempt}" / part / "trainer.log").read_text()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def assert_numbered(run: TrainingRun) -> None:
    numbers = numbers_of(run)
    assert numbers == list(range(1, len(numbers) + 1))
    run.refresh_from_db()
    assert run.last_seq == numbers[-1]


def test_a_run_trains_both_parts_and_keeps_what_they_made(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker, 20, vocoder="waveglow", vocoder_steps=10)
    assert runner.execute(run.pk, command=stand_in(step_seconds=0.005)) == State.FINISHED
    assert_numbered(run)
    assert run.state == State.FINISHED
    assert run.lease_until is None
    assert run.ended_at is not None
    newest = {kind: run.checkpoints.filter(kind=kind).latest("step") for kind in ("acoustic", "vocoder")}
    assert (newest["acoustic"].step, newest["vocoder"].step) == (20, 10)
    assert files.read_bytes(newest["vocoder"].file).endswith(b"weights 10 waveglow")
    learned = {"version": FRONT_END_VERSION, "mode": "pronunciation", "dictionary_sha256": sha256({})}
    assert newest["acoustic"].front_end == learned
    assert (newest["acoustic"].pace, newest["vocoder"].pace) == (4.25, 0)
    assert run.checkpoints.filter(best=True).count() == 2
    last = run.events.filter(kind="step_done").latest("seq").data
    assert (last["part"], last["step"], last["total"]) == ("vocoder", 10, 10)
    assert not shelf.run_work_folder(run.pk).exists()


def test_the_clips_of_a_run_are_brought_with_their_texts(speaker: Speaker, stand_in: StandIn) -> None:
    clip = Clip.objects.filter(speaker=speaker).first()
    assert clip is not None
    Clip.objects.filter(pk=clip.pk).update(reading="안녕하세요", trim_start=0.1, trim_end=1.0)
    run = start(speaker)
    runner.execute(run.pk, command=stand_in(fail_at=1))
    lines = (shelf.run_work_folder(run.pk) / "clips" / "clips.jsonl").read_text().splitlines()
    assert len(lines) == 6
    assert f'"id": "{clip.pk}"' in lines[0]
    assert '"reading": "안녕하세요", "trim": [0.1, 1.0]' in lines[0]
    assert (shelf.run_work_folder(run.pk) / "clips" / Path(clip.file).name).stat().st_size == clip.size


def test_a_stop_ends_at_a_checkpoint_and_a_resume_goes_on_from_there(
    speaker: Speaker, stand_in: StandIn, meanwhile: Meanwhile
) -> None:
    run = start(speaker, 400, overrides={"checkpoint_every": 1000})

    def stop() -> None:
        wait_for_step(run, 5)
        services.run_stop(run=TrainingRun.objects.get(pk=run.pk))

    meanwhile(stop)
    assert runner.execute(run.pk, command=stand_in(step_seconds=0.02)) == State.STOPPED
    stopped = run.checkpoints.get().step
    assert 5 <= stopped < 400
    services.run_resume(run=run)
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED
    assert run.events.filter(kind="training_started").latest("seq").data["step"] == stopped
    assert steps_of(run)[-1] == 400
    assert_numbered(run)


def test_a_worker_that_must_go_gives_the_run_back_at_a_checkpoint(
    speaker: Speaker, stand_in: StandIn, meanwhile: Meanwhile
) -> None:
    run = start(speaker, 400, overrides={"checkpoint_every": 1000})

    def leave() -> None:
        wait_for_step(run, 3)
        drain.request()

    meanwhile(leave)
    assert runner.execute(run.pk, command=stand_in(step_seconds=0.02)) == State.QUEUED
    drain.clear()
    run.refresh_from_db()
    assert (run.state, run.crashes, run.lease_until) == (State.QUEUED, 0, None)
    assert run.checkpoints.count() == 1
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED


def test_a_resumed_run_needs_nothing_but_storage(
    speaker: Speaker, stand_in: StandIn, monkeypatch: Any, tmp_path: Path
) -> None:
    run = start(speaker, 30, overrides={"checkpoint_every": 5})
    assert runner.execute(run.pk, command=stand_in(fail_at=18)) == State.FAILED
    services.run_resume(run=run)
    monkeypatch.setattr(settings, "WORK_DIR", tmp_path / "another machine")
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED
    assert run.events.filter(kind="training_started").latest("seq").data["step"] == 15


def test_on_another_machine_the_best_stays_the_best_until_a_better_one_comes(
    speaker: Speaker, stand_in: StandIn, monkeypatch: Any, tmp_path: Path
) -> None:
    run = start(speaker, 30, overrides={"checkpoint_every": 5})
    runner.execute(run.pk, command=stand_in(fail_at=18))
    ours = run.checkpoints.filter(kind="acoustic")
    ours.update(best=False)
    ours.filter(step=10).update(best=True, losses={"loss": 10 / 22})  # the stand-in's loss is 10 / step
    services.run_resume(run=run)
    monkeypatch.setattr(settings, "WORK_DIR", tmp_path / "another machine")
    assert runner.execute(run.pk, command=stand_in(fail_at=21)) == State.FAILED
    assert [row.step for row in ours.filter(best=True)] == [10]
    services.run_resume(run=run)
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED
    assert [row.step for row in ours.filter(best=True)] == [30]


def test_a_checkpoint_whose_distance_is_no_number_is_kept_and_resumed_from(
    speaker: Speaker, stand_in: StandIn, monkeypatch: Any, tmp_path: Path
) -> None:
    run = start(speaker, 30, overrides={"checkpoint_every": 5})
    assert runner.execute(run.pk, command=stand_in(fail_at=18, nan_at=15)) == State.FAILED
    assert run.checkpoints.get(step=15).losses == {"loss": None}
    services.run_resume(run=run)
    monkeypatch.setattr(settings, "WORK_DIR", tmp_path / "another machine")
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED
    assert run.events.filter(kind="training_started").latest("seq").data["step"] == 15


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker, 30, overrides={"checkpoint_every": 5})
    runner.execute(run.pk, command=stand_in(fail_at=18))
    files.save_bytes(run.checkpoints.get(step=15).file, b"a flipped bit")
    services.run_resume(run=run)
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED
    assert run.events.get(kind="warned").data["params"] == {"step": 15}
    assert run.events.filter(kind="training_started").latest("seq").data["step"] == 10


def test_a_trainer_that_is_killed_starts_again_from_its_last_checkpoint(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker, 20, overrides={"checkpoint_every": 5})
    assert runner.execute(run.pk, command=stand_in(die_once_at=13)) == State.FINISHED
    starts = [event.data["step"] for event in run.events.filter(kind="training_started").order_by("seq")]
    assert starts == [0, 10]
    warning = run.events.get(kind="warned").data
    assert (warning["code"], warning["params"]["how"]) == ("trainer_restarted", "signal 9")
    assert_numbered(run)


def test_what_a_trainer_printed_before_it_died_can_be_kept_in_any_database(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker, 20, overrides={"checkpoint_every": 5})
    assert runner.execute(run.pk, command=stand_in(die_once_at=7, stray=1)) == State.FINISHED
    log = run.events.get(kind="warned").data["params"]["log"]
    assert "of a torn page" in log
    assert "\0" not in log  # PostgreSQL refuses it


def test_a_checkpoint_that_cannot_be_held_is_taken_from_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    (tmp_path / "full").write_bytes(b"no folder can be made here")
    saved = CheckpointSaved(5, str(tmp_path / "weights"), "0" * 64, 7, False, {})
    assert shelf.checkpoint_hold(saved, tmp_path / "full") == saved


def test_a_trainer_that_dies_again_and_again_without_progress_fails_the_run(
    speaker: Speaker, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_CRASHES", 1)
    run = start(speaker, 20)
    assert runner.execute(run.pk, command=stand_in(die_at=3)) == State.FAILED
    run.refresh_from_db()
    assert (run.error["code"], run.error["params"]["how"]) == ("trainer_died", "signal 9")
    assert run.events.filter(kind="training_started").count() == 2


def test_what_the_trainer_says_went_wrong_is_what_the_run_says(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker)
    assert runner.execute(run.pk, command=stand_in(fail_at=2)) == State.FAILED
    run.refresh_from_db()
    assert run.error == {"code": "bad_dataset", "message": "There is nothing to learn here.", "params": {"clips": 6}}


def test_a_trainer_that_cannot_even_start_leaves_its_last_words(speaker: Speaker) -> None:
    run = start(speaker)
    assert runner.execute(run.pk, command=lambda _: ["sh", "-c", "echo nothing works >&2; exit 2"]) == State.FAILED
    run.refresh_from_db()
    assert run.error["code"] == "trainer_failed"
    assert "nothing works" in run.error["message"]


def test_lines_that_are_no_events_are_passed_over(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker)
    assert runner.execute(run.pk, command=stand_in(stray=1)) == State.FINISHED
    assert_numbered(run)


def test_an_owner_that_lost_its_run_kills_its_trainer_and_writes_nothing(
    speaker: Speaker, stand_in: StandIn, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(settings, "RUN_LEASE_SECONDS", 1)
    run = start(speaker, 100_000)
    seen: dict[str, Any] = {}

    def take_over() -> None:
        wait_for_step(run, 3)
        seen["pid"] = int(re.findall(r"^pid (\d+)", log_of(run), re.MULTILINE)[0])
        TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        services.runs_reconcile()
        services.run_claim(run_pk=run.pk, worker="another")
        seen["numbers"] = numbers_of(run)

    other = meanwhile(take_over)
    assert runner.execute(run.pk, command=stand_in(step_seconds=0.01)) is None
    other.join(60)  # on a busy machine the owner has left before the other one has looked around
    assert not lives(seen["pid"])
    assert numbers_of(run) == seen["numbers"]
    run.refresh_from_db()
    assert (run.state, run.worker, run.attempt) == (State.RUNNING, "another", 2)


def test_a_checkpoint_that_reaches_storage_after_the_erasure_does_not_stay(
    speaker: Speaker, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that hangs for longer than the lease: the run is stopped, and its speaker erased, meanwhile."""
    run = start(speaker, 10, overrides={"checkpoint_every": 5})
    save = files.save_bytes

    def hang(key: str, content: bytes | Path) -> int:
        content = content.read_bytes() if isinstance(content, Path) else content  # it is open already
        if TrainingRun.objects.filter(pk=run.pk).exists():
            services.run_stop(run=run)
            TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
            services.runs_reconcile()
            speaker_erase(speaker=speaker, by=None)
        return save(key, content)

    monkeypatch.setattr(files, "save_bytes", hang)
    assert runner.execute(run.pk, command=stand_in()) is None
    assert files.names(f"runs/{run.pk}") == []
    assert not shelf.run_work_folder(run.pk).exists()


def aged(folder: str) -> set[str]:
    """Keys of the files in a folder of the storage, which are old from now on."""
    root = files.storage_folder()
    assert root is not None
    keys = {f"{folder}/{name}" for name in files.names(f"{folder}/")}
    for key in keys:
        os.utime(root / key, (0, 0))
    return keys


def test_what_an_owner_that_was_fenced_off_stored_goes_with_the_sweep(
    speaker: Speaker, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(speaker)
    save = files.save_bytes

    def lose(key: str, content: bytes | Path) -> int:
        """The run becomes another's while its first checkpoint is being stored."""
        TrainingRun.objects.filter(pk=run.pk).update(attempt=2)
        return save(key, content)

    monkeypatch.setattr(files, "save_bytes", lose)
    assert runner.execute(run.pk, command=stand_in()) is None
    monkeypatch.setattr(files, "save_bytes", save)
    assert not run.checkpoints.exists()
    left = aged(f"runs/{run.pk}")
    assert len(left) >= 2
    assert set(sweep.files_sweep_unwatched()) >= left
    assert files.names(f"runs/{run.pk}/") == []


def test_the_sweep_leaves_all_that_a_run_made(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker, 20, overrides={"checkpoint_every": 5})
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED
    made = aged(f"runs/{run.pk}")
    assert made == selectors.files_known(str(run.pk))
    sweep.files_sweep()
    assert aged(f"runs/{run.pk}") == made


def test_a_consent_that_was_withdrawn_ends_the_next_attempt(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker)
    speaker.consents.update(withdrawn_at=timezone.now())
    assert runner.execute(run.pk, command=stand_in()) == State.FAILED
    run.refresh_from_db()
    assert run.error["code"] == "too_few_clips"
    assert not list((shelf.run_work_folder(run.pk) / "clips").iterdir())


def test_a_clip_that_is_gone_from_storage_is_named_and_left_out(speaker: Speaker, stand_in: StandIn) -> None:
    gone = Clip.objects.filter(speaker=speaker).last()
    assert gone is not None
    files.delete_file(gone.file)
    run = start(speaker)
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED
    warning = run.events.get(kind="warned", data__code="clips_missing").data
    assert warning["params"] == {"clips": [str(gone.pk)]}
    assert run.events.get(kind="data_prepared").data["clips"] == 5


def damage(content: bytes) -> bytes:
    return content[:-100] + bytes([content[-100] ^ 64]) + content[-99:]


def test_a_clip_that_is_damaged_in_storage_is_named_and_left_out(speaker: Speaker, stand_in: StandIn) -> None:
    damaged = Clip.objects.filter(speaker=speaker).last()
    assert damaged is not None
    files.save_bytes(damaged.file, damage(files.read_bytes(damaged.file)))
    run = start(speaker)
    assert runner.execute(run.pk, command=stand_in()) == State.FINISHED
    warning = run.events.get(kind="warned", data__code="clips_missing").data
    assert warning["params"] == {"clips": [str(damaged.pk)]}
    assert run.events.get(kind="data_prepared").data["clips"] == 5


def test_a_clip_that_is_damaged_on_the_workers_disk_is_brought_again(speaker: Speaker) -> None:
    run = start(speaker)
    shelf.clips_fix(run=run)
    clips = shelf.run_work_folder(run.pk) / "clips"
    assert shelf.clips_fetch(run=run, folder=clips, on_clip=lambda done, total: None) == []
    copy = next(clips.glob("*.wav"))
    whole = copy.read_bytes()
    copy.write_bytes(damage(whole))
    assert shelf.clips_fetch(run=run, folder=clips, on_clip=lambda done, total: None) == []
    assert copy.read_bytes() == whole


def test_a_resumed_run_sees_the_clips_that_it_began_with(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker, 30, overrides={"checkpoint_every": 5})
    runner.execute(run.pk, command=stand_in(fail_at=18))
    late = Clip.objects.filter(speaker=speaker).first()
    assert late is not None
    late.pk, late.source_id = None, "late"
    late.save(force_insert=True)
    services.run_resume(run=run)
    runner.execute(run.pk, command=stand_in())
    assert {event.data["clips"] for event in run.events.filter(kind="data_prepared")} == {6}


def test_a_resumed_run_learns_no_longer_from_takes_that_were_taken_out_or_sent_back(
    speaker: Speaker, stand_in: StandIn
) -> None:
    run = start(speaker, 30, overrides={"checkpoint_every": 5})
    runner.execute(run.pk, command=stand_in(fail_at=18))
    out, back, replaced, *_others = Clip.objects.filter(speaker=speaker)
    clip_discard(clip=out)
    take_return(clip=back, reason="다시 한번 읽어 주세요.", by=None)
    Clip.objects.filter(pk=replaced.pk).update(kept=False)  # by a newer take
    services.run_resume(run=run)
    runner.execute(run.pk, command=stand_in())
    assert [event.data["clips"] for event in run.events.filter(kind="data_prepared")] == [6, 4]


def test_a_resumed_run_learns_again_from_a_take_that_was_taken_back(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker, 30, overrides={"checkpoint_every": 5})
    runner.execute(run.pk, command=stand_in(fail_at=18))
    clip = Clip.objects.filter(speaker=speaker).first()
    assert clip is not None
    take_return(clip=clip, reason="다시 한번 읽어 주세요.", by=None)
    review_clear(clip=clip)
    services.run_resume(run=run)
    runner.execute(run.pk, command=stand_in())
    assert {event.data["clips"] for event in run.events.filter(kind="data_prepared")} == {6}


def test_the_trainer_is_told_nothing_of_database_and_storage(
    speaker: Speaker, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    run = start(speaker)
    runner.execute(run.pk, command=stand_in(fail_at=1))
    log = log_of(run)
    assert "'PATH'" in log
    assert not re.search(r"MOKSORI_|REDIS_URL|AWS_|DJANGO_", log)


def test_fast_steps_are_thinned_and_the_last_one_is_there(speaker: Speaker, stand_in: StandIn) -> None:
    run = start(speaker, 500, overrides={"checkpoint_every": 250, "evaluate_every": 250})
    began = time.monotonic()
    runner.execute(run.pk, command=stand_in(step_seconds=0.002))
    steps = steps_of(run)
    assert steps[0] == 1
    assert {250, 500} <= set(steps)
    assert len(steps) <= 2 * (time.monotonic() - began) + 6


def test_storage_keeps_the_way_in_even_choice_and_resume_files_of_two(
    speaker: Speaker, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "KEPT", 4)
    run = start(speaker, 50, overrides={"checkpoint_every": 5})
    runner.execute(run.pk, command=stand_in())
    rows = list(run.checkpoints.order_by("step"))
    assert [row.step for row in rows][-2:] == [45, 50]
    assert len(rows) == 4
    assert [bool(row.resume_file) for row in rows] == [False, False, True, True]
    stored = files.storage_folder()
    assert stored is not None
    names = {path.name for path in (stored / f"runs/{run.pk}").iterdir()}
    assert len(names) == 6
    assert all(Path(row.file).name in names for row in rows)


def test_a_base_is_handed_to_the_trainer_verified(speaker: Speaker, stand_in: StandIn) -> None:
    files.save_bytes("bases/one.safetensors", b"weights")
    base = Checkpoint(kind="acoustic", model="tacotron2", size_name="trial", file="bases/one.safetensors", size=7)
    base.sha256 = "0" * 64
    base.save()
    run = start(speaker, acoustic_base=base)
    assert runner.execute(run.pk, command=stand_in()) == State.FAILED
    run.refresh_from_db()
    assert run.error["code"] == "damaged"


def test_the_trainer_reads_by_the_projects_and_the_speakers_dictionary(speaker: Speaker, tmp_path: Path) -> None:
    run = start(speaker)
    part = parts_of(run)[0]
    assert "dictionary" not in runner.job_of(run, part, tmp_path, tmp_path, tmp_path)
    entry_set(surface="MBTI", reading="유형")
    entry_set(surface="BTS", reading="방탄", speaker=speaker)
    job = runner.job_of(run, part, tmp_path, tmp_path, tmp_path)
    assert parse_tsv(Path(job["dictionary"]).read_text("utf-8")) == {"MBTI": "유형", "BTS": "방탄"}
