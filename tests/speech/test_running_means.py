"""Running means that belong to the weights as they are, not as they were some steps ago."""

from __future__ import annotations

import torch

from speech.running_means import settle


def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv1d(3, 5, 1), torch.nn.BatchNorm1d(5))


def batches() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(4, 3, 50, generator=generator) + 2 for _ in range(3)]


def test_they_become_the_plain_average_over_the_batches() -> None:
    model = network()
    settle(model, model, batches())
    seen = torch.stack([model[0](batch).mean((0, 2)) for batch in batches()]).mean(0)
    torch.testing.assert_close(model[1].running_mean, seen)


def test_what_was_before_does_not_matter() -> None:
    first, second = network(), network()
    second[1].running_mean.fill_(float("nan"))
    for model in (first, second):
        settle(model, model, batches())
    assert torch.equal(first[1].running_mean, second[1].running_mean)
    assert torch.equal(first[1].running_var, second[1].running_var)


def test_a_batch_that_is_not_finite_is_left_out() -> None:
    first, second = network(), network()
    good = batches()
    settle(first, first, good)
    settle(second, second, [good[0], torch.full((4, 3, 50), float("nan")), *good[1:]])
    assert torch.equal(first[1].running_mean, second[1].running_mean)
    assert torch.equal(first[1].running_var, second[1].running_var)


def test_the_weights_the_momentum_and_the_mode_stay() -> None:
    model = network().eval()
    before = model[0].weight.clone()
    settle(model, model, batches())
    trained = network()
    settle(trained, trained, batches())
    assert torch.equal(model[1].running_mean, trained[1].running_mean)
    assert torch.equal(model[0].weight, before)
    assert model[1].momentum == 0.1
    assert not model.training


def test_a_network_without_them_is_not_even_run() -> None:
    def never(batch: torch.Tensor) -> None:
        raise AssertionError

    settle(torch.nn.Linear(2, 2), never, batches())
