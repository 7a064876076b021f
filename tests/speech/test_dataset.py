from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speech import audio as sound
from speech import clean, dataset, quality
from speech import text as front_end
from speech.config import AudioConfig, TextConfig
from speech.dataset import Manifest, make_sound, prepare
from speech.errors import BadDataset
from speech.events import DataPrepared, Event, StageChanged
from speech.lifetime import Stopped
from speech.quality import loudness
from speech.source import SourceClip, read_source
from speech.wav import parse_wav, to_float32, wav_bytes
from tests import pace

AUDIO, TEXT = AudioConfig(), TextConfig()


def run(source: Path, out: Path, **changes: Any) -> Manifest:
    settings: dict[str, Any] = {"audio": AUDIO, "text": TEXT, "held_out": 0.2, "seed": 1}
    return prepare(source, out, **{**settings, **changes})


@pytest.fixture
def source(espeak_clips: Path, tmp_path: Path) -> Path:
    """A copy of the clips that a test may change."""
    return Path(shutil.copytree(espeak_clips, tmp_path / "source"))


def rows_of(source: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (source / "clips.jsonl").read_text("utf-8").splitlines()]


def write_rows(source: Path, rows: list[dict[str, Any]]) -> None:
    (source / "clips.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")


def test_every_clip_has_its_mel_samples_and_symbols(espeak_clips: Path, tmp_path: Path) -> None:
    manifest = run(espeak_clips, tmp_path / "out")
    assert len(manifest.entries) == 12
    for entry in manifest.entries:
        mel, samples = manifest.mel(entry), manifest.samples(entry)
        assert mel.shape == (80, entry.frames)
        assert samples.shape == (entry.sample_count,)
        assert entry.frames == 1 + entry.sample_count // 256
        np.testing.assert_array_equal(mel, sound.log_mel(samples, AUDIO))
        assert list(entry.symbols) == front_end.encode(entry.text, TEXT)
    assert manifest.seconds == pytest.approx(sum(entry.sample_count for entry in manifest.entries) / 22_050)


def test_clips_are_trimmed_and_of_one_loudness(espeak_clips: Path, tmp_path: Path) -> None:
    manifest = run(espeak_clips, tmp_path / "out")
    for entry in manifest.entries:
        whole, rate = sound.load(espeak_clips / f"{entry.id}.wav")
        samples = manifest.samples(entry)
        assert 0.3 < (len(whole) - len(samples)) / rate < 0.9
        assert loudness(samples, rate) == pytest.approx(-23, abs=0.5)


def test_a_manifest_is_loaded_as_it_was_made(espeak_clips: Path, tmp_path: Path) -> None:
    made = run(espeak_clips, tmp_path / "out")
    loaded = Manifest.load(tmp_path / "out")
    assert loaded == made
    assert loaded.front_end == front_end.FRONT_END_VERSION
    np.testing.assert_array_equal(loaded.mel(made.entries[3]), made.mel(made.entries[3]))


def test_a_part_of_a_clip_is_that_part(espeak_clips: Path, tmp_path: Path) -> None:
    manifest = run(espeak_clips, tmp_path / "out")
    entry = manifest.entries[5]
    np.testing.assert_array_equal(manifest.mel(entry, 10, 20), manifest.mel(entry)[:, 10:20])
    np.testing.assert_array_equal(manifest.samples(entry, 256, 999), manifest.samples(entry)[256:999])
    assert manifest.mel(entry, 10, 10**6).shape[1] == entry.frames - 10


