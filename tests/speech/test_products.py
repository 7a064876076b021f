from __future__ import annotations

import pytest
import torch

from speech import products
from speech.errors import BadConfig

needs_int8 = pytest.mark.skipif(not products.int8_range(), reason="no int8 on this processor")


def drawn(rows: int, inputs: int, outputs: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = (rows, inputs), (outputs, inputs), (outputs,)
    x, weight, bias = (torch.randn(shape, generator=generator) for shape in shapes)
    return x, weight, bias


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_a_packed_weight_gives_the_plain_product_for_any_number_of_rows(rows: int) -> None:
    x, weight, bias = drawn(rows, 65, 33)
    with torch.no_grad():
        found = products.multiplier(weight, rows, torch.float32, bias)(x)
    torch.testing.assert_close(found, x @ weight.T + bias, atol=1e-4, rtol=1e-5)


@needs_int8
@pytest.mark.parametrize("rows", [1, 4])
def test_products_in_int8_are_right_to_the_rounding(rows: int) -> None:
    x, weight, bias = drawn(rows, 512, 96)
    found, exact = products.multiplier(weight, rows, torch.int8, bias)(x), x @ weight.T + bias
    assert 0.0 < (found - exact).abs().max() < 0.03 * exact.std()


@needs_int8
def test_products_in_int8_do_not_overflow_where_all_inputs_and_weights_are_as_large_as_can_be() -> None:
    x, weight = torch.ones(1, 2048), torch.ones(64, 2048)
    found = products.multiplier(weight, 1, torch.int8)(x)
    torch.testing.assert_close(found, torch.full((1, 64), 2048.0), atol=0.0, rtol=0.01)


@needs_int8
def test_a_weight_of_zeros_stays_zero_in_int8() -> None:
    found = products.multiplier(torch.zeros(8, 16), 1, torch.int8)(torch.ones(1, 16))
    assert not found.any()


def test_a_processor_without_int8_is_told_to_take_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "int8_range", lambda: 0)
    with pytest.raises(BadConfig, match="bf16"):
        products.multiplier(torch.zeros(8, 16), 1, torch.int8)


def test_int8_is_a_precision_only_where_it_is_asked_for() -> None:
    assert products.product_dtype("int8", int8=True) == torch.int8
    with pytest.raises(BadConfig, match="int8"):
        products.product_dtype("int8")
