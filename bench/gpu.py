"""The networks on one GPU against NVIDIA's published way, measured side by side in one run.

    python bench/gpu.py [--case TEXT] [--only WAY …] [--json FILE] [--quick] [--minutes 10]
    python bench/gpu.py --profile FILE [--case TEXT] [--only WAY …]      the kernels of each call instead, by their time
    python bench/gpu.py --device cpu --tiny          try the script itself where there is no GPU

It needs torch and numpy alone, but for HiFi-GAN, whose mel filters need what speech/audio.py imports (librosa, scipy,
soundfile, soxr): where they are missing, its rows say so.

The oracles run eagerly; what NVIDIA's code takes from torch they take from there too (`PublishedTacotron2`,
`PublishedWaveGlow`), and their Adam is fused as ours is. "float32" is that throughout: TF32 is off, also for
convolutions, where torch has it on by default. "bf16" is autocast in training; an oracle speaks with its weights in
bf16, as NVIDIA's notebook does with float16. A training step is what speech/update.py does with a batch: forward,
loss, backward, clip, Adam.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import events, kernels
from bench.measure import Call, Case
from bench.tacotron2 import FRAMES, FRAMES_A_SYMBOL
from bench.waveglow import FRAMES_A_SECOND, SIGMA, random_model, segments
from speech import devices
from speech.acoustic import _free, _loops, tacotron2
from speech.config import TrainingConfig
from speech.optimizers import adam
from speech.vocoder import waveglow
from tests.speech.acoustic.builders import Batch, random_batch
from tests.speech.oracles.tacotron2 import Tacotron2Oracle, published_loss
from tests.speech.oracles.waveglow import WaveGlowOracle

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
OURS = {"float32": "float32", "bf16": "bf16"}  # ways and their precisions
ORACLE = {"oracle": "float32"}
ORACLES = {**ORACLE, "oracle bf16": "bf16"}
EAGER = {"eager loops": "float32", "eager loops bf16": "bf16"}  # ours without the kernels
COMPACT = replace(tacotron2.PRESETS["compact"], guided_attention_weight=0.0)  # the oracle's loss knows none
VERSIONS = {"V1": "full", "V2": "v2", "V3": "v3", "compact": "compact"}  # of HiFi-GAN, and their presets


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    copied: int = 2 * 10**9  # bytes
    square: int = 8192
    full: tacotron2.Config = tacotron2.PRESETS["full"]
    compact: tacotron2.Config = COMPACT
    frames: Sequence[int] = tuple(FRAMES)  # of clips that share a bucket
    short_frames: Sequence[int] = range(280, 199, -5)  # likewise, for the compact network
    batches: Sequence[int] = (64, 16)
    large_batch: int = 128  # for ours in bf16 alone
    spoken: int = 500  # frames
    sentences: int = 8
    together: int = 600  # frames
    flow: waveglow.Config = waveglow.PRESETS["full"]
    flow_seconds: float = 6.0
    flow_batch: int = 12
    gans: Mapping[str, str] = field(default_factory=VERSIONS.copy)
    gan_seconds: float = 7.0
    gan_batch: int = 16
    gan_segment: int = 8192  # samples


TRIAL = replace(tacotron2.PRESETS["trial"], guided_attention_weight=0.0)
TINY = Sizes(
    copied=1000,
    square=32,
    full=replace(TRIAL, reduction=1, published_padding=True),
    compact=TRIAL,
    frames=(12, 9),
    short_frames=(12, 9),
    batches=(2,),
    large_batch=3,
    spoken=6,
    sentences=2,
    together=6,
    flow=replace(waveglow.PRESETS["trial"], flows=3, layers=2, channels=8, segment=1024),
    flow_seconds=0.05,
    flow_batch=2,
    gans={"V1": "trial", "compact": "compact"},
    gan_seconds=0.05,
    gan_batch=2,
    gan_segment=2048,
)


class PublishedTacotron2(Tacotron2Oracle):
    """The oracle with the encoder's LSTM as NVIDIA has it: torch's own, which is cuDNN's on a GPU."""

    @cached_property
    def lstm(self) -> nn.LSTM:
        """Without weights of its own."""
        gates, inputs = self.w["encoder.lstm.weight_ih_l0"].shape
        return nn.LSTM(inputs, gates // 4, batch_first=True, bidirectional=True, device="meta").train(self.training)

    def recur_encoder(self, x: Tensor, lengths: Tensor) -> Tensor:
        weights = {name: self.w[f"encoder.lstm.{name}"] for name, _ in self.lstm.named_parameters()}
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, _ = torch.func.functional_call(self.lstm, weights, (packed,))
        memory, _ = pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])
        return memory.to(x.dtype)  # under autocast torch runs cuDNN's LSTM in float16, whatever was asked for