def test_progress_and_the_result_are_told(espeak_clips: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    manifest = run(espeak_clips, tmp_path / "out", on_event=events.append)
    stages = [event for event in events if isinstance(event, StageChanged)]
    assert (stages[0].done, stages[-1].done, stages[-1].total) == (0, 12, 12)
    assert {event.stage for event in stages} == {"prepare"}
    prepared = events[-1]
    assert isinstance(prepared, DataPrepared)
    assert prepared.clips == 12
    assert prepared.train + prepared.held_out == 12
    assert prepared.seconds == pytest.approx(manifest.seconds, abs=0.01)
    assert json.loads(prepared.to_line())["event"] == "data_prepared"


def test_the_held_out_sentences_stay_when_clips_are_added(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    write_rows(source, rows[:8])
    before = {entry.id for entry in run(source, tmp_path / "out", held_out=0.4).held_out}
    write_rows(source, rows)
    after = {entry.id for entry in run(source, tmp_path / "out", held_out=0.4).held_out}
    assert before
    assert before <= after
    assert after & {row["id"] for row in rows[:8]} == before


def test_no_sentence_is_on_both_sides(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    again = [{**row, "id": f"{row['id']}-again", "text": f" {row['text'].rstrip('.')} "} for row in rows]
    write_rows(source, rows + again)
    manifest = run(source, tmp_path / "out", held_out=0.5)
    held = {entry.id.removesuffix("-again") for entry in manifest.held_out}
    assert len(manifest.held_out) == 2 * len(held)
    assert not held & {entry.id.removesuffix("-again") for entry in manifest.train}


def test_at_least_one_clip_is_held_out_and_one_is_trained_on(source: Path, tmp_path: Path) -> None:
    assert len(run(source, tmp_path / "a", held_out=1e-9).held_out) == 1
    assert len(run(source, tmp_path / "b", held_out=1.0).train) == 1
    assert len(run(source, tmp_path / "c", held_out=0.0).held_out) == 0


def test_another_seed_holds_out_other_clips(espeak_clips: Path, tmp_path: Path) -> None:
    drawn = {
        frozenset(entry.id for entry in run(espeak_clips, tmp_path / "out", seed=seed).held_out) for seed in range(6)
    }
    assert len(drawn) > 1


def test_a_reading_replaces_the_text_for_the_symbols(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    rows[0] |= {"text": "7세 때예요.", "reading": "일곱 살 때예요."}
    write_rows(source, rows)
    entry = run(source, tmp_path / "out").entries[0]
    assert entry.text == "7세 때예요."
    assert list(entry.symbols) == front_end.encode("일곱 살 때예요.", TEXT)


def test_a_row_may_set_the_trim(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    rows[0]["trim"] = [0.2, 1.0]
    write_rows(source, rows)
    assert run(source, tmp_path / "out").entries[0].sample_count == round(0.8 * 22_050)


def test_clips_of_another_rate_are_resampled(source: Path, tmp_path: Path) -> None:
    path = source / "clip00.wav"
    wave, rate = sound.load(path)
    expected = run(source, tmp_path / "a")
    sound.write(path, sound.resample(wave, rate, 48_000), 48_000)
    changed = run(source, tmp_path / "b")
    first, second = expected.mel(expected.entries[0]), changed.mel(changed.entries[0])
    assert abs(first.shape[1] - second.shape[1]) <= 2
    assert np.abs(first[:, 20:60] - second[:, 20:60]).mean() < 0.1


def test_the_pace_is_that_of_the_training_clips(source: Path, tmp_path: Path) -> None:
    usual = run(source, tmp_path / "usual").pace
    for path in source.glob("*.wav"):
        spoken = parse_wav(path.read_bytes())
        path.write_bytes(wav_bytes(to_float32(spoken.samples), 16_000))  # the same tape, played slower
    slower = run(source, tmp_path / "slower").pace
    assert 3.0 < usual < 9.0
    assert slower == pytest.approx(usual * 16_000 / 22_050, rel=0.1)  # the quiet that is cut off differs a little


def test_what_cannot_be_used_is_listed_with_its_reason(source: Path, tmp_path: Path) -> None:
    tone = np.sin(np.arange(22_050 * 16) * 0.1).astype(np.float32) / 2
    (source / "long.wav").write_bytes(wav_bytes(tone, 22_050))
    (source / "brief.wav").write_bytes(wav_bytes(tone[:2000], 22_050))
    (source / "silent.wav").write_bytes(wav_bytes(np.zeros(22_050, np.int16), 22_050))
    (source / "broken.wav").write_text("no sound")
    names = {
        "long": "too_long",
        "brief": "too_short",
        "silent": "silent",
        "broken": "unreadable",
        "absent": "not_found",
    }
    extra = [{"id": name, "audio": f"{name}.wav", "text": "가나다."} for name in names]
    empty = {"id": "empty", "audio": "clip00.wav", "text": " . "}
    write_rows(source, [*rows_of(source), *extra, empty])
    events: list[Event] = []
    manifest = run(source, tmp_path / "out", on_event=events.append)
    assert len(manifest.entries) == 12
    found = {one.id: one.code for one in manifest.skipped}
    assert found.pop("empty")
    assert found == names
    prepared = events[-1]
    assert isinstance(prepared, DataPrepared)
    assert {row["id"] for row in prepared.skipped} == {*names, "empty"}
    assert all(row["message"] for row in prepared.skipped)


def test_nothing_is_made_twice(espeak_clips: Path, tmp_path: Path) -> None:
    first = run(espeak_clips, tmp_path / "out")
    files = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir() if path.suffix != ".json"}
    second = run(espeak_clips, tmp_path / "out", seed=2)
    assert files == {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir() if path.suffix != ".json"
    }
    assert [entry.offset for entry in first.entries] == [entry.offset for entry in second.entries]


def test_only_a_changed_clip_is_made_again(source: Path, tmp_path: Path) -> None:
    before = run(source, tmp_path / "out")
    mels = [before.mel(entry) for entry in before.entries]
    shutil.copy(source / "clip01.wav", source / "clip00.wav")
    after = run(source, tmp_path / "out")
    np.testing.assert_array_equal(after.mel(after.entries[0]), mels[1])
    for index in range(1, 12):
        np.testing.assert_array_equal(after.mel(after.entries[index]), mels[index])


def test_added_clips_are_appended(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    write_rows(source, rows[:6])
    before = run(source, tmp_path / "out")
    kept = [before.mel(entry) for entry in before.entries]
    write_rows(source, rows)
    after = run(source, tmp_path / "out")
    assert after.mels_file == before.mels_file
    for entry, mel in zip(after.entries, kept, strict=False):
        np.testing.assert_array_equal(after.mel(entry), mel)
    assert len(after.entries) == 12


def test_a_clip_that_was_taken_back_leaves_nothing(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    before = run(source, tmp_path / "out")
    write_rows(source, rows[1:])
    after = run(source, tmp_path / "out")
    sizes = {path.suffix: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    assert sizes[".f32"] == 4 * 80 * sum(entry.frames for entry in after.entries)
    assert sizes[".s16"] == 2 * sum(entry.sample_count for entry in after.entries)
    np.testing.assert_array_equal(after.mel(after.entries[0]), before.mel(before.entries[1]))


def test_another_front_end_makes_all_anew(espeak_clips: Path, tmp_path: Path) -> None:
    run(espeak_clips, tmp_path / "out")
    manifest = run(espeak_clips, tmp_path / "out", audio=AudioConfig(n_mels=40, sample_rate=16_000))
    assert manifest.mel(manifest.entries[0]).shape[0] == 40
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_what_an_interrupted_preparation_left_does_no_harm(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    write_rows(source, rows[:6])
    before = run(source, tmp_path / "out")
    with (tmp_path / "out" / before.mels_file).open("ab") as file:
        file.write(b"half a frame")
    write_rows(source, rows)
    after = run(source, tmp_path / "out")
    for entry in after.entries:
        np.testing.assert_array_equal(after.mel(entry), sound.log_mel(after.samples(entry), AUDIO))


@pytest.mark.parametrize("known", [0, 3])
def test_a_preparation_that_was_cut_off_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    rows, out = rows_of(source), tmp_path / "out"
    if known:
        write_rows(source, rows[:known])
        run(source, out)
        write_rows(source, rows)
    monkeypatch.setattr(dataset, "BLOCK", 4)
    monkeypatch.setattr(dataset, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(dataset, "EVENT_SECONDS", 0.0)

    def stop(event: Event) -> None:
        if isinstance(event, StageChanged) and event.done == 9:
            raise Stopped

    with pytest.raises(Stopped):
        run(source, out, on_event=stop)
    made: list[str] = []

    def noted(clip: SourceClip, audio: AudioConfig) -> Any:
        made.append(clip.id)
        return make_sound(clip, audio)

    monkeypatch.setattr(dataset, "make_sound", noted)
    after = run(source, out)
    assert sorted(made) == [row["id"] for row in rows[8:]]
    whole = run(source, tmp_path / "whole")
    for entry, expected in zip(after.entries, whole.entries, strict=True):
        assert entry == expected
        np.testing.assert_array_equal(after.mel(entry), whole.mel(expected))
        np.testing.assert_array_equal(after.samples(entry), whole.samples(expected))
    assert len(list(out.iterdir())) == 3


def test_two_preparations_at_once_are_one_after_the_other(source: Path, tmp_path: Path) -> None:
    out, events = tmp_path / "out", list[Event]()

    def second() -> None:
        run(source, out, on_event=events.append)

    other = threading.Thread(target=second)

    def begin(event: Event) -> None:
        if isinstance(event, StageChanged) and not event.done:
            other.start()
            while not events:
                time.sleep(0.01)

    first = run(source, out, on_event=begin)
    other.join(60)
    assert isinstance(events[0], StageChanged) and isinstance(events[-1], DataPrepared)
    again = Manifest.load(out)
    assert again.entries == first.entries
    for entry in again.entries:
        np.testing.assert_array_equal(again.mel(entry), sound.log_mel(again.samples(entry), AUDIO))
        assert again.samples(entry).any()


def test_what_was_cut_off_is_forgotten_where_its_files_are_written_over(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lists that share few clips, each cut off once."""
    rows, out = rows_of(source), tmp_path / "out"
    for name, value in (("BLOCK", 2), ("KEEP_SECONDS", 0.0), ("EVENT_SECONDS", 0.0)):
        monkeypatch.setattr(dataset, name, value)

    def cut(done: int) -> Any:
        def stop(event: Event) -> None:
            if isinstance(event, StageChanged) and event.done == done:
                raise Stopped

        return stop

    first, second = rows[:2] + rows[2:6], rows[:2] + rows[6:10]
    write_rows(source, first[:2])
    run(source, out)
    write_rows(source, first)
    with pytest.raises(Stopped):
        run(source, out, on_event=cut(5))
    monkeypatch.setattr(dataset, "KEEP_SECONDS", 1e9)
    write_rows(source, second)
    with pytest.raises(Stopped):
        run(source, out, on_event=cut(5))
    write_rows(source, first)
    after = run(source, out)
    whole = run(source, tmp_path / "whole")
    for entry, expected in zip(after.entries, whole.entries, strict=True):
        np.testing.assert_array_equal(after.mel(entry), whole.mel(expected))


def test_too_few_clips_are_refused_with_the_reason(source: Path, tmp_path: Path) -> None:
    write_rows(source, [rows_of(source)[0], {"id": "x", "audio": "x.wav", "text": "가."}])
    with pytest.raises(BadDataset, match=r"x\.wav") as caught:
        run(source, tmp_path / "out")
    assert caught.value.code == "too_few_clips"


def test_a_damaged_folder_is_refused_and_prepared_again(espeak_clips: Path, tmp_path: Path) -> None:
    manifest = run(espeak_clips, tmp_path / "out")
    for path in (tmp_path / "out" / manifest.mels_file, tmp_path / "out" / manifest.samples_file):
        whole = path.read_bytes()
        path.write_bytes(whole[:-4])
        with pytest.raises(BadDataset, match=f"{len(whole) - 4} bytes instead of {len(whole)}"):
            Manifest.load(tmp_path / "out")
        path.write_bytes(whole)
    with (tmp_path / "out" / manifest.samples_file).open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(BadDataset, match="1000 bytes"):
        Manifest.load(tmp_path / "out")
    assert len(run(espeak_clips, tmp_path / "out").entries) == 12
    Manifest.load(tmp_path / "out")


def test_a_full_disk_is_said_in_words_and_spoils_nothing(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    write_rows(source, rows[:4])
    before = run(source, tmp_path / "out")
    write_rows(source, rows)
    # A limit on the size of a file stands for a disk without room; it needs a process of its own.
    program = f"""
import resource, signal, sys
from pathlib import Path
from speech.config import AudioConfig, TextConfig
from speech.dataset import prepare
from speech.errors import DiskFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({before.entries[-1].offset * 320 + 200_000},) * 2)
try:
    prepare(Path({str(source)!r}), Path({str(tmp_path / "out")!r}), audio=AudioConfig(), text=TextConfig(),
            held_out=0.2, seed=1)
except DiskFull as error:
    sys.exit(0 if "disk is full" in error.message else 1)
sys.exit(2)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=pace.patient(120)).returncode == 0
    assert Manifest.load(tmp_path / "out") == before
    assert len(run(source, tmp_path / "out").entries) == 12


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "cannot be read"), ("no json", "cannot be read"), ("[]", "cannot be read"), ("{}", "'format'"),
        ('{"format": 99}', "of format 99"), ('{"format": 1, "audio": {"colour": 1}}', "colour"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(BadDataset, match=words):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    "broken", [{"symbols": [5000]}, {"symbols": ["a"]}, {"frames": "x"}, {"offset": -1}, {"frames": True}]
)
def test_a_manifest_whose_clip_cannot_be_is_refused(source: Path, tmp_path: Path, broken: dict[str, object]) -> None:
    run(source, tmp_path / "out")
    path = tmp_path / "out/manifest.json"
    data = json.loads(path.read_text("utf-8"))
    data["clips"][0] |= broken
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(BadDataset, match=data["clips"][0]["id"]):
        Manifest.load(tmp_path / "out")


def test_the_clips_of_a_real_speaker_are_prepared(lmy_prepared: Manifest) -> None:
    assert len(lmy_prepared.entries) >= 295
    assert {one.code for one in lmy_prepared.skipped} <= {"too_long"}
    assert 1150 < lmy_prepared.seconds < 1300
    assert 5 <= len(lmy_prepared.held_out) <= 30


def test_a_text_is_read_by_the_dictionary_for_the_symbols(source: Path, tmp_path: Path) -> None:
    rows = rows_of(source)
    rows[0] |= {"text": "MBTI가 뭐예요?", "reading": ""}
    write_rows(source, rows)
    manifest = run(source, tmp_path / "out", dictionary={"MBTI": "유형"})
    entry = next(entry for entry in manifest.entries if entry.id == rows[0]["id"])
    assert list(entry.symbols) == front_end.encode("유형이 뭐예요?", TEXT)


def test_the_room_that_was_measured_says_where_a_clip_is_trimmed(tmp_path: Path) -> None:
    rate = 24_000
    generator = np.random.default_rng(5)
    wave = 10 ** (-66 / 20) * generator.standard_normal(3 * rate)
    wave[rate : 2 * rate] += 0.3 * np.sin(2 * np.pi * 200 * np.arange(rate) / rate)
    wave[round(0.6 * rate) : rate] += 10 ** (-60.5 / 20) * generator.standard_normal(round(0.4 * rate))  # a chair
    (tmp_path / "a.wav").write_bytes(wav_bytes(wave.astype(np.float32), rate))
    line = {"id": "a", "audio": "a.wav", "text": "안녕하세요.", "room_dbfs": -62.0}
    (tmp_path / "clips.jsonl").write_text(json.dumps(line, ensure_ascii=False))
    ((clip,), _skipped) = read_source(tmp_path)
    assert clip.room_dbfs == -62.0
    alone = SourceClip(clip.id, clip.audio, clip.text)
    config = AudioConfig()
    with_room, without = (make_sound(each, config)[1] for each in (clip, alone))
    assert len(with_room) < len(without)
    floor = quality.take_floor(wave.astype(np.float32), rate, -62.0)
    start, end = clean.trim_bounds(wave.astype(np.float32), rate, noise_floor_dbfs=floor)
    assert len(with_room) == pytest.approx((end - start) * config.sample_rate / rate, abs=2)


@pytest.mark.parametrize(
    "bad",
    [
        '{"id": "x", "audio": "a\\u0000b.wav", "text": "가."}',
        '{"id": "x\\ud800", "audio": "a.wav", "text": "가."}',
        '{"id": "x", "audio": "' + "a" * 300 + '.wav", "text": "가."}',
        "[" * 100_000,
        '{"id": "x", "audio": "a.wav", "text": "가.", "room_dbfs": 1' + "0" * 400 + "}",
        '{"id": "x", "audio": "pipe.wav", "text": "가."}',
        '{"id": "x", "audio": "plain.raw", "text": "가."}',
    ],
    ids=["no byte", "half a character", "too long a name", "nested", "huge", "a pipe", "samples without a header"],
)
def test_one_row_that_is_no_clip_is_left_out_and_the_others_are_made(source: Path, tmp_path: Path, bad: str) -> None:
    rows = rows_of(source)[:4]
    write_rows(source, rows)
    os.mkfifo(source / "pipe.wav")
    (source / "plain.raw").write_bytes(bytes(1000))
    with (source / "clips.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"\n{bad}\n")
    manifest = run(source, tmp_path / "out")
    assert sorted(entry.id for entry in manifest.entries) == sorted(row["id"] for row in rows)
    assert len(manifest.skipped) == 1
