"""What a trained voice loses by speaking in fewer bits: the distortion of its sound against its own in float32.

    python bench/precision.py --acoustic CHECKPOINT [--vocoder CHECKPOINT] [--sentences 6]

Without --acoustic the base voice of voices/base speaks. The figure is the mel-cepstral distortion after dynamic time
warping (speech/distortion.py), in dB; beside it stands that of the same voice in float32 with another seed, which draws
another dropout of the prenet: what a person takes for the same voice saying the same sentence once more.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.speak import base_files
from speech.audio import log_mel
from speech.config import AudioConfig
from speech.distortion import DECIBELS, cepstra, warp
from speech.products import int8_range
from speech.synthesizer import Synthesizer
from speech.wav import Float32Array

ROOT = Path(__file__).resolve().parent.parent


def sentences(count: int) -> list[str]:
    rows = [row.split("\t") for row in (ROOT / "prompts/ko/core.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    short = [row[0] for row in rows if 12 <= len(row[0]) <= 30]
    return short[:: max(1, len(short) // count)][:count]


def apart(first: Float32Array, second: Float32Array) -> float:
    """dB."""
    one, other = (cepstra(log_mel(samples, AudioConfig())) for samples in (first, second))
    path = warp(one, other)
    return float(DECIBELS * np.linalg.norm(one[path[:, 0]] - other[path[:, 1]], axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acoustic", type=Path)
    parser.add_argument("--vocoder", type=Path)
    parser.add_argument("--sentences", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    files = base_files()
    acoustic, vocoder = options.acoustic or files.get("acoustic"), options.vocoder or files.get("vocoder")
    if acoustic is None:
        parser.error("there is no base voice in voices/base: name a checkpoint with --acoustic")
    ways = ["float32", "bf16", *(["int8"] if int8_range() else [])]
    voices = {way: Synthesizer.load(acoustic, vocoder, device="cpu", precision=way) for way in ways}
    found: dict[str, list[float]] = {}
    for text in sentences(options.sentences):
        exact = voices["float32"].utter(text, seed=0)
        others = {"float32, another seed": voices["float32"].utter(text, seed=1)}
        others |= {way: voices[way].utter(text, seed=0) for way in ways[1:]}
        for name, other in others.items():
            found.setdefault(name, []).append(apart(exact.samples, other.samples))
    for name, values in found.items():
        print(f"{name:24} {np.mean(values):6.2f} dB  ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
