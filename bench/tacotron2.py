"""Tacotron 2 against its step-by-step oracle, measured side by side in one run.

    python bench/tacotron2.py [--threads 1] [--rounds 2] [--batch 8 16] [--size full]

Ratios are of processor time, so that other processes on the machine disturb them less; both sides run with the same
number of threads, take turns, and the least of their rounds counts.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from speech.acoustic import tacotron2
from speech.config import TrainingConfig
from speech.heap import keep_freed_memory
from tests.speech.acoustic.builders import Batch, random_batch
from tests.speech.oracles.tacotron2 import Tacotron2Oracle, published_loss

# Frames of 16 clips of a real speaker that share a bucket, and symbols at 6.5 frames a symbol.
FRAMES = [596, 591, 585, 580, 574, 570, 566, 563, 557, 553, 550, 546, 541, 538, 534, 529]


def least(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """(processor seconds, wall seconds) of each, the least over the rounds; they take turns."""
    best = dict.fromkeys(functions, (float("inf"), float("inf")))
    for _ in range(rounds):
        for name, function in functions.items():
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            found = time.process_time() - cpu, time.perf_counter() - wall
            best[name] = min(best[name][0], found[0]), min(best[name][1], found[1])
    return best


def training_steps(config: tacotron2.Config, size: int) -> dict[str, Callable[[], object]]:
    """One optimiser step each: forward, backward, clip, Adam; every dropout at work."""
    frames = FRAMES[-size:]
    batch: Batch = random_batch(config, [round(count / 6.5) for count in frames], frames)
    model = tacotron2.Model(config).train()
    recipe = tacotron2.Recipe(config, TrainingConfig())
    optimizer = recipe.optimizers(model)["model"]

    def ours() -> None:
        for _, loss, _ in recipe.losses(model, batch):
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    learned = [weights[name].requires_grad_(True) for name, _ in model.named_parameters()]
    rates = config.convolution_dropout, config.prenet_dropout, config.attention_dropout, config.decoder_dropout
    oracle = Tacotron2Oracle(weights, reduction=config.reduction, training=True, rates=rates)
    other = torch.optim.Adam(learned, lr=1e-3, weight_decay=1e-6)

    def reference() -> None:
        spoken = oracle.forced(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
        loss = published_loss(spoken, batch.mels, batch.gates)
        other.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        other.step()

    def reduced() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = list(recipe.losses(model, batch))
        optimizer.zero_grad()
        losses[0][1].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return {"oracle": reference, "float32": ours, "bf16": reduced}


def speaking(config: tacotron2.Config, frames: int) -> dict[str, Callable[[], object]]:
    model = tacotron2.Model(config).eval()
    batch = random_batch(config, [frames // 7], [1])
    rates = 0.0, config.prenet_dropout, 0.0, 0.0
    oracle = Tacotron2Oracle(model.state_dict(), reduction=config.reduction, rates=rates)

    def reference() -> None:
        with torch.inference_mode():
            oracle.free(batch.symbols, max_frames=frames, threshold=1.0)

    def ours(precision: str) -> None:
        options = {"max_frames": frames, "gate_threshold": 1.0, "precision": precision}
        model.infer(batch.symbols, batch.symbol_lengths, **options)

    return {"oracle": reference, "float32": partial(ours, "float32"), "bf16": partial(ours, "bf16")}


def report(title: str, functions: dict[str, Callable[[], object]], rounds: int, only: list[str]) -> None:
    found = least({name: call for name, call in functions.items() if not only or name in only}, rounds)
    base = found.get("oracle", (float("nan"), float("nan")))
    for name, (cpu, wall) in found.items():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{title:24} {name:8} {cpu:8.2f} s cpu {wall:8.2f} s wall  x{base[0] / cpu:5.2f}  (peak {peak:.0f} MiB)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batch", type=int, nargs="*", default=[8, 16])
    parser.add_argument("--frames", type=int, default=500, help="of speaking; 0: none")
    parser.add_argument("--size", choices=sorted(tacotron2.PRESETS), default="full")
    parser.add_argument("--only", nargs="*", default=[], help="oracle, float32, bf16")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # as the trainer does; both sides gain by it
    torch.manual_seed(0)
    config = replace(tacotron2.PRESETS[arguments.size], guided_attention_weight=0.0)
    for size in arguments.batch:
        report(f"training step, batch {size}", training_steps(config, size), arguments.rounds, arguments.only)
    if arguments.frames:
        title = f"speaking {arguments.frames} frames"
        report(title, speaking(config, arguments.frames), arguments.rounds, arguments.only)


if __name__ == "__main__":
    main()
