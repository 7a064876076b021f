"""python -m speech: what a person at a GPU box types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from speech import models
from speech.__main__ import main
from speech.checkpoint import write_weights
from speech.config import AudioConfig, TextConfig
from speech.events import DataPrepared, parse_line
from speech.header import Header
from speech.manifest import Manifest
from speech.text.symbols import SYMBOLS
from tests import pace

REPOSITORY = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "speech", *arguments], capture_output=True, text=True, encoding="utf-8",
        timeout=pace.patient(120), cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voice") / "voice.safetensors"
    config = models.preset_of("tacotron2", "trial").to_json()
    header = Header(
        kind="acoustic", model="tacotron2", size="trial", config=config, symbols=SYMBOLS,
        audio=AudioConfig().to_json(), text=TextConfig().to_json(), step=7, losses={"loss": 1.5}, pace=4.5,
    )  # fmt: skip
    write_weights(path, header, models.build("tacotron2", config).state_dict())
    return path


def test_read_answers_json_lines_without_torch() -> None:
    code = "import sys; from speech.__main__ import main; main(['read', '--jsonl']); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], input='"3시에 만나요."\n', capture_output=True, text=True, encoding="utf-8",
        timeout=pace.patient(60), cwd=REPOSITORY, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["reading"] == "세 시에 만나요."


def test_prepare_tells_events_and_leaves_a_manifest(espeak_clips: Path, tmp_path: Path) -> None:
    done = run("prepare", str(espeak_clips), str(tmp_path / "data"))
    assert done.returncode == 0
    events = [parse_line(line) for line in done.stdout.splitlines()]
    assert isinstance(events[-1], DataPrepared)
    assert len(Manifest.load(tmp_path / "data").entries) == events[-1].clips == 12


def test_speak_writes_a_wav(voice: Path, tmp_path: Path) -> None:
    done = run("speak", "안녕하세요?", "--acoustic", str(voice), "-o", str(tmp_path / "a.wav"), "--device", "cpu")
    assert done.returncode == 0
    samples, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == 22_050
    assert len(samples) > 0


def test_inspect_says_what_a_checkpoint_is(voice: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(voice)]) == 0
    said = capsys.readouterr().out
    assert "an acoustic (tacotron2, step 7)" in said
    assert "22050 Hz" in said
    assert "pace: 4.50 syllables a second" in said
    assert main(["inspect", "--json", str(voice)]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 7


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "/nowhere/voice.safetensors"],
        ["finetune", "/nowhere/run.json"],
        ["prepare", "/nowhere", "/tmp/nothing-is-written-here"],
        ["speak", "안녕", "--acoustic", "/nowhere/voice.safetensors", "-o", "/tmp/nothing.wav"],
    ],
)
def test_a_mistake_is_one_line_on_stderr_and_exit_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "/nowhere" in done.stderr
    assert done.stdout == ""