class PublishedWaveGlow(WaveGlowOracle):
    """The oracle with torch's own weight norm, as NVIDIA has it."""

    def __init__(self, config: waveglow.Config, weights: Mapping[str, Tensor]) -> None:
        super().__init__(weights, group=config.group, early_every=config.early_every, early_size=config.early_size)

    def weight(self, name: str) -> Tensor:
        return torch._weight_norm(self.w[f"{name}.weight_v"], self.w[f"{name}.weight_g"], 0)

    def keep(self) -> PublishedWaveGlow:
        """For speech: NVIDIA's removes the weight norm and inverts the mixes once."""
        self.weight, self.unmixed = cache(self.weight), cache(self.unmixed)
        return self


def copying(count: int, device: torch.device) -> Call:
    source = torch.zeros(count, dtype=torch.uint8, device=device)
    return partial(torch.empty_like(source).copy_, source)


def multiplying(size: int, device: torch.device, precision: str) -> Call:
    left, right = (torch.randn(size, size, device=device).to(DTYPES[precision]) for _ in range(2))
    return partial(torch.mm, left, right, out=torch.empty_like(left))


def ours(recipe: Any, model: nn.Module, batch: Any, device: torch.device, precision: str) -> Call:
    """One step of all optimisers; model and batch are on the device."""
    optimizers = recipe.optimizers(model)

    def step() -> None:
        losses = recipe.losses(model, batch)
        while True:
            with devices.autocast(device, precision):
                item = next(losses, None)
            if item is None:
                return
            name, loss, _ = item
            optimizers[name].zero_grad()
            loss.backward()
            clip_grad_norm_(recipe.parameters(model, name), recipe.training.clip_norm)
            optimizers[name].step()

    return step


def theirs(
    loss_of: Callable[[], Tensor], learned: list[Any], training: TrainingConfig, device: torch.device, precision: str
) -> Call:
    """The same for an oracle."""
    optimizer = adam(learned, training)

    def step() -> None:
        with devices.autocast(device, precision):
            loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(learned, training.clip_norm)
        optimizer.step()

    return step


def batch_of(config: tacotron2.Config, frames: Sequence[int], device: torch.device) -> Batch:
    batch = random_batch(config, [round(count / FRAMES_A_SYMBOL) for count in frames], list(frames))
    return Batch(**{name: value.to(device) for name, value in vars(batch).items()})


def tacotron_step(config: tacotron2.Config, frames: Sequence[int], device: torch.device, precision: str) -> Call:
    recipe = tacotron2.Recipe(config, TrainingConfig(**tacotron2.Recipe.defaults))
    model = tacotron2.Model(config).train().to(device)
    return ours(recipe, model, batch_of(config, frames, device), device, precision)


