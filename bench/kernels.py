"""What a call makes a GPU do: its kernels by their time, and what launching them costs the processor."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from bench.events import WARM
from bench.measure import Call, Case
from speech import devices

SHOWN = 14  # kernels and operations a call, the longest ones


def write(cases: Iterable[Case], device: torch.device, only: Iterable[str], file: Path) -> None:
    """A table a way, or for `only` some, in `file`; one that fails says why and stops no other."""
    file.write_text("")
    for case in cases:
        for name, make in case.ways.items():
            if only and name not in only:
                continue
            gc.collect()
            devices.release(device)
            try:
                lines = table(make(), device)
            except Exception as error:
                lines = [f"{type(error).__name__}: {error}"]
            with file.open("a") as out:
                out.write("\n".join((f"## {case.name}, {name}", *lines, "", "")))
            print(f"{case.name}, {name}: {lines[0]}", flush=True)


def table(call: Call, device: torch.device) -> list[str]:
    """The lines of one call."""
    for _ in range(WARM):
        call()
    _wait(device)
    begun = time.perf_counter()
    call()
    launched = time.perf_counter() - begun
    _wait(device)
    whole = time.perf_counter() - begun
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with profile(activities=kinds) as seen:
        call()
        _wait(device)
    rows = seen.key_averages()
    kernels = _longest(rows, DeviceType.CUDA, "self_device_time_total")
    operations = _longest(rows, DeviceType.CPU, "self_cpu_time_total")
    busy = sum(seconds for seconds, _, _ in kernels)
    head = f"{1e3 * whole:.2f} ms, of them {1e3 * launched:.2f} until all was launched; kernels {1e3 * busy:.2f} ms"
    return [head, *map(_line, kernels[:SHOWN]), "on the processor:", *map(_line, operations[:SHOWN])]


def _longest(rows: Iterable[Any], kind: DeviceType, time_of: str) -> list[tuple[float, int, str]]:
    """Seconds, times and name."""
    found = [(getattr(row, time_of) / 1e6, row.count, row.key) for row in rows if row.device_type == kind]
    return sorted(found, reverse=True)


def _line(row: tuple[float, int, str]) -> str:
    seconds, count, name = row
    return f"{1e3 * seconds:9.3f} ms {count:6d} × {1e6 * seconds / max(1, count):9.2f} µs  {name[:90]}"


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
