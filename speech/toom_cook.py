"""Convolutions over time in fewer multiplications, for speaking in float32 on a processor.

Toom and Cook multiply two short polynomials by way of their values at a few points; Winograd turned that round for
filters (Lavin, Gray 2015, arXiv 1509.09308). Four outputs of three taps take six multiplications a pair of channels
instead of twelve, of four taps seven instead of sixteen. A longer filter is one of blocks of four taps, over whose
values at a point a filter of as many blocks runs: eleven taps take 21 multiplications for four outputs instead of 44.
What that saves must pay for finding the values, so it is for many channels.

Axes here: N points, O outputs, K taps; a tile is four positions.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech.convolutions import Convolution, fusing_works, plain_weight
from speech.products import multiplier

TILE = 4  # outputs of a tile, and taps of a block
# And infinity. Of all sets of five out of 18 small fractions, beside 0, one of those that round least: with 128
# channels 3.6 times the root mean square of the plain sum's error, where 1, -1, 2, -2 and 1/2 round 4.0 times as much.
POINTS = tuple(map(Fraction, ("1", "0", "2", "1/2", "-3/4", "-4/3")))
# Likewise for three taps, of 22 fractions: with 256 channels 2.2 times, where 1, -1, 2, -2 round 3.4 times as much.
POINTS_OF_THREE = tuple(map(Fraction, ("0", "2/3", "-2/3", "3/2", "-3/2")))
_ONE = 0  # where the point 1 stands, at which a constant is the same constant
# Channels times taps from which it pays. By turns on two cores of a Xeon without AMX, dilated by 1, 3 and 5: 64 times
# 11 took 0.82 to 0.84 of the time, 128 times 7 0.75 to 0.83, 256 times 11 0.61, but 128 times 5 and 64 times 7 more.
LEAST = 700
# Channels from which it pays for three taps. A whole WaveGlow, by turns on two cores of an EPYC (Zen 4): with 256
# channels 0.85 of the time, with 128 0.94 to 0.96, with 96 0.98 to 1.03, with 64 1.13.
LEAST_OF_THREE = 128


def pays(module: nn.Conv1d) -> bool:
    """Whether `ToomCook` knows this convolution, and is the faster way on a processor."""
    (kernel,), (stride,), (dilation,) = module.kernel_size, module.stride, module.dilation
    known = kernel % 2 == 1 and kernel > TILE and stride == module.groups == 1
    same = module.padding == (kernel // 2 * dilation,)
    return known and same and min(module.in_channels, module.out_channels) * kernel >= LEAST


@dataclass(frozen=True)
class ToomCook(Convolution):
    """weight: [N O, C, 1, blocks], packed; bias: [N O]. For images [B, C, 1, T] in float32, channels innermost."""

    kernel: int = 0

    @classmethod
    def of(cls, module: nn.Module, dtype: torch.dtype, scale: float = 1.0) -> Convolution:
        """Of a `Conv1d` that `pays`, in float32 on a processor; of all others what its parent makes of them."""
        here = dtype == torch.float32 and next(module.parameters()).device.type == "cpu"
        if here and isinstance(module, nn.Conv1d) and pays(module) and works():
            return cls._of(module, scale)
        return Convolution.of(module, dtype, scale)

    @classmethod
    def _of(cls, module: nn.Conv1d, scale: float = 1.0) -> ToomCook:
        weight = plain_weight(module).double() * scale  # [O, C, K]
        (kernel,), (dilation,), outputs = module.kernel_size, module.dilation, len(weight)
        blocks = -(-kernel // TILE)
        weight = functional.pad(weight, (0, blocks * TILE - kernel)).view(*weight.shape[:2], blocks, TILE)
        weight = torch.einsum("nt,ocbt->nocb", _exact(POINTS, TILE)[1], weight).flatten(0, 1)[:, :, None].float()
        bias = torch.zeros(len(weight) // outputs, outputs)
        if module.bias is not None:
            bias[_ONE] = module.bias.detach()
        packed = torch.ops.mkldnn._reorder_convolution_weight(
            weight.contiguous(memory_format=torch.channels_last), (0, 0), (1, 1), (1, 1), len(bias), None
        )
        return cls(packed, bias.flatten(), (0, 0), (1, dilation), kernel // 2 * dilation, kernel=kernel)

    def __call__(self, x: Tensor) -> Tensor:
        batch, channels, _, length = x.shape
        (to_values, to_outputs), dilation = _rounded(POINTS, TILE), self.dilation[1]
        points, phase = len(to_values), -(-length // dilation)  # a dilated filter sees every such position of a phase
        tiles = -(-(phase + self.kernel - 1) // TILE)
        values = torch.matmul(to_values, self._tiles(x, phase, tiles))  # [B · dilation · tiles, N, C]
        image = values.view(1, 1, -1, points * channels).permute(0, 3, 1, 2)
        sizes = (0, 0), (1, 1), (1, 1), points
        products = torch.ops.mkldnn._convolution_pointwise(image, self.weight, self.bias, *sizes, "none", [], "")
        products = products.permute(0, 2, 3, 1).view(products.size(3), points, -1)
        made = x.new_empty(len(values), TILE, products.size(2))  # the last tiles lie behind every end, and are not read
        torch.bmm(to_outputs.expand(len(products), -1, -1), products, out=made[: len(products)])
        phases = made.view(batch, dilation, tiles * TILE, -1)[:, :, :phase]
        rows = phases.transpose(1, 2).flatten(1, 2)[:, :length].contiguous()
        return rows.transpose(1, 2)[:, :, None]

    def _tiles(self, x: Tensor, phase: int, tiles: int) -> Tensor:
        """[B, C, 1, T] -> [B · dilation · tiles, N, C]: a tile and the positions behind it, silence around a phase."""
        batch, channels, _, length = x.shape
        dilation, before, points = self.dilation[1], self.kernel // 2, len(POINTS) + 1
        whole = length // dilation  # positions that all phases have; the first ones may have one more
        rows, cut = x[:, :, 0].transpose(1, 2), whole * dilation
        padded = x.new_empty(batch * dilation * tiles * TILE + points - TILE, channels)
        padded[TILE - points :] = 0.0
        phases = padded[: TILE - points].view(batch, dilation, tiles * TILE, channels)
        phases[:, :, :before] = 0.0
        phases[:, :, before : before + whole] = rows[:, :cut].view(batch, whole, dilation, channels).transpose(1, 2)
        phases[:, :, before + whole :] = 0.0
        if phase > whole:
            phases[:, : length - cut, before + whole] = rows[:, cut:]
        return padded.as_strided((batch * dilation * tiles, points, channels), (TILE * channels, channels, 1))


class ThreeTaps:
    """A dilated filter of three taps over rows [B, R, C], each sentence's in one run of memory.

    The positions of a tile are as far apart as the taps, and as many tiles side by side as that is: so what stands at
    one place of all of them is one run of memory, and neither their values nor their outputs are ever put in order.
    """

    def __init__(self, weight: Tensor, dilation: int, rows: int) -> None:
        """weight: [O, C, 3] in float32; `rows` are how many outputs are made at once."""
        self.reach = dilation
        self._outputs = weight.size(0)
        values = torch.einsum("nt,oct->noc", _exact(POINTS_OF_THREE, 3)[1], weight.double()).float()
        self._products = [multiplier(value, -(-rows // TILE), torch.float32) for value in values]

    @staticmethod
    def pays(weight: Tensor, dtype: torch.dtype) -> bool:
        """Whether this filter [O, C, K] can be had so, and is faster for it."""
        known = dtype == torch.float32 and weight.device.type == "cpu" and weight.size(2) == 3
        return known and min(weight.shape[:2]) >= LEAST_OF_THREE

    def rows_for(self, outputs: int) -> int:
        """How many rows so many outputs are made of, from the one that the first tap of the first stands on."""
        return (-(-outputs // (TILE * self.reach)) * TILE + 2) * self.reach

    def __call__(self, rows: Tensor) -> Tensor:
        """[B, R, C] with as many rows as `rows_for` says -> [B, outputs, O], and what else those rows give."""
        made = [self._of_one(one) for one in rows]
        return made[0][None] if len(made) == 1 else torch.stack(made)

    def _of_one(self, rows: Tensor) -> Tensor:
        to_values, to_outputs = _rounded(POINTS_OF_THREE, 3)
        channels, points, run = rows.size(1), len(to_values), self.reach * rows.size(1)
        groups = (len(rows) // self.reach - 2) // TILE
        places = rows.as_strided((groups, points, run), (TILE * run, run, 1))
        values = torch.bmm(to_values.expand(groups, -1, -1), places).view(groups, points, self.reach, channels)
        made = rows.new_empty(groups, points, self.reach, self._outputs)
        for point, product in enumerate(self._products):
            one = product(values[:, point].reshape(-1, channels))
            made[:, point] = one.view(groups, self.reach, self._outputs)
        return torch.bmm(to_outputs.expand(groups, -1, -1), made.flatten(2)).view(-1, self._outputs)


@functools.cache
def _exact(points: tuple[Fraction, ...], taps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values of the inputs [N, N] and of a block of taps [N, taps], outputs of their products [TILE, N]; float64."""

    def powers(count: int) -> Tensor:
        rows = [[float(point**power) for power in range(count)] for point in points]
        return torch.tensor([*rows, [float(power == count - 1) for power in range(count)]], dtype=torch.float64)

    inputs = powers(len(points) + 1).inverse().T
    # By powers of two, which round nothing, so that no point's values are much larger than another's.
    size = 2.0 ** inputs.abs().sum(1, keepdim=True).log2().round()
    return inputs / size, powers(taps) * size, powers(TILE).T


@functools.cache
def _rounded(points: tuple[Fraction, ...], taps: int) -> tuple[Tensor, Tensor]:
    """Values of the inputs [N, N] and outputs of the products [TILE, N], in float32."""
    inputs, _, outputs = _exact(points, taps)
    return inputs.float(), outputs.float().contiguous()


@functools.cache
def works() -> bool:
    """Whether oneDNN's convolutions are to be had here in groups as well, and give what torch's do."""
    if not fusing_works(torch.float32):
        return False
    generator = torch.Generator().manual_seed(0)
    # Without the usual start of its weights, which would draw from the generator that others count on.
    module = nn.utils.skip_init(nn.Conv1d, 16, 16, 7, dilation=3, padding=9)  # type: ignore[no-untyped-call]
    module.requires_grad_(False)
    for parameter in module.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    x = torch.randn(2, 16, 1, 40, generator=generator).contiguous(memory_format=torch.channels_last)
    try:
        found = ToomCook._of(module)(x)
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.allclose(found[:, :, 0], module(x[:, :, 0]), atol=1e-4)
