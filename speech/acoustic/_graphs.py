"""Steps of a loop on a GPU, captured once and replayed: launching them is then no work for the processor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

Launch = Callable[[int], None]  # a step, `offset` behind the clock


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Where graphs are captured."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def capture(launch: Launch, clock: Tensor, count: int, stride: int) -> torch.cuda.CUDAGraph:
    """A graph of `count` steps, at offsets 0, stride, 2 stride …, behind which the clock [1] stands by as much.

    The steps must have run before (their kernels are compiled), and allocate nothing. Other threads may go on using
    the GPU meanwhile.
    """
    graph, stream = torch.cuda.CUDAGraph(), _stream(clock.device)
    stream.wait_stream(torch.cuda.current_stream(clock.device))
    with torch.cuda.stream(stream):
        torch.mm(*torch.zeros(2, 16, 16, device=clock.device).unbind())  # cuBLAS takes its memory now, not the graph's
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            for number in range(count):
                launch(number * stride)
            clock.add_(count * stride)
        finally:
            graph.capture_end()
    torch.cuda.current_stream(clock.device).wait_stream(stream)
    return graph


def run(launch: Launch, clock: Tensor, steps: int, stride: int = 1) -> None:
    """`steps` steps from clock [1] on: those that do not fill a block one by one, the blocks by one graph."""
    block = 8 if steps < 256 else 16
    graphed = clock.is_cuda and steps >= 3 * block  # elsewhere than on a GPU the kernels run in Triton's interpreter
    alone = (steps - 1) % block + 1 if graphed else steps
    with current(clock.device):
        for number in range(alone):
            launch(number * stride)
        clock.add_(alone * stride)
        if alone < steps:
            graph = capture(launch, clock, block, stride)
            for _ in range((steps - alone) // block):
                graph.replay()


def current(device: torch.device) -> AbstractContextManager[object]:
    """Kernels are started on the current GPU, wherever their tensors lie."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
