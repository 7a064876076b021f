from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from speech import convolutions
from speech.convolutions import Convolution

LAYERS = {
    "dilated": lambda: nn.Conv1d(12, 12, 5, dilation=3, padding=6),
    "strided": lambda: nn.Conv1d(12, 12, 4, stride=2, padding=1),
    "no bias": lambda: nn.Conv1d(12, 12, 3, padding=1, bias=False),
    "stretching": lambda: nn.ConvTranspose1d(12, 12, 4, 2, padding=1),
}


def image(seed: int, length: int = 30) -> Tensor:
    x = torch.randn(2, 12, 1, length, generator=torch.Generator().manual_seed(seed))
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("private", [True, False], ids=["private operators", "public ones"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_convolution_with_what_follows_it_equals_torchs_own(
    name: str, private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not private:
        monkeypatch.setattr(convolutions, "fusing_works", lambda dtype: False)
    torch.manual_seed(0)
    layer = LAYERS[name]()
    x, ours = image(1), Convolution.of(layer, torch.float32)
    with torch.no_grad():
        expected = layer(x[:, :, 0])[:, :, None]
        other = image(2, expected.size(3))
        near = {"atol": 1e-5, "rtol": 1e-5}
        torch.testing.assert_close(ours(x), expected, **near)
        torch.testing.assert_close(ours.rectified(x, 0.1), functional.leaky_relu(expected, 0.1), **near)
        torch.testing.assert_close(ours.added(x, other), expected + other, **near)
        given = other.clone()
        assert ours.add_to(given, x).data_ptr() == given.data_ptr()
        torch.testing.assert_close(given, expected + other, **near)


def test_inputs_that_are_too_small_are_made_up_for_by_the_weights() -> None:
    torch.manual_seed(0)
    layer, x = LAYERS["dilated"](), image(1)
    with torch.no_grad():
        expected = Convolution.of(layer, torch.float32)(x)
        torch.testing.assert_close(Convolution.of(layer, torch.float32, 4.0)(x / 4.0), expected, atol=1e-5, rtol=1e-5)


def test_it_reaches_as_far_as_a_change_is_seen() -> None:
    torch.manual_seed(0)
    convolution, x = Convolution.of(LAYERS["dilated"](), torch.float32), image(1)
    changed = x.clone()
    changed[..., 15] += 1.0
    with torch.no_grad():
        seen = (convolution(changed) - convolution(x)).abs().sum((0, 1, 2)).nonzero()[:, 0]
    assert (seen - 15).abs().max() == convolution.reach == 6


@pytest.mark.parametrize("missing", [AttributeError, RuntimeError, TypeError])
def test_private_operators_that_are_missing_are_left_alone(
    missing: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> Tensor:
        raise missing

    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_convolution_weight", refuse)
    assert not convolutions.fusing_works.__wrapped__(torch.float32)


def test_private_operators_that_give_something_else_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_convolution_pointwise", lambda x, *others: x)
    assert not convolutions.fusing_works.__wrapped__(torch.float32)
