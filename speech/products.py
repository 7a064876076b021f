"""Matrix products of the networks, by whichever of torch's two libraries is the faster on this processor.

torch hands float32 products to MKL. On AMD's processors that is half as fast as oneDNN in those of a large weight; on
Intel's it is the faster one. A call of it costs 3 to 6 microseconds where one of oneDNN costs 16 to 20, so a few rows
of a small weight are left to it everywhere. But oneDNN can keep a weight in the layout that it likes best, which pays
for several rows of a large one everywhere.
torch offers that under private names only, so they are tried out once, and left alone where they are missing or wrong.

Axes here: R rows, I inputs, O outputs.
"""

from __future__ import annotations

import functools
import platform
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from torch import Tensor

from speech.errors import BadConfig
from speech.pages import in_huge_pages

Multiplier = Callable[[Tensor], Tensor]

_FEW = 4  # rows from which MKL no longer reads a weight once for all of them
_SMALL = 1 << 18  # weights that are read in less time than oneDNN needs for a call
_BRIEF = 1 << 19  # multiplications with one of them up to which the shorter call makes up for the slower pace on AMD
_HEAVY = 1 << 22  # weights that no cache holds beside others, so that memory's pace counts


@functools.cache
def mkl_at_home() -> bool:
    """Whether MKL is what torch multiplies float32 by, on a processor of its maker's: others get its slow paths."""
    if not torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return False
    told = Path("/proc/cpuinfo")
    return "GenuineIntel" in (told.read_text(errors="replace") if told.exists() else platform.processor())


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x: [R, I], weight: [O, I], which may be packed or turned; only from gaps between its rows it would be slow."""
    if not weight.is_mkldnn and not weight.is_contiguous() and not weight.T.is_contiguous():
        weight = weight.contiguous()
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return result


@functools.cache
def onednn_works(dtype: torch.dtype) -> bool:
    """Whether the private operators exist here, and give right results for packed and plain weights of this type."""
    if dtype not in (torch.float32, torch.bfloat16) or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(rows, 40, generator=generator).to(dtype) for rows in (3, 24))
    try:
        with torch.no_grad():
            packed = torch.ops.mkldnn._reorder_linear_weight(weight, 3)
            found = torch.stack((_onednn(x, packed, None), _onednn(x, weight, None))).float()
    except (AttributeError, RuntimeError, TypeError):
        return False
    expected = (x.float() @ weight.float().T).expand_as(found)
    return torch.allclose(found, expected, atol=1e-4 if dtype == torch.float32 else 0.1)


def product_dtype(precision: str, *, int8: bool = False) -> torch.dtype:
    """Of "float32", "bf16" or, where that is known, "int8"; raises BadConfig for a precision that there is not."""
    known = {"float32": torch.float32, "bf16": torch.bfloat16} | ({"int8": torch.int8} if int8 else {})
    if precision not in known:
        raise BadConfig(
            f"The precision is one of {', '.join(known)}, not {precision}.", code="unknown_precision", value=precision
        )
    return known[precision]


@functools.cache
def int8_range() -> int:
    """Bits of an input that can be multiplied with int8 weights without overflow: 8 with VNNI, 7 without; 0: none.

    Without VNNI two products are summed in 16 bits, which full inputs and weights overflow: that is tried out.
    """
    x, weight = torch.ones(2, 64), torch.ones(32, 64)
    x[1, ::2], weight[::2] = -1.0, -1.0
    for bits in (8, 7):
        try:
            found = _quantised(weight, None, bits)(x)
        except (AttributeError, RuntimeError, TypeError):
            return 0
        if torch.allclose(found, x @ weight.T, atol=1.0):
            return bits
    return 0


def _quantised(weight: Tensor, bias: Tensor | None, bits: int) -> Multiplier:
    """Weights rounded to 8 bits, each output by a scale of its own; inputs by one scale, anew at every call."""
    scales = weight.float().abs().amax(1).clamp_(min=1e-12) / 127.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch tells of the package that is to follow these operators
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        rounded = torch.quantize_per_channel(weight.float(), scales.double(), zeros, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(rounded, None if bias is None else bias.float())
    return lambda x: torch.ops.quantized.linear_dynamic(x, packed, bits < 8)


@contextmanager
def cast_by_hand(device: torch.device, precision: str, *, int8: bool = False) -> Iterator[torch.dtype]:
    """The type that products are cast to by hand inside, where autocast is off: autocast's own choice if it was on.

    Autocast does not know oneDNN's private operators: it would hand them the results of its own in bf16, to be
    multiplied with weights in float32, which they refuse. Raises BadConfig for a precision that there is not.
    """
    dtype = product_dtype(precision, int8=int8)
    if torch.is_autocast_enabled(device.type):
        dtype = torch.get_autocast_dtype(device.type)
    with torch.autocast(device.type, enabled=False):
        yield dtype


def _by_onednn(x: Tensor, dtype: torch.dtype) -> bool:
    at_home = dtype == torch.float32 and mkl_at_home()
    return x.device.type == "cpu" and not at_home and onednn_works(dtype)


def _packs(weight: Tensor, rows: int, dtype: torch.dtype) -> bool:
    """Whether a weight [O, I] that `rows` are to be multiplied with is best kept in oneDNN's layout."""
    if dtype == torch.float32 and weight.numel() < _SMALL and rows * weight.numel() <= _BRIEF:
        return False
    worth = rows >= _FEW and weight.numel() > _SMALL
    return _by_onednn(weight, dtype) or (worth and weight.device.type == "cpu" and onednn_works(dtype))


