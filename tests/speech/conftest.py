"""Small speech of the tests' own: sentences spoken by espeak-ng, and takes put together from tones and noise."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from speech.config import AudioConfig, TextConfig
from speech.wav import parse_wav, wav_bytes
from tests import pace

if TYPE_CHECKING:
    from speech.dataset import Manifest

SENTENCES = (
    "안녕하세요, 반갑습니다.",
    "오늘은 날씨가 참 좋네요.",
    "어디로 가고 싶으세요?",
    "문을 조용히 닫아 주세요.",
    "아침에 일찍 일어났어요.",
    "정말 멋진 공연이었어요!",
    "바다에서 바람이 불어와요.",
    "이 책은 누구의 것인가요?",
    "친구와 함께 저녁을 먹었다.",
    "내일 다시 만나기로 해요.",
    "강아지가 마당에서 뛰어놀아요.",
    "천천히 그리고 또박또박 읽어 주세요.",
)


@pytest.fixture(scope="session")
def espeak_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source folder for `prepare`: `clips.jsonl` and 12 short Korean sentences at 22.05 kHz, room at -70 dBFS."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed (apt-get install espeak-ng)")
    folder = tmp_path_factory.mktemp("espeak")
    noise = np.random.default_rng(1)
    lines = []
    for index, text in enumerate(SENTENCES):
        name = f"clip{index:02d}.wav"
        command = ["espeak-ng", "-v", "ko", "-s", "190", "-a", "80", "-w", str(folder / name), text]
        subprocess.run(command, check=True, capture_output=True, timeout=pace.patient(30))
        spoken = parse_wav((folder / name).read_bytes())
        quiet = np.zeros(round(0.35 * spoken.sample_rate), dtype=np.float32)
        wave = np.concatenate([quiet, spoken.samples / np.float32(32768), quiet])
        wave += noise.normal(0, 10 ** (-70 / 20), len(wave)).astype(np.float32)
        (folder / name).write_bytes(wav_bytes(wave.astype(np.float32), spoken.sample_rate))
        lines.append(json.dumps({"id": f"clip{index:02d}", "audio": name, "text": text}, ensure_ascii=False))
    (folder / "clips.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def lmy() -> Path:
    """The folder of a real speaker, where somebody has put it; its licence keeps it out of the project."""
    repository = Path(__file__).parents[2]
    folder = Path(os.environ.get("MOKSORI_LMY", repository / "../shared/speech/lmy"))
    if not (folder / "metadata.csv").is_file():
        pytest.skip("the clips of lmy are not here (MOKSORI_LMY names their folder)")
    return folder


@pytest.fixture(scope="session")
def lmy_prepared(lmy: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The clips of the real speaker, ready for training; made once."""
    from speech.dataset import prepare  # loads torch, which most tests here do without

    out = tmp_path_factory.mktemp("lmy")
    return prepare(lmy, out, audio=AudioConfig(), text=TextConfig(), held_out=0.05, seed=1234)


Take = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def make_take() -> Callable[..., Take]:
    """Makes a take that is like speech to a measure: syllables of harmonics between two stretches of a noisy room."""

    def make(
        *,
        rate: int = 48_000,
        lead: float = 0.4,
        spoken: float = 2.0,
        tail: float = 0.4,
        peak_dbfs: float = -6.0,
        floor_dbfs: float = -75.0,
        seed: int = 1,
    ) -> Take:
        time = np.arange(round(spoken * rate)) / rate
        voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20))
        envelope = np.clip(0.6 + np.cos(2 * np.pi * 4 * time), 0, None)  # four syllables a second, with closures
        voice = voice * envelope
        voice *= 10 ** (peak_dbfs / 20) / np.abs(voice).max()
        wave = np.concatenate([np.zeros(round(lead * rate)), voice, np.zeros(round(tail * rate))])
        noise = np.random.default_rng(seed).normal(0, 10 ** (floor_dbfs / 20), len(wave))
        return (wave + noise).astype(np.float32)

    return make
