"""The way to the base voice, walked once in small: sentences, speech, two short trainings, a packed voice."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from speech import checkpoint
from speech.acoustic import tacotron2
from speech.base import build
from speech.base.corpus import corpus_make
from speech.errors import BadCheckpoint
from speech.events import CheckpointSaved, Event, StageChanged, StepDone, TrainingEnded, parse_line
from speech.files import sha256_of
from speech.header import read_header
from speech.synthesizer import Synthesizer
from speech.wav import parse_wav
from tests import pace

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
REPOSITORY = Path(__file__).parents[3]


def base(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "speech", "base", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", timeout=pace.patient(300), cwd=REPOSITORY,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twice six clips, and thirty steps of both trial-sized networks."""
    out = tmp_path_factory.mktemp("base")
    build.corpus(out, clips=6, prompts=(), on_progress=lambda done, total: None)
    for part in ("acoustic", "vocoder"):
        assert build.train(part, out, steps=30, on_event=lambda event: None, size="trial") == 0
    return out


def rows(corpus: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (corpus / "clips.jsonl").read_text("utf-8").splitlines()]


def test_the_prompts_come_first_and_made_sentences_fill_up(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.tsv"
    lines = ["text\treading\tkind", "국물이 참 시원하네요.\t\tstatement", "3시에 만나요.\t세 시에 만나요.\tx"]
    prompts.write_text("\n".join(lines) + "\n", "utf-8")
    told: list[tuple[int, int]] = []
    corpus = corpus_make(tmp_path / "c", clips=4, prompts=[prompts], on_progress=lambda *now: told.append(now))
    found = rows(corpus)
    assert {row["text"] for row in found[:2]} == {"국물이 참 시원하네요.", "3시에 만나요."}
    assert {row.get("reading") for row in found} == {None, "세 시에 만나요."}
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    wavs = [parse_wav((corpus / row["audio"]).read_bytes()) for row in found]
    assert {wav.sample_rate for wav in wavs} == {22_050}
    assert all((wav.samples != 0).mean() > 0.9 for wav in wavs)  # a room, and no digital silence


def test_what_was_spoken_is_kept_and_other_sentences_are_never_taken_for_it(tmp_path: Path) -> None:
    corpus = corpus_make(tmp_path, clips=3)
    before = {path: path.stat().st_mtime_ns for path in (corpus / "wavs").iterdir()}
    corpus_make(tmp_path, clips=5)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert len(list((corpus / "wavs").iterdir())) == 5
    names = {row["audio"] for row in rows(corpus)}
    assert names.isdisjoint({row["audio"] for row in rows(corpus_make(tmp_path, clips=5, seed=1))})


@pytest.fixture(scope="module")
def packed(made: Path) -> Path:
    assert build.train("taught", made, steps=2, on_event=lambda event: None, size="trial") == 0
    card = build.pack(made, made / "packed", sentences=1, anyway=True)
    assert card == told_by(made / "packed")
    return made / "packed"


def told_by(packed: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((packed / "base.json").read_text("utf-8"))
    return told


def test_what_is_packed_is_half_as_large_hashed_measured_and_speaks(packed: Path) -> None:
    card = told_by(packed)
    assert card["corpus"]["voice"] == {"clips": 6, "voices": ["ko+Annie"]}
    voices = card["corpus"]["voices"]
    assert voices["clips"] == 6
    assert voices["takes"] == sum(row["voice"].endswith(" take") for row in rows(packed.parent / "voices")) > 0
    assert f"{voices['takes']} clips of the vocoder's last corpus" in (packed / "README.md").read_text("utf-8")
    assert card["measures"]["sentences"] == 1
    assert card["measures"]["mcd"] > 0
    for part, told in card["files"].items():
        path = packed / told["file"]
        assert sha256_of(path) == told["sha256"]
        tensors = checkpoint.load(path, expect_kind=part).tensors
        assert {one.dtype for one in tensors.values() if one.is_floating_point()} == {torch.float16}
        assert told["step"] == {"acoustic": 30, "vocoder": 30 + 2}[part]  # the taught one
        assert told["sha256"] in (packed / "README.md").read_text("utf-8")
    voice = Synthesizer.load(packed / "acoustic.safetensors", packed / "vocoder.safetensors")
    assert next(voice.stream("안녕하세요.")).seconds > 0


def test_a_packed_voice_goes_on_with_less_dropout_and_tells_of_both(
    made: Path, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a speaker's voice of the size that ships does more than its preset, to see what the base leaves out of it.
    monkeypatch.setitem(tacotron2.GOING_ON, "trial", tacotron2.GOING_ON["compact"])
    out = tmp_path / "out"
    events: list[Event] = []
    shutil.copytree(made, out, ignore=shutil.ignore_patterns("acoustic", "vocoder", "taught", "packed"))
    assert build.train("acoustic", out, steps=2, on_event=events.append, size="trial", start=packed) == 0
    learned = [set(event.losses) for event in events if isinstance(event, StepDone)]
    assert len(learned) == 2
    assert all("mel_post" in losses and not losses & {"adversarial", "guided"} for losses in learned)
    going_on = read_header(out / "acoustic" / "step-00000002.safetensors")
    assert going_on.base.startswith("acoustic-start.safetensors ")
    assert going_on.config["convolution_dropout"] == 0.1
    build.pack(out, out / "packed", sentences=1, anyway=True, start=packed)
    before, after = told_by(packed), told_by(out / "packed")
    assert after["files"]["acoustic"]["step"] == 30 + 2
    configs = [read_header(folder / "acoustic.safetensors").config for folder in (packed, out / "packed")]
    assert configs[0] == configs[1]
    assert after["files"]["vocoder"] == before["files"]["vocoder"]  # to the byte
    assert after["corpus"]["voice"] == {**before["corpus"]["voice"], "before": before["corpus"]["voice"]}
    assert after["corpus"]["voices"] == before["corpus"]["voices"]  # its vocoder is the one of before
    assert after["held_out"] == before["held_out"]
    assert "6 + 6문장" in (out / "packed" / "README.md").read_text("utf-8")


def test_a_folder_that_holds_no_packed_voice_is_named(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "acoustic" / "step-00000030.safetensors", tmp_path / "acoustic.safetensors")
    with pytest.raises(BadCheckpoint, match=r"no packed voice: it has no base\.json"):
        build.train("acoustic", tmp_path / "out", steps=2, on_event=lambda event: None, start=tmp_path)


def test_a_vocoder_that_speaks_worse_than_griffin_lim_stays_out_and_is_told_of(made: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    shutil.copytree(made, silent, ignore=shutil.ignore_patterns("*-data", "taught", "packed"))
    (newest,) = (silent / "vocoder").glob("step-*30.safetensors")
    dumb = checkpoint.load(newest)
    checkpoint.write_weights(newest, dumb.header, {name: 0 * tensor for name, tensor in dumb.tensors.items()})
    base = build.pack(silent, tmp_path, sentences=1)
    assert list(base["files"]) == ["acoustic"]
    assert base["left_out"]["vocoder"]["step"] > 0
    assert base["measures"] == base["griffin_lim"]
    assert not (tmp_path / "vocoder.safetensors").exists()
    assert "HiFi-GAN은" in (tmp_path / "README.md").read_text("utf-8")


def test_a_voice_that_stops_at_once_is_measured_by_what_can_be(made: Path, tmp_path: Path) -> None:
    young = checkpoint.load(made / "acoustic" / "step-00000030.safetensors")
    young.tensors["decoder.gate_layer.linear_layer.bias"].fill_(50.0)
    checkpoint.write_weights(tmp_path / "young.safetensors", young.header, young.tensors)
    measured = build.measure(tmp_path / "young.safetensors", None, build.held_out((), 1))
    assert measured["mcd"] is None
    assert measured["stopped"] == 1.0


def test_a_part_that_was_not_trained_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="acoustic holds no checkpoint; train it first"):
        build.pack(tmp_path, tmp_path / "packed")


def test_the_command_goes_on_where_it_stopped_and_tells_events(made: Path) -> None:
    done = base(made, "--part", "acoustic", "--steps", 31, "--size", "trial")
    assert done.returncode == 0, done.stderr
    events = [parse_line(line) for line in done.stdout.splitlines()]
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [31]
    assert isinstance(events[-1], TrainingEnded)


def test_the_command_makes_the_corpus(tmp_path: Path) -> None:
    done = base(tmp_path, "--part", "corpus", "--clips", 2)
    assert done.returncode == 0, done.stderr
    assert parse_line(done.stdout.splitlines()[-1]) == StageChanged("corpus", 4, 4)
    assert len(rows(tmp_path / "voice")) == len(rows(tmp_path / "voices")) == 2
