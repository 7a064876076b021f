"""HiFi-GAN (Kong, Kim, Bae 2020, arXiv 2010.05646): a generator that turns a mel into a wave in one pass.

Parameter names are the published ones (`conv_pre`, `ups.i`, `resblocks.j.convs1.k`, `conv_post`, each with `weight_g`
and `weight_v`), so that public generators load with `strict=True`. It is what lets a CPU speak faster than real time.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech.config import AudioConfig, Settings, TrainingConfig
from speech.errors import BadConfig
from speech.products import cast_by_hand
from speech.vocoder import _source
from speech.vocoder._fold import folded
from speech.vocoder._source import CHANNELS, Source

if TYPE_CHECKING:
    from speech.dataset import VocoderBatch

SLOPE = 0.1  # of the leaky rectifier, everywhere but before the last convolution
SPECTRA = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # n_fft, hop and window of `spectral_distance`


@dataclass(frozen=True)
class Config(Settings):
    """Sizes of the generator and of the discriminators that train it; the defaults are the published V1."""

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
    spectral_weight: float = 0.0  # of `spectral_distance`, before `adversarial_from`: what a small budget learns by

    def __post_init__(self) -> None:
        if len(self.upsample_rates) != len(self.upsample_kernel_sizes):
            raise BadConfig(
                f"{len(self.upsample_rates)} upsample_rates and {len(self.upsample_kernel_sizes)} "
                "upsample_kernel_sizes: give one kernel a rate.",
                code="bad_upsampling",
            )
        # JSON knows lists only: a nested one comes back as lists
        dilations = tuple(tuple(part) for part in self.resblock_dilations)
        object.__setattr__(self, "resblock_dilations", dilations)

    @property
    def hop_length(self) -> int:
        return math.prod(self.upsample_rates)


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
        adversarial_from=7000,
        spectral_weight=15.0,
    ),
    "trial": Config(
        **{**_SMALL_BLOCKS, "upsample_initial_channel": 32},
        periods=(2, 5),
        scales=1,
        discriminator_width=0.0625,
        segment=4096,
    ),
}


def _normed(module: nn.Module) -> nn.Module:
    """Weight norm under its old names, `weight_g` and `weight_v`: those of the public files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch would rather rename the parameters
        return nn.utils.weight_norm(module)


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
        self.source = Source(AudioConfig(n_mels=config.n_mels)) if config.source else None
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
                _normed(module)

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
        """mel: [B, M, T] → samples: [B, T · hop]. `seed` is that of a source's noise; `sigma` changes nothing.

        `precision` is that of the products, "float32" or "bf16"; under autocast it is autocast's.
        Long mels pass in chunks of `chunk` frames with `context` frames on both sides, so that memory stays bounded.
        The receptive field of V1 and V2 reaches fewer than 14 frames to each side, V3's fewer than 12, so that with 16
        the chunks equal the whole.
        """
        frames, hop = mel.shape[2], self.config.hop_length
        parts = []
        excitation = None if self.source is None else self.source(mel, seed=seed)
        with cast_by_hand(mel.device, precision) as dtype:
            network = folded(self, dtype)
            for start in range(0, frames, chunk):
                left = max(0, start - context)
                right = min(start + chunk + context, frames)
                heard, shaped = mel[:, :, left:right], None
                if self.source is not None and excitation is not None:
                    shaped = self.source.shape(heard, excitation[:, :, left * hop : right * hop])
                sound = network(heard, SLOPE, shaped)
                parts.append(sound[:, (start - left) * hop : (min(start + chunk, frames) - left) * hop])
        return torch.cat(parts, dim=1)


