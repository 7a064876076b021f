"""Tacotron 2 against its step-by-step oracle, measured side by side in one run.

    python bench/tacotron2.py [--threads 2] [--case training] [--only oracle float32] [--json FILE]

The oracle runs as NVIDIA's published code does: eagerly, one decoder step after the other.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Call, Case, main, parser
from speech.acoustic import tacotron2
from speech.config import TrainingConfig
from speech.heap import keep_freed_memory
from speech.products import int8_range
from tests.speech.acoustic.builders import Batch, random_batch
from tests.speech.oracles.tacotron2 import Tacotron2Oracle, published_loss

# Frames of 16 clips of a real speaker that share a bucket, and symbols at 6.5 frames a symbol.
FRAMES = [596, 591, 585, 580, 574, 570, 566, 563, 557, 553, 550, 546, 541, 538, 534, 529]
FRAMES_A_SYMBOL = 6.5
PRECISIONS = ("float32", "bf16", *(("int8",) if int8_range() else ()))


def batch_of(config: tacotron2.Config, size: int) -> Batch:
    frames = FRAMES[-size:]
    frames = [count // config.reduction * config.reduction for count in frames]
    return random_batch(config, [round(count / FRAMES_A_SYMBOL) for count in frames], frames)


def our_step(config: tacotron2.Config, size: int, *, half: bool = False) -> Call:
    """One optimiser step: forward, backward, clip, Adam; every dropout at work."""
    batch, model = batch_of(config, size), tacotron2.Model(config).train()
    recipe = tacotron2.Recipe(config, TrainingConfig())
    optimizer = recipe.optimizers(model)["model"]
    keep_freed_memory()  # as the trainer does; the oracle gains by it, too

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            losses = list(recipe.losses(model, batch))  # type: ignore[arg-type]
        optimizer.zero_grad()
        losses[0][1].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def oracle_step(config: tacotron2.Config, size: int) -> Call:
    batch, model = batch_of(config, size), tacotron2.Model(config)
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    learned = [weights[name].requires_grad_(True) for name, _ in model.named_parameters()]
    rates = config.convolution_dropout, config.prenet_dropout, config.attention_dropout, config.decoder_dropout
    oracle = Tacotron2Oracle(weights, reduction=config.reduction, training=True, rates=rates)
    optimizer = torch.optim.Adam(learned, lr=1e-3, weight_decay=1e-6)
    keep_freed_memory()

    def step() -> None:
        spoken = oracle.forced(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
        loss = published_loss(spoken, batch.mels, batch.gates)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()

    return step


def our_speech(config: tacotron2.Config, frames: int, precision: str, sentences: int = 1) -> Call:
    """The gate never opens, so that so many frames are made."""
    model = tacotron2.Model(config).eval()
    batch = random_batch(config, [frames // 7] * sentences, [1] * sentences)
    return partial(
        model.infer,
        batch.symbols,
        batch.symbol_lengths,
        max_frames=frames,
        gate_threshold=1.0,
        precision=precision,
    )


def oracle_speech(config: tacotron2.Config, frames: int) -> Call:
    model = tacotron2.Model(config).eval()
    batch = random_batch(config, [frames // 7], [1])
    rates = 0.0, config.prenet_dropout, 0.0, 0.0
    oracle = Tacotron2Oracle(model.state_dict(), reduction=config.reduction, rates=rates)

    def speak() -> None:
        with torch.inference_mode():
            oracle.free(batch.symbols, max_frames=frames, threshold=1.0)

    return speak


def cases(options: argparse.Namespace) -> Iterator[Case]:
    config = replace(tacotron2.PRESETS[options.size], guided_attention_weight=0.0)
    for size in options.batch:
        ways = {
            "oracle": partial(oracle_step, config, size),
            "float32": partial(our_step, config, size),
            "bf16": partial(our_step, config, size, half=True),
        }
        yield Case(f"training step, batch {size}", ways, sum(FRAMES[-size:]), "frames", 3)
    for frames in options.frames:
        ways = {name: partial(our_speech, config, frames, name) for name in PRECISIONS}
        if frames == 500:
            ways = {"oracle": partial(oracle_speech, config, frames), **ways}
        yield Case(f"speaking {frames} frames", ways, frames * 256 / 22_050, "s of sound")
    for sentences in options.sentences:
        ways = {name: partial(our_speech, config, 500, name, sentences) for name in PRECISIONS}
        yield Case(f"speaking {sentences} × 500 frames", ways, sentences * 500 * 256 / 22_050, "s of sound", 3)


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--batch", type=int, nargs="*", default=[8, 16, 4])
    arguments.add_argument("--frames", type=int, nargs="*", default=[500, 125, 250, 1000])
    arguments.add_argument("--sentences", type=int, nargs="*", default=[4, 8])
    arguments.add_argument("--size", choices=sorted(tacotron2.PRESETS), default="full")
    main(__file__, cases, arguments.parse_args())
