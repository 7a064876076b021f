"""Long convolutions over time in fewer multiplications, for speaking in float32 on a processor.

Toom and Cook multiply two short polynomials by way of their values at a few points; Winograd turned that round for
filters (Lavin, Gray 2015, arXiv 1509.09308). Four outputs of four taps take seven multiplications a pair of channels
instead of sixteen. A longer filter is one of blocks of four taps, over whose values at a point a filter of as many
blocks runs: eleven taps take 21 multiplications for four outputs instead of 44. What that saves must pay for finding
the values, so it is for many channels and long kernels.

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

TILE = 4  # outputs of a tile, and taps of a block
# And infinity. Of all sets of five out of 18 small fractions, beside 0, one of those that round least: with 128
# channels 3.6 times the root mean square of the plain sum's error, where 1, -1, 2, -2 and 1/2 round 4.0 times as much.
POINTS = tuple(map(Fraction, ("1", "0", "2", "1/2", "-3/4", "-4/3")))
_ONE = 0  # where the point 1 stands, at which a constant is the same constant
# Channels times taps from which it pays. By turns on two cores of a Xeon without AMX, dilated by 1, 3 and 5: 64 times
# 11 took 0.82 to 0.84 of the time, 128 times 7 0.75 to 0.83, 256 times 11 0.61, but 128 times 5 and 64 times 7 more.
LEAST = 700


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
        weight = torch.einsum("nt,ocbt->nocb", _exact()[1], weight).flatten(0, 1)[:, :, None].float()
        bias = torch.zeros(len(weight) // outputs, outputs)
        if module.bias is not None:
            bias[_ONE] = module.bias.detach()
        packed = torch.ops.mkldnn._reorder_convolution_weight(
            weight.contiguous(memory_format=torch.channels_last), (0, 0), (1, 1), (1, 1), len(bias), None
        )
        return cls(packed, bias.flatten(), (0, 0), (1, dilation), kernel // 2 * dilation, kernel=kernel)

    def __call__(self, x: Tensor) -> Tensor:
        batch, channels, _, length = x.shape
        (to_values, to_outputs), dilation = _rounded(), self.dilation[1]
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


@functools.cache
def _exact() -> tuple[Tensor, Tensor, Tensor]:
    """Values of the inputs [N, N] and of a block of taps [N, TILE], outputs of their products [TILE, N]; float64."""

    def powers(count: int) -> Tensor:
        rows = [[float(point**power) for power in range(count)] for point in POINTS]
        return torch.tensor([*rows, [float(power == count - 1) for power in range(count)]], dtype=torch.float64)

    inputs = powers(len(POINTS) + 1).inverse().T
    # By powers of two, which round nothing, so that no point's values are much larger than another's.
    size = 2.0 ** inputs.abs().sum(1, keepdim=True).log2().round()
    return inputs / size, powers(TILE) * size, powers(TILE).T


@functools.cache
def _rounded() -> tuple[Tensor, Tensor]:
    """Values of the inputs [N, N] and outputs of the products [TILE, N], in float32."""
    inputs, _, outputs = _exact()
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
