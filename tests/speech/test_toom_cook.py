from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from speech import convolutions, toom_cook
from speech.convolutions import Convolution
from speech.toom_cook import ThreeTaps, ToomCook


@pytest.fixture(autouse=True)
def everything_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toom_cook, "LEAST", 0)
    monkeypatch.setattr(toom_cook, "LEAST_OF_THREE", 0)


def layer(kernel: int, dilation: int = 1, *, inputs: int = 12, outputs: int = 12) -> nn.Conv1d:
    torch.manual_seed(0)
    return nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=kernel // 2 * dilation)


def image(length: int, channels: int = 12, batch: int = 2) -> Tensor:
    x = torch.randn(batch, channels, 1, length, generator=torch.Generator().manual_seed(1))
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("length", [1, 2, 4, 13, 64, 101])
@pytest.mark.parametrize("dilation", [1, 3, 5])
@pytest.mark.parametrize("kernel", [5, 7, 9, 11, 13])
def test_it_equals_torchs_own(kernel: int, dilation: int, length: int) -> None:
    plain, x = layer(kernel, dilation), image(length)
    ours = ToomCook.of(plain, torch.float32)
    assert type(ours) is ToomCook
    with torch.no_grad():
        found = ours(x)
        assert found.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(found[:, :, 0], plain(x[:, :, 0]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("changed", ["no bias", "fewer outputs", "weight norm"])
def test_so_do_layers_of_other_kinds(changed: str) -> None:
    plain, x = layer(7, 3, outputs=8 if changed == "fewer outputs" else 12), image(50)
    if changed == "no bias":
        plain.bias = None
    if changed == "weight norm":
        with pytest.warns(FutureWarning):
            nn.utils.weight_norm(plain)
        plain.get_parameter("weight_g").data.mul_(1.5)
    ours = ToomCook.of(plain, torch.float32)
    assert type(ours) is ToomCook
    with torch.no_grad():
        torch.testing.assert_close(ours(x)[:, :, 0], plain(x[:, :, 0]), atol=1e-5, rtol=1e-5)


def test_what_follows_is_done_as_by_a_plain_one() -> None:
    plain, x, other = layer(7, 3), image(50), image(50).flip(3)
    ours = ToomCook.of(plain, torch.float32)
    with torch.no_grad():
        expected = plain(x[:, :, 0])[:, :, None]
        near = {"atol": 1e-5, "rtol": 1e-5}
        torch.testing.assert_close(ours.rectified(x, 0.1), functional.leaky_relu(expected, 0.1), **near)
        torch.testing.assert_close(ours.added(x, other), expected + other, **near)
        given = other.clone()
        assert ours.add_to(given, x).data_ptr() == given.data_ptr()
        torch.testing.assert_close(given, expected + other, **near)
        torch.testing.assert_close(ToomCook.of(plain, torch.float32, 4.0)(x / 4.0), ours(x), **near)
    assert ours.reach == Convolution.of(plain, torch.float32).reach == 9


def test_a_wide_one_rounds_little_more_than_a_sum() -> None:
    plain, x = layer(11, inputs=128, outputs=128), image(400, 128, 1)
    with torch.no_grad():
        exact = copy.deepcopy(plain).double()(x[:, :, 0].double())
        errors = [
            float((way(x)[:, :, 0] - exact).square().mean().sqrt())
            for way in (ToomCook.of(plain, torch.float32), Convolution.of(plain, torch.float32))
        ]
    assert errors[0] < 1e-6
    assert errors[0] < 8 * errors[1]


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv1d(12, 12, 3, padding=1),  # a block of its own would be mostly empty
        nn.Conv1d(12, 12, 8, padding=4),
        nn.Conv1d(12, 12, 7, padding=2),
        nn.Conv1d(12, 12, 7, padding=3, stride=2),
        nn.ConvTranspose1d(12, 12, 8, 4, padding=2),
    ],
    ids=["short", "even", "less padding", "stride", "stretching"],
)
def test_others_stay_plain(other: nn.Module) -> None:
    assert type(ToomCook.of(other, torch.float32)) is Convolution


