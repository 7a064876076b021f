"""WaveGlow backwards, from noise to sound, as a processor likes it.

Vectors stand next to each other with their channels innermost, so that every convolution is a product over contiguous
memory; weight norms are resolved and the mixes inverted once, and kept until a weight changes. What follows the gates
is linear up to the sum at the end, so the skip half of each layer and the last convolution are one small product;
tanh(x) is 2 s(2 x) - 1, with both twos in the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from speech.products import Multiplier, multiplier
from speech.vocoder._flow import Config, CouplingNetwork, InvertibleConvolution

CHUNK = 860  # frames (10 s) that are made at once


@dataclass(frozen=True)
class _Layer:
    dilation: int
    gates: Tensor  # [2 C, C, 1, kernel], the half of the tanh doubled
    bias: Tensor
    condition: Multiplier
    out: Multiplier  # C channels of the residual (none in the last layer), then what goes to the end


class _Network:
    """A coupling network with its weights folded."""

    def __init__(self, network: CouplingNetwork, dtype: torch.dtype, rows: int) -> None:
        channels = network.channels
        self.dtype = dtype
        self.start = network.start.weight[:, :, 0].to(dtype), _cast(network.start.bias, dtype)
        condition, condition_bias = network.cond_layer.weight[:, :, 0], network.cond_layer.bias
        end = network.end.weight[:, :, 0]
        rest = cast(Tensor, network.end.bias)
        double = torch.ones(2 * channels, device=end.device)
        double[:channels] = 2.0
        self.layers: list[_Layer] = []
        for i, (layer, out) in enumerate(network.layers()):
            part = slice(i * 2 * channels, (i + 1) * 2 * channels)
            skip, skip_bias = out.weight[-channels:, :, 0], out.bias[-channels:]
            rest = rest + end @ skip_bias
            weight, bias = end @ skip, torch.zeros_like(rest)
            if out.weight.size(0) > channels:
                weight = torch.cat((out.weight[:channels, :, 0], weight))
                bias = torch.cat((out.bias[:channels], bias))
            gates = (layer.weight * double[:, None, None])[:, :, None].to(dtype)
            self.layers.append(
                _Layer(
                    layer.dilation,
                    gates.contiguous(memory_format=torch.channels_last),
                    ((layer.bias + condition_bias[part]) * double).to(dtype),
                    multiplier(condition[part] * double[:, None], rows, dtype),
                    multiplier(weight * 2.0, rows, dtype, bias),
                )
            )
        self.rest = rest

    def __call__(self, half: Tensor, mel: Tensor) -> Tensor:
        """half: [B, L, C], mel: [B * L, M * group] -> shift and logarithm of the scale, [B, L, 2 C] float32."""
        x = functional.linear(half.to(self.dtype), *self.start)  # [B, L, channels]
        channels = x.size(2)
        total = self.rest.expand(*half.shape[:2], -1).contiguous()
        for layer in self.layers:
            image = x.transpose(1, 2)[:, :, None]  # [B, channels, 1, L], channels innermost
            reach = layer.dilation * (layer.gates.size(3) // 2)
            gates = functional.conv2d(image, layer.gates, layer.bias, padding=(0, reach), dilation=(1, layer.dilation))
            flat = gates.permute(0, 2, 3, 1).reshape(-1, 2 * channels)
            flat = flat.add_(layer.condition(mel)).sigmoid_()
            acts = flat[:, :channels].sub(0.5).mul_(flat[:, channels:])
            made = layer.out(acts).view(*half.shape[:2], -1)
            total += made[..., -total.size(2) :]
            if made.size(2) > channels:
                x = x + made[..., :channels]
        return total


def _cast(bias: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if bias is None else bias.to(dtype)


class Unwinding:
    """All flows of a model with their weights folded, for products in `dtype`."""

    def __init__(
        self, config: Config, pairs: list[tuple[InvertibleConvolution, CouplingNetwork]], dtype: torch.dtype
    ) -> None:
        self.config = config
        rows = 64 * config.hop_length // config.group
        self.flows = [(mix.inverse()[:, :, 0].clone(), _Network(network, dtype, rows)) for mix, network in pairs]
        self.dtype = dtype

    @property
    def context(self) -> int:
        """Frames on either side that a sample can depend on."""
        config = self.config
        reach = config.flows * ((1 << config.layers) - 1) * (config.kernel // 2) * config.group
        return -(-reach // config.hop_length) + config.upsample_kernel // config.hop_length

    def sound(self, condition: Callable[[Tensor], Tensor], mel: Tensor, noise: Tensor) -> Tensor:
        """mel: [B, M, T], noise: [B, group, L] -> samples [B, S]; long ones piece by piece, and as if they were not.

        `condition`: of a mel what the coupling networks see, [B, M * group, L].
        """
        frames, hop = mel.size(2), self.config.hop_length
        step = hop // self.config.group
        made = []
        for start in range(0, frames, CHUNK):
            end = min(start + CHUNK, frames)
            first, last = max(0, start - self.context), min(frames, end + self.context)
            seen = condition(mel[:, :, first:last]).transpose(1, 2).flatten(0, 1).to(self.dtype).contiguous()
            piece = self._piece(seen, noise[:, :, first * step : last * step])
            made.append(piece[:, (start - first) * hop : (end - first) * hop])
        return torch.cat(made, 1)

    def _piece(self, condition: Tensor, noise: Tensor) -> Tensor:
        """condition: [B * L, M * group], noise: [B, group, L] -> samples [B, S]."""
        config = self.config
        noise = noise.transpose(1, 2)  # [B, L, group]
        gone = config.group - config.remaining
        x = noise[:, :, gone:]
        for k, (mix, network) in reversed(list(enumerate(self.flows))):
            kept, moved = x.chunk(2, 2)
            shift, log_s = network(kept, condition).chunk(2, 2)
            x = torch.cat((kept, (moved - shift) * torch.exp(-log_s)), 2) @ mix.T
            if config.leaves(k):
                x = torch.cat((noise[:, :, gone - config.early_size : gone], x), 2)
                gone -= config.early_size
        return x.flatten(1)
