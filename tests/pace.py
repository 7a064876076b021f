"""How much of its time the machine gives to the tests, and what they do where that is little.

The host of a virtual machine may halt its processors for most of the time, and count that as their work: a loop of ten
seconds stood still for eight. What goes by the clock says nothing there (a microphone drops samples, a page is late),
and all else took 20 to 40 times as long, so that the whole would need hours. On such a machine tests in real time are
left out, the others wait longer for what they wait for, and after `LIMIT` no more are begun; the session's last lines
say so. Other processes of the same machine do not look like that: the kernel lets a loop in again within a few
milliseconds.
"""

from __future__ import annotations

import os
import time

HALT = 0.05  # seconds: longer than a kernel keeps a loop waiting for its neighbours
STARVED = 0.2  # halted for more than this share of the time
LIMIT = 35 * 60.0  # seconds of a session on a starved machine in which tests are begun
_HALTED, _BEGUN = "TESTS_HALTED", "TESTS_BEGUN"  # in the environment: child processes go by what the first one measured


def begin(seconds: float = 2.0) -> None:
    """Measure for so long, while nothing of ours runs yet; what an outer process measured stands."""
    if _HALTED not in os.environ:
        os.environ.update({_BEGUN: f"{time.time():.0f}", _HALTED: f"{_measure(seconds):.3f}"})


def _measure(seconds: float) -> float:
    """The share of a busy loop's time in which it stood still."""
    start = last = time.perf_counter()
    halted = 0.0
    while last - start < seconds:
        now = time.perf_counter()
        if now - last > HALT:
            halted += now - last
        last = now
    return halted / (last - start)


def halted() -> float:
    """What was measured in this session; 0 without a measurement."""
    return float(os.environ.get(_HALTED, "0"))


def starved() -> bool:
    return halted() > STARVED


def time_is_up() -> bool:
    return starved() and time.time() - float(os.environ[_BEGUN]) > LIMIT


def reason() -> str:
    return f"this machine stood still for {halted():.0%} of the time"


def patient(seconds: float) -> float:
    """`seconds` of a machine that gives all of its time, on this one: eight times as many at most.

    Twice the plain share, since the processes of a test wait for one another as well.
    """
    return seconds if not starved() else seconds * min(8.0, 2.0 / (1.0 - min(halted(), 0.9)))
