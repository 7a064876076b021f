"""What the benchmarks share: taking turns, refusing disturbed rounds, memory, one table.

A case is one piece of work done in several ways; the first way is the reference. The ways take turns, so that a machine
whose speed drifts is as kind to one as to the other. A round is refused when other processes, or the host below a
virtual machine, took more than a twentieth of the processors' time while it ran (by /proc/stat), or when the host
halted them without telling (`Watch`); it is repeated while patience lasts. What is quoted is the median of the good
rounds; where there was none, the least of all, marked `~`. On a machine that is never quiet for as long as a call
takes, `--pieces MINUTES` asks for the quietest of every piece instead (bench/pieces.py).
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import gc
import json
import os
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from bench.pieces import Pieces, quietest
from speech import devices

Call = Callable[[], object]
DISTURBED = 0.05  # share of the processors' time that others may take in a good round
SHORTEST = 0.4  # seconds of a round: /proc/stat counts in hundredths
NAP, LATE = 0.002, 0.02  # seconds that `Watch` sleeps, and by which it may wake too late
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Case:
    """`ways`: name to a function that makes ready what is measured; `work` in `unit`s is done by one call."""

    name: str
    ways: dict[str, Callable[[], Call]]
    work: float = 0.0
    unit: str = ""  # "s of sound": the rate is then times real time
    rounds: int = 5


@dataclass(frozen=True)
class Round:
    seconds: float  # of one call
    others: float  # share of the processors' time that was not ours


@dataclass
class Row:
    """One way of one case, as it stands in the table and in the JSON file."""

    bench: str
    case: str
    way: str
    seconds: float  # of one call
    ratio: float  # times the reference of the same run; 0: the reference was left out
    spread: tuple[float, float]  # least and most seconds of the good rounds; of pieces, `seconds` and `again`
    rate: float  # units a second
    unit: str
    memory: float  # MiB that the first call needed beyond what was there before
    good: int  # rounds
    refused: int
    pieces: int = 0  # whose least times were added up; 0: whole calls were measured

    @property
    def disturbed(self) -> bool:
        return self.good == 0


class Watch:
    """Sleeps a little, again and again, and adds up by how much too late it wakes.

    The host of a virtual machine may halt its processors and count that as their work: on such a machine a loop of ten
    seconds stood still for seven of them, while /proc/stat told of no time stolen. A thread that has slept is let in
    within milliseconds, so what goes beyond `LATE` is a halt.
    """

    def __init__(self) -> None:
        self.halted = 0.0  # seconds, so far
        threading.Thread(target=self._watch, daemon=True).start()

    @classmethod
    @functools.cache
    def only(cls) -> Watch:
        """The one of this process."""
        return cls()

    def _watch(self) -> None:
        while True:
            start = time.perf_counter()
            time.sleep(NAP)
            if (late := time.perf_counter() - start - NAP) > LATE:
                self.halted += late


@dataclass
class Load:
    """What the processors of the machine did since the last look, ours taken out."""

    _before: tuple[float, ...] = field(default_factory=lambda: _clocks())

    def others(self) -> float:
        """Share of all processors' time that other processes or the host took."""
        before, self._before = self._before, _clocks()
        wall, own, busy, halted = (now - then for now, then in zip(self._before, before, strict=True))
        taken = max(0.0, busy - own) / (os.cpu_count() or 1)
        return max(taken, halted) / max(1e-9, wall)


def _clocks() -> tuple[float, float, float, float]:
    """(wall, ours with our children's, everybody's with what the host stole, halted) in seconds."""
    halted = Watch.only().halted
    times = os.times()
    own = times.user + times.system + times.children_user + times.children_system
    try:
        first = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:  # not Linux: nothing is known of the others
        return time.perf_counter(), own, own, halted
    user, nice, system, _, _, interrupts, soft, stolen, *_ = (int(value) / TICK for value in first)
    return time.perf_counter(), own, user + nice + system + interrupts + soft + stolen, halted


def _once(call: Call, times: int) -> Round:
    load, start = Load(), time.perf_counter()
    for _ in range(times):
        call()
    seconds = (time.perf_counter() - start) / times
    return Round(seconds, load.others())


def _memory_and_time(call: Call) -> tuple[float, float]:
    """MiB by which the first call raised the resident memory at its peak, and its seconds; it warms up as well."""
    gc.collect()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).malloc_trim(0)  # what the way before left lying would be taken for this one's
    before, start = _resident("VmRSS"), time.perf_counter()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        call()
        peak = _resident("VmHWM")
    except OSError:
        call()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return max(0.0, peak - before), time.perf_counter() - start


