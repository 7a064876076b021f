"""WaveGlow's coupling network under training on a processor: products over rows, differentiated by hand.

Vectors stand below each other with their channels innermost. What a dilated convolution sees stands side by side, and
the mel's share behind it, so that the gates of a layer are one product; what follows them is linear up to the sum at
the end, so the skip half of each layer and the last convolution are one small product more. A layer keeps its input and
its sigmoids only; torch's sigmoid takes a tenth of its tanh, so tanh(x) is 2 s(2 x) - 1.

Axes here: R = B L rows (vectors), C channels of the network, K positions that a convolution sees, I channels of half a
vector, N layers. tests/speech/vocoder/test_waveglow.py holds all of it against the oracle and autograd.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from speech.products import outer, product
from speech.vocoder._flow import CouplingNetwork

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input


class _Columns:
    """What the gates of a layer are made of, [R, K C + M group]: shifted inputs side by side, then the mel.

    The mel's part is written once, the rest anew for every layer.
    """

    def __init__(self, condition: Tensor, size: tuple[int, int], channels: int, kernel: int) -> None:
        self.size, self.channels, self.kernel = size, channels, kernel
        self.rows = condition.new_zeros(len(condition), kernel * channels + condition.size(1))
        self.rows[:, kernel * channels :] = condition

    def parts(self, rows: Tensor, dilation: int) -> list[tuple[Tensor, slice, slice]]:
        """For each position of the kernel its columns of `rows` [B, L, C], where they lie, and what they see."""
        batch, length = self.size
        wide = rows.view(batch, length, -1)
        found = []
        for k in range(self.kernel):
            shift = (k - self.kernel // 2) * dilation
            here = slice(min(length, max(0, -shift)), max(0, min(length, length - shift)))
            there = slice(min(length, max(0, shift)), max(0, min(length, length + shift)))
            found.append((wide[:, :, k * self.channels : (k + 1) * self.channels], here, there))
        return found

    def see(self, x: Tensor, dilation: int) -> Tensor:
        """x: [R, C] -> the columns; beyond both ends there is nothing."""
        x = x.view(*self.size, -1)
        for part, here, there in self.parts(self.rows, dilation):
            part[:, here] = x[:, there]
            part[:, : here.start] = 0.0
            part[:, here.stop :] = 0.0
        return self.rows

    def give_back(self, to_columns: Tensor, to_x: Tensor, dilation: int) -> None:
        """to_columns: [R, K C], gradients of what `see` made; adds them up where they came from, to_x [R, C]."""
        to_x = to_x.view(*self.size, -1)
        for part, here, there in self.parts(to_columns, dilation):
            to_x[:, there] += part[:, here]


class _Network(torch.autograd.Function):
    """See `coupling`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        condition: Tensor,
        mel_weight: Tensor,
        size: tuple[int, int],
        dtype: torch.dtype,
        *weights: Tensor,
    ) -> Tensor:
        layers, channels = len(weights) // 4, x.size(1)
        gates, biases, outs, out_biases = (weights[i * layers : (i + 1) * layers] for i in range(4))
        columns = _Columns(condition.to(dtype), size, channels, gates[0].size(2))
        total = x.new_zeros(len(x), outs[-1].size(0))
        x = x.to(dtype)
        inputs, sigmoids = [], []
        for i, (weight, bias, out, out_bias) in enumerate(zip(gates, biases, outs, out_biases, strict=True)):
            part = mel_weight[2 * channels * i : 2 * channels * (i + 1)]
            flat, bias = torch.cat((weight.permute(0, 2, 1).flatten(1), part), 1), bias.clone()
            for half in (flat[:channels], bias[:channels]):
                half *= 2.0
            squashed = product(columns.see(x, 2**i), flat, bias, dtype).sigmoid_()
            made = product(_acts(squashed), out, out_bias, dtype)
            inputs.append(x)
            sigmoids.append(squashed)
            total += made[:, -total.size(1) :]
            if i < layers - 1:
                x = x + made[:, :channels]
        ctx.save_for_backward(condition, mel_weight, *gates, *outs, *inputs, *sigmoids)
        ctx.size, ctx.dtype = size, dtype
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_total: Tensor) -> tuple[Tensor | None, ...]:
        condition, mel_weight, *saved = ctx.saved_tensors
        layers, dtype = len(saved) // 4, ctx.dtype
        gates, outs, inputs, sigmoids = (saved[i * layers : (i + 1) * layers] for i in range(4))
        rows, channels = inputs[0].shape
        columns = _Columns(condition.to(dtype)[:, :0], ctx.size, channels, gates[0].size(2))
        to_gates = to_total.new_empty(rows, layers * 2 * channels, dtype=dtype)
        to_made = to_total.new_zeros(rows, channels + to_total.size(1), dtype=dtype)  # of the residual, of the sum
        to_made[:, channels:] = to_total
        to_x = to_made[:, :channels]
        to_weights, to_outs, to_out_biases = [], [], []
        for i in reversed(range(layers)):
            weight, squashed = gates[i].permute(0, 2, 1).flatten(1), sigmoids[i]
            told = to_made[:, -outs[i].size(0) :]
            to_acts = product(told, outs[i].T, None, dtype)
            to_outs.append(outer(told, (_acts(squashed),), dtype))
            to_out_biases.append(told.sum(0, dtype=to_total.dtype))
            to_gate = _through(to_acts, squashed)
            to_gates[:, 2 * channels * i : 2 * channels * (i + 1)] = to_gate
            to_weight = outer(to_gate, (columns.see(inputs[i], 2**i),), dtype)
            to_weights.append(to_weight.view(2 * channels, -1, channels).transpose(1, 2))
            columns.give_back(product(to_gate, weight.T, None, dtype), to_x, 2**i)
        exact = mel_weight.dtype
        to_bias = to_gates.sum(0, dtype=exact).view(layers, -1)
        return (
            to_x.to(exact),
            product(to_gates, mel_weight.T, None, dtype).to(exact),
            outer(to_gates, (condition,), dtype).to(exact),
            None,
            None,
            *(one.to(exact) for one in reversed(to_weights)),
            *to_bias,
            *(one.to(exact) for one in reversed(to_outs)),
            *reversed(to_out_biases),
        )


