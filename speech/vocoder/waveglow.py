"""WaveGlow (Prenger, Valle and Catanzaro 2018, arXiv 1811.00002) with the parameter names of NVIDIA's state dicts.

Eight samples at a time are a vector. Twelve times an invertible 1x1 convolution mixes it, and a WaveNet-like network,
which sees one half and the mel, scales and shifts the other half; every four flows two channels leave early. Training
maps sound to noise and maximises its likelihood; speaking draws noise and goes back.

In this file L is the number of such vectors: S = 8 L.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech.config import TrainingConfig
from speech.errors import BadAudio
from speech.kept import kept_with
from speech.optimizers import adam
from speech.products import cast_by_hand
from speech.vocoder._coupling import coupling
from speech.vocoder._flow import Config as Config  # as every model's file has one
from speech.vocoder._flow import CouplingNetwork, InvertibleConvolution
from speech.vocoder._unwind import Unwinding

if TYPE_CHECKING:
    from speech.dataset import VocoderBatch

BLOCK = 4096  # vectors of noise drawn at once; part of what a seed means, so it stays
PRESETS: dict[str, Config] = {
    "full": Config(),
    "compact": replace(Config(), flows=8, layers=7, channels=96),
    "trial": replace(Config(), flows=4, early_every=2, layers=3, channels=16, segment=4096),
}


@dataclass(frozen=True)
class FlowOutput:
    """noise: [B, group, L], channels that left first stand first; log_scale, log_determinant: sums over everything."""

    noise: Tensor
    log_scale: Tensor
    log_determinant: Tensor


class Model(nn.Module):
    """The whole flow; see the module's docstring."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.upsample = nn.ConvTranspose1d(
            config.n_mels, config.n_mels, config.upsample_kernel, stride=config.hop_length
        )
        self.WN = nn.ModuleList(CouplingNetwork(config, config.width(k) // 2) for k in range(config.flows))
        self.convinv = nn.ModuleList(InvertibleConvolution(config.width(k)) for k in range(config.flows))

    def pairs(self) -> list[tuple[InvertibleConvolution, CouplingNetwork]]:
        return [
            (cast(InvertibleConvolution, mix), cast(CouplingNetwork, network))
            for mix, network in zip(self.convinv, self.WN, strict=True)
        ]

    def condition(self, mel: Tensor) -> Tensor:
        """mel: [B, M, T] -> [B, M * group, L]: at every vector the mel of each of its samples."""
        frames, group = mel.size(2), self.config.group
        up: Tensor = self.upsample(mel)[:, :, : frames * self.config.hop_length]
        return up.reshape(*mel.shape[:2], -1, group).transpose(2, 3).flatten(1, 2)

    def forward(self, mel: Tensor, samples: Tensor) -> FlowOutput:
        """mel: [B, M, T], samples: [B, S] in -1..1 with S = T * hop length -> the noise that they come from."""
        expected = mel.size(2) * self.config.hop_length
        if samples.size(1) != expected:
            raise BadAudio(
                f"{mel.size(2)} frames stand for {expected} samples, not for {samples.size(1)}.",
                code="length_mismatch",
                frames=mel.size(2),
                samples=samples.size(1),
            )
        condition = self.condition(mel)
        rows = condition.transpose(1, 2).flatten(0, 1) if mel.device.type == "cpu" else None  # [B L, M * group]
        x = samples.reshape(samples.size(0), -1, self.config.group).transpose(1, 2)  # [B, group, L]
        left: list[Tensor] = []
        log_scale, log_determinant = x.new_zeros(()), x.new_zeros(())
        for k, (mix, network) in enumerate(self.pairs()):
            if self.config.leaves(k):
                left.append(x[:, : self.config.early_size])
                x = x[:, self.config.early_size :]
            with torch.autocast(x.device.type, enabled=False):
                x, determinant = mix(x.float())
            kept, moved = x.chunk(2, 1)
            made = network(kept, condition) if rows is None else coupling(network, kept.transpose(1, 2), rows).mT
            shift, log_s = made.float().chunk(2, 1)
            x = torch.cat((kept, log_s.exp() * moved + shift), 1)
            log_scale = log_scale + log_s.sum()
            log_determinant = log_determinant + determinant * (x.size(0) * x.size(2))
        return FlowOutput(torch.cat((*left, x), 1), log_scale, log_determinant)

    def inverse(self, mel: Tensor, noise: Tensor) -> Tensor:
        """mel: [B, M, T], noise: [B, group, L] ordered as in `FlowOutput` -> samples [B, S]."""
        config = self.config
        condition = self.condition(mel)
        gone = config.group - config.remaining
        x = noise[:, gone:]
        for k, (mix, network) in reversed(list(enumerate(self.pairs()))):
            kept, moved = x.chunk(2, 1)
            shift, log_s = network(kept, condition).float().chunk(2, 1)
            x = torch.cat((kept, (moved - shift) * torch.exp(-log_s)), 1)
            x = functional.conv1d(x, mix.inverse())
            if config.leaves(k):
                x = torch.cat((noise[:, gone - config.early_size : gone], x), 1)
                gone -= config.early_size
        return x.transpose(1, 2).flatten(1)

    @torch.inference_mode()
    def infer(
        self, mel: Tensor, *, sigma: float = 0.666, seed: int | Sequence[int] = 0, precision: str = "float32"
    ) -> Tensor:
        """mel: [B, M, T] log amplitude -> samples [B, T * hop length] float32, in or a little beyond -1..1.

        A seed (one for all, or one a row) gives one and the same sound, alone or in any batch. `precision` is that of
        the coupling networks' products: "float32" or "bf16"; under autocast it is autocast's. Memory is bounded: long
        sounds are made in pieces.
        """
        seeds = [seed] * mel.size(0) if isinstance(seed, int) else list(seed)
        vectors = mel.size(2) * self.config.hop_length // self.config.group
        noise = torch.stack([self.noise(vectors, one) for one in seeds]).to(mel.device)
        with cast_by_hand(mel.device, precision) as dtype:
            unwinding = kept_with(
                self, "_unwinding", lambda: Unwinding(self.config, self.upsample, self.pairs(), dtype), dtype
            )
            return unwinding.sound(mel, noise * sigma)

    def noise(self, vectors: int, seed: int) -> Tensor:
        """[group, vectors] of variance 1; a longer sound begins with the noise of a shorter one."""
        generator = torch.Generator().manual_seed(seed)
        blocks = [torch.randn(BLOCK, self.config.group, generator=generator) for _ in range(-(-vectors // BLOCK))]
        return torch.cat(blocks)[:vectors].T


class Recipe:
    """Maximum likelihood: equation 3 of the paper, a sample."""

    kind: ClassVar[str] = "vocoder"
    defaults: ClassVar[dict[str, Any]] = {
        "batch_size": 12,
        "learning_rate": 1e-4,
        "weight_decay": 0.0,
        "clip_norm": 1.0,  # none is published; it never binds on a healthy step and saves a run from a bad one
    }
    going_on: ClassVar[dict[str, Any]] = {}

    def __init__(self, config: Config, training: TrainingConfig) -> None:
        self.config = config
        self.training = training

    def optimizers(self, model: Model) -> dict[str, torch.optim.Optimizer]:
        return {"model": adam(model.parameters(), self.training)}

    def parameters(self, model: Model, name: str) -> list[nn.Parameter]:
        """What the optimiser `name` moves, for the norm of its gradients to be clipped."""
        return list(model.parameters())

    def losses(
        self, model: Model, batch: VocoderBatch, *, step: int = 0
    ) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        parts = self._loss(model, batch)
        yield "model", parts["loss"], parts

    @torch.no_grad()
    def evaluate(self, model: Model, batch: VocoderBatch, *, step: int = 0) -> dict[str, float]:
        """The same likelihood of held-out sound."""
        was_training = model.training
        model.eval()
        try:
            return {name: float(value) for name, value in self._loss(model, batch).items()}
        finally:
            model.train(was_training)

    def _loss(self, model: Model, batch: VocoderBatch) -> dict[str, Tensor]:
        output: FlowOutput = model(batch.mels, batch.samples)
        count = output.noise.numel()
        parts = {
            "noise": output.noise.square().sum() / (2.0 * self.config.sigma**2 * count),
            "log_scale": -output.log_scale / count,
            "log_determinant": -output.log_determinant / count,
        }
        return {"loss": torch.stack(list(parts.values())).sum(), **parts}
