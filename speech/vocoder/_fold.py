"""HiFi-GAN as a processor likes it: weight norms resolved once, channels innermost, rectifiers and sums within the
convolutions that they follow, and the blocks behind each stretching piece by piece, so that a piece stays in the cache.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech.convolutions import Convolution, layout
from speech.toom_cook import ToomCook

PIECE = 2**20  # bytes of one tensor of a piece: a handful of them are to fit a core's second cache
LONG_PIECE = 2**22  # where `ToomCook` does some, which makes more operations of one: 0.9 of the time of 2**20
OVERLAP = 32  # a piece is at least so many times as long as what it sees on one side


class _Blocks:
    """The residual blocks behind one stretching, and the sum of them; their mean is left to the next weights."""

    def __init__(self, blocks: list[nn.Module], dtype: torch.dtype) -> None:
        steps = [cast("list[list[nn.Module]]", block.steps()) for block in blocks]  # type: ignore[operator]
        self._blocks = [[[ToomCook.of(one, dtype) for one in step] for step in block] for block in steps]
        self._reach = max(sum(one.reach for step in block for one in step) for block in self._blocks)
        every = [one for block in self._blocks for step in block for one in step]
        self._piece = LONG_PIECE if any(isinstance(one, ToomCook) for one in every) else PIECE

    def __call__(self, x: Tensor, slope: float) -> Tensor:
        """x: [B, C, 1, T] -> the sum of what the blocks make of it, likewise."""
        _, channels, _, length = x.shape
        size = max(self._piece // (channels * x.element_size()), OVERLAP * self._reach)
        if x.is_cuda or length <= size + size // 2:  # a GPU would rather have few large operations
            return self._sum(x, slope)
        total = torch.empty_like(x)
        for start in range(0, length, size):
            end = min(start + size, length)
            left, right = max(0, start - self._reach), min(length, end + self._reach)
            piece = x[..., left:right].contiguous(memory_format=torch.channels_last)
            total[..., start:end] = self._sum(piece, slope)[..., start - left : end - left]
        return total

    def _sum(self, x: Tensor, slope: float) -> Tensor:
        rectified = functional.leaky_relu(x, slope)  # what every block begins with
        total: Tensor | None = None
        for block in self._blocks:
            made = x
            for step in block:
                share = rectified if made is x else functional.leaky_relu(made, slope)
                for convolution in step[:-1]:
                    share = convolution.rectified(share, slope)
                made = step[-1].added(share, x) if made is x else step[-1].add_to(made, share)
            total = made if total is None else total.add_(made)
        return cast(Tensor, total)


class Folded:
    """A generator's weights for products in `dtype`, and its forward pass."""

    def __init__(
        self,
        first: nn.Module,
        ups: list[nn.Module],
        blocks: list[list[nn.Module]],
        last: nn.Module,
        excited: list[nn.Module],
        dtype: torch.dtype,
    ) -> None:
        """Behind each of `ups` stand some `blocks`; `excited`: the inlets of a source, if there is one."""
        self._dtype = dtype
        self._first = Convolution.of(first, dtype)
        # A leaky rectifier keeps a factor: the mean over the blocks becomes part of the weights that come next.
        shares = [1.0, *(1.0 / len(group) for group in blocks)]
        self._ups = [Convolution.of(up, dtype, share) for up, share in zip(ups, shares, strict=False)]
        self._last = Convolution.of(last, dtype, shares[-1])
        self._excited = [Convolution.of(inlet, dtype) for inlet in excited]
        self._blocks = [_Blocks(group, dtype) for group in blocks]

    def __call__(self, mel: Tensor, slope: float, shaped: Tensor | None = None) -> Tensor:
        """mel: [B, M, T], shaped: [B, 2, S], the excitation of a generator with a source -> samples [B, S] float32."""
        source = None if shaped is None else self._image(shaped)
        x = self._first(self._image(mel))  # [B, C, 1, T]
        for index, (up, blocks) in enumerate(zip(self._ups, self._blocks, strict=True)):
            x = up(functional.leaky_relu_(x, slope))
            if source is not None:
                x = self._excited[index].add_to(x, source)
            x = blocks(x, slope)
        samples = self._last(functional.leaky_relu_(x)).float()[:, 0, 0]
        return torch.tanh(samples if shaped is None else samples + shaped.sum(1))

    def _image(self, rows: Tensor) -> Tensor:
        return rows[:, :, None].to(self._dtype).contiguous(memory_format=layout(rows.device, self._dtype))