def test_narrow_ones_and_half_the_bits_stay_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(ToomCook.of(layer(7), torch.bfloat16)) is Convolution
    monkeypatch.undo()
    assert type(ToomCook.of(layer(7), torch.float32)) is Convolution
    assert type(ToomCook.of(layer(11, inputs=64, outputs=64), torch.float32)) is ToomCook


def test_trying_it_out_draws_from_no_ones_generator() -> None:
    before = torch.get_rng_state()
    assert toom_cook.works.__wrapped__()
    assert torch.equal(torch.get_rng_state(), before)


def test_without_onednns_private_operators_all_stay_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toom_cook, "works", toom_cook.works.__wrapped__)
    monkeypatch.setattr(toom_cook, "fusing_works", lambda dtype: False)
    assert type(ToomCook.of(layer(7), torch.float32)) is Convolution


@pytest.mark.parametrize("failure", [AttributeError, RuntimeError, TypeError, None])
def test_groups_that_are_missing_or_wrong_are_left_alone(
    failure: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = torch.ops.mkldnn._convolution_pointwise
    assert convolutions.fusing_works(torch.float32)

    def other(*arguments: object) -> Tensor:
        if failure:
            raise failure
        result: Tensor = own(*arguments)
        return result * 1.01

    monkeypatch.setattr(torch.ops.mkldnn, "_convolution_pointwise", other)
    assert not toom_cook.works.__wrapped__()


@pytest.mark.parametrize("outputs", [1, 4, 31, 64, 101])
@pytest.mark.parametrize("dilation", [1, 2, 8, 16])
@pytest.mark.parametrize("batch", [1, 2])
def test_three_taps_equal_torchs_own(batch: int, dilation: int, outputs: int) -> None:
    plain = layer(3, dilation, outputs=24)
    plain.bias = None
    ours = ThreeTaps(plain.weight.detach(), dilation, outputs)
    rows = torch.zeros(batch, ours.rows_for(outputs), 12)
    rows[:, dilation : dilation + outputs] = image(outputs, batch=batch)[:, :, 0].transpose(1, 2)
    with torch.no_grad():
        expected = plain(rows.transpose(1, 2))[:, :, dilation : dilation + outputs]
        found = ours(rows)
        assert found.size(1) >= outputs
        torch.testing.assert_close(found[:, :outputs].transpose(1, 2), expected, atol=1e-5, rtol=1e-5)


def test_they_read_rows_where_these_lie() -> None:
    """A sentence's rows are a part of its own memory, and stand after others' in it."""
    plain = layer(3, 4)
    ours = ThreeTaps(plain.weight.detach(), 4, 16)
    whole = torch.randn(2, 60, 12, generator=torch.Generator().manual_seed(2))
    part = whole[:, 7 : 7 + ours.rows_for(16)]
    torch.testing.assert_close(ours(part), ours(part.clone()), atol=0.0, rtol=0.0)


def test_wide_three_taps_round_little_more_than_a_sum() -> None:
    plain, x = layer(3, 2, inputs=256, outputs=256), image(400, 256, 1)
    ours = ThreeTaps(plain.weight.detach(), 2, 400)
    rows = torch.zeros(1, ours.rows_for(400), 256)
    rows[:, 2:402] = x[:, :, 0].transpose(1, 2)
    with torch.no_grad():
        plain.bias = None
        exact = copy.deepcopy(plain).double()(x[:, :, 0].double())
        errors = [
            float((found - exact).square().mean().sqrt())
            for found in (ours(rows)[:, :400].transpose(1, 2), plain(x[:, :, 0]))
        ]
    assert errors[0] < 1e-6
    assert errors[0] < 5 * errors[1]


def test_three_taps_pay_for_many_channels_in_all_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert ThreeTaps.pays(torch.zeros(512, 256, 3), torch.float32)
    assert not ThreeTaps.pays(torch.zeros(512, 256, 3), torch.bfloat16)
    assert not ThreeTaps.pays(torch.zeros(512, 256, 5), torch.float32)
    assert not ThreeTaps.pays(torch.zeros(512, 64, 3), torch.float32)