def _resident(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(bench: str, case: Case, options: argparse.Namespace) -> list[Row]:
    """All ways of a case in turn, until each has its good rounds or patience is at its end."""
    wanted = {name: make for name, make in case.ways.items() if not options.only or name in options.only}
    calls = {name: make() for name, make in wanted.items()}
    if options.pieces:
        return _by_pieces(bench, case, calls, options.pieces)
    memory, times = {}, {}
    for name, call in calls.items():
        memory[name], first = _memory_and_time(call)
        started = time.perf_counter()
        if first < SHORTEST:  # the first call packs weights and fills caches: the second tells how long one takes
            call()
            first = time.perf_counter() - started
        times[name] = max(1, round(SHORTEST / max(1e-6, first)))
    rounds = min(case.rounds, options.rounds or case.rounds)
    seen: dict[str, list[Round]] = {name: [] for name in calls}
    for attempt in range(rounds + options.patience):
        for name, call in calls.items():
            if attempt < rounds or len(_good(seen[name])) < rounds:
                seen[name].append(_once(call, times[name]))
    base = _figure(seen[next(iter(case.ways))]) if next(iter(case.ways)) in seen else 0.0
    return [_row(bench, case, name, seen[name], base, memory[name]) for name in calls]


def _by_pieces(bench: str, case: Case, calls: dict[str, Call], minutes: float) -> list[Row]:
    memory = {name: _memory_and_time(call)[0] for name, call in calls.items()}
    for call in calls.values():  # the first call packs and plans, which no later one does
        call()
    found, reference = quietest(calls, minutes), next(iter(case.ways))
    base = found[reference].seconds if reference in found else 0.0
    return [_piecewise(bench, case, name, one, base, memory[name]) for name, one in found.items()]


def _piecewise(bench: str, case: Case, way: str, found: Pieces, base: float, memory: float) -> Row:
    return Row(
        bench=bench,
        case=case.name,
        way=way,
        seconds=found.seconds,
        ratio=base / found.seconds,
        spread=(found.seconds, found.again),
        rate=case.work / found.seconds,
        unit=case.unit,
        memory=memory,
        good=found.rounds if found.settled else 0,
        refused=found.odd,
        pieces=len(found.least),
    )


def _good(rounds: list[Round]) -> list[Round]:
    return [one for one in rounds if one.others <= DISTURBED]


def _figure(rounds: list[Round]) -> float:
    good = _good(rounds)
    return statistics.median(one.seconds for one in good) if good else min(one.seconds for one in rounds)


def _row(bench: str, case: Case, way: str, rounds: list[Round], base: float, memory: float) -> Row:
    seconds, good = _figure(rounds), _good(rounds)
    spread = [one.seconds for one in good or rounds]
    return Row(
        bench=bench,
        case=case.name,
        way=way,
        seconds=seconds,
        ratio=base / seconds,
        spread=(min(spread), max(spread)),
        rate=case.work / seconds,
        unit=case.unit,
        memory=memory,
        good=len(good),
        refused=len(rounds) - len(good),
    )


def duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def amount(value: float, unit: str) -> str:
    """A rate as a person reads it; "s of sound" a second is times real time."""
    if not unit:
        return ""
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits} × real time" if unit == "s of sound" else f"{digits} {unit}/s"


def line(row: Row) -> tuple[str, ...]:
    """The cells of a table's row."""
    mark = "~" if row.disturbed else ""
    ratio = f"{row.ratio:.2f} ×" if row.ratio else ""
    return row.case, row.way, mark + duration(row.seconds), ratio, amount(row.rate, row.unit), f"{row.memory:.0f} MiB"


HEAD = ("what", "way", "a call", "× reference", "rate", "memory")
WIDTHS = (38, 22, 10, 12, 22, 10)


def show(cells: Iterable[str]) -> None:
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip(), flush=True)


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    made.add_argument("--rounds", type=int, default=0, help="at most so many a way")
    made.add_argument("--patience", type=int, default=3, help="rounds more where some were disturbed")
    made.add_argument("--pieces", type=float, default=0.0, metavar="MINUTES", help="a case, by its quietest pieces")
    made.add_argument("--minutes", type=float, default=60.0, help="when they are over, what is left has one round")
    made.add_argument("--only", nargs="*", default=[], metavar="WAY")
    made.add_argument("--case", default="", help="only cases whose name contains this")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    return made


def main(file: str, cases: Callable[[argparse.Namespace], Iterator[Case]], options: argparse.Namespace) -> list[Row]:
    """Measure all cases of a benchmark, print them as they come, and write the JSON file."""
    devices.flush_denormals()  # as the trainer and the speaking worker do; the oracles gain by it, too
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    show(HEAD)
    rows: list[Row] = []
    begun = time.monotonic()
    for case in cases(options):
        if time.monotonic() - begun > 60 * options.minutes:
            options.rounds, options.patience = 1, 0
        if options.case in case.name and any(not options.only or name in options.only for name in case.ways):
            found = measure(Path(file).stem, case, options)
            rows += found
            for row in found:
                show(line(row))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))
    return rows
