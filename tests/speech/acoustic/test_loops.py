"""The recurrences with hand-written gradients against the same written plainly for autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from speech import products
from speech.acoustic._loops import attention_loop, lstm_loop


def plain_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    into, forget, new, out = gates.chunk(4, 1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(into) * torch.tanh(new)
    return torch.sigmoid(out) * torch.tanh(cell), cell


def plain_attention_loop(
    inputs: Tensor,
    memory: Tensor,
    processed: Tensor,
    padding: Tensor,
    weight: Tensor,
    recurrent: Tensor,
    bias: Tensor,
    query: Tensor,
    location: Tensor,
    v: Tensor,
    dropout: Tensor | None,
) -> tuple[Tensor, Tensor]:
    batch, symbols, channels = memory.shape
    hidden = cell = inputs.new_zeros(batch, query.size(1))
    context = inputs.new_zeros(batch, channels)
    weights = total = inputs.new_zeros(batch, symbols)
    attended, alignment = [], []
    for step in range(inputs.size(0)):
        gates = functional.linear(torch.cat((inputs[step], context), 1), weight, bias)
        gates = gates + functional.linear(hidden, recurrent)
        hidden, cell = plain_cell(gates, cell)
        if dropout is not None:
            hidden = hidden * dropout[step]
        place = functional.conv1d(torch.stack((weights, total), 1), location, padding=location.size(2) // 2)
        energy = torch.tanh(processed + functional.linear(hidden, query)[:, None, :] + place.transpose(1, 2)) @ v
        weights = torch.softmax(energy.masked_fill(padding, -torch.inf), 1)
        total = total + weights
        context = torch.bmm(weights[:, None, :], memory)[:, 0]
        attended.append(torch.cat((hidden, context), 1))
        alignment.append(weights)
    return torch.stack(attended), torch.stack(alignment)


def plain_lstm_loop(inputs: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor, dropout: Tensor | None) -> Tensor:
    hidden = cell = inputs.new_zeros(inputs.size(1), recurrent.size(1))
    found = []
    for step in range(inputs.size(0)):
        gates = functional.linear(inputs[step], weight, bias) + functional.linear(hidden, recurrent)
        hidden, cell = plain_cell(gates, cell)
        if dropout is not None:
            hidden = hidden * dropout[step]
        found.append(hidden)
    return torch.stack(found)


def attention_arguments(
    steps: int, batch: int, symbols: int, wide: int, dtype: torch.dtype, *, drop: bool
) -> list[Tensor | None]:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    channels, hidden, size, kernel = wide, wide + 1, 5, 7
    padding = torch.arange(symbols)[None, :] >= torch.tensor([symbols, *[symbols - 2] * (batch - 1)])[:, None]
    dropout = torch.empty(steps, batch, hidden, dtype=dtype).bernoulli_(0.7, generator=generator) / 0.7
    return [
        drawn(steps, batch, 3),
        drawn(batch, symbols, channels),
        drawn(batch, symbols, size),
        padding,
        drawn(4 * hidden, 3 + channels) / wide**0.5,
        drawn(4 * hidden, hidden) / wide**0.5,
        drawn(4 * hidden),
        drawn(size, hidden),
        drawn(size, 2, kernel),
        drawn(size),
        dropout if drop else None,
    ]


def requiring_gradients(arguments: list[Tensor | None]) -> list[Tensor | None]:
    return [
        value.detach().clone().requires_grad_(True)
        if value is not None and value.is_floating_point() and i != 10
        else value
        for i, value in enumerate(arguments)
    ]


@pytest.mark.parametrize("drop", [False, True], ids=["dry", "dropped"])
def test_the_gradients_of_the_attention_loop_are_those_of_its_differences(drop: bool) -> None:
    arguments = requiring_gradients(attention_arguments(4, 2, 6, 3, torch.float64, drop=drop))
    assert torch.autograd.gradcheck(attention_loop, arguments, fast_mode=False)


@pytest.mark.parametrize("drop", [False, True], ids=["dry", "dropped"])
def test_the_gradients_of_the_lstm_are_those_of_its_differences(drop: bool) -> None:
    torch.manual_seed(0)
    arguments = [torch.randn(shape, dtype=torch.float64) for shape in ((5, 2, 3), (16, 3), (16, 4), (16,))]
    dropout = torch.empty(5, 2, 4, dtype=torch.float64).bernoulli_(0.7) / 0.7 if drop else None
    assert torch.autograd.gradcheck(lstm_loop, [*(value.requires_grad_(True) for value in arguments), dropout])


@pytest.mark.parametrize("onednn", [True, False], ids=["onednn", "without onednn"])
def test_both_loops_equal_autograd_in_float32(onednn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not onednn:
        monkeypatch.setattr(products, "onednn_works", lambda dtype: False)
    first = requiring_gradients(attention_arguments(30, 3, 17, 40, torch.float32, drop=True))
    second = requiring_gradients(first)
    recurrent = 0.1 * torch.randn(48, 12)
    results = []
    for arguments, attend, recur in (
        (first, attention_loop, lstm_loop),
        (second, plain_attention_loop, plain_lstm_loop),
    ):
        attended, alignment = attend(*arguments)
        hidden = recur(attended, torch.cat(arguments[4:6], 1)[:48, 3:] * 0.3, recurrent, arguments[6][:48], None)
        loss = (hidden.square().sum() + (alignment * torch.linspace(0, 1, 17)).sum()) / 30
        loss.backward()
        results.append((attended, alignment, hidden))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    for found, expected in zip(first, second, strict=True):
        if found is not None and found.requires_grad:
            torch.testing.assert_close(found.grad, expected.grad, atol=1e-5, rtol=1e-4)


def test_products_in_half_the_bits_stay_near() -> None:
    arguments = requiring_gradients(attention_arguments(30, 3, 17, 40, torch.float32, drop=True))
    exact, exact_alignment = attention_loop(*arguments)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        near, alignment = attention_loop(*arguments)
    near.sum().backward()
    assert near.dtype == torch.float32
    assert 0.0 < (near - exact).abs().max().item() < 0.05
    assert (alignment - exact_alignment).abs().max().item() < 0.02
    assert all(torch.isfinite(value.grad).all() for value in arguments if value is not None and value.requires_grad)
