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

from speech.config import Settings, TrainingConfig
from speech.errors import BadAudio, BadConfig
from speech.optimizers import adam
from speech.products import cast_by_hand
from speech.vocoder._coupling import coupling
from speech.vocoder._unwind import unwinding

if TYPE_CHECKING:
    from speech.dataset import VocoderBatch

BLOCK = 4096  # vectors of noise drawn at once; part of what a seed means, so it stays


@dataclass(frozen=True)
class Config(Settings):
    """Sizes of the network; the defaults are the published ones (256 channels)."""

    n_mels: int = 80
    hop_length: int = 256  # samples a mel frame
    upsample_kernel: int = 1024  # samples
    flows: int = 12
    group: int = 8  # samples a vector
    early_every: int = 4  # flows
    early_size: int = 2  # channels that leave
    layers: int = 8
    channels: int = 256
    kernel: int = 3
    sigma: float = 1.0  # of the noise in training
    segment: int = (
        16_128  # samples of a training clip: 63 frames; published: 16 000, which is no whole number of frames
    )

    def __post_init__(self) -> None:
        sizes = ("n_mels", "flows", "group", "early_every", "early_size", "layers", "channels", "hop_length")
        bad = [name for name in sizes if getattr(self, name) < 1]
        bad += [name for name in ("group", "early_size") if getattr(self, name) % 2]
        bad += [name for name in ("kernel",) if self.kernel % 2 != 1]
        if not bad and self.remaining < 2:
            bad.append("flows")
        if not bad:
            bad += [name for name in ("hop_length",) if self.hop_length % self.group]
            bad += [name for name in ("segment", "upsample_kernel") if getattr(self, name) % self.hop_length]
            bad += [name for name in ("segment", "upsample_kernel") if getattr(self, name) < self.hop_length]
        bad += [name for name in ("sigma",) if self.sigma <= 0.0]
        if bad:
            values = ", ".join(f"{name}={getattr(self, name)}" for name in bad)
            raise BadConfig(
                f"WaveGlow cannot be built with {values}: sizes are at least 1, group and early_size even, the kernel "
                "odd, hop_length a multiple of group, segment and upsample_kernel of hop_length, and channels must be "
                "left for the last flow.",
                code="bad_size",
                names=bad,
            )

    def width(self, flow: int) -> int:
        """Channels that flow number `flow` works on."""
        return self.group - self.early_size * (flow // self.early_every)

    def leaves(self, flow: int) -> bool:
        """Whether channels left right before this flow."""
        return flow > 0 and flow % self.early_every == 0

    @property
    def remaining(self) -> int:
        return self.width(self.flows - 1)


PRESETS: dict[str, Config] = {
    "full": Config(),
    "compact": replace(Config(), flows=8, layers=7, channels=96),
    "trial": replace(Config(), flows=4, early_every=2, layers=3, channels=16, segment=4096),
}


class NormedConvolution(nn.Module):
    """A convolution whose weight is a direction and a length (arXiv 1602.07868), kept as `weight_v` and `weight_g`.

    A state dict with a plain `weight` (weight norm removed) loads as well.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> None:
        super().__init__()
        drawn = nn.Conv1d(inputs, outputs, kernel)
        self.dilation = dilation
        self.weight_g = nn.Parameter(drawn.weight.detach().norm(dim=(1, 2), keepdim=True))
        self.weight_v = nn.Parameter(drawn.weight.detach().clone())
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-1.0, 1.0) / (inputs * kernel) ** 0.5)

    @property
    def weight(self) -> Tensor:
        return torch._weight_norm(self.weight_v, self.weight_g, 0)

    def forward(self, x: Tensor) -> Tensor:
        padding = (self.weight_v.size(2) - 1) * self.dilation // 2
        return functional.conv1d(x, self.weight, self.bias, padding=padding, dilation=self.dilation)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        if (plain := state_dict.get(prefix + "weight")) is not None and prefix + "weight_v" not in state_dict:
            del state_dict[prefix + "weight"]
            state_dict[prefix + "weight_v"] = plain
            state_dict[prefix + "weight_g"] = plain.norm(dim=(1, 2), keepdim=True)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class InvertibleConvolution(nn.Module):
    """A mix of the channels that can be undone, a random rotation at first (section 2.2 of the paper)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 1, bias=False)
        rotation, _ = torch.linalg.qr(torch.randn(channels, channels))
        if torch.linalg.det(rotation) < 0:
            rotation[:, 0].neg_()
        self.conv.weight = nn.Parameter(rotation[:, :, None].contiguous())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: [B, C, L] -> mixed, and the logarithm of the determinant of one vector's mix."""
        weight = self.conv.weight.float()
        return functional.conv1d(x, weight), torch.linalg.slogdet(weight[:, :, 0])[1]

    def inverse(self) -> Tensor:
        """[C, C, 1], computed in float64."""
        weight = self.conv.weight
        inverse: Tensor = torch.linalg.inv(weight[:, :, 0].double())
        return inverse[:, :, None].to(weight.dtype)


class CouplingNetwork(nn.Module):
    """Dilated gated convolutions over one half of the channels, with the mel at every layer (section 2.1)."""

    def __init__(self, config: Config, inputs: int) -> None:
        super().__init__()
        channels, layers = config.channels, config.layers
        self.channels = channels
        self.start = NormedConvolution(inputs, channels)
        self.end = nn.Conv1d(channels, 2 * inputs, 1)
        nn.init.zeros_(self.end.weight)  # every flow is the identity at first
        if self.end.bias is not None:
            nn.init.zeros_(self.end.bias)
        self.cond_layer = NormedConvolution(config.n_mels * config.group, 2 * channels * layers)
        self.in_layers = nn.ModuleList(
            NormedConvolution(channels, 2 * channels, config.kernel, dilation=2**i) for i in range(layers)
        )
        self.res_skip_layers = nn.ModuleList(
            NormedConvolution(channels, channels if i == layers - 1 else 2 * channels) for i in range(layers)
        )

    def layers(self) -> list[tuple[NormedConvolution, NormedConvolution]]:
        return [
            (cast(NormedConvolution, layer), cast(NormedConvolution, out))
            for layer, out in zip(self.in_layers, self.res_skip_layers, strict=True)
        ]

    def forward(self, x: Tensor, mel: Tensor) -> Tensor:
        """x: [B, C, L], mel: [B, M * group, L] -> shift and logarithm of the scale, [B, 2 C, L]."""
        x = self.start(x)
        total: Tensor | None = None
        condition, bias, width = self.cond_layer.weight, self.cond_layer.bias, 2 * self.channels
        for i, (layer, out) in enumerate(self.layers()):
            # The mel's share is made a layer at a time: all at once it is the largest thing in memory.
            part = slice(i * width, (i + 1) * width)
            gates = layer(x) + functional.conv1d(mel, condition[part], bias[part])
            made = out(torch.tanh(gates[:, : self.channels]) * torch.sigmoid(gates[:, self.channels :]))
            skip = made[:, -self.channels :]
            total = skip if total is None else total + skip
            if i < len(self.in_layers) - 1:
                x = x + made[:, : self.channels]
        result: Tensor = self.end(total)
        return result


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
            return unwinding(self, dtype).sound(self, mel, noise * sigma)

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
