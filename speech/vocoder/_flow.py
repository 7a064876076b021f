"""What a WaveGlow is built of: its sizes, its mixes and its coupling networks, with the names of NVIDIA's state dicts.

L is the number of vectors, as in speech/vocoder/waveglow.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech.config import MOST_LAYERS, Settings
from speech.errors import BadConfig


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
        bad += [name for name in ("flows", "layers") if getattr(self, name) > MOST_LAYERS]
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
        rotation[:, 0] *= torch.linalg.det(rotation).sign()  # asks no values, of which there are none on "meta"
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