def tacotron_oracle_step(config: tacotron2.Config, frames: Sequence[int], device: torch.device, precision: str) -> Call:
    batch, model = batch_of(config, frames, device), tacotron2.Model(config).to(device)
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    learned = [weights[name].requires_grad_(True) for name, _ in model.named_parameters()]
    oracle = PublishedTacotron2(
        weights,
        reduction=config.reduction,
        training=True,
        mask_padding=not config.published_padding,
        rates=(config.convolution_dropout, config.prenet_dropout, config.attention_dropout, config.decoder_dropout),
    )

    def loss() -> Tensor:
        spoken = oracle.forced(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
        return published_loss(spoken, batch.mels, batch.gates)

    return theirs(loss, learned, TrainingConfig(**tacotron2.Recipe.defaults), device, precision)


def tacotron_speech(
    config: tacotron2.Config, frames: Sequence[int], device: torch.device, precision: str
) -> Callable[[], tacotron2.AcousticInference]:
    """The gate never opens, so that as many frames are made as the longest of the sentences has."""
    model, batch = tacotron2.Model(config).eval().to(device), batch_of(config, frames, device)
    return partial(
        model.infer,
        batch.symbols,
        batch.symbol_lengths,
        max_frames=max(frames),
        gate_threshold=1.0,
        precision=precision,
    )


def tacotron_oracle_speech(
    config: tacotron2.Config, frames: Sequence[int], device: torch.device, precision: str
) -> Call:
    """One sentence."""
    model, batch = tacotron2.Model(config).to(device, DTYPES[precision]), batch_of(config, frames, device)
    rates = 0.0, config.prenet_dropout, 0.0, 0.0
    oracle = PublishedTacotron2(model.state_dict(), reduction=config.reduction, rates=rates)
    return torch.no_grad()(partial(oracle.free, batch.symbols, max_frames=frames[0], threshold=1.0))


def flow_batch(config: waveglow.Config, size: int, device: torch.device) -> argparse.Namespace:
    batch = segments(config, size)
    return argparse.Namespace(mels=batch.mels.to(device), samples=batch.samples.to(device))


def flow_step(config: waveglow.Config, size: int, device: torch.device, precision: str) -> Call:
    recipe = waveglow.Recipe(config, TrainingConfig(**waveglow.Recipe.defaults))
    model = random_model(config).train().to(device)
    return ours(recipe, model, flow_batch(config, size, device), device, precision)


def flow_oracle_step(config: waveglow.Config, size: int, device: torch.device, precision: str) -> Call:
    batch, model = flow_batch(config, size, device), random_model(config).to(device)
    weights = {name: value.detach().clone().requires_grad_(True) for name, value in model.state_dict().items()}
    loss = partial(PublishedWaveGlow(config, weights).loss, batch.mels, batch.samples)
    return theirs(loss, list(weights.values()), TrainingConfig(**waveglow.Recipe.defaults), device, precision)


def random_mel(bands: int, frames: int, device: torch.device) -> Tensor:
    return torch.randn(1, bands, frames, device=device) - 4.0


def flow_speech(config: waveglow.Config, frames: int, device: torch.device, precision: str) -> Call:
    model, mel = random_model(config).eval().to(device), random_mel(config.n_mels, frames, device)
    return partial(model.infer, mel, sigma=SIGMA, precision=precision)


def flow_oracle_speech(config: waveglow.Config, frames: int, device: torch.device) -> Call:
    model, mel = random_model(config).to(device), random_mel(config.n_mels, frames, device)
    oracle, vectors = PublishedWaveGlow(config, model.state_dict()).keep(), frames * config.hop_length // config.group

    def speak() -> None:
        with torch.no_grad():
            oracle.to_samples(mel, torch.randn(1, config.group, vectors, device=device) * SIGMA)

    return speak


def both(sizes: Sizes, device: torch.device, precision: str) -> Call:
    """From symbols to samples."""
    acoustic = tacotron_speech(sizes.full, [sizes.together], device, precision)
    vocoder = random_model(sizes.flow).eval().to(device)
    return lambda: vocoder.infer(acoustic().mel, sigma=SIGMA, precision=precision)


def gan_speech(preset: str, frames: int, device: torch.device, precision: str) -> Call:
    """`precision` "plain": the network as it is trained, eager, weight norm and all."""
    from speech.vocoder import hifi_gan  # see the module's docstring

    model = hifi_gan.Model(hifi_gan.PRESETS[preset]).eval().to(device)
    mel = random_mel(model.config.n_mels, frames, device)
    if precision == "plain":
        return torch.inference_mode()(partial(model, mel))
    return partial(model.infer, mel, precision=precision)


def gan_step(preset: str, size: int, segment: int, device: torch.device, precision: str) -> Call:
    from speech.vocoder import hifi_gan

    config = hifi_gan.PRESETS[preset]
    mels = torch.randn(size, config.n_mels, segment // config.hop_length, device=device) - 4.0
    batch = argparse.Namespace(mels=mels, samples=0.3 * torch.randn(size, segment, device=device))
    recipe = hifi_gan.Recipe(config, TrainingConfig(**hifi_gan.Recipe.defaults))
    return ours(recipe, hifi_gan.Model(config).train().to(device), batch, device, precision)


def each(ways: Mapping[str, str], work: Callable[..., Call], *given: Any) -> dict[str, Callable[[], Call]]:
    """`work` in the precision of each way."""
    return {way: partial(work, *given, precision) for way, precision in ways.items()}


def limits(sizes: Sizes, device: torch.device) -> Iterator[Case]:
    """What the GPU can do at best; copying counts the bytes read and the bytes written."""
    ways = {"torch": partial(copying, sizes.copied, device)}
    yield Case(f"copying {sizes.copied / 1e9:g} GB", ways, 2 * sizes.copied / 1e12, "TB")
    ways = each(OURS, multiplying, sizes.square, device)
    yield Case(f"products of {sizes.square:,} squared", ways, 2 * sizes.square**3 / 1e12, "TFLOP")


def eager(work: Callable[..., Call], *given: Any) -> Call:
    """`work` without the kernels of speech/acoustic/_fused.py."""
    call = work(*given)

    def run() -> None:
        with patch.object(_loops, "fused", return_value=None), patch.object(_free, "fused", return_value=None):
            call()

    return run


def taken(frames: Sequence[int], size: int) -> list[int]:
    return list(islice(cycle(frames), size))


def tacotron_cases(sizes: Sizes, device: torch.device) -> Iterator[Case]:
    for size in sizes.batches:
        given = sizes.full, taken(sizes.frames, size), device
        ways = {**each(ORACLES, tacotron_oracle_step, *given), **each(OURS, tacotron_step, *given)}
        if size == sizes.batches[0]:
            ways |= each(EAGER, eager, tacotron_step, *given)
        yield Case(f"Tacotron 2 training step, batch {size}", ways, sum(given[1]), "frames")
    given = sizes.full, taken(sizes.frames, sizes.large_batch), device
    ways = each({"bf16": "bf16"}, tacotron_step, *given)
    yield Case(f"Tacotron 2 training step, batch {sizes.large_batch}", ways, sum(given[1]), "frames")
    size, reduction = sizes.batches[0], sizes.compact.reduction
    given = sizes.compact, taken([count // reduction * reduction for count in sizes.short_frames], size), device
    ways = {**each(ORACLE, tacotron_oracle_step, *given), **each(OURS, tacotron_step, *given)}
    yield Case(f"compact training step, batch {size}", ways, sum(given[1]), "frames")
    frames, sentences = sizes.spoken, sizes.sentences
    given = sizes.full, [frames], device
    ways = {
        **each(ORACLES, tacotron_oracle_speech, *given),
        **each(OURS, tacotron_speech, *given),
        **each(EAGER, eager, tacotron_speech, *given),
    }
    yield Case(f"Tacotron 2 speaking {frames} frames", ways, frames / FRAMES_A_SECOND, "s of sound")
    ways = each(OURS, tacotron_speech, sizes.full, [frames] * sentences, device)
    seconds = sentences * frames / FRAMES_A_SECOND
    yield Case(f"Tacotron 2 speaking {sentences} × {frames} frames", ways, seconds, "s of sound")


def flow_cases(sizes: Sizes, device: torch.device) -> Iterator[Case]:
    frames = round(sizes.flow_seconds * FRAMES_A_SECOND)
    given = sizes.flow, frames, device
    ways = {"oracle": partial(flow_oracle_speech, *given), **each(OURS, flow_speech, *given)}
    yield Case(f"WaveGlow, {sizes.flow_seconds:g} s", ways, frames / FRAMES_A_SECOND, "s of sound")
    given = sizes.flow, sizes.flow_batch, device
    ways = {**each(ORACLES, flow_oracle_step, *given), **each(OURS, flow_step, *given)}
    samples = sizes.flow_batch * sizes.flow.segment
    yield Case(f"WaveGlow training step, batch {sizes.flow_batch}", ways, samples, "samples")
    ways, seconds = each(OURS, both, sizes, device), sizes.together / FRAMES_A_SECOND
    yield Case(f"Tacotron 2 and WaveGlow, {sizes.together} frames", ways, seconds, "s of sound")


def gan_cases(sizes: Sizes, device: torch.device) -> Iterator[Case]:
    frames = round(sizes.gan_seconds * FRAMES_A_SECOND)
    for version, preset in sizes.gans.items():
        ways = each({"plain": "plain", **OURS}, gan_speech, preset, frames, device)
        yield Case(f"HiFi-GAN {version}, {sizes.gan_seconds:g} s", ways, frames / FRAMES_A_SECOND, "s of sound")
    ways = each(OURS, gan_step, sizes.gans["V1"], sizes.gan_batch, sizes.gan_segment, device)
    samples = sizes.gan_batch * sizes.gan_segment
    yield Case(f"HiFi-GAN V1 training step, batch {sizes.gan_batch}", ways, samples, "samples")


def main(arguments: Sequence[str] | None = None) -> list[events.Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    parser.add_argument("--only", nargs="*", default=[], metavar="WAY")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--quick", action="store_true", help="3 rounds, not 7")
    parser.add_argument("--minutes", type=float, default=10.0, help="when they are over, what is left has one round")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="networks and work too small to mean anything, and 1 round")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="what each call makes the GPU do; no figures")
    options = parser.parse_args(arguments)
    device, sizes = devices.choose(options.device), TINY if options.tiny else Sizes()
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    parts = limits, tacotron_cases, flow_cases, gan_cases
    cases = (case for part in parts for case in part(sizes, device) if options.case in case.name)
    if options.profile:
        kernels.write(cases, device, options.only, options.profile)
        return []
    return events.run(
        cases,
        device,
        rounds=1 if options.tiny else 3 if options.quick else 7,
        minutes=options.minutes,
        only=options.only,
        file=options.json,
    )


if __name__ == "__main__":
    main()
