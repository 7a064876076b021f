"""How a voice reads by itself, told by its attention: what it passes over, where it jumps, and when all is said."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ALIGNMENT = ("coverage", "repeats", "skips", "finished", "stopped", "focus")
_NEIGHBOUR = 1  # symbols; a short sound can pass between two frames
_JUMP = 3  # symbols; a step of the path beyond this is no reading on
_END = 2  # symbols; the path ends within this of the last one


def alignment_figures(alignment: npt.NDArray[np.floating], *, reached_limit: bool = False) -> dict[str, float]:
    """Figures of one utterance's attention, `alignment`: [T, N], rows summing to 1.

    `coverage`: share of the symbols that the path of the largest weight visits or passes beside;
    `repeats`, `skips`: how often it jumps back, or ahead, by more than three symbols;
    `finished`: 1.0 when it ends at the last symbols; `stopped`: 1.0 when the gate ended it, not the limit;
    `focus`: mean of the largest weight, 1.0 for an attention that looks at one symbol at a time.
    """
    frames, symbols = alignment.shape
    if not frames or not symbols:
        nothing = dict.fromkeys(("coverage", "repeats", "skips", "finished", "focus"), 0.0)
        return {**nothing, "stopped": float(not reached_limit)}
    path = alignment.argmax(axis=1)  # [T]
    steps = np.diff(path)
    visited = np.zeros(symbols, dtype=bool)
    for offset in range(-_NEIGHBOUR, _NEIGHBOUR + 1):
        visited[np.clip(path + offset, 0, symbols - 1)] = True
    return {
        "coverage": float(visited.mean()),
        "repeats": float((steps < -_JUMP).sum()),
        "skips": float((steps > _JUMP).sum()),
        "finished": float(path[-1] >= symbols - 1 - _END),
        "stopped": float(not reached_limit),
        "focus": float(alignment.max(axis=1).mean()),
    }


def said_by(alignment: npt.NDArray[np.floating]) -> int | None:
    """The frame at which everything had been said: the path is at the last symbol and has passed all the others.

    `alignment`: [T, N] as above. None where that never comes. What follows of a decoder that does not stop is no text.
    """
    symbols = alignment.shape[1]
    visited = np.zeros(symbols, dtype=bool)
    for frame, place in enumerate(alignment.argmax(axis=1)):
        visited[max(0, place - _NEIGHBOUR) : place + _NEIGHBOUR + 1] = True
        if place == symbols - 1 and visited.all():
            return frame
    return None
