"""From a folder of takes to what training reads: decode, trim, level, resample, mel.

python bench/prepare.py [--clips 75 150 300] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Call, Case, main, parser
from bench.sound import speech_like
from speech import audio
from speech.config import AudioConfig, TextConfig
from speech.dataset import prepare

SECONDS = 4.8  # of a clip: 300 of them are 24 minutes
RATE = 48_000  # what browsers record at


def takes(folder: Path, count: int) -> Path:
    """Clips of speech-like sound with room on both sides, and Korean sentences."""
    rows = (Path(__file__).resolve().parent.parent / "prompts/ko/core.tsv").read_text(encoding="utf-8").splitlines()
    texts = [text for row in rows if (text := row.split("\t")[0].strip()).endswith((".", "?", "!"))]
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for index in range(count):
        sound = speech_like(SECONDS, RATE, seed=index)
        edge = RATE // 3
        quiet = 2e-4 * np.random.default_rng(index).standard_normal(edge).astype(np.float32)
        sound[:edge], sound[-edge:] = quiet, quiet
        audio.write(folder / "wavs" / f"{index:04}.wav", sound, RATE)
        row = {"id": f"{index:04}", "audio": f"wavs/{index:04}.wav", "text": texts[index % len(texts)]}
        lines.append(json.dumps(row, ensure_ascii=False))
    (folder / "clips.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def anew(source: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    prepare(source, out, audio=AudioConfig(), text=TextConfig(), held_out=0.05, seed=1)


def ready(folder: Path, count: int) -> Call:
    source = takes(folder / f"takes-{count}", count)
    return partial(anew, source, folder / f"out-{count}")


def cases(options: argparse.Namespace) -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder:
        for count in options.clips:
            ways = {"ours": partial(ready, Path(folder), count)}
            yield Case(f"preparing {count} clips of {SECONDS} s", ways, count * SECONDS, "s of sound", 2)


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--clips", type=int, nargs="*", default=[75, 150, 300])
    main(__file__, cases, arguments.parse_args())
