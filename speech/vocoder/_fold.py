"""HiFi-GAN as a processor likes it: weight norms resolved once, channels innermost, sums and rectifiers in place.

On one thread of a Zen 5 V1 takes 0.26 s of processor time a second of sound this way instead of 0.31, V3 0.025 instead
of 0.034; in bf16 0.14 and 0.015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from speech.vocoder.hifi_gan import Model


@dataclass(frozen=True)
class _Convolution:
    """weight: [outputs, inputs, 1, kernel] (or inputs first where `up` stretches the time), channels innermost."""

    weight: Tensor
    bias: Tensor | None
    padding: tuple[int, int]
    dilation: tuple[int, int]
    stride: int = 1
    up: int = 0

    @classmethod
    def of(cls, module: nn.Module, dtype: torch.dtype) -> _Convolution:
        plain = cast("nn.Conv1d | nn.ConvTranspose1d", module)
        if hasattr(plain, "weight_g"):
            weight = torch._weight_norm(cast(Tensor, plain.weight_v), cast(Tensor, plain.weight_g), 0)
        else:
            weight = plain.weight
        return cls(
            weight.detach()[:, :, None].to(dtype).contiguous(memory_format=torch.channels_last),
            None if plain.bias is None else plain.bias.detach().to(dtype),
            (0, cast(int, plain.padding[0])),
            (1, plain.dilation[0]),
            *((1, plain.stride[0]) if isinstance(plain, nn.ConvTranspose1d) else (plain.stride[0], 0)),
        )

    def __call__(self, x: Tensor) -> Tensor:
        if self.up:
            return functional.conv_transpose2d(x, self.weight, self.bias, stride=(1, self.up), padding=self.padding)
        return functional.conv2d(x, self.weight, self.bias, (1, self.stride), self.padding, self.dilation)


class Folded:
    """A generator's weights for products in `dtype`, and its forward pass. A block is a list of residual steps."""

    def __init__(self, model: Model, dtype: torch.dtype) -> None:
        self.key = weights_key(model), dtype
        self._dtype = dtype
        self._first = _Convolution.of(model.conv_pre, dtype)
        self._last = _Convolution.of(model.conv_post, dtype)
        self._ups = [_Convolution.of(up, dtype) for up in model.ups]
        self._excited = [_Convolution.of(inlet, dtype) for inlet in model.excited]
        blocks = [
            [[_Convolution.of(one, dtype) for one in step] for step in cast("list[list[nn.Module]]", block.steps())]  # type: ignore[operator]
            for block in model.resblocks
        ]
        each = len(model.config.resblock_kernel_sizes)
        self._blocks = [blocks[start : start + each] for start in range(0, len(blocks), each)]

    def __call__(self, mel: Tensor, slope: float, shaped: Tensor | None = None) -> Tensor:
        """mel: [B, M, T], shaped: [B, 2, S], the excitation of a generator with a source -> samples [B, S] float32."""
        source = None if shaped is None else shaped[:, :, None].to(self._dtype)
        x = self._first(mel[:, :, None].to(self._dtype))  # [B, C, 1, T]
        for index, (up, blocks) in enumerate(zip(self._ups, self._blocks, strict=True)):
            x = up(functional.leaky_relu_(x, slope))
            if source is not None:
                x.add_(self._excited[index](source))
            total: Tensor | None = None
            for block in blocks:
                made = x
                for step in block:
                    share = functional.leaky_relu(made, slope)
                    for i, convolution in enumerate(step):
                        share = convolution(share if i == 0 else functional.leaky_relu_(share, slope))
                    made = share.add_(made)
                total = made if total is None else total.add_(made)
            x = cast(Tensor, total).div_(len(blocks))
        samples = self._last(functional.leaky_relu_(x)).float()[:, 0, 0]
        return torch.tanh(samples if shaped is None else samples + shaped.sum(1))


def weights_key(model: Model) -> tuple[tuple[int, int], ...]:
    """Changes when a weight does."""
    return tuple((parameter.data_ptr(), parameter._version) for parameter in model.parameters())


def folded(model: Model, dtype: torch.dtype) -> Folded:
    """The folded weights, kept with the model until they change."""
    kept: Folded | None = model.__dict__.get("_folded")
    if kept is None or kept.key != (weights_key(model), dtype):
        kept = Folded(model, dtype)
        model.__dict__["_folded"] = kept
    return kept
