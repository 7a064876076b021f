"""HiFi-GAN V1, V2, V3 and our compact one as they speak here, against the plain network: eager, weight norm and all.

python bench/hifi_gan.py [--threads 2] [--case V1] [--json FILE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Call, Case, main, parser
from speech.vocoder import hifi_gan

FRAMES_A_SECOND = 22_050 / 256
VERSIONS = {"V1": "full", "V2": "v2", "V3": "v3", "compact": "compact"}


def plain(config: hifi_gan.Config, frames: int) -> Call:
    model, mel = hifi_gan.Model(config).eval(), torch.randn(1, config.n_mels, frames) - 4.0

    def speak() -> None:
        with torch.inference_mode():
            model(mel)

    return speak


def ours(config: hifi_gan.Config, frames: int, precision: str) -> Call:
    model, mel = hifi_gan.Model(config).eval(), torch.randn(1, config.n_mels, frames) - 4.0
    return partial(model.infer, mel, precision=precision)


def cases(options: argparse.Namespace) -> Iterator[Case]:
    for version, size in VERSIONS.items():
        config = hifi_gan.PRESETS[size]
        for seconds in options.seconds:
            frames = round(seconds * FRAMES_A_SECOND)
            ways = {name: partial(ours, config, frames, name) for name in ("float32", "bf16")}
            if seconds == options.seconds[0]:
                ways = {"plain": partial(plain, config, frames), **ways}
            yield Case(f"{version}, {seconds:g} s", ways, frames / FRAMES_A_SECOND, "s of sound")


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, nargs="*", default=[4.0, 1.0, 16.0])
    main(__file__, cases, arguments.parse_args())
