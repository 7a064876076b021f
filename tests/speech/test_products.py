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


@pytest.fixture(params=[True, False], ids=["MKL's processor", "another's"])
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether MKL is at home: both ways are right on every processor, one is the faster."""
    at_home: bool = request.param
    monkeypatch.setattr(products, "mkl_at_home", lambda: at_home)
    return at_home


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("inputs", "outputs"), [(65, 33), (520, 520)], ids=["a small weight", "a large one"])
@pytest.mark.parametrize("rows", [1, 3, 8, 200])
def test_a_packed_weight_gives_the_plain_product_for_any_number_of_rows(
    rows: int, inputs: int, outputs: int, dtype: torch.dtype
) -> None:
    x, weight, bias = drawn(rows, inputs, outputs)
    expected = x @ weight.T
    exact = dtype == torch.float32
    with torch.no_grad():
        for found, wanted in (
            (products.multiplier(weight, rows, dtype)(x), expected),
            (products.multiplier(weight, rows, dtype, bias)(x), expected + bias),
            (products.product(x, weight, bias, dtype), expected + bias),
        ):
            assert found.dtype == torch.float32
            torch.testing.assert_close(found, wanted, atol=1e-4 if exact else 0.5, rtol=1e-5 if exact else 0.02)


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [24, 40], ids=["narrower", "wider than what it heard"])
def test_the_gradient_of_a_weight_is_the_sum_over_the_rows(width: int, dtype: torch.dtype) -> None:
    left, _, _ = drawn(50, width, 31)
    right = torch.randn(50, 62, generator=torch.Generator().manual_seed(1))[:, :31]  # rows with gaps between them
    expected = torch.einsum("ro,ri->oi", left, right)
    exact = dtype == torch.float32
    with torch.no_grad():
        for found, wanted in (
            (products.outer(left, (right, 2.0 * right), dtype), torch.cat((expected, 2.0 * expected), 1)),
            (products.outer(left, (right,), dtype), expected),
            (products.outer(right, (left,), dtype), expected.T),
        ):
            assert found.dtype == torch.float32
            torch.testing.assert_close(found, wanted, atol=1e-4 if exact else 0.3, rtol=1e-5 if exact else 0.02)
        torch.testing.assert_close(products.outer_small(left.T.contiguous(), right), expected, atol=1e-4, rtol=1e-5)


def test_float32_goes_to_onednn_unless_mkl_is_at_home_or_it_is_brief_and_several_rows_of_a_large_weight_always_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not products.onednn_works(torch.float32):
        pytest.skip("no oneDNN to go to")
    calls, onednn = [], products._onednn
    monkeypatch.setattr(products, "_onednn", lambda *given: calls.append(given) or onednn(*given))
    monkeypatch.setattr(products, "mkl_at_home", lambda: True)
    small, large = torch.zeros(40, 60), torch.zeros(600, 600)
    with torch.no_grad():
        for weight, rows, packs in ((small, 1, 0), (small, 8, 0), (large, 1, 0), (large, 8, 1), (large, 500, 1)):
            calls.clear()
            products.multiplier(weight, rows, torch.float32)(torch.zeros(rows, weight.size(1)))
            assert len(calls) == packs, (tuple(weight.shape), rows)
        calls.clear()
        products.product(torch.zeros(8, 60), small, None, torch.float32)
        products.outer_small(torch.zeros(60, 8), torch.zeros(8, 40))
        assert not calls
        monkeypatch.setattr(products, "mkl_at_home", lambda: False)
        products.product(torch.zeros(8, 60), small, None, torch.float32)
        products.outer_small(torch.zeros(60, 8), torch.zeros(8, 40))
        assert len(calls) == 2
        for weight, rows, packs in ((small, 1, 0), (small, 8, 0), (small, 500, 1), (large, 1, 1), (large, 8, 1)):
            calls.clear()
            products.multiplier(weight, rows, torch.float32)(torch.zeros(rows, weight.size(1)))
            assert len(calls) == packs, (tuple(weight.shape), rows)


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
