"""What a call takes on a machine that never stands still: the sum over its pieces of the least that each has taken.

A host that halts its processors every few milliseconds leaves no call of a second undisturbed, but now and then each
piece of it. So a call runs again and again under torch's profiler; where an operation begins or ends, it is cut, and
of every piece (an operation, or what Python does between two) the quietest run counts. What the profiler adds, about a
microsecond an operation, stays in the sum: to the harm of whoever has most operations for their time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch.autograd.profiler import profile, record_function

TIMES = 3  # that a piece must have been about as quiet, lest its least be a halted one
SETTLED = 0.1  # share by which the third quietest runs may take longer than the quietest
FEWEST = 5  # rounds

Marks = tuple[tuple[bool, str], ...]  # (whether it ends here, operation)


@dataclass
class Pieces:
    """One way's pieces, as quiet as they have been."""

    marks: Marks = ()
    least: list[tuple[int, ...]] = field(default_factory=list)  # [len(marks) - 1], the quietest `TIMES` of each, ns
    rounds: int = 0  # that fitted
    odd: int = 0  # rounds that did other operations than the first

    def add(self, marks: Marks, times: list[int]) -> None:
        """`times`: [len(marks)] ns."""
        spent = [end - start for start, end in pairwise(times)]
        if not self.marks:
            self.marks, self.least = marks, [(one,) for one in spent]
        elif marks == self.marks:
            self.least = [tuple(sorted((*kept, one))[:TIMES]) for kept, one in zip(self.least, spent, strict=True)]
        else:
            self.odd += 1
            return
        self.rounds += 1

    @property
    def seconds(self) -> float:
        return sum(kept[0] for kept in self.least) / 1e9

    @property
    def again(self) -> float:
        """The sum of the last of the `TIMES` quietest runs, seconds."""
        return sum(kept[-1] for kept in self.least) / 1e9

    @property
    def settled(self) -> bool:
        """Whether the pieces have been about so quiet several times."""
        return self.rounds >= FEWEST and self.again <= (1 + SETTLED) * self.seconds


def cut(call: Callable[[], object]) -> tuple[Marks, list[int]]:
    """Runs the call once -> where its operations begin and end, and when (ns)."""
    with profile(use_kineto=True) as profiler, record_function("call"):
        call()
    events = [
        (event.start_ns(), event.start_ns() + event.duration_ns(), event.name())
        for event in profiler.kineto_results.events()
        if event.device_type() == torch.autograd.DeviceType.CPU and event.name() != "[memory]"
    ]
    found = sorted([(start, False, name) for start, _, name in events] + [(end, True, name) for _, end, name in events])
    return tuple((ends, name) for _, ends, name in found), [when for when, _, _ in found]


def quietest(calls: dict[str, Callable[[], object]], minutes: float) -> dict[str, Pieces]:
    """The ways in turn, for so long, or until all of them have settled."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # else it tells of every round
    seen = {name: Pieces() for name in calls}
    end = time.monotonic() + 60 * minutes
    rounds = 0
    while rounds < FEWEST or (time.monotonic() < end and not all(one.settled for one in seen.values())):
        for name, call in calls.items():
            seen[name].add(*cut(call))
        rounds += 1
    return seen
