"""Whether the vectorised training loop learns as the published one does, which drops recurrent states step by step.

    python bench/dropout.py [--base CHECKPOINT] [--steps 200] [--seeds 3] [--out FILE.png]

Both forms are fine-tuned from the same weights over the same batches in the same order: ours, which draws the masks
of all steps up front and multiplies with them in hand-written loops, and the step-by-step oracle, which calls
`dropout` at every step and is differentiated by autograd. The clips are spoken by the eleven voices of espeak-ng that
are not the base's; the weights are a base's (--base), or those of a trial-sized network that has learned the main
voice for a while. The held-out loss is taken with every dropout off and the batch's own statistics.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from speech import checkpoint
from speech.acoustic import tacotron2
from speech.base.corpus import corpus_make
from speech.batches import AcousticBatch, AcousticBatches, collate_acoustic
from speech.config import AudioConfig, TextConfig
from speech.dataset import Manifest, prepare
from tests.speech.oracles.tacotron2 import Spoken, Tacotron2Oracle, published_loss

ROOT = Path(__file__).resolve().parent.parent
Weights = dict[str, Tensor]
Forward = Callable[[AcousticBatch], Spoken]


@dataclass
class Curve:
    training: list[float]
    held_out: list[float]  # every EVERY steps, from 0 on
    seconds: float


EVERY = 25
LONGEST = 25  # characters of a sentence


def padded(batch: AcousticBatch, reduction: int) -> AcousticBatch:
    """The oracle wants whole steps."""
    more = -batch.mels.size(2) % reduction
    mels, gates = functional.pad(batch.mels, (0, more)), functional.pad(batch.gates, (0, more), value=1.0)
    return replace(batch, mels=mels, gates=gates)


def ours(model: tacotron2.Model) -> Forward:
    def forward(batch: AcousticBatch) -> Spoken:
        made = model(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
        return Spoken(made.mel, made.mel_post, made.gate, made.alignment)

    return forward


def step_by_step(model: tacotron2.Model) -> Forward:
    """On the model's own parameters."""
    config, weights = model.config, dict(model.state_dict(keep_vars=True))
    rates = config.convolution_dropout, config.prenet_dropout, config.attention_dropout, config.decoder_dropout
    oracle = Tacotron2Oracle(weights, reduction=config.reduction, training=True, mask_padding=True, rates=rates)

    def forward(batch: AcousticBatch) -> Spoken:
        made = oracle.forced(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
        return replace(made, alignment=made.alignment.repeat_interleave(config.reduction, 1))

    return forward


def loss_of(spoken: Spoken, batch: AcousticBatch, config: tacotron2.Config) -> Tensor:
    guided = tacotron2.guided_attention(
        spoken.alignment, batch.symbol_lengths, batch.mel_lengths, config.guided_attention_width
    )
    return published_loss(spoken, batch.mels, batch.gates) + config.guided_attention_weight * guided


@torch.no_grad()
def held_out_loss(model: tacotron2.Model, batch: AcousticBatch) -> float:
    dry = replace(model.config, convolution_dropout=0.0, prenet_dropout=0.0, attention_dropout=0.0, decoder_dropout=0.0)
    twin = tacotron2.Model(dry).train()
    twin.load_state_dict(model.state_dict())
    return float(published_loss(ours(twin)(batch), batch.mels, batch.gates))


def batches(manifest: Manifest, size: int, reduction: int) -> Iterator[AcousticBatch]:
    order, epoch = AcousticBatches(manifest, manifest.train, size, seed=1), 0
    while True:
        for entries in order.epoch(epoch):
            yield padded(collate_acoustic(manifest, entries), reduction)
        epoch += 1


def learn(
    model: tacotron2.Model, form: Callable[[tacotron2.Model], Forward], manifest: Manifest, steps: int, seed: int
) -> Curve:
    """Adam at 1e-3, gradients clipped at 1, as published; `seed` draws the dropout."""
    torch.manual_seed(seed)
    model.train()
    forward, optimizer = form(model), torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-6)
    unseen = padded(collate_acoustic(manifest, manifest.held_out), model.config.reduction)
    curve, start = Curve([], [held_out_loss(model, unseen)], 0.0), time.process_time()
    for step, batch in zip(range(1, steps + 1), batches(manifest, 8, model.config.reduction), strict=False):
        loss = loss_of(forward(batch), batch, model.config)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        curve.training.append(float(loss.detach()))
        if step % EVERY == 0:
            curve.held_out.append(held_out_loss(model, unseen))
            print(f"  {step} {np.mean(curve.training[-EVERY:]):.4f} {curve.held_out[-1]:.4f}", flush=True)
    curve.seconds = time.process_time() - start
    return curve


