"""One move of the weights: gradients over one batch or several, clipped, and the optimisers' step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from speech import devices, models, schedule
from speech.augment import masked_inputs
from speech.average import MovingAverage
from speech.errors import NonFinite
from speech.feed import Fed
from speech.plan import Plan


@dataclass
class Told:
    """What one move says of itself."""

    losses: dict[str, float] = field(default_factory=dict)
    norm: float = 0.0  # the largest of the gradients'
    rate: float = 0.0


class Network:
    """What is trained, with all that moves it."""

    def __init__(self, plan: Plan, model: Any, recipe: models.Recipe) -> None:
        self.plan, self.model, self.recipe = plan, model, recipe
        self.optimizers = recipe.optimizers(model)
        self._rates = {name: [group["lr"] for group in one.param_groups] for name, one in self.optimizers.items()}
        self.average: MovingAverage | None = None
        self.reset_average()

    def reset_average(self) -> None:
        """The average begins anew, from the weights as they are."""
        decay = self.plan.training.ema
        self.average = MovingAverage(self.model, decay) if decay else None

    def modules(self) -> dict[str, torch.nn.Module]:
        """Networks that only training needs: discriminators."""
        modules: Callable[[], dict[str, torch.nn.Module]] = getattr(self.recipe, "modules", dict)
        return modules()

    def turn(self) -> int:
        """The step behind which it learns by another loss; 0: never."""
        turn: Callable[[], int] = getattr(self.recipe, "turn", int)
        return turn()

    def buffers(self) -> list[torch.Tensor]:
        """Running means and the like, of all that a forward pass may change."""
        return [buffer for one in (self.model, *self.modules().values()) for buffer in one.buffers()]

    def move(self, clips: Sequence[int], take: Callable[[int], Fed], step: int, scale: float) -> Told:
        """One step over `len(clips)` batches, which count by their numbers of clips. `take(i)` gives batch i.

        The batches go abreast: a loss of each, then its optimiser's step, then the next loss of each; so the memory
        holds what every batch's later losses need (a GAN's generator: its graph). `scale` is that of the rate.
        Raises NonFinite before the optimiser whose loss or gradient it is has moved.
        """
        told, fed = Told(), list[Fed]()
        runs: list[Iterator[tuple[str, torch.Tensor, dict[str, torch.Tensor]]]] = []
        rate = scale * schedule.factor(step, self.plan.training)
        while True:
            name, losses, sums = "", list[torch.Tensor](), dict[str, torch.Tensor]()
            for number, count in enumerate(clips):
                if len(runs) == number:
                    fed.append(take(number))
                    torch.manual_seed(fed[number].seed)
                    runs.append(self.recipe.losses(self.model, fed[number].tensors, step=step))
                with (
                    devices.autocast(self.plan.device, self.plan.precision),
                    masked_inputs(self.model, self.plan.training.augment_masking),
                ):
                    item = next(runs[number], None)
                if item is None:
                    return self._finish(told, step)
                name, loss, parts = item
                share = count / sum(clips)
                self._pull(name, loss, share, first=number == 0)
                losses.append(loss.detach())
                for part, value in parts.items():
                    sums[part] = sums.get(part, 0.0) + value.detach() * share
            told.norm = max(told.norm, self._clip(name, losses, sums, told.losses))
            told.rate = self._step(name, rate)

    def _pull(self, name: str, loss: torch.Tensor, share: float, *, first: bool) -> None:
        if first:
            self.optimizers[name].zero_grad(set_to_none=True)
        (loss * share).backward()  # type: ignore[no-untyped-call]

    def _clip(
        self, name: str, losses: Sequence[torch.Tensor], parts: Mapping[str, torch.Tensor], told: dict[str, float]
    ) -> float:
        """The gradients' norm; `told` gets the parts' values. Raises NonFinite.

        All is asked of a GPU at once, so that it does not wait for its processor in between.
        """
        parameters = self.recipe.parameters(self.model, name)
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.plan.training.clip_norm or float("inf"))
        length, *values = torch.stack([one.float() for one in (norm, *losses, *parts.values())]).tolist()
        for loss in values[: len(losses)]:
            if not math.isfinite(loss):
                raise NonFinite(f"The {name} loss is {loss}.")
        if not math.isfinite(length):
            raise NonFinite(f"The {name} gradient is not finite.")
        told.update(zip(parts, values[len(losses) :], strict=True))
        return float(length)

    def _step(self, name: str, scale: float) -> float:
        optimizer, rate = self.optimizers[name], 0.0
        for group, published in zip(optimizer.param_groups, self._rates[name], strict=True):
            rate = group["lr"] = published * scale
        optimizer.step()
        return rate

    def _finish(self, told: Told, step: int) -> Told:
        if self.average is not None:
            self.average.update(self.model, step)
        return told

    def forget_gradients(self) -> None:
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
