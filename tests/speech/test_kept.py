"""What was made of a module's weights is made anew when they change, and only then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from speech.kept import kept_with


@pytest.fixture
def module() -> nn.BatchNorm1d:
    return nn.BatchNorm1d(3)


def test_it_is_made_once_and_is_no_part_of_the_state(module: nn.BatchNorm1d) -> None:
    before = set(module.state_dict())
    first = kept_with(module, "_doubled", lambda: module.weight.detach() * 2.0, torch.float32)
    assert torch.equal(first, module.weight * 2.0)
    assert kept_with(module, "_doubled", lambda: module.weight.detach() * 2.0, torch.float32) is first
    assert set(module.state_dict()) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda module: module.weight.add_(1.0),
        lambda module: module.load_state_dict(nn.BatchNorm1d(3).state_dict()),
        lambda module: setattr(module, "weight", nn.Parameter(torch.full((3,), 5.0))),
        lambda module: module.running_mean.add_(1.0),
    ],
    ids=["in place", "loaded", "another tensor", "a running mean"],
)
def test_a_change_is_seen(module: nn.BatchNorm1d, change: Callable[[nn.BatchNorm1d], object]) -> None:
    first = kept_with(module, "_made", object)
    with torch.no_grad():
        change(module)
    assert kept_with(module, "_made", object) is not first


def test_other_settings_are_another_make(module: nn.BatchNorm1d) -> None:
    first = kept_with(module, "_made", object, torch.float32)
    assert kept_with(module, "_made", object, torch.bfloat16) is not first