def product(x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """x: [R, I], weight: [O, I] -> x times weight transposed, in `dtype`, then back in x's. Not differentiable."""
    cast, weight = x.to(dtype), weight.to(dtype)
    if _by_onednn(x, dtype):
        return _onednn(cast, weight, None if bias is None else bias.to(dtype)).to(x.dtype)
    result = (cast @ weight.T).to(x.dtype)
    return result if bias is None else result.add_(bias)


def outer(left: Tensor, rights: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """left: [R, O], rights: [R, I] each, side by side -> the gradient of a weight [O, I], summed over the rows."""
    cast, cast_rights = left.to(dtype), [one.to(dtype) for one in rights]
    joined = torch.cat(cast_rights, 1) if len(rights) > 1 else cast_rights[0]
    # In bf16 torch has oneDNN multiply what lies the other way round. In float32 that is MKL's, and oneDNN wants its
    # first factor turned, but turns the second itself as it packs it: so the smaller comes first.
    if dtype != torch.float32 or not _by_onednn(left, dtype):
        result = cast.T @ joined
    elif cast.size(1) <= joined.size(1):
        result = _onednn(cast.T, joined.T, None)
    else:
        result = _onednn(joined.T, cast.T, None).T
    return result.to(left.dtype)


def outer_small(turned: Tensor, right: Tensor) -> Tensor:
    """turned: [O, R], right: [R, I] -> their product over the rows, [O, I], where turning would take as long."""
    return _onednn(turned, right.T, None) if _by_onednn(right, right.dtype) else turned @ right


def multiplier(
    weight: Tensor, rows: int, dtype: torch.dtype, bias: Tensor | None = None, *, lasting: bool = False
) -> Multiplier:
    """x [rows, I] -> x times weight transposed in `dtype`, [rows, O]; for a weight [O, I] that is used many times.

    lasting: for as long as a model lives, so that a heavy weight is worth up to 130 ms to have it read faster.
    """
    if dtype == torch.int8:
        if weight.device.type != "cpu" or not int8_range():
            raise BadConfig("Products in int8 are not to be had on this device; take bf16.", code="no_int8")
        return _quantised(weight, bias, int8_range())
    cast = weight.to(dtype).contiguous()
    same = dtype == weight.dtype
    if _packs(weight, rows, dtype):
        # For one row oneDNN would choose a layout that it reads at two thirds of the speed.
        packed = torch.ops.mkldnn._reorder_linear_weight(cast, max(rows, 4))
        if lasting:
            _spread_out(packed)
        if same:
            return lambda x: _onednn(x, packed, bias)
        bias_cast = None if bias is None else bias.to(dtype)
        return lambda x: _onednn(x.to(dtype), packed, bias_cast).to(x.dtype)
    transposed = cast.T
    if rows >= _FEW and weight.device.type == "cpu":
        transposed = transposed.contiguous()  # as MKL likes it for several rows
    if lasting:
        _spread_out(transposed)
    if bias is not None:
        return lambda x: torch.addmm(bias, x, transposed) if same else (x.to(dtype) @ transposed).to(x.dtype).add_(bias)
    return lambda x: x @ transposed if same else (x.to(dtype) @ transposed).to(x.dtype)


def _spread_out(weight: Tensor) -> None:
    """A heavy weight, packed or not, into huge pages where that can be done."""
    if weight.numel() < _HEAVY or weight.device.type != "cpu":
        return
    with suppress(AttributeError, RuntimeError):  # private names again
        if weight.is_mkldnn:
            in_huge_pages(torch.ops.mkldnn.data_ptr(weight), torch.ops.mkldnn._nbytes(weight))
        else:
            in_huge_pages(weight.data_ptr(), weight.nbytes)
