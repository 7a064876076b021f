"""WaveGlow against its plain oracle, measured side by side in one run.

    python bench/waveglow.py [--threads 1] [--rounds 2] [--frames 86] [--batch 2] [--size full]

Ratios are of processor time, as in bench/tacotron2.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.tacotron2 import report
from speech.config import TrainingConfig
from speech.heap import keep_freed_memory
from speech.vocoder import waveglow
from tests.speech.oracles.waveglow import WaveGlowOracle


def oracle_of(config: waveglow.Config, weights: dict[str, torch.Tensor]) -> WaveGlowOracle:
    return WaveGlowOracle(weights, group=config.group, early_every=config.early_every, early_size=config.early_size)


def speaking(config: waveglow.Config, frames: int) -> dict[str, Callable[[], object]]:
    model = waveglow.Model(config).eval()
    mel = torch.randn(1, config.n_mels, frames) - 4.0
    oracle = oracle_of(config, model.state_dict())

    def reference() -> None:
        with torch.inference_mode():
            oracle.to_samples(mel, model.noise(frames * config.hop_length // config.group, 0)[None] * 0.666)

    def ours(precision: str) -> None:
        model.infer(mel, precision=precision)

    return {"oracle": reference, "float32": partial(ours, "float32"), "bf16": partial(ours, "bf16")}


def training_steps(config: waveglow.Config, size: int) -> dict[str, Callable[[], object]]:
    """Forward and backward of one batch of segments, and Adam."""
    mels = torch.randn(size, config.n_mels, config.segment // config.hop_length) - 4.0
    samples = 0.3 * torch.randn(size, config.segment)
    model = waveglow.Model(config).train()
    recipe = waveglow.Recipe(config, TrainingConfig(learning_rate=1e-4, weight_decay=0.0))
    optimizer = recipe.optimizers(model)["model"]
    batch = argparse.Namespace(mels=mels, samples=samples)
    weights = {name: value.detach().clone().requires_grad_(True) for name, value in model.state_dict().items()}
    other = torch.optim.Adam(weights.values(), lr=1e-4)
    oracle = oracle_of(config, weights)

    def reference() -> None:
        other.zero_grad()
        oracle.loss(mels, samples).backward()
        other.step()

    def ours(*, half: bool) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            losses = list(recipe.losses(model, batch))  # type: ignore[arg-type]
        optimizer.zero_grad()
        losses[0][1].backward()
        optimizer.step()

    return {"oracle": reference, "float32": partial(ours, half=False), "bf16": partial(ours, half=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--frames", type=int, default=86, help="of speaking (86 are a second); 0: none")
    parser.add_argument("--batch", type=int, nargs="*", default=[2])
    parser.add_argument("--size", choices=sorted(waveglow.PRESETS), default="full")
    parser.add_argument("--only", nargs="*", default=[], help="oracle, float32, bf16")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    torch.manual_seed(0)
    config = waveglow.PRESETS[arguments.size]
    if arguments.frames:
        title = f"speaking {arguments.frames} frames"
        report(title, speaking(config, arguments.frames), arguments.rounds, arguments.only)
    for size in arguments.batch:
        report(f"training step, batch {size}", training_steps(config, size), arguments.rounds, arguments.only)


if __name__ == "__main__":
    main()
