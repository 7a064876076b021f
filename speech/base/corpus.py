"""Speech that we may ship: our own prompts and made sentences, spoken by espeak-ng in many voices.

espeak-ng is given the pronunciation that the front end worked out (`구거` for 국어), not the spelling: so the sound is
what the symbols say, also where espeak's own rules would read otherwise.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import logging
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speech.base.sentences import Maker
from speech.base.takes import as_take
from speech.errors import BadConfig, SpeechError
from speech.files import write_atomic, write_text_atomic
from speech.text import read
from speech.wav import Int16Array, parse_wav, wav_bytes

log = logging.getLogger(__name__)
ROOM_DBFS = -72.0  # espeak is digitally silent between words, which no microphone ever is
LONGEST = 45  # characters
AS_TAKE = " take"  # closes the description of a voice whose clip `as_take` changed


@dataclass(frozen=True)
class EspeakVoice:
    """A voice of espeak-ng without echo; `pitch` 0-99 and `speed` in words a minute as espeak counts them."""

    name: str
    pitch: tuple[int, int]
    speed: tuple[int, int]


MAIN = EspeakVoice("ko+Annie", (48, 52), (140, 150))  # the voice that the base has in the end
OTHERS = (
    EspeakVoice("ko", (30, 60), (130, 165)),
    EspeakVoice("ko+f1", (40, 70), (130, 165)),
    EspeakVoice("ko+Linda", (40, 70), (130, 165)),
    EspeakVoice("ko+Steph", (40, 70), (130, 165)),
    EspeakVoice("ko+Annie", (30, 75), (125, 170)),
    EspeakVoice("ko+m3", (25, 60), (130, 165)),
    EspeakVoice("ko+m7", (25, 60), (130, 165)),
    EspeakVoice("ko+Mario", (25, 60), (130, 165)),
    EspeakVoice("ko+Michael", (25, 60), (130, 165)),
    EspeakVoice("ko+Hugo", (25, 60), (130, 165)),
    EspeakVoice("ko+norbert", (25, 60), (130, 165)),
)


def corpus_make(
    out: Path,
    *,
    clips: int,
    others: float = 0.4,
    prompts: Iterable[Path] = (),
    longest: int = LONGEST,
    takes: float = 0.0,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Make `clips` clips under `out` (22,050 Hz WAV and clips.jsonl); clips that are there already are kept.

    `others` is the share that voices other than the main one speak, `takes` the share that sounds as if a person had
    said it somewhere (see `as_take`), `longest` how many characters a sentence has at most. `prompts` are tab-separated
    files whose first column is a sentence. Raises BadConfig where espeak-ng is not installed.
    """
    if shutil.which("espeak-ng") is None:
        raise _no_espeak()
    (out / "wavs").mkdir(parents=True, exist_ok=True)
    texts = itertools.islice(_texts(prompts, longest, seed), clips)
    chance = random.Random(seed + 1)  # noqa: S311 - nothing secret hangs on it
    plans = [
        (index, *sentence, *_voice(chance, others), bool(takes) and chance.random() < takes)
        for index, sentence in enumerate(texts)
    ]
    rows = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for done, row in enumerate(pool.map(lambda plan: _clip(out, *plan), plans), start=1):
            if row:
                rows.append(row)
            on_progress(done, len(plans))
    write_text_atomic(out / "clips.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return out


def speak(pronunciation: str, voice: str, pitch: int, speed: int) -> tuple[Int16Array, int]:
    """espeak-ng's rendering of a Hangul pronunciation: samples [S] and their rate, 22,050 Hz.

    Raises BadConfig where espeak-ng is not installed or fails.
    """
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", "--", pronunciation]
    try:
        done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - fixed program, no shell
    except FileNotFoundError as error:
        raise _no_espeak() from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise BadConfig(f"espeak-ng could not say {pronunciation!r}: {said}", code="espeak_failed") from error
    streamed = bytearray(done.stdout)  # a stream's header does not know its length
    streamed[4:8] = (len(streamed) - 8).to_bytes(4, "little")
    streamed[40:44] = (len(streamed) - 44).to_bytes(4, "little")
    wav = parse_wav(bytes(streamed))
    return wav.samples, wav.sample_rate


def _no_espeak() -> BadConfig:
    return BadConfig("espeak-ng is not installed; install the package espeak-ng.", code="no_espeak")


def _texts(prompts: Iterable[Path], longest: int, seed: int) -> Iterator[tuple[str, str]]:
    """(sentence, reading): the prompts first, shuffled, then made sentences for as long as one likes."""
    rows = [row for path in prompts for row in _rows(path) if 4 <= len(row[0]) <= longest]
    own = {row[0]: row[1] if len(row) > 1 else "" for row in rows}
    shuffled = list(own.items())
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    yield from shuffled
    yield from ((text, "") for text in Maker(seed).sentences(longest=longest) if text not in own)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in rows if row and row[0] and not row[0].startswith("#") and row[0] != "text"]


def _voice(chance: random.Random, others: float) -> tuple[str, int, int]:
    voice = chance.choice(OTHERS) if chance.random() < others else MAIN
    return voice.name, chance.randint(*voice.pitch), chance.randint(*voice.speed)


def _clip(
    out: Path, index: int, text: str, reading: str, voice: str, pitch: int, speed: int, take: bool
) -> dict[str, str] | None:
    """One row of clips.jsonl, or None for a text that cannot be read (it is logged)."""
    try:
        pronunciation = read(reading or text).pronunciation
    except SpeechError as error:
        log.warning("left out %r: %s", text, error)
        return None
    said = f"{voice} p{pitch} s{speed}{AS_TAKE if take else ''}"
    # The name holds what is said and how: a clip of another list of sentences is never taken for this one.
    key = f"{index:05d}-{hashlib.sha256(f'{said} {pronunciation}'.encode()).hexdigest()[:8]}"
    path = out / "wavs" / f"{key}.wav"
    if not path.exists():
        samples, rate = speak(pronunciation, voice, pitch, speed)
        room = np.random.default_rng(index).standard_normal(len(samples), dtype=np.float32) * 10 ** (ROOM_DBFS / 20)
        sound = np.clip(samples / np.float32(32768) + room, -1, 1).astype(np.float32)
        encoded = wav_bytes(as_take(sound, index) if take else sound, rate)
        write_atomic(path, lambda temporary: _put(temporary, encoded))
    row = {"id": key, "audio": f"wavs/{key}.wav", "text": text, "voice": said}
    return row | {"reading": reading} if reading else row


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)