def corpus(folder: Path, clips: int, others: float, seed: int) -> Manifest:
    """`others`: share of the clips that other voices than the main one speak."""
    prompts = [ROOT / "prompts/ko/core.tsv"]
    made = corpus_make(folder / "corpus", clips=clips, others=others, prompts=prompts, longest=LONGEST, seed=seed)
    return prepare(made, folder / "data", audio=AudioConfig(), text=TextConfig(), held_out=0.1, seed=1)


def base_network(path: Path) -> tacotron2.Model:
    saved = checkpoint.load(path, expect_kind="acoustic")
    model = tacotron2.Model(tacotron2.Config.from_json(saved.header.config))
    checkpoint.load_weights(model, saved)
    return model


def copy_of(model: tacotron2.Model) -> tacotron2.Model:
    twin = tacotron2.Model(model.config)
    twin.load_state_dict(model.state_dict())
    return twin


def smoothed(values: list[float], width: int = EVERY) -> np.ndarray:
    return np.convolve(values, np.ones(width) / width, mode="valid")


def picture(curves: dict[str, list[Curve]], out: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, found), colour in zip(curves.items(), ("#1f77b4", "#d95f02"), strict=True):
        for i, curve in enumerate(found):
            label = name if i == 0 else None
            steps = np.arange(EVERY, len(curve.training) + 1)
            left.plot(steps, smoothed(curve.training), color=colour, alpha=0.7, linewidth=1.2, label=label)
            right.plot(np.arange(len(curve.held_out)) * EVERY, curve.held_out, color=colour, alpha=0.7, label=label)
    for axes, title in ((left, f"training loss, mean of {EVERY} steps"), (right, "held-out loss, no dropout")):
        axes.set_title(title)
        axes.set_xlabel("step of the fine-tune")
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="of the fine-tune")
    parser.add_argument("--base", type=Path, metavar="CHECKPOINT", help="fine-tune this one (symbols of this version)")
    parser.add_argument("--before", type=int, default=400, help="steps on the first voice where there is no --base")
    parser.add_argument("--clips", type=int, default=160, help="of each corpus")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--size", choices=sorted(tacotron2.PRESETS), default="trial")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/img/dropout-curve.png")
    parser.add_argument("--json", type=Path, metavar="FILE", help="curves; seeds that it has are not learned again")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    curves: dict[str, list[Curve]] = {"masks drawn up front (ours)": [], "dropped step by step (oracle)": []}
    if options.json and options.json.exists():
        for name, kept in json.loads(options.json.read_text()).items():
            curves[name] = [Curve(**curve) for curve in kept]
    with tempfile.TemporaryDirectory() as folder:
        second = corpus(Path(folder) / "second", options.clips, 1.0, seed=5)
        if options.base:
            start = base_network(options.base)
        else:
            first = corpus(Path(folder) / "first", options.clips, 0.0, seed=0)
            start = tacotron2.Model(tacotron2.PRESETS[options.size])
            learn(start, ours, first, options.before, seed=0)
        for seed in range(options.seeds):
            for (name, found), form in zip(curves.items(), (ours, step_by_step), strict=True):
                if seed < len(found):
                    continue
                print(f"{name}, seed {seed}", flush=True)
                found.append(learn(copy_of(start), form, second, options.steps, seed))
                if options.json:
                    figures = {key: [vars(curve) for curve in value] for key, value in curves.items()}
                    options.json.write_text(json.dumps(figures))
    picture(curves, options.out)
    for name, found in curves.items():
        training = [float(np.mean(curve.training[-EVERY:])) for curve in found]
        last = [curve.held_out[-1] for curve in found]
        seconds = np.mean([curve.seconds for curve in found])
        print(f"{name}: training {np.mean(training):.4f} ({min(training):.4f}-{max(training):.4f}), held out "
              f"{np.mean(last):.4f} ({min(last):.4f}-{max(last):.4f}), {seconds:.0f} s of processor time")  # fmt: skip


if __name__ == "__main__":
    main()
