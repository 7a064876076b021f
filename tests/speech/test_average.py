"""The moving average of the weights, and the network that speaks with it for a while."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from speech.average import MovingAverage


def layer(value: float) -> nn.BatchNorm1d:
    module = nn.BatchNorm1d(2)
    with torch.no_grad():
        for tensor in (*module.parameters(), module.running_mean):
            tensor.fill_(value)
    return module


@pytest.mark.parametrize(("step", "expected"), [(1, 9 / 11), (8, 0.5), (10**6, 0.25)])
def test_it_moves_a_share_of_the_way_and_more_of_it_in_a_young_run(step: int, expected: float) -> None:
    average = MovingAverage(layer(0.0), decay=0.75)
    average.update(layer(1.0), step)
    for value in average.values.values():
        torch.testing.assert_close(value, torch.full((2,), expected))


def test_the_voice_has_the_averages_and_the_running_means_of_the_network() -> None:
    average, trained = MovingAverage(layer(1.0), decay=0.9), layer(3.0)
    voice = average.over(trained.state_dict())
    assert voice.keys() == trained.state_dict().keys()
    assert [voice[name][0].item() for name in ("weight", "bias", "running_mean")] == [1.0, 1.0, 3.0]


def test_a_network_has_its_own_weights_again_when_it_has_spoken_even_where_that_fails() -> None:
    average, trained = MovingAverage(layer(1.0), decay=0.9), layer(3.0)
    with pytest.raises(RuntimeError, match="out of memory"), average.used_by(trained):
        assert trained.weight[0].item() == 1.0
        raise RuntimeError("out of memory")
    assert trained.weight[0].item() == trained.bias[0].item() == 3.0
    assert average.values["weight"][0].item() == 1.0
