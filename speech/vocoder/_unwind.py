"""WaveGlow backwards, from noise to sound, as a processor likes it.

Vectors stand next to each other with their channels innermost, so that every convolution is a product over contiguous
memory; weight norms are resolved and the mixes inverted once, and kept until a weight changes. What follows the gates
is linear up to the sum at the end, so the skip half of each layer and the last convolution are one small product;
tanh(x) is 2 s(2 x) - 1, with both twos in the weights. On a processor a layer takes some vectors after the others,
which bounds what it needs beside them, and in float32 half of its filter's multiplications.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech.products import Multiplier, multiplier
from speech.toom_cook import TILE, ThreeTaps
from speech.vocoder._flow import Config, CouplingNetwork, InvertibleConvolution

CHUNK = 860  # frames (10 s) that are made at once
# Vectors that a processor takes through a layer at once, times the bytes of a number. With twice as many a layer gives
# its memory back and the next asks anew, where no one has told glibc not to: 3.8 s for two seconds of sound, not 3.4.
PIECE = 1 << 14


class _Filter:
    """A layer's dilated filter as torch has it, over rows [B, outputs + 2 reach, C]."""

    def __init__(self, weight: Tensor, dilation: int) -> None:
        """weight: [O, C, kernel]."""
        self._dilation = dilation
        self.reach = dilation * (weight.size(2) // 2)
        self._weight = weight[:, :, None].contiguous(memory_format=torch.channels_last)

    def rows_for(self, outputs: int) -> int:
        """How many rows so many outputs are made of."""
        return outputs + 2 * self.reach

    def __call__(self, rows: Tensor) -> Tensor:
        image = rows.transpose(1, 2)[:, :, None]
        made = functional.conv2d(image, self._weight, dilation=(1, self._dilation))
        return made[:, :, 0].transpose(1, 2)


class _Condition:
    """What the coupling networks see of a mel, by as many products as an upsampled sample sees frames."""

    def __init__(self, config: Config, upsample: nn.ConvTranspose1d, dtype: torch.dtype) -> None:
        self._dtype, self._vectors = dtype, config.hop_length // config.group
        bias = cast(Tensor, upsample.bias)
        self._bias = bias[:, None].expand(-1, config.group).flatten()
        # [M, M, kernel] -> for every frame back M to each vector's M * group
        weight = upsample.weight.detach()
        parts = weight.reshape(*weight.shape[:2], -1, self._vectors, config.group).permute(2, 3, 1, 4, 0)
        self._products = [multiplier(part.flatten(0, 2), 64, torch.float32) for part in parts]

    def __call__(self, mel: Tensor) -> Tensor:
        """[B, M, T] -> [B, L, M * group]: at every vector the mel of each of its samples."""
        frames = mel.transpose(1, 2)
        size, count = frames.shape[:2]
        made = self._bias.expand(size, count, self._vectors, -1).contiguous()
        for back, product in enumerate(self._products[:count]):
            seen = product(frames[:, : count - back].flatten(0, 1))
            made[:, back:] += seen.view(size, count - back, self._vectors, -1)
        return made.flatten(1, 2).to(self._dtype)


@dataclass(frozen=True)
class _Layer:
    gates: _Filter | ThreeTaps  # 2 C channels, the half of the tanh doubled, without a bias
    condition: Multiplier  # with both biases
    out: Multiplier  # C channels of the residual (none in the last layer), then what goes to the end


class _Network:
    """A coupling network with its weights folded."""

    def __init__(self, network: CouplingNetwork, dtype: torch.dtype) -> None:
        channels = network.channels
        self.dtype = dtype
        self.piece = piece = PIECE // dtype.itemsize
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
            gates = layer.weight * double[:, None, None]
            filters = ThreeTaps(gates, layer.dilation, piece) if ThreeTaps.pays(gates, dtype) else None
            gates_bias = (layer.bias + condition_bias[part]) * double
            self.layers.append(
                _Layer(
                    filters or _Filter(gates.to(dtype), layer.dilation),
                    multiplier(condition[part] * double[:, None], piece, dtype, gates_bias),
                    multiplier(weight * 2.0, piece, dtype, bias),
                )
            )
        self.rest = rest

    @property
    def reach(self) -> int:
        return max(layer.gates.reach for layer in self.layers)

    def __call__(self, half: Tensor, mel: Tensor, room: Tensor) -> Tensor:
        """half: [B, L, C], mel: [B, L, M * group] -> shift and logarithm of the scale, [B, L, 2 C] float32.

        room: [2, B, L with the reach before it and more behind it, channels], zeros but where the vectors are.
        """
        before, length = self.reach, half.size(1)
        here = slice(before, before + length)
        x, next_x = room
        x[:, here] = functional.linear(half.to(self.dtype), *self.start)
        channels = x.size(2)
        total = self.rest.expand(*half.shape[:2], -1).contiguous()
        piece = self.piece if half.device.type == "cpu" else length
        for layer in self.layers:
            for start in range(0, length, piece):
                part = slice(start, min(start + piece, length))
                first = before + start - layer.gates.reach
                outputs = part.stop - start
                flat = layer.gates(x[:, first : first + layer.gates.rows_for(outputs)])[:, :outputs]
                seen = layer.condition(mel[:, part].flatten(0, 1))
                flat = flat.reshape(-1, 2 * channels).add_(seen).sigmoid_()
                acts = flat[:, :channels].sub(0.5).mul_(flat[:, channels:])
                made = layer.out(acts).view(half.size(0), outputs, -1)
                total[:, part] += made[..., -total.size(2) :]
                if made.size(2) > channels:
                    there = slice(before + start, before + part.stop)
                    torch.add(x[:, there], made[..., :channels], out=next_x[:, there])
            x, next_x = next_x, x
        return total


def _cast(bias: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if bias is None else bias.to(dtype)


class Unwinding:
    """All flows of a model with their weights folded, for products in `dtype`."""

    def __init__(
        self,
        config: Config,
        upsample: nn.ConvTranspose1d,
        pairs: list[tuple[InvertibleConvolution, CouplingNetwork]],
        dtype: torch.dtype,
    ) -> None:
        self.config = config
        self._condition = _Condition(config, upsample, dtype)
        self.flows = [(mix.inverse()[:, :, 0].clone(), _Network(network, dtype)) for mix, network in pairs]

    @property
    def context(self) -> int:
        """Frames on either side that a sample can depend on."""
        config = self.config
        reach = config.flows * ((1 << config.layers) - 1) * (config.kernel // 2) * config.group
        return -(-reach // config.hop_length) + config.upsample_kernel // config.hop_length

    def sound(self, mel: Tensor, noise: Tensor) -> Tensor:
        """mel: [B, M, T], noise: [B, group, L] -> samples [B, S]; long ones piece by piece, and as if they were not."""
        frames, hop = mel.size(2), self.config.hop_length
        step = hop // self.config.group
        made = []
        for start in range(0, frames, CHUNK):
            end = min(start + CHUNK, frames)
            first, last = max(0, start - self.context), min(frames, end + self.context)
            piece = self._piece(self._condition(mel[:, :, first:last]), noise[:, :, first * step : last * step])
            made.append(piece[:, (start - first) * hop : (end - first) * hop])
        return torch.cat(made, 1)

    def _piece(self, condition: Tensor, noise: Tensor) -> Tensor:
        """condition: [B, L, M * group], noise: [B, group, L] -> samples [B, S]."""
        config = self.config
        reach = self.flows[0][1].reach
        rows = noise.size(2) + (2 + TILE) * reach
        room = condition.new_zeros(2, noise.size(0), rows, config.channels)
        noise = noise.transpose(1, 2)  # [B, L, group]
        gone = config.group - config.remaining
        x = noise[:, :, gone:]
        for k, (mix, network) in reversed(list(enumerate(self.flows))):
            kept, moved = x.chunk(2, 2)
            shift, log_s = network(kept, condition, room).chunk(2, 2)
            x = torch.cat((kept, (moved - shift) * torch.exp(-log_s)), 2) @ mix.T
            if config.leaves(k):
                x = torch.cat((noise[:, :, gone - config.early_size : gone], x), 2)
                gone -= config.early_size
        return x.flatten(1)
