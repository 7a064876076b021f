"""Turns on one GPU, as bench/measure.py has them on processors: timed by its own clock, memory as torch counts it.

Whoever has a GPU has it alone, so no round is refused; the median of all is quoted. A way that fails tells why in its
row and stops no other.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.measure import Call, Case, amount, show
from speech import devices

HEAD = ("what", "way", "ms a call", "× reference", "rate", "MiB")
REFERENCES = ("oracle", "plain")
SHORTEST = 0.1  # seconds of a round
WARM = 2  # calls before the one that tells how long one takes


@dataclass
class Row:
    """One way of one case, as it stands in the table and in the JSON file; all 0 where there is an `error`."""

    case: str
    way: str
    seconds: float  # of one call
    ratio: float  # times the reference of the same case; 0: it has none, or it was left out
    spread: tuple[float, float]  # least and most seconds
    rate: float  # units a second
    unit: str
    memory: float  # MiB at the peak of making it and of the first calls: weights and optimiser included
    rounds: int
    error: str = ""


@dataclass
class Way:
    name: str
    device: torch.device
    call: Call = lambda: None
    times: int = 1  # calls a round
    memory: float = 0.0
    rounds: list[float] = field(default_factory=list)  # seconds of a call
    error: str = ""

    def attempt(self, act: Callable[[], None]) -> None:
        """Nothing more is asked of a way that failed."""
        if self.error:
            return
        try:
            act()
        except Exception as error:
            self.error = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            self.call = lambda: None
        if self.error:  # behind the except: until then the error keeps what failed alive
            gc.collect()
            devices.release(self.device)

    def prepare(self, make: Callable[[], Call]) -> None:
        cuda = self.device.type == "cuda"
        before = torch.cuda.memory_allocated(self.device) if cuda else 0
        if cuda:
            torch.cuda.reset_peak_memory_stats(self.device)
        self.call = make()
        for _ in range(WARM):
            self.call()
        self.times = max(1, round(SHORTEST / max(1e-6, self._once())))
        self.memory = (torch.cuda.max_memory_allocated(self.device) - before) / 2**20 if cuda else 0.0

    def turn(self) -> None:
        self.rounds.append(self._once())

    def _once(self) -> float:
        """Seconds of a call in one round."""
        if self.device.type != "cuda":
            start = time.perf_counter()
            for _ in range(self.times):
                self.call()
            return (time.perf_counter() - start) / self.times
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(self.device)
        begin.record()
        for _ in range(self.times):
            self.call()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1e3 / self.times


def measure(case: Case, device: torch.device, rounds: int, only: Iterable[str] = ()) -> list[Row]:
    """The ways of a case, or `only` some, in turn."""
    gc.collect()
    devices.release(device)
    ways = [Way(name, device) for name in case.ways if not only or name in only]
    for way in ways:
        way.attempt(partial(way.prepare, case.ways[way.name]))
    for _ in range(rounds):
        for way in ways:
            way.attempt(way.turn)
    first = ways[0] if ways and ways[0].name in REFERENCES and not ways[0].error else None
    return [_row(case, way, statistics.median(first.rounds) if first else 0.0) for way in ways]


def _row(case: Case, way: Way, base: float) -> Row:
    if way.error:
        return Row(case.name, way.name, 0.0, 0.0, (0.0, 0.0), 0.0, case.unit, 0.0, 0, way.error)
    seconds, spread = statistics.median(way.rounds), (min(way.rounds), max(way.rounds))
    rate = case.work / seconds
    return Row(case.name, way.name, seconds, base / seconds, spread, rate, case.unit, way.memory, len(way.rounds))


def line(row: Row) -> tuple[str, ...]:
    """The cells of a table's row."""
    if row.error:
        return row.case, row.way, row.error, "", "", ""
    ratio = f"{row.ratio:.2f} ×" if row.ratio else ""
    return row.case, row.way, f"{1e3 * row.seconds:,.2f}", ratio, amount(row.rate, row.unit), f"{row.memory:,.0f}"


def machine(device: torch.device) -> dict[str, Any]:
    about = {"gpu": devices.describe(device), "torch": torch.__version__, "cuda": torch.version.cuda or ""}
    if device.type == "cuda":
        about |= {"gpu": torch.cuda.get_device_name(device), "driver": _driver()}
    return {**about, "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


def run(
    cases: Iterable[Case],
    device: torch.device,
    *,
    rounds: int,
    minutes: float,
    only: Iterable[str] = (),
    file: Path | None = None,
) -> list[Row]:
    """Measure and print the cases; when the minutes are over, what is left has one round.

    The JSON file is written anew behind every case, so that a run that is cut off has left one.
    """
    about, rows, begun = machine(device), list[Row](), time.monotonic()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    show(HEAD)
    for case in cases:
        found = measure(case, device, rounds if time.monotonic() - begun <= 60 * minutes else 1, only)
        rows += found
        for row in found:
            show(line(row))
        if file:
            file.write_text(
                json.dumps({"machine": about, "rows": [asdict(row) for row in rows]}, ensure_ascii=False, indent=1)
            )
    return rows
