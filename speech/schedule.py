"""How the learning rate goes over a run: it warms up, then falls along a curve."""

from __future__ import annotations

import math

from speech.config import TrainingConfig

ANNEALS = ("none", "cosine", "exponential")


def factor(step: int, training: TrainingConfig) -> float:
    """Share of the learning rate for the step after `step` steps are done.

    The first `warmup_steps` steps rise along a line; from there the rate falls to the share `final_rate`, which the
    last step has. Behind the share `restart` of the steps all that begins anew (arXiv 1608.03983). Whoever moves
    `steps` later moves the curve.
    """
    first = restart_step(training)
    if first and step >= first:
        return _curve(step - first, training.steps - first, training)
    return _curve(step, first or training.steps, training)


def restart_step(training: TrainingConfig) -> int:
    """Steps that are done when the rate begins anew; 0 where it does not."""
    return round(training.restart * training.steps)


def _curve(step: int, steps: int, training: TrainingConfig) -> float:
    if step < training.warmup_steps:
        return (step + 1) / training.warmup_steps
    if training.anneal == "none":
        return 1.0
    way = steps - 1 - training.warmup_steps
    done = min(1.0, (step - training.warmup_steps) / way) if way > 0 else 1.0
    if training.anneal == "exponential":
        return float(training.final_rate**done)
    return training.final_rate + (1.0 - training.final_rate) * 0.5 * (1.0 + math.cos(math.pi * done))