class PeriodDiscriminator(nn.Module):
    """Sees every p-th sample as a column (section 2.3 of the paper)."""

    def __init__(self, period: int, width: float) -> None:
        super().__init__()
        self.period = period
        channels = [1, *(max(4, int(c * width)) for c in (32, 128, 512, 1024))]
        pairs = itertools.pairwise(channels)
        self.convs = nn.ModuleList(_normed(nn.Conv2d(a, b, (5, 1), (3, 1), padding=(2, 0))) for a, b in pairs)
        self.convs.append(_normed(nn.Conv2d(channels[-1], channels[-1], (5, 1), 1, padding=(2, 0))))
        self.conv_post = _normed(nn.Conv2d(channels[-1], 1, (3, 1), 1, padding=(1, 0)))

    def forward(self, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        """samples: [B, 1, S] → (score [B, L], features of every layer)."""
        batch, channels, length = samples.shape
        if rest := length % self.period:
            samples = F.pad(samples, (0, self.period - rest), "reflect")
        x = samples.view(batch, channels, -1, self.period)
        return _scores(self.convs, self.conv_post, x)


class ScaleDiscriminator(nn.Module):
    """Sees the wave as it is, or averaged (section 2.3 of the paper); the first one has spectral norm."""

    LAYERS: ClassVar = (  # channels, kernel, stride, groups
        (128, 15, 1, 1),
        (128, 41, 2, 4),
        (256, 41, 2, 16),
        (512, 41, 4, 16),
        (1024, 41, 4, 16),
        (1024, 41, 1, 16),
        (1024, 5, 1, 1),
    )

    def __init__(self, width: float, *, spectral: bool) -> None:
        super().__init__()
        norm = nn.utils.spectral_norm if spectral else _normed
        self.convs = nn.ModuleList()
        before = 1
        for channels, kernel, stride, groups in self.LAYERS:
            narrow = max(16, int(channels * width) // 16 * 16)  # divisible by every group count
            conv = nn.Conv1d(before, narrow, kernel, stride, padding=kernel // 2, groups=groups)
            self.convs.append(norm(conv))
            before = narrow
        self.conv_post = norm(nn.Conv1d(before, 1, 3, 1, padding=1))

    def forward(self, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        """samples: [B, 1, S] → (score [B, L], features of every layer)."""
        return _scores(self.convs, self.conv_post, samples)


def _scores(convs: nn.ModuleList, post: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    features = []
    for conv in convs:
        x = F.leaky_relu(conv(x), SLOPE)
        features.append(x)
    x = post(x)
    features.append(x)
    return x.flatten(1), features


class Discriminators(nn.Module):
    """All of them: `mpd` over periods, `msd` over scales, each scale at half the rate of the one before."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.discriminator_width
        self.mpd = nn.ModuleList(PeriodDiscriminator(period, width) for period in config.periods)
        self.msd = nn.ModuleList(ScaleDiscriminator(width, spectral=index == 0) for index in range(config.scales))

    def forward(self, samples: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """samples: [B, S] → (scores, features), one entry a discriminator."""
        x = samples.unsqueeze(1)
        judged = [discriminator(x) for discriminator in self.mpd]
        for index, discriminator in enumerate(self.msd):
            if index:
                x = F.avg_pool1d(x, 4, 2, padding=2)
            judged.append(discriminator(x))
        return [score for score, _ in judged], [features for _, features in judged]


@lru_cache(maxsize=4)
def _mel_tools(rate: int, n_fft: int, n_mels: int, f_min: float, device: str) -> tuple[Tensor, Tensor]:
    import librosa

    filters = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=f_min, fmax=None)
    return torch.from_numpy(filters).to(device), torch.hann_window(n_fft, device=device)


def full_band_mel(samples: Tensor, audio: AudioConfig) -> Tensor:
    """samples: [B, S] → log mel [B, M, T] up to half the sampling rate: what the mel loss compares (section 2.4)."""
    filters, window = _mel_tools(audio.sample_rate, audio.n_fft, audio.n_mels, audio.f_min, str(samples.device))
    pad = (audio.n_fft - audio.hop_length) // 2
    padded = F.pad(samples.float().unsqueeze(1), (pad, pad), "reflect").squeeze(1)
    spectrum = torch.stft(padded, audio.n_fft, audio.hop_length, window=window, center=False, return_complex=True)
    magnitude = (spectrum.real**2 + spectrum.imag**2 + 1e-9).sqrt()
    return (filters @ magnitude).clamp(min=audio.clip_floor).log()


def spectral_distance(made: Tensor, real: Tensor) -> Tensor:
    """How far apart the spectra of two sounds [B, S] are, in windows of three lengths (spectral convergence and L1 of
    the logarithms, as in Parallel WaveGAN: Yamamoto, Song, Kim 2020, arXiv 1910.11480, section 2.2).

    A mel of one length leaves the harmonics of a voice open; several lengths tell a generator of them long before
    discriminators do.
    """
    apart = [
        (true - ours).norm() / true.norm() + F.l1_loss(ours.log(), true.log())
        for ours, true in ((_magnitude(made, *sizes), _magnitude(real, *sizes)) for sizes in SPECTRA)
    ]
    return torch.stack(apart).mean()


def _magnitude(samples: Tensor, n_fft: int, hop_length: int, win_length: int) -> Tensor:
    window = torch.hann_window(win_length, device=samples.device)
    spectrum = torch.stft(samples.float(), n_fft, hop_length, win_length, window, return_complex=True)
    return (spectrum.real**2 + spectrum.imag**2 + 1e-7).sqrt()


class Recipe:
    """Least-squares GAN with feature matching and a mel loss (equations 1 to 7 of the paper); two optimisers."""

    kind: ClassVar[str] = "vocoder"
    defaults: ClassVar[dict[str, Any]] = {
        "batch_size": 16,
        "learning_rate": 2e-4,
        "weight_decay": 0.01,
        "clip_norm": 1000.0,  # published without clipping: this only refuses what is not finite
    }

    def __init__(self, config: Config, training: TrainingConfig) -> None:
        self.config = config
        self.training = training
        self.audio = AudioConfig()
        self.discriminators = Discriminators(config)

    def modules(self) -> dict[str, nn.Module]:
        """What must be kept for a resume, and is no part of the voice."""
        return {"discriminators": self.discriminators}

    def optimizers(self, model: Model) -> dict[str, torch.optim.Optimizer]:
        def adam(module: nn.Module) -> torch.optim.Optimizer:
            return torch.optim.AdamW(
                module.parameters(),
                lr=self.training.learning_rate,
                betas=(0.8, 0.99),
                weight_decay=self.training.weight_decay,
            )

        self.discriminators.to(next(model.parameters()).device)
        return {"generator": adam(model), "discriminator": adam(self.discriminators)}

    def parameters(self, model: Model, name: str) -> list[nn.Parameter]:
        module = model if name == "generator" else self.discriminators
        return list(module.parameters())

    def losses(
        self, model: Model, batch: VocoderBatch, *, step: int = 0
    ) -> Iterator[tuple[str, Tensor, dict[str, float]]]:
        """Yields the discriminators' loss first, then the generator's."""
        mels, real = batch.mels, batch.samples
        parts: dict[str, float] = {}
        excitation, missed = None, None
        if model.source is not None:
            true = _source.measure(real, self.config.hop_length)
            missed = _source.loss(model.source.hear(mels), true)
            excitation = model.source.excite(*true)
            parts["pitch"] = float(missed.detach())
        made = model(mels, excitation)
        adversarial = step >= self.config.adversarial_from
        if adversarial:
            # One pass over real and made together: half the launches, the same scores.
            scores, _ = self.discriminators(torch.cat((real, made.detach())))
            halves = [score.chunk(2) for score in scores]
            loss = torch.stack([((1 - true) ** 2).mean() + (fake**2).mean() for true, fake in halves]).sum()
            yield "discriminator", loss, {"discriminator": float(loss.detach())}
        mel = F.l1_loss(full_band_mel(made, self.audio), full_band_mel(real, self.audio))
        loss = self.config.mel_weight * mel
        if missed is not None:
            loss = loss + missed
        parts["mel"] = float(mel.detach())
        if self.config.spectral_weight and not adversarial:
            apart = spectral_distance(made, real)
            loss = loss + self.config.spectral_weight * apart
            parts["spectra"] = float(apart.detach())
        if adversarial:
            with torch.no_grad():
                _, real_features = self.discriminators(real)
            scores, made_features = self.discriminators(made)
            fooled = torch.stack([((1 - score) ** 2).mean() for score in scores]).sum()
            pairs = [
                F.l1_loss(ours, theirs)
                for mine, true in zip(made_features, real_features, strict=True)
                for ours, theirs in zip(mine, true, strict=True)
            ]
            matched = torch.stack(pairs).sum()
            loss = loss + fooled + self.config.feature_weight * matched
            parts |= {"adversarial": float(fooled.detach()), "features": float(matched.detach())}
        yield "generator", loss, {"loss": float(loss.detach()), **parts}

    @torch.no_grad()
    def evaluate(self, model: Model, batch: VocoderBatch, *, step: int = 0) -> dict[str, float]:
        """L1 distance of the full-band log mels, which does not depend on the discriminators' mood."""
        mel = F.l1_loss(full_band_mel(model(batch.mels), self.audio), full_band_mel(batch.samples, self.audio))
        return {"loss": float(mel), "mel": float(mel)}
