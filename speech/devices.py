"""The device that a network runs on: choice, name, precision, memory."""

from __future__ import annotations

import contextlib
import resource
import sys

import torch

from speech.errors import BadConfig
from speech.products import int8_range, product_dtype

_MIB = 2**20


def on_processors(wanted: str) -> bool:
    """Whether what `choose` makes of it is the CPU."""
    return wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available())


def choose(wanted: str) -> torch.device:
    """`wanted`: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:1". Raises BadConfig."""
    if wanted == "auto":
        wanted = "cpu" if on_processors(wanted) else "cuda"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise BadConfig(f"There is no device {wanted!r}; use auto, cpu or cuda.", code="unknown_device") from error
    if device.type not in ("cpu", "cuda") or (device.type == "cuda" and not torch.cuda.is_available()):
        raise BadConfig(
            f"The device {wanted!r} is not usable here; use cpu, or install torch with CUDA.", code="no_such_device"
        )
    return device


def describe(device: torch.device) -> str:
    """As a person reads it: "cpu", "cuda:0 NVIDIA H200"."""
    if device.type != "cuda":
        return device.type
    index = device.index if device.index is not None else torch.cuda.current_device()
    return f"cuda:{index} {torch.cuda.get_device_name(index)}"


def precision_on(device: torch.device, wanted: str) -> str:
    """ "float32" or "bf16". `wanted`: "auto" is bf16 on CUDA where it is native, float32 elsewhere."""
    if wanted not in ("auto", "float32", "bf16"):
        raise BadConfig(f"There is no precision {wanted!r}; use auto, float32 or bf16.", code="unknown_precision")
    if wanted != "auto":
        return wanted
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def speaking_precision(device: torch.device, wanted: str) -> None:
    """Raises BadConfig where a voice cannot speak in the precision `wanted` on this device."""
    if product_dtype(wanted, int8=True) == torch.int8 and (device.type != "cpu" or not int8_range()):
        raise BadConfig(f"There is no int8 on {describe(device)} here; take bf16 or float32.", code="no_int8")


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[None]:
    """The context in which the forward pass and the loss are computed."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def repeatable(device: torch.device) -> None:
    """The same weights and batches give the same bits, so that a resumed run ends as one that was not stopped."""
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True


def flush_denormals() -> bool:
    """Let this thread, and those that it begins from now on, take numbers below 1e-38 for zero; False if it cannot.

    A processor multiplies them some hundred times as slowly, and gradients that fade along a clip are full of them: a
    step of a compact Tacotron 2 in the middle of a speaker's fine-tune takes a third more time with them.
    """
    return torch.set_flush_denormal(True)


def peak_memory_mib(device: torch.device) -> float:
    """Peak so far: allocated on CUDA, resident on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / _MIB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MIB if sys.platform == "darwin" else peak / 1024  # bytes there, KiB here


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory, the device's or the machine's, is full."""
    words = ("can't allocate memory", "could not create a primitive")  # torch's, oneDNN's
    full = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return full or (isinstance(error, RuntimeError) and any(one in str(error) for one in words))


def release(device: torch.device) -> None:
    """Give memory that is no longer used back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
