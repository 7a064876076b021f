"""WaveGlow against its plain oracle, measured side by side in one run.

python bench/waveglow.py [--threads 2] [--case training] [--json FILE]
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
from speech.config import TrainingConfig
from speech.heap import keep_freed_memory
from speech.vocoder import waveglow
from tests.speech.oracles.waveglow import WaveGlowOracle

SIGMA = 0.666
FRAMES_A_SECOND = 22_050 / 256


def random_model(config: waveglow.Config) -> waveglow.Model:
    """The last layers begin at zero, which would let a flow do nothing: they get weights."""
    model = waveglow.Model(config)
    with torch.no_grad():
        for _, network in model.pairs():
            network.end.weight.normal_(0.0, 0.01)
    return model


def oracle_of(config: waveglow.Config, weights: dict[str, torch.Tensor]) -> WaveGlowOracle:
    return WaveGlowOracle(weights, group=config.group, early_every=config.early_every, early_size=config.early_size)


def oracle_speech(config: waveglow.Config, frames: int) -> Call:
    model = random_model(config).eval()
    mel, oracle = torch.randn(1, config.n_mels, frames) - 4.0, oracle_of(config, model.state_dict())
    vectors = frames * config.hop_length // config.group

    def speak() -> None:
        with torch.inference_mode():
            oracle.to_samples(mel, model.noise(vectors, 0)[None] * SIGMA)

    return speak


def our_speech(config: waveglow.Config, frames: int, precision: str) -> Call:
    model = random_model(config).eval()
    return partial(model.infer, torch.randn(1, config.n_mels, frames) - 4.0, sigma=SIGMA, precision=precision)


def segments(config: waveglow.Config, size: int) -> argparse.Namespace:
    mels = torch.randn(size, config.n_mels, config.segment // config.hop_length) - 4.0
    return argparse.Namespace(mels=mels, samples=0.3 * torch.randn(size, config.segment))


def oracle_step(config: waveglow.Config, size: int) -> Call:
    """Forward and backward of one batch of segments, and Adam."""
    batch, model = segments(config, size), random_model(config)
    weights = {name: value.detach().clone().requires_grad_(True) for name, value in model.state_dict().items()}
    optimizer, oracle = torch.optim.Adam(weights.values(), lr=1e-4), oracle_of(config, weights)
    keep_freed_memory()

    def step() -> None:
        optimizer.zero_grad()
        oracle.loss(batch.mels, batch.samples).backward()
        optimizer.step()

    return step


def our_step(config: waveglow.Config, size: int, *, half: bool = False) -> Call:
    batch, model = segments(config, size), random_model(config).train()
    recipe = waveglow.Recipe(config, TrainingConfig(learning_rate=1e-4, weight_decay=0.0))
    optimizer = recipe.optimizers(model)["model"]
    keep_freed_memory()

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            losses = list(recipe.losses(model, batch))  # type: ignore[arg-type]
        optimizer.zero_grad()
        losses[0][1].backward()
        optimizer.step()

    return step


def cases(options: argparse.Namespace) -> Iterator[Case]:
    config = waveglow.PRESETS[options.size]
    for seconds in options.seconds:
        frames = round(seconds * FRAMES_A_SECOND)
        ways = {name: partial(our_speech, config, frames, name) for name in ("float32", "bf16")}
        if seconds == options.seconds[0]:
            ways = {"oracle": partial(oracle_speech, config, frames), **ways}
        yield Case(f"synthesis, {seconds:g} s", ways, frames / FRAMES_A_SECOND, "s of sound", 3)
    for size in options.batch:
        ways = {
            "oracle": partial(oracle_step, config, size),
            "float32": partial(our_step, config, size),
            "bf16": partial(our_step, config, size, half=True),
        }
        yield Case(f"training step, batch {size}", ways, size * config.segment, "samples", 3)


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, nargs="*", default=[2.0, 0.5, 8.0])
    arguments.add_argument("--batch", type=int, nargs="*", default=[2])
    arguments.add_argument("--size", choices=sorted(waveglow.PRESETS), default="full")
    main(__file__, cases, arguments.parse_args())
