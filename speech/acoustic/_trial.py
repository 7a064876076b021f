"""Whether the kernels for a GPU run on this one: they are tried out once, and left alone where they fail or err.

Triton needs a C compiler beside the driver, and knows some GPUs better than others. Without the kernels everything
works, in five times as many operations.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

log = logging.getLogger(__name__)

OLDEST = (8, 0)  # compute capability: products in bf16 began there
SENTENCES, SYMBOLS = 2, 19  # enough for more than one program
AS_NEAR = 1e-3  # of the largest number: kernels and loops sum in another order


@functools.cache
def kernels_work(device: torch.device) -> bool:
    """Tries all of it on this GPU the first time, for which Triton compiles all of it."""
    if torch.cuda.get_device_capability(device) < OLDEST or importlib.util.find_spec("triton") is None:
        return False
    try:
        right = agree(device)
    except Exception as error:
        log.warning(
            "The kernels do not run on this GPU, and its steps are many small ones: %s: %s", type(error).__name__, error
        )
        return False
    if not right:
        log.warning("The kernels compute something else on this GPU than they should, so they are not used.")
    return right


def agree(device: torch.device) -> bool:
    """Whether a small decoder gives with the kernels what it gives without them: outputs, gradients, and speech."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.autocast(device.type, enabled=False):
        torch.manual_seed(0)
        return _loops_agree(device) and _speech_agrees(device)


@torch.inference_mode(mode=False)
@torch.enable_grad()
def _loops_agree(device: torch.device) -> bool:
    from speech.acoustic import _fused, _loops

    steps = 40 if device.type == "cuda" else 5  # enough for a graph; there is none in Triton's interpreter
    hidden, channels, size, inputs = 24, 20, 18, 16
    shapes = (
        (steps, SENTENCES, inputs), (SENTENCES, SYMBOLS, channels), (SENTENCES, SYMBOLS, size), (),
        (4 * hidden, inputs + channels), (4 * hidden, hidden), (4 * hidden,), (size, hidden), (size, 2, 31), (size,),
    )  # fmt: skip
    given: list[Tensor] = [0.3 * torch.randn(shape, device=device) for shape in shapes]
    given[3] = torch.arange(SYMBOLS, device=device)[None, :] >= torch.tensor([[SYMBOLS], [7]], device=device)
    mask = (torch.rand(steps, SENTENCES, hidden, device=device) > 0.1).float()

    def attending(apply: Callable[..., Any]) -> list[Tensor]:
        own = [one.detach().requires_grad_(one.is_floating_point()) for one in given]
        attended, alignment = apply(*own, mask, torch.float32)
        return _with_gradients([attended, alignment], own)

    def recurring(apply: Callable[..., Any]) -> list[Tensor]:
        own = [one.detach().requires_grad_(True) for one in (given[0], given[4][:, :inputs].contiguous(), *given[5:7])]
        return _with_gradients([apply(*own, mask, torch.float32)], own)

    return _near(attending(_fused.attention_loop), attending(_loops.eager_attention_loop)) and _near(
        recurring(_fused.lstm_loop), recurring(_loops.eager_lstm_loop)
    )


@torch.inference_mode(mode=False)
@torch.no_grad()
def _speech_agrees(device: torch.device) -> bool:
    from speech.acoustic._free import BLOCK, Eager, PrenetMasks
    from speech.acoustic._free_fused import FEW, LOOK, WIDER, FusedSteps, Weights
    from speech.acoustic._layers import Decoder
    from speech.acoustic.tacotron2 import PRESETS

    steps = 2 * LOOK if device.type == "cuda" else LOOK  # the second time by the graph
    small = replace(
        PRESETS["trial"], n_mels=6, encoder_channels=20, prenet_channels=16, attention_rnn_channels=24,
        attention_channels=18, decoder_rnn_channels=28,
    )  # fmt: skip
    decoder = Decoder(small).to(device).eval()
    for sentences in (1, FEW + 1):
        memory = torch.randn(sentences, SYMBOLS, decoder.config.encoder_channels, device=device)
        processed, padding = decoder.attention_layer.memory_layer(memory), memory[:, :, 0] > 9.0
        padding[-1, 11:] = sentences > 1
        weights = Weights(decoder, sentences <= FEW, torch.float32)
        runs = (
            FusedSteps(weights, (sentences, WIDER, steps, torch.float32), BLOCK, memory),
            Eager(decoder, memory, steps, torch.float32),
        )
        for run in runs:
            masks = PrenetMasks(list(range(sentences)), decoder.config.prenet_channels, 0.5, memory)
            run.begin(memory, processed, padding, masks)
            for first in range(0, steps, run.look):
                run.advance(first, run.look)
        ours, theirs = ([run.outputs, run.alignment(steps, SYMBOLS)] for run in runs)
        if not _near(ours, theirs):
            return False
    return True


def _with_gradients(outputs: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    weighed = [
        (one * torch.linspace(-1.0, 1.0, one.numel(), device=one.device).view(one.shape)).sum() for one in outputs
    ]
    torch.stack(weighed).sum().backward()  # type: ignore[no-untyped-call]
    return [*(one.detach() for one in outputs), *(one.grad for one in inputs if one.grad is not None)]


def _near(ours: list[Tensor], theirs: list[Tensor]) -> bool:
    return len(ours) == len(theirs) and all(
        bool((one - other).abs().max() <= AS_NEAR * other.abs().max().clamp(min=1.0))
        for one, other in zip(ours, theirs, strict=True)
    )
