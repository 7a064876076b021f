"""What the machine can do at best: the limits that the other figures are held against.

    python bench/machine.py [--threads 2] [--json FILE]

Copying counts the bytes read and the bytes written. Reading is the product of one row with float32 weights that no
cache holds, which is what a decoder step does. The others are products large enough to be bound by arithmetic.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Call, Case, main, parser
from speech.products import int8_range, multiplier, onednn_works

MEGABYTES = 256


def copying() -> Call:
    source = torch.zeros(MEGABYTES << 18)
    return partial(torch.empty_like(source).copy_, source)


def reading(inputs: int = 2048, outputs: int = 4096) -> Call:
    """Eight weights of 32 MiB in turn."""
    x = torch.randn(1, inputs)
    products = [multiplier(torch.randn(outputs, inputs), 1, torch.float32) for _ in range(MEGABYTES // 32)]
    turn = cycle(products)

    def read() -> None:
        with torch.no_grad():
            next(turn)(x)

    return read


def multiplying(dtype: torch.dtype, *, packed: bool, size: int = 2048) -> Call:
    x, weight = torch.randn(size, size).to(torch.float32 if dtype == torch.int8 else dtype), torch.randn(size, size)
    product = multiplier(weight, size, dtype) if packed else partial(torch.matmul, weight.to(dtype))

    def multiply() -> None:
        with torch.no_grad():
            product(x)

    return multiply


def cases(options: argparse.Namespace) -> Iterator[Case]:
    yield Case(f"copying {MEGABYTES} MiB", {"torch": copying}, 2 * MEGABYTES * 2**20 / 1e9, "GB")
    yield Case("reading weights of 32 MiB", {"float32": reading}, 32 * 2**20 / 1e9, "GB")
    ways: dict[str, Callable[[], Call]] = {"torch": partial(multiplying, torch.float32, packed=False)}
    if onednn_works(torch.float32):
        ways["oneDNN"] = partial(multiplying, torch.float32, packed=True)
    if onednn_works(torch.bfloat16):
        ways["oneDNN, bf16"] = partial(multiplying, torch.bfloat16, packed=True)
    if int8_range():
        ways["int8"] = partial(multiplying, torch.int8, packed=True)
    yield Case("products of 2,048 squared", ways, 2 * 2048**3 / 1e9, "GFLOP")


if __name__ == "__main__":
    main(__file__, cases, parser(__doc__).parse_args())
