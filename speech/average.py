"""A moving average of the weights: a voice that does not jump with the last batch (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch


class MovingAverage:
    """`values`: the averaged parameters by name. The running means of a network are no part of it."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module, step: int) -> None:
        """After optimiser step number `step`. A young run forgets sooner: its first weights are noise."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            self.values[name].lerp_(parameter, 1.0 - decay)

    def over(self, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """A state dict with the averages in the place of the parameters: what is saved as the voice."""
        return {**state, **self.values}

    @contextmanager
    def used_by(self, model: torch.nn.Module) -> Iterator[None]:
        """The model has the averages for as long as the context lasts, and its own weights to the bit after it."""
        own = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        try:
            _put(model, self.values)
            yield
        finally:
            _put(model, own)


def _put(model: torch.nn.Module, values: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(values[name])