def _acts(squashed: Tensor) -> Tensor:
    """[R, 2 C], sigmoids of the doubled gates of the tanh and of the other gates -> tanh times sigmoid, [R, C]."""
    new, out = squashed.chunk(2, 1)
    return torch.lerp(out.neg(), out, new)


def _through(to_acts: Tensor, squashed: Tensor) -> Tensor:
    """to_acts: [R, C], the gradient of `_acts` -> that of the gates before their sigmoids, [R, 2 C]."""
    (new, out), channels = squashed.chunk(2, 1), to_acts.size(1)
    to_gates = torch.empty_like(squashed)
    torch.mul(to_acts, out, out=to_gates[:, :channels]).mul_(4.0)
    to_gates[:, channels:] = torch.lerp(to_acts.neg(), to_acts, new)
    _sigmoid_backward(to_gates, squashed, grad_input=to_gates)
    return to_gates


def coupling(network: CouplingNetwork, half: Tensor, condition: Tensor) -> Tensor:
    """What `network` makes of half: [B, L, I] and condition: [B L, M group]: shift and log scale, [B, L, 2 I].

    The same as its own `forward`, in other axes. Products are in autocast's type where it is on.
    """
    kind, (batch, length, _) = half.device.type, half.shape
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else half.dtype
    with torch.autocast(kind, enabled=False):
        end, channels = network.end.weight[:, :, 0], network.channels
        mel_weight, mel_bias = network.cond_layer.weight[:, :, 0], network.cond_layer.bias
        gates, biases, outs, out_biases = list[Tensor](), list[Tensor](), list[Tensor](), list[Tensor]()
        for (layer, out), bias in zip(network.layers(), mel_bias.view(-1, 2 * channels), strict=True):
            gates.append(layer.weight)
            biases.append(layer.bias + bias)
            skip, skip_bias = out.weight[-channels:, :, 0], out.bias[-channels:]
            outs.append(torch.cat((out.weight[:-channels, :, 0], end @ skip)))
            out_biases.append(torch.cat((out.bias[:-channels], end @ skip_bias)))
        x = functional.linear(half, network.start.weight[:, :, 0], network.start.bias).flatten(0, 1)
        weights = (*gates, *biases, *outs, *out_biases)
        total: Tensor = _Network.apply(x, condition, mel_weight, (batch, length), dtype, *weights)  # type: ignore[no-untyped-call]
    return (total + cast(Tensor, network.end.bias)).view(batch, length, -1)
