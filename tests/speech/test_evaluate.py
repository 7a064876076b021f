"""A voice held against takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from speech import models
from speech.__main__ import main
from speech.alignment import ALIGNMENT
from speech.audio import load
from speech.checkpoint import write_weights
from speech.config import AudioConfig, TextConfig
from speech.dataset import prepare
from speech.errors import BadCheckpoint, BadConfig, BadDataset
from speech.evaluate import DISTORTION, Report, Row, evaluate, held_out
from speech.header import Header
from speech.manifest import Manifest
from speech.synthesizer import Synthesizer, Utterance
from speech.text.symbols import SYMBOLS


@pytest.fixture(scope="module")
def manifest(espeak_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    out = tmp_path_factory.mktemp("run") / "data"
    return prepare(espeak_clips, out, audio=AudioConfig(), text=TextConfig(), held_out=0.3, seed=1)


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of random weights that never stops by itself soon."""
    path = tmp_path_factory.mktemp("voice") / "voice.safetensors"
    torch.manual_seed(1)
    config = models.preset_of("tacotron2", "trial").to_json()
    network = models.build("tacotron2", config)
    network.decoder.gate_layer.bias.data.fill_(-5.0)
    header = Header(
        kind="acoustic", model="tacotron2", config=config, symbols=SYMBOLS, audio=AudioConfig().to_json(),
        text=TextConfig().to_json(), front_end={"version": "another"},
    )  # fmt: skip
    write_weights(path, header, network.state_dict())
    return path


class Parrot(Synthesizer):
    """Says each sentence as its take has it: the best voice there can be."""

    def __init__(self, manifest: Manifest) -> None:
        self.audio, self.text = manifest.audio, manifest.text
        self.takes = {entry.text: manifest.samples(entry) for entry in manifest.entries}
        self.read: list[tuple[str, ...] | None] = []

    def utter(self, text: str, *, seed: int = 0, symbols: Sequence[str] | None = None) -> Utterance:
        self.read.append(None if symbols is None else tuple(symbols))
        return Utterance(self.takes[text], np.eye(30, dtype=np.float32), reached_limit=False)


def test_a_voice_that_says_it_as_the_take_does_is_no_distance_away(manifest: Manifest) -> None:
    report = evaluate(Parrot(manifest), manifest)
    assert [row.id for row in report.rows] == [entry.id for entry in manifest.held_out]
    assert report.mean["mcd"] == pytest.approx(0.0, abs=1e-6)
    assert report.mean["voicing_error"] == 0.0
    assert report.mean["duration_ratio"] == report.mean["coverage"] == report.mean["stopped"] == 1.0


def test_what_a_voice_said_is_kept_with_its_picture_under_the_take(manifest: Manifest, tmp_path: Path) -> None:
    report = evaluate(Parrot(manifest), manifest, clips=2, keep=tmp_path / "kept")
    names = {f"{row.id}.{kind}" for row in report.rows for kind in ("wav", "png")}
    assert {path.name for path in (tmp_path / "kept").iterdir()} == names
    entry = manifest.held_out[0]
    samples, rate = load(tmp_path / "kept" / f"{entry.id}.wav")
    assert rate == manifest.audio.sample_rate
    assert samples == pytest.approx(manifest.samples(entry), abs=1e-4)


def renamed(manifest: Manifest, name: str) -> Manifest:
    """The first held-out clip under another id."""
    first = manifest.held_out[0].id
    entries = tuple(replace(one, id=name) if one.id == first else one for one in manifest.entries)
    return replace(manifest, entries=entries)


@pytest.mark.parametrize("way", ["absolute", "upwards"])
def test_nothing_is_written_outside_the_folder_whatever_a_list_calls_its_sounds(
    manifest: Manifest, tmp_path: Path, way: str
) -> None:
    takes, kept = tmp_path / "takes", tmp_path / "kept"
    takes.mkdir()
    (takes / "a.wav").write_bytes(b"the take itself")
    name = str(takes / "a") if way == "absolute" else "../takes/a"
    evaluate(Parrot(manifest), renamed(manifest, name), clips=1, keep=kept)
    assert (takes / "a.wav").read_bytes() == b"the take itself"
    assert [path.name for path in kept.rglob("*.wav")] == ["a.wav"]


def test_a_folder_of_takes_is_not_written_over(manifest: Manifest, tmp_path: Path) -> None:
    take = tmp_path / f"{manifest.held_out[0].id}.wav"
    take.write_bytes(b"the take itself")
    with pytest.raises(BadConfig, match="no evaluation made it"):
        evaluate(Parrot(manifest), manifest, clips=1, keep=tmp_path)
    assert take.read_bytes() == b"the take itself"
    for _ in range(2):  # but what one evaluation made the next may replace
        evaluate(Parrot(manifest), manifest, clips=1, keep=tmp_path / "own")


def test_a_sentence_is_said_as_the_take_was_read(manifest: Manifest) -> None:
    """A run may have a dictionary that nobody else knows."""
    parrot = Parrot(manifest)
    evaluate(parrot, manifest, clips=1)
    assert parrot.read == [tuple(SYMBOLS[number] for number in manifest.held_out[0].symbols)]
    parrot.text = replace(parrot.text, mode="spelling")
    evaluate(parrot, manifest, clips=1)
    assert parrot.read[1:] == [None]


def test_a_voice_that_learned_nothing_is_far_away_and_never_stops(manifest: Manifest, voice: Path) -> None:
    told: list[tuple[int, int]] = []
    report = evaluate(
        Synthesizer.load(voice, device="cpu"), manifest, clips=1, on_progress=lambda *now: told.append(now)
    )
    (row,) = report.rows
    assert set(row.figures) == {*ALIGNMENT, *DISTORTION}
    assert row.figures["stopped"] == 0.0
    assert (row.figures["mcd"] or 0.0) > 2.0
    assert told == [(1, 1)]


def test_the_command_prints_a_line_a_clip_and_their_mean(
    manifest: Manifest, voice: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["evaluate", str(manifest.folder.parent), "--acoustic", str(voice), "--limit", "1", "--device", "cpu"]
    assert main(given) == 0
    said = capsys.readouterr()
    first, row, mean = said.out.splitlines()
    assert first.split()[:2] == ["clip", "coverage"]
    assert row.startswith(manifest.held_out[0].id)
    assert row.endswith(manifest.held_out[0].text)
    assert mean.startswith("mean")
    assert "front end another" in said.err
    assert main([*given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 1


def test_what_cannot_be_measured_is_left_out_of_the_mean() -> None:
    names = (*ALIGNMENT, *DISTORTION)
    rows = (Row("a", "가", dict.fromkeys(names, 2.0)), Row("b", "나", dict.fromkeys(names, None)))
    assert Report(rows).mean["mcd"] == 2.0
    assert Report(rows[1:]).mean["mcd"] is None
    assert Report(rows[1:]).table().splitlines()[1].split()[1] == "-"


def test_takes_of_another_rate_and_folders_without_any_are_refused(manifest: Manifest, tmp_path: Path) -> None:
    parrot = Parrot(manifest)
    parrot.audio = AudioConfig(sample_rate=44_100)
    with pytest.raises(BadCheckpoint, match="44100 Hz"):
        evaluate(parrot, manifest)
    with pytest.raises(BadDataset):
        held_out(tmp_path)
