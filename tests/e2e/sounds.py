"""Speech for the browser's microphone and for imports, spoken by espeak-ng; and how close a take comes to it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
from scipy.signal import correlate

from speech.wav import parse_wav, wav_bytes

RATE = 44_100  # Hz: of Chromium's fake microphone, which takes its file as it is only at this rate
PEAK_DBFS = -6.0
ROOM_DBFS = -75.0  # a room that is never digitally silent: exact zeros are what a broken microphone sends
LEAD_SECONDS = 2.0  # of room, in which the page warms up and the person presses the key
TAIL_SECONDS = 0.8

Int16Array = npt.NDArray[np.int16]

SENTENCES = (
    "오늘은 바람이 참 시원하네요.",
    "저녁에 무엇을 먹을까요?",
    "창문을 조금만 열어 주세요.",
    "기차가 십 분 늦게 도착했습니다.",
    "어제 산 책을 벌써 다 읽었어요.",
    "눈이 오면 산에 올라가고 싶어요.",
    "따뜻한 보리차 한 잔 주시겠어요?",
    "아이들이 마당에서 뛰어놀고 있습니다.",
    "내일은 비가 올지도 모르겠네요.",
    "고양이가 지붕 위에서 낮잠을 자요.",
)


def has_espeak() -> bool:
    return shutil.which("espeak-ng") is not None


def spoken(text: str, *, lead: float = LEAD_SECONDS, tail: float = TAIL_SECONDS) -> Int16Array:
    """[S] int16 at `RATE`: `text` by espeak-ng's Korean voice, with `lead` and `tail` seconds of room around it."""
    said = subprocess.run(
        ["espeak-ng", "-v", "ko", "-s", "190", "--stdout", text], check=True, capture_output=True
    ).stdout
    rate, start = int.from_bytes(said[24:28], "little"), said.index(b"data") + 8  # no true lengths in a pipe's header
    voice = soxr.resample(np.frombuffer(said[start:], "<i2").astype(np.float64), rate, RATE)
    loud = np.flatnonzero(np.abs(voice) > 0.01 * np.abs(voice).max())
    voice = voice[loud[0] : loud[-1] + 1]
    wave = 10 ** (ROOM_DBFS / 20) * np.random.default_rng(len(text)).standard_normal(
        round((lead + tail) * RATE) + len(voice)
    )
    begin = round(lead * RATE)
    wave[begin : begin + len(voice)] += voice / np.abs(voice).max() * 10 ** (PEAK_DBFS / 20)
    return np.rint(wave * 32_767).astype(np.int16)


def write(path: Path, samples: Int16Array) -> None:
    path.write_bytes(wav_bytes(samples, RATE))


def write_corpus(folder: Path, texts: Sequence[str] = SENTENCES) -> Path:
    """A folder as LJSpeech has it: wavs/ and metadata.csv, one clip a text."""
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for number, text in enumerate(texts):
        write(folder / "wavs" / f"clip-{number:03}.wav", spoken(text, lead=0.4, tail=0.4))
        lines.append(f"clip-{number:03}|{text}|{text}\n")
    (folder / "metadata.csv").write_text("".join(lines))
    return folder


def signal_to_error_db(take: bytes, source: Int16Array) -> float:
    """How well a stored take (a WAV file at `RATE`) equals the source where both overlap, aligned to the sample."""
    wav = parse_wav(take)
    assert wav.sample_rate == RATE, wav.sample_rate
    ours, theirs = wav.samples.astype(np.float64), source.astype(np.float64)
    lag = int(np.argmax(correlate(ours, theirs, method="fft"))) - (len(theirs) - 1)  # ours[i + lag] is theirs[i]
    first, last = max(0, -lag), min(len(theirs), len(ours) - lag)
    assert last - first > 0.5 * RATE, f"they overlap by {last - first} samples"
    signal, error = theirs[first:last], ours[first + lag : last + lag] - theirs[first:last]
    return float(10 * np.log10(np.square(signal).sum() / max(np.square(error).sum(), 1e-9)))
