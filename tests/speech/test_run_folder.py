"""Checkpoints in a folder: whole, listed, and found again after whatever happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from speech.errors import BadCheckpoint
from speech.events import CheckpointSaved, Event, Warned
from speech.run_folder import Entry, StoredFile, adopt, entries, latest_good, record, resume_name, weights_name
from tests import pace


def put(folder: Path, step: int, loss: float | None = None, keep: int = 2, turn: int = 0, **others: float) -> Entry:
    for name in (weights_name(step), resume_name(step)):
        (folder / name).write_bytes(f"{name} of this run".encode() * 10)
    losses = {} if loss is None else {"loss": loss, **others}
    files = [StoredFile.measure(folder / name) for name in (weights_name(step), resume_name(step))]
    return record(folder, Entry(step, files[0], files[1], losses), keep=keep, turn=turn)


def saved(entry: Entry) -> CheckpointSaved:
    return CheckpointSaved(
        step=entry.step, path="", sha256=entry.weights.sha256, size=entry.weights.size, best=entry.best,
        losses=entry.losses, resume_sha256=entry.resume.sha256, resume_size=entry.resume.size,
    )  # fmt: skip


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_an_empty_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert latest_good(tmp_path) is None


def test_the_last_two_and_the_best_are_kept(tmp_path: Path) -> None:
    for step, loss in ((10, 3.0), (20, 1.0), (30, 2.0), (40, 2.5), (50, 2.6)):
        put(tmp_path, step, loss)
    assert [(entry.step, entry.best) for entry in entries(tmp_path)] == [(20, True), (40, False), (50, False)]
    there = {path.name for path in tmp_path.glob("*.safetensors")}
    assert there == {name for step in (20, 40, 50) for name in (weights_name(step), resume_name(step))}


def test_the_best_is_the_one_that_sounds_nearest_not_the_one_of_the_least_loss(tmp_path: Path) -> None:
    for step, loss, mcd in ((10, 3.0, 5.0), (20, 1.0, 4.5), (30, 2.0, 4.2)):
        put(tmp_path, step, loss, mcd=mcd)
    assert [entry.step for entry in entries(tmp_path) if entry.best] == [30]


def test_of_those_that_sound_as_near_the_newest_is_the_best(tmp_path: Path) -> None:
    for step, mcd in ((10, 4.0), (20, 3.95), (30, 4.03), (40, 4.1)):
        put(tmp_path, step, 1.0, mcd=mcd)
    assert [entry.step for entry in entries(tmp_path) if entry.best] == [30]


def test_who_learned_by_another_loss_is_no_rival_of_who_did_not_yet(tmp_path: Path) -> None:
    for step, mcd in ((10, 4.0), (20, 3.5), (30, 4.3), (40, 4.2)):
        put(tmp_path, step, 1.0, keep=9, turn=20, mcd=mcd)
    assert [entry.step for entry in entries(tmp_path) if entry.best] == [40]
    put(tmp_path, 50, keep=9, turn=50)  # what an entry was it stays
    assert [entry.step for entry in entries(tmp_path) if entry.best] == [40]


def test_where_one_does_not_tell_how_it_sounds_the_loss_decides(tmp_path: Path) -> None:
    put(tmp_path, 10, 1.0)
    put(tmp_path, 20, 2.0, mcd=4.2)
    assert [entry.step for entry in entries(tmp_path) if entry.best] == [10]


def test_a_checkpoint_without_a_measure_is_never_the_best(tmp_path: Path) -> None:
    put(tmp_path, 10, 3.0)
    assert not put(tmp_path, 20).best


def test_a_flipped_bit_in_the_newest_leads_to_the_one_before_with_a_warning(tmp_path: Path) -> None:
    put(tmp_path, 10, 3.0)
    put(tmp_path, 20, 2.0)
    flip_a_byte(tmp_path / weights_name(20))
    events: list[Event] = []
    good = latest_good(tmp_path, events.append)
    assert good is not None and good.step == 10
    assert [type(event) for event in events] == [Warned]
    assert "step 20" in str(events[0])


def test_a_truncated_or_missing_resume_file_leads_to_the_one_before(tmp_path: Path) -> None:
    put(tmp_path, 10)
    put(tmp_path, 20)
    for spoil in (lambda path: path.write_bytes(b"half"), Path.unlink):
        spoil(tmp_path / resume_name(20))
        good = latest_good(tmp_path)
        assert good is not None and good.step == 10


def test_a_run_whose_checkpoints_are_all_damaged_is_not_begun_anew_in_silence(tmp_path: Path) -> None:
    put(tmp_path, 10)
    flip_a_byte(tmp_path / weights_name(10))
    with pytest.raises(BadCheckpoint, match="damaged") as caught:
        latest_good(tmp_path)
    assert caught.value.code == "all_damaged"


def test_a_broken_list_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "checkpoints.json").write_text('{"checkpoints": [')
    with pytest.raises(BadCheckpoint, match=r"checkpoints\.json"):
        latest_good(tmp_path)


def test_a_way_that_was_left_is_taken_off_the_list(tmp_path: Path) -> None:
    put(tmp_path, 10)
    put(tmp_path, 20, 0.5)
    put(tmp_path, 15)
    put(tmp_path, 15)  # and once more from the same step
    assert [entry.step for entry in entries(tmp_path)] == [10, 15]
    assert not (tmp_path / weights_name(20)).exists()


def test_files_brought_from_elsewhere_are_adopted_when_they_are_what_the_event_says(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    entry = put(here, 10, 2.0)
    for file in (entry.weights, entry.resume):
        (there / file.name).write_bytes((here / file.name).read_bytes())
    assert adopt(there, saved(entry)) == latest_good(there)
    flip_a_byte(there / entry.resume.name)
    with pytest.raises(BadCheckpoint, match="another SHA-256"):
        adopt(there, saved(entry))


def test_the_best_that_stayed_elsewhere_is_the_best_until_a_better_one_comes(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    best, newest = put(here, 10, 1.0), put(here, 20, 2.0)
    for file in (newest.weights, newest.resume):
        (there / file.name).write_bytes((here / file.name).read_bytes())
    assert adopt(there, saved(newest), saved(best)) == latest_good(there)
    assert not put(there, 30, 1.5).best
    assert put(there, 40, 0.5).best
    assert [(entry.step, entry.best) for entry in entries(there)] == [(30, False), (40, True)]


def test_a_better_one_that_is_brought_is_the_only_best(tmp_path: Path) -> None:
    before, newest = put(tmp_path, 10, 2.0), put(tmp_path, 20, 1.0)
    (tmp_path / "checkpoints.json").unlink()
    adopt(tmp_path, saved(newest), saved(before))
    assert [(entry.step, entry.best) for entry in entries(tmp_path)] == [(10, False), (20, True)]


def test_the_list_is_json_that_names_both_files(tmp_path: Path) -> None:
    put(tmp_path, 10, 3.0)
    listed = json.loads((tmp_path / "checkpoints.json").read_text())["checkpoints"]
    assert listed[0]["weights"]["name"] == "step-00000010.safetensors"
    assert listed[0]["resume"]["name"] == "step-00000010.resume.safetensors"


def test_whoever_moves_checkpoints_need_not_import_torch() -> None:
    modules = "speech.run_folder, speech.header, speech.job, speech.models, speech.lifetime, speech.reporter"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=pace.patient(60))


def test_the_best_never_drifts_away_from_the_nearest_there_was(tmp_path: Path) -> None:
    for step, mcd in enumerate((4.00, 4.08, 4.16, 4.17, 4.25, 4.33), start=1):
        put(tmp_path, step, 1.0, mcd=mcd)
    assert [(one.step, one.losses["mcd"]) for one in entries(tmp_path) if one.best] == [(2, 4.08)]


def test_a_run_that_goes_on_keeps_what_learned_by_the_later_loss(tmp_path: Path) -> None:
    for step, mcd in ((10, 3.9), (30, 4.3), (40, 4.35)):
        put(tmp_path, step, 1.0, turn=20, mcd=mcd)
    for step in (50, 60, 70):  # its end was moved, and with it the turn
        put(tmp_path, step, 1.0, turn=100, mcd=3.8)
    assert [one.step for one in entries(tmp_path) if one.best] == [40]
    put(tmp_path, 110, 1.0, turn=100, mcd=4.25)
    assert [one.step for one in entries(tmp_path) if one.best] == [110]


def test_a_list_from_before_is_judged_by_the_turn_that_is_told_now(tmp_path: Path) -> None:
    for step, mcd in ((10, 3.5), (30, 4.3)):
        put(tmp_path, step, 1.0, turn=20, mcd=mcd)
    path = tmp_path / "checkpoints.json"
    data = json.loads(path.read_text())
    for one in data["checkpoints"]:
        del one["turned"], one["nearest"]
    path.write_text(json.dumps(data))
    put(tmp_path, 40, 1.0, turn=20, mcd=4.5)
    assert [one.step for one in entries(tmp_path) if one.best] == [30]


def test_a_distance_that_is_no_number_hides_none_that_is_one(tmp_path: Path) -> None:
    for step, mcd in ((10, float("nan")), (20, 4.2), (30, float("nan"))):
        put(tmp_path, step, 1.0, mcd=mcd)
    assert [one.step for one in entries(tmp_path) if one.best] == [20]
