"""Convolutions over time for speaking, by oneDNN where torch has it: packed weights, and what follows in the same pass.

A rectifier or a sum of its own reads and writes everything once more, which on a processor costs as much as a narrow
convolution. torch offers both within the convolution, and weights in oneDNN's own layout, under private names only:
they are tried out once, and left alone where they are missing or wrong (see also speech/products.py).

Tensors here are images of height 1, [B, C, 1, T], laid out as `layout` says.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


def layout(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    """Of images: channels innermost, but time for float32 on a GPU.

    7 s of V1 on an H200: 17.6 ms with time innermost and 19.7 with channels; in bf16 20.9 and 8.8.
    """
    return torch.contiguous_format if device.type == "cuda" and dtype == torch.float32 else torch.channels_last


@dataclass(frozen=True)
class Convolution:
    """weight: [outputs, inputs, 1, kernel] (inputs first where `up` stretches the time), packed where `fused`."""

    weight: Tensor
    bias: Tensor | None
    padding: tuple[int, int]
    dilation: tuple[int, int]
    reach: int  # positions on either side that an output sees
    stride: int = 1
    up: int = 0
    fused: bool = False

    @classmethod
    def of(cls, module: nn.Module, dtype: torch.dtype, scale: float = 1.0) -> Convolution:
        """Of a `Conv1d` or `ConvTranspose1d`, weight norm resolved, for inputs that are `scale` times too small."""
        plain = cast("nn.Conv1d | nn.ConvTranspose1d", module)
        weight = (plain_weight(plain) * scale)[:, :, None].to(dtype)
        weight = weight.contiguous(memory_format=layout(weight.device, dtype))
        padding, dilation = (0, cast(int, plain.padding[0])), (1, plain.dilation[0])
        bias = None if plain.bias is None else plain.bias.detach().to(dtype)
        reach = (plain.kernel_size[0] // 2) * plain.dilation[0]
        if isinstance(plain, nn.ConvTranspose1d):
            return cls(weight, bias, padding, dilation, reach, up=plain.stride[0])
        fused = weight.device.type == "cpu" and fusing_works(dtype)
        stride = plain.stride[0]
        if fused:
            weight = torch.ops.mkldnn._reorder_convolution_weight(weight, padding, (1, stride), dilation, 1, None)
        return cls(weight, bias, padding, dilation, reach, stride, fused=fused)

    def __call__(self, x: Tensor) -> Tensor:
        if self.up:
            return functional.conv_transpose2d(x, self.weight, self.bias, stride=(1, self.up), padding=self.padding)
        if self.fused:
            return self._pass(x, "none", [])
        return functional.conv2d(x, self.weight, self.bias, (1, self.stride), self.padding, self.dilation)

    def rectified(self, x: Tensor, slope: float) -> Tensor:
        """A leaky rectifier behind it."""
        if self.fused:
            return self._pass(x, "leaky_relu", [slope])
        return functional.leaky_relu_(self(x), slope)

    def added(self, x: Tensor, other: Tensor) -> Tensor:
        """Its outputs and `other`, in a new tensor."""
        if not self.fused:
            return self(x).add_(other)
        result: Tensor = torch.ops.mkldnn._convolution_pointwise.binary(x, other, self.weight, *self._sum())
        return result

    def add_to(self, other: Tensor, x: Tensor) -> Tensor:
        """Its outputs and `other`, in the place of that."""
        if not self.fused:
            return other.add_(self(x))
        result: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(other, x, self.weight, *self._sum())
        return result

    def _pass(self, x: Tensor, then: str, scalars: list[float]) -> Tensor:
        sizes = self.padding, (1, self.stride), self.dilation, 1
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *sizes, then, scalars, "")
        return result

    def _sum(self) -> tuple[object, ...]:
        return self.bias, self.padding, (1, self.stride), self.dilation, 1, "add", 1.0, None, [], None


def plain_weight(module: nn.Conv1d | nn.ConvTranspose1d) -> Tensor:
    """[outputs, inputs, kernel] (inputs first where it stretches the time), weight norm resolved."""
    if not hasattr(module, "weight_g"):
        return module.weight.detach()
    return torch._weight_norm(cast(Tensor, module.weight_v), cast(Tensor, module.weight_g), 0).detach()


@functools.cache
def fusing_works(dtype: torch.dtype) -> bool:
    """Whether the private operators exist here, and give what the public ones do."""
    if dtype not in (torch.float32, torch.bfloat16) or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 12, 1, 40, generator=generator).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(12, 12, 1, 3, generator=generator).mul_(0.1).to(dtype)
    bias = torch.randn(12, generator=generator).to(dtype)
    plain = Convolution(weight, bias, (0, 2), (1, 2), 2)
    try:
        packed = torch.ops.mkldnn._reorder_convolution_weight(weight, (0, 2), (1, 1), (1, 2), 1, None)
        fused = Convolution(packed, bias, (0, 2), (1, 2), 2, fused=True)
        with torch.no_grad():
            ours, theirs = (
                torch.stack((one(x), one.rectified(x, 0.1), one.added(x, x), one.add_to(x.clone(), x))).float()
                for one in (fused, plain)
            )
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.allclose(ours, theirs, atol=1e-5 if dtype == torch.float32 else 0.05, rtol=0.02)
