"""WaveGlow, plainly: flow after flow and layer after layer, as sections 2.1-2.3 of arXiv 1811.00002 tell it.

Works on a dictionary of tensors with the published names (fused `cond_layer`, `weight_g` and `weight_v`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as f
from torch import Tensor

HOP = 256


class WaveGlowOracle:
    def __init__(self, weights: Mapping[str, Tensor], *, group: int, early_every: int, early_size: int) -> None:
        self.w = weights
        self.group = group
        self.early_every = early_every
        self.early_size = early_size
        self.flows = len({name.split(".")[1] for name in weights if name.startswith("convinv.")})

    def weight(self, name: str) -> Tensor:
        """A normalised weight: w = g v / |v|, a norm for every output channel."""
        v, g = self.w[f"{name}.weight_v"], self.w[f"{name}.weight_g"]
        return g * v / torch.sqrt((v * v).sum(dim=(1, 2), keepdim=True))

    def unmixed(self, k: int) -> Tensor:
        """The inverse of a flow's mix, [C, C]."""
        return torch.inverse(self.w[f"convinv.{k}.conv.weight"][:, :, 0])

    def convolve(self, name: str, x: Tensor, dilation: int = 1) -> Tensor:
        """A convolution with a normalised weight, which keeps the length."""
        weight = self.weight(name)
        padding = dilation * (weight.shape[2] - 1) // 2
        return f.conv1d(x, weight, self.w[f"{name}.bias"], padding=padding, dilation=dilation)

    def spread(self, mel: Tensor) -> Tensor:
        """[B, M, T] -> [B, M * group, L]; channel c * group + s is band c at sample s of the vector."""
        up = f.conv_transpose1d(mel, self.w["upsample.weight"], self.w["upsample.bias"], stride=HOP)
        up = up[:, :, : mel.shape[2] * HOP]
        columns = [up[:, :, s :: self.group] for s in range(self.group)]
        return torch.stack(columns, 2).reshape(mel.shape[0], -1, up.shape[2] // self.group)

    def network(self, k: int, x: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Shift and logarithm of the scale."""
        x = self.convolve(f"WN.{k}.start", x)
        channels = x.shape[1]
        condition = self.convolve(f"WN.{k}.cond_layer", mel)
        layers = condition.shape[1] // (2 * channels)
        skips = torch.zeros_like(x)
        for i in range(layers):
            both = self.convolve(f"WN.{k}.in_layers.{i}", x, dilation=2**i)
            both = both + condition[:, 2 * channels * i : 2 * channels * (i + 1)]
            acts = torch.tanh(both[:, :channels]) * torch.sigmoid(both[:, channels:])
            out = self.convolve(f"WN.{k}.res_skip_layers.{i}", acts)
            if i < layers - 1:
                x = x + out[:, :channels]
                skips = skips + out[:, channels:]
            else:
                skips = skips + out
        end = f.conv1d(skips, self.w[f"WN.{k}.end.weight"], self.w[f"WN.{k}.end.bias"])
        half = end.shape[1] // 2
        return end[:, :half], end[:, half:]

    def to_noise(self, mel: Tensor, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """mel [B, M, T], samples [B, S] -> noise [B, group, L], sum of log scales, sum of log determinants."""
        condition = self.spread(mel)
        x = torch.stack([samples[:, s :: self.group] for s in range(self.group)], 1)
        left, log_scale, log_determinant = [], samples.new_zeros(()), samples.new_zeros(())
        for k in range(self.flows):
            if k and k % self.early_every == 0:
                left.append(x[:, : self.early_size])
                x = x[:, self.early_size :]
            mix = self.w[f"convinv.{k}.conv.weight"][:, :, 0]
            x = torch.einsum("oc,bcl->bol", mix, x)
            log_determinant = log_determinant + torch.log(torch.abs(torch.det(mix))) * x.shape[0] * x.shape[2]
            half = x.shape[1] // 2
            shift, log_s = self.network(k, x[:, :half], condition)
            x = torch.cat((x[:, :half], torch.exp(log_s) * x[:, half:] + shift), 1)
            log_scale = log_scale + log_s.sum()
        return torch.cat((*left, x), 1), log_scale, log_determinant

    def loss(self, mel: Tensor, samples: Tensor, sigma: float = 1.0) -> Tensor:
        """Equation 3 without its constant, a number of the vector."""
        noise, log_scale, log_determinant = self.to_noise(mel, samples)
        return ((noise * noise).sum() / (2 * sigma * sigma) - log_scale - log_determinant) / math.prod(noise.shape)

    def to_samples(self, mel: Tensor, noise: Tensor) -> Tensor:
        """Back: mel [B, M, T], noise [B, group, L] in the order that `to_noise` gives it."""
        condition = self.spread(mel)
        departures = (self.flows - 1) // self.early_every
        x = noise[:, departures * self.early_size :]
        for k in reversed(range(self.flows)):
            half = x.shape[1] // 2
            shift, log_s = self.network(k, x[:, :half], condition)
            x = torch.cat((x[:, :half], (x[:, half:] - shift) / torch.exp(log_s)), 1)
            x = torch.einsum("oc,bcl->bol", self.unmixed(k), x)
            if k and k % self.early_every == 0:
                departures -= 1
                x = torch.cat((noise[:, departures * self.early_size : (departures + 1) * self.early_size], x), 1)
        return x.transpose(1, 2).reshape(x.shape[0], -1)
