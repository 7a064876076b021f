"""One move of the weights, of a network so small that it can be reckoned by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from speech.config import TrainingConfig
from speech.errors import NonFinite
from speech.feed import Fed
from speech.optimizers import adam
from speech.update import Network


class Recipe:
    """The loss is the weights' sum times what the batch holds; plain gradient descent."""

    def optimizers(self, model: nn.Linear) -> dict[str, torch.optim.Optimizer]:
        return {"model": torch.optim.SGD(model.parameters(), lr=0.5)}

    def parameters(self, model: nn.Linear, name: str) -> list[nn.Parameter]:
        return list(model.parameters())

    def losses(self, model: nn.Linear, batch: float, *, step: int) -> Iterator[tuple[str, torch.Tensor, Any]]:
        loss = batch * model.weight.sum()
        yield "model", loss, {"loss": loss, "step": torch.tensor(float(step))}


def network(**training: Any) -> Network:
    plan: Any = SimpleNamespace(
        training=TrainingConfig(**{"clip_norm": 0.0, **training}), device=torch.device("cpu"), precision="float32"
    )
    model = nn.Linear(4, 1, bias=False)
    nn.init.ones_(model.weight)
    return Network(plan, model, Recipe())  # type: ignore[arg-type]


def move(made: Network, *batches: float, step: int = 0, scale: float = 1.0) -> Any:
    fed: list[Any] = [Fed([], seed, batch) for seed, batch in enumerate(batches)]
    return made.move([1] * len(batches), lambda number: fed[number], step, scale)


def test_a_move_is_by_the_mean_gradient_at_the_rate_of_its_step() -> None:
    made = network(steps=100, warmup_steps=4)
    told = move(made, 1.0, 3.0, step=1, scale=0.5)
    assert told.rate == 0.5 * 0.5 * 0.5  # the optimiser's, the warm-up's, the scale's
    assert (told.losses, told.norm) == ({"loss": 8.0, "step": 1.0}, 4.0)  # a gradient of 2 in each of four weights
    assert made.model.weight.tolist() == [[0.75] * 4]
    assert move(made, 1.0, step=1, scale=0.5).norm == 2.0  # the gradients before are gone


def test_a_gradient_above_the_limit_is_shortened_and_told_as_it_was() -> None:
    made = network(clip_norm=1.0)
    assert move(made, 2.0).norm == pytest.approx(4.0)
    torch.testing.assert_close(made.model.weight, torch.full((1, 4), 1.0 - 0.5 * 0.5))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_told_before_a_weight_has_moved(bad: float) -> None:
    made = network(ema=0.9)
    with pytest.raises(NonFinite, match="loss"):
        move(made, 1.0, bad)
    assert made.model.weight.tolist() == [[1.0] * 4]


def test_a_gradient_that_is_no_number_is_told_though_its_loss_is_one() -> None:
    made = network()
    made.model.weight.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(NonFinite, match="gradient"):
        move(made, 1.0)
    assert made.model.weight.tolist() == [[1.0] * 4]


def test_the_average_follows_the_weights_and_begins_anew_from_them() -> None:
    made = network(ema=0.5)
    move(made, 1.0, step=8)
    assert made.average is not None
    assert made.average.values["weight"].tolist() == [[0.75] * 4]  # half of the way from 1 to 0.5
    made.reset_average()
    assert made.average.values["weight"].tolist() == made.model.weight.tolist() == [[0.5] * 4]
    assert network().average is None


def test_the_optimiser_of_all_recipes_takes_rate_decay_and_momenta_as_told() -> None:
    training = TrainingConfig(learning_rate=0.25, weight_decay=0.125)
    (group,) = adam(nn.Linear(2, 2).parameters(), training, betas=(0.8, 0.99)).param_groups
    assert (group["lr"], group["weight_decay"], group["betas"]) == (0.25, 0.125, (0.8, 0.99))
    assert len(group["params"]) == 2
    assert group["fused"]  # a dozen passes over the weights otherwise
    assert adam(nn.Linear(2, 2).parameters(), training).param_groups[0]["betas"] == (0.9, 0.999)
