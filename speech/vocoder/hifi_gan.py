"""HiFi-GAN (Kong, Kim, Bae 2020, arXiv 2010.05646): a generator that turns a mel into a wave in one pass.

Parameter names are the published ones (`conv_pre`, `ups.i`, `resblocks.j.convs1.k`, `conv_post`, each with `weight_g`
and `weight_v`), so that public generators load with `strict=True`. It is what lets a CPU speak faster than real time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech.config import MOST_LAYERS, AudioConfig, Settings, TrainingConfig
from speech.errors import BadConfig
from speech.kept import kept_with
from speech.products import cast_by_hand
from speech.vocoder import _source
from speech.vocoder._discriminators import SLOPE, Discriminators, normed
from speech.vocoder._fit import fit
from speech.vocoder._fold import Folded
from speech.vocoder._source import CHANNELS, LOWEST, WINDOW, Source
from speech.vocoder._spectra import WINDOWS, full_band_mel, stft_loss

if TYPE_CHECKING:
    from speech.dataset import VocoderBatch


@dataclass(frozen=True)
class Config(Settings):
    """Sizes of the generator and of the discriminators that train it; the defaults are the published V1."""

    sample_rate: int = 22_050  # of the front end, as all up to `n_mels`; its hop length is told by the rates
    n_fft: int = 1024
    win_length: int = 1024
    f_min: float = 0.0
    f_max: float = 8000.0
    clip_floor: float = 1e-5
    n_mels: int = 80
    resblock: int = 1  # 1: two convolutions a dilation, 2: one
    upsample_rates: tuple[int, ...] = (8, 8, 2, 2)  # their product is the hop length
    upsample_kernel_sizes: tuple[int, ...] = (16, 16, 4, 4)
    upsample_initial_channel: int = 512
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    segment: int = 8192  # samples of one training example
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    scales: int = 3
    discriminator_width: float = 1.0  # share of the published channels; a CPU cannot afford them all
    mel_weight: float = 45.0
    feature_weight: float = 2.0
    adversarial_from: int = 0  # before this step the generator learns from the mel and the spectra alone
    source: bool = False  # whether pulses at the mel's pitch excite the generator, see `_source`; not published
    source_learns: bool = True  # a mel that a network made tells the pitch less surely, and would teach it wrongly
    spectral_weight: float = 0.0  # of `stft_loss`, before `adversarial_from`: what a small budget learns by
    # Of `fit`, when it speaks. None for one that a teacher taught: it learned to say more than such mels tell.
    fitting_rounds: int = 0

    def __post_init__(self) -> None:
        if len(self.upsample_rates) != len(self.upsample_kernel_sizes):
            raise BadConfig(
                f"{len(self.upsample_rates)} upsample_rates and {len(self.upsample_kernel_sizes)} "
                "upsample_kernel_sizes: give one kernel a rate.",
                code="bad_upsampling",
            )
        if self.fitting_rounds < 0:
            raise BadConfig(
                f"fitting_rounds is {self.fitting_rounds}; it is 0 (off) or more, and 1 is usual.",
                code="bad_setting", fitting_rounds=self.fitting_rounds,
            )  # fmt: skip
        # JSON knows lists only: a nested one comes back as lists
        dilations = tuple(tuple(part) for part in self.resblock_dilations)
        object.__setattr__(self, "resblock_dilations", dilations)
        if bad := self._impossible():
            values = ", ".join(f"{name}={getattr(self, name)}" for name in bad)
            raise BadConfig(
                f"HiFi-GAN cannot be built with {values}: sizes are at least 1, resblock 1 or 2, an upsampling kernel "
                "is its rate and an even number more, blocks have odd kernels and dilations of their own, channels "
                "are left behind the last upsampling, one discriminator at least, weights from 0, and a segment is "
                f"longer than the {self._longest_mirror} samples that its spectra mirror.",
                code="bad_size",
                names=bad,
            )

    def _impossible(self) -> list[str]:
        """The settings that no network can be built with, or none that learns."""
        upsampling = list(zip(self.upsample_rates, self.upsample_kernel_sizes, strict=True))
        blocks, dilations = self.resblock_kernel_sizes, self.resblock_dilations
        good = {
            "upsample_rates": 0 < len(upsampling) <= MOST_LAYERS and all(rate > 0 for rate, _ in upsampling),
            "upsample_kernel_sizes": all(kernel >= rate and (kernel - rate) % 2 == 0 for rate, kernel in upsampling),
            "upsample_initial_channel": self.upsample_initial_channel >> len(upsampling) > 0,
            "resblock": self.resblock in (1, 2),
            "resblock_kernel_sizes": 0 < len(blocks) <= MOST_LAYERS and all(one > 0 and one % 2 for one in blocks),
            "resblock_dilations": len(dilations) == len(blocks)
            and len(upsampling) * sum(map(len, dilations)) <= MOST_LAYERS
            and all(some and min(some) > 0 for some in dilations),
            "periods": len(self.periods) <= MOST_LAYERS and all(one > 0 for one in self.periods),
            "scales": 0 <= self.scales <= MOST_LAYERS and self.scales + len(self.periods) > 0,
            "discriminator_width": self.discriminator_width > 0.0,
        }
        good |= {name: getattr(self, name) >= 0 for name in ("mel_weight", "feature_weight", "spectral_weight")}
        if bad := [name for name, right in good.items() if not right]:
            return bad
        audio = self.audio  # raises BadConfig
        source = not self.source or (audio.hop_length <= WINDOW and audio.hop_length % 2 == 0)
        heard = not self.source or audio.sample_rate < WINDOW * LOWEST
        right = {"segment": self.segment > self._longest_mirror, "upsample_rates": source, "sample_rate": heard}
        return [name for name, one in right.items() if not one]

    @property
    def _longest_mirror(self) -> int:
        """Samples of a segment's ends that the losses' spectra reflect."""
        return max((self.n_fft - self.hop_length) // 2, max(WINDOWS)[0] // 2 if self.spectral_weight else 0)

    @property
    def hop_length(self) -> int:
        return math.prod(self.upsample_rates)

    @property
    def audio(self) -> AudioConfig:
        own = {one.name: getattr(self, one.name) for one in fields(AudioConfig)}
        return AudioConfig(**own)


_SMALL_BLOCKS: dict[str, Any] = {
    "resblock": 2,
    "upsample_rates": (8, 8, 4),
    "upsample_kernel_sizes": (16, 16, 8),
    "upsample_initial_channel": 256,
    "resblock_kernel_sizes": (3, 5, 7),
    "resblock_dilations": ((1, 2), (2, 6), (3, 12)),
}
PRESETS: dict[str, Config] = {
    "full": Config(),  # V1
    "v2": Config(upsample_initial_channel=128),
    "v3": Config(**_SMALL_BLOCKS),
    # V3 in half as many channels, with a source. After two minutes of one thread such a V3 had come to a mel loss of
    # 0.75 by mel and spectra, V2 to 1.07 by the mel alone (both at a rate of 1e-3).
    "compact": Config(
        **{**_SMALL_BLOCKS, "upsample_initial_channel": 128},
        scales=0,  # their grouped convolutions take three quarters of a step on a CPU
        discriminator_width=0.25,
        source=True,
        adversarial_from=100_000,  # within thousands of steps discriminators this small take more than they give
        spectral_weight=15.0,
        fitting_rounds=1,
    ),
    "trial": Config(
        **{**_SMALL_BLOCKS, "upsample_initial_channel": 32},
        periods=(2, 5),
        scales=1,
        discriminator_width=0.0625,
        segment=4096,
    ),
}
# Mel and spectra, with which it begins, bear a higher rate than discriminators do.
TRAINING: dict[str, dict[str, Any]] = {"compact": {"batch_size": 8, "learning_rate": 7e-4}}


def _same(kernel: int, dilation: int = 1) -> int:
    return (kernel * dilation - dilation) // 2


def _small_start(module: nn.Module) -> None:
    """As published: weights of the generator begin at N(0, 0.01)."""
    if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
        module.weight.data.normal_(0.0, 0.01)


class ResBlock1(nn.Module):
    """Residual block of V1 and V2: for each dilation a dilated and a plain convolution."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=_same(kernel, d)) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, padding=_same(kernel)) for _ in dilations)

    def steps(self) -> list[tuple[nn.Module, ...]]:
        """The convolutions between two sums."""
        return list(zip(self.convs1, self.convs2, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """x: [B, C, S'] → the same shape."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, SLOPE)), SLOPE))
        return x


class ResBlock2(nn.Module):
    """Residual block of V3: one dilated convolution a dilation."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=_same(kernel, d)) for d in dilations
        )

    def steps(self) -> list[tuple[nn.Module, ...]]:
        """The convolutions between two sums."""
        return [(convolution,) for convolution in self.convs]

    def forward(self, x: Tensor) -> Tensor:
        """x: [B, C, S'] → the same shape."""
        for conv in self.convs:
            x = x + conv(F.leaky_relu(x, SLOPE))
        return x


class Model(nn.Module):
    """The generator."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        channels = config.upsample_initial_channel
        block = ResBlock1 if config.resblock == 1 else ResBlock2
        self.conv_pre = nn.Conv1d(config.n_mels, channels, 7, padding=3)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            up = nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding=(kernel - rate) // 2)
            self.ups.append(up)
            channels //= 2
            for size, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilations, strict=True):
                self.resblocks.append(block(channels, size, dilations))
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3)
        for part in (self.ups, self.conv_post):
            part.apply(_small_start)
        self.resblocks.apply(_small_start)
        self._normalise()
        self.source = Source(config.audio) if config.source else None
        self.excited = nn.ModuleList(self._inlets() if config.source else ())

    def _inlets(self) -> Iterator[nn.Conv1d]:
        """What brings an excitation to the rate and the channels behind each of `ups`."""
        left = self.config.hop_length
        for up, rate in zip(self.ups, self.config.upsample_rates, strict=True):
            left //= rate
            sizes = (2 * left, left, left // 2) if left > 1 else (7, 1, 3)
            yield nn.Conv1d(CHANNELS, cast(nn.ConvTranspose1d, up).out_channels, *sizes)

    def _normalise(self) -> None:
        for module in list(self.modules()):
            if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
                normed(module)

    def forward(self, mel: Tensor, excitation: Tensor | None = None) -> Tensor:
        """mel: [B, M, T] float32 log amplitude → samples: [B, S], S = T · hop length, in −1..1.

        `excitation`, [B, 2, S], is for a generator with a source, which else makes it of the mel.
        """
        shaped: Tensor | None = None
        if self.source is not None:
            shaped = self.source.shape(mel, self.source(mel, seed=0) if excitation is None else excitation)
        x = self.conv_pre(mel)
        blocks = len(self.config.resblock_kernel_sizes)
        for index, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            if shaped is not None:
                x = x + self.excited[index](shaped)
            summed = self.resblocks[index * blocks](x)
            for block in self.resblocks[index * blocks + 1 : (index + 1) * blocks]:
                summed = summed + block(x)
            x = summed / blocks
        x = self.conv_post(F.leaky_relu(x)).squeeze(1)
        return torch.tanh(x if shaped is None else x + shaped.sum(1))

    def fold(self) -> Model:
        """Weight norm becomes plain weights: the same sound, sooner. For inference only; returns itself."""
        for module in self.modules():
            if hasattr(module, "weight_g"):
                nn.utils.remove_weight_norm(module)
        return self

    def _folded_for(self, dtype: torch.dtype) -> Folded:
        each, blocks = len(self.config.resblock_kernel_sizes), list(self.resblocks)
        groups = [blocks[start : start + each] for start in range(0, len(blocks), each)]
        return Folded(self.conv_pre, list(self.ups), groups, self.conv_post, list(self.excited), dtype)

    @torch.inference_mode()
    def infer(
        self,
        mel: Tensor,
        *,
        sigma: float = 1.0,
        seed: int = 0,
        precision: str = "float32",
        chunk: int = 512,
        context: int = 16,
    ) -> Tensor:
        """mel: [B, M, T] → samples: [B, T · hop]. `seed` is that of a source's noise.

        `sigma`: 0 asks for the network's own sound, which is not fitted to the mel; other values change nothing.

        `precision` is that of the products, "float32" or "bf16"; under autocast it is autocast's.
        Long mels pass in chunks of `chunk` frames with `context` frames on both sides, so that memory stays bounded.
        The receptive field of V1 and V2 reaches fewer than 14 frames to each side, V3's fewer than 12, so that with 16
        the chunks equal the whole.
        """
        frames, hop = mel.shape[2], self.config.hop_length
        parts = []
        excitation = None if self.source is None else self.source(mel, seed=seed)
        with cast_by_hand(mel.device, precision) as dtype:
            network = kept_with(self, "_folded", lambda: self._folded_for(dtype), dtype)
            for start in range(0, frames, chunk):
                left = max(0, start - context)
                right = min(start + chunk + context, frames)
                piece, shaped = mel[:, :, left:right], None
                if self.source is not None and excitation is not None:
                    shaped = self.source.shape(piece, excitation[:, :, left * hop : right * hop])
                sound = network(piece, SLOPE, shaped)
                parts.append(sound[:, (start - left) * hop : (min(start + chunk, frames) - left) * hop])
            whole = torch.cat(parts, dim=1)
            if self.config.fitting_rounds and sigma:
                whole = fit(whole.float(), mel, self.config.audio, self.config.fitting_rounds, chunk=chunk)
        return whole


class Recipe:
    """Least-squares GAN with feature matching and a mel loss (equations 1 to 7 of the paper); two optimisers.

    Where the configuration asks for it, spectra of three lengths come first, and a source learns the pitch beside.
    """

    kind: ClassVar[str] = "vocoder"
    defaults: ClassVar[dict[str, Any]] = {
        "batch_size": 16,
        "learning_rate": 2e-4,
        "weight_decay": 0.01,
        "clip_norm": 1000.0,  # published without clipping: this only refuses what is not finite
    }
    going_on: ClassVar[dict[str, Any]] = {"warmup_steps": 50, "anneal": "cosine", "final_rate": 0.05, "ema": 0.99}

    def __init__(self, config: Config, training: TrainingConfig) -> None:
        self.config = config
        self.training = training
        self.audio = config.audio
        self.discriminators = Discriminators(config.periods, config.scales, config.discriminator_width)

    def modules(self) -> dict[str, nn.Module]:
        """What must be kept for a resume, and is no part of the voice."""
        return {"discriminators": self.discriminators}

    def optimizers(self, model: Model) -> dict[str, torch.optim.Optimizer]:
        def adam(module: nn.Module) -> torch.optim.Optimizer:
            return torch.optim.AdamW(
                [one for one in module.parameters() if one.requires_grad],
                lr=self.training.learning_rate,
                betas=(0.8, 0.99),
                weight_decay=self.training.weight_decay,
                fused=True,
            )

        self.discriminators.to(next(model.parameters()).device)
        if model.source is not None:
            model.source.requires_grad_(self.config.source_learns)
        return {"generator": adam(model), "discriminator": adam(self.discriminators)}

    def parameters(self, model: Model, name: str) -> list[nn.Parameter]:
        module = model if name == "generator" else self.discriminators
        return list(module.parameters())

    def losses(
        self, model: Model, batch: VocoderBatch, *, step: int = 0
    ) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yields the discriminators' loss first, then the generator's."""
        mels, real = batch.mels, batch.samples
        excitation, missed = self._excite(model, mels, real)
        made = model(mels, excitation)
        adversarial = step >= self.config.adversarial_from
        if adversarial:
            # One pass over real and made together: half the launches, the same scores.
            scores, _ = self.discriminators(torch.cat((real, made.detach())))
            halves = [score.chunk(2) for score in scores]
            loss = torch.stack([((1 - true) ** 2).mean() + (fake**2).mean() for true, fake in halves]).sum()
            yield "discriminator", loss, {"discriminator": loss}
        mel = F.l1_loss(full_band_mel(made, self.audio), full_band_mel(real, self.audio))
        terms = {"mel": (self.config.mel_weight, mel)}
        if missed is not None:
            terms["pitch"] = 1.0, missed
        if adversarial:
            fooled, matched = self._judge(made, real)
            terms |= {"adversarial": (1.0, fooled), "features": (self.config.feature_weight, matched)}
        elif self.config.spectral_weight:
            terms["spectra"] = self.config.spectral_weight, stft_loss(made, real)
        loss = torch.stack([weight * term.float() for weight, term in terms.values()]).sum()
        yield "generator", loss, {"loss": loss, **{name: term for name, (_, term) in terms.items()}}

    def _excite(self, model: Model, mels: Tensor, real: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The true pitch's excitation [B, 2, S], and how far the source misses that pitch; nothing without a source.

        A source that does not learn is not asked what it hears.
        """
        if model.source is None:
            return None, None
        true = _source.measure(real, self.audio.hop_length, self.audio.sample_rate)
        missed = _source.loss(model.source.hear(mels), true) if self.config.source_learns else None
        return model.source.excite(*true), missed

    def _judge(self, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """How far the discriminators are from taking what was made for real, and their features from one another."""
        with torch.no_grad():
            _, real_features = self.discriminators(real)
        scores, made_features = self.discriminators(made)
        fooled = torch.stack([((1 - score) ** 2).mean() for score in scores]).sum()
        pairs = [
            F.l1_loss(ours, theirs)
            for mine, true in zip(made_features, real_features, strict=True)
            for ours, theirs in zip(mine, true, strict=True)
        ]
        return fooled, torch.stack(pairs).sum()

    @torch.no_grad()
    def evaluate(self, model: Model, batch: VocoderBatch, *, step: int = 0) -> dict[str, float]:
        """L1 distance of the full-band log mels, which does not depend on the discriminators' mood."""
        mel = F.l1_loss(full_band_mel(model(batch.mels), self.audio), full_band_mel(batch.samples, self.audio))
        return {"loss": float(mel), "mel": float(mel)}
