"""The kernels against the eager loops: on a GPU, or in Triton's interpreter where TRITON_INTERPRET=1 asks for it.

TRITON_INTERPRET=1 pytest tests/speech/acoustic/test_fused.py   (needs `pip install triton`, no GPU)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from speech.acoustic import _loops, tacotron2

from .builders import TINY, random_batch, random_model

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
pytestmark = [pytest.mark.gpu] if not INTERPRETED else []
DEVICE = torch.device("cpu" if INTERPRETED else "cuda")
# No size is a multiple of a program's, and the sentences take more than one of them.
ODD = replace(TINY, encoder_channels=36, attention_rnn_channels=20, attention_channels=19, decoder_rnn_channels=23)


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels are taken, whatever their trial says."""
    pytest.importorskip("triton")
    from speech.acoustic import _free, _fused

    monkeypatch.setattr(_loops, "fused", lambda tensor: _fused)
    monkeypatch.setattr(_free, "fused", lambda tensor: _fused)


@pytest.fixture
def eager() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def drawn(steps: int, batch: int, symbols: int, config: tacotron2.Config, dropped: bool) -> list[Tensor | None]:
    """The arguments of `attention_loop`, with gradients where there are any."""
    generator = torch.Generator().manual_seed(steps)
    hidden, channels, size = config.attention_rnn_channels, config.encoder_channels, config.attention_channels
    shapes = [
        (steps, batch, config.prenet_channels), (batch, symbols, channels), (batch, symbols, size), None,
        (4 * hidden, config.prenet_channels + channels), (4 * hidden, hidden), (4 * hidden,), (size, hidden),
        (size, 2, config.location_kernel), (size,),
    ]  # fmt: skip
    made: list[Tensor | None] = []
    for shape in shapes:
        if shape is None:
            lengths = torch.tensor([symbols - 3 * row for row in range(batch)]).clamp(min=2)
            made.append(torch.arange(symbols)[None, :] >= lengths[:, None])
        else:
            made.append((0.4 * torch.randn(shape, generator=generator)).requires_grad_(True))
    mask = (torch.rand(steps, batch, hidden, generator=generator) > 0.1).float() / 0.9
    return [*made, mask if dropped else None]


def results(arguments: list[Tensor | None], device: torch.device) -> list[Tensor]:
    """Outputs and gradients of the attention loop."""
    moved = [None if one is None else one.detach().to(device).requires_grad_(one.requires_grad) for one in arguments]
    attended, alignment = _loops.attention_loop(*moved)  # type: ignore[arg-type]
    weights = torch.linspace(0.5, 1.5, attended.numel()).view(attended.shape).to(device)
    others = torch.linspace(-1.0, 1.0, alignment.numel()).view(alignment.shape).to(device)
    ((attended * weights).sum() + (alignment * others).sum()).backward()
    grads = [one.grad for one in moved if one is not None and one.grad is not None]
    return [one.detach().cpu() for one in (attended, alignment, *grads)]


def close(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= tolerance * other.abs().max().clamp(min=1.0)


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize(
    ("steps", "batch", "symbols"), [(7, 3, 21), (1, 1, 5), *([] if INTERPRETED else [(151, 5, 47)])]
)
def test_the_attention_loop_is_the_eager_one(
    eager: pytest.MonkeyPatch, steps: int, batch: int, symbols: int, dropped: bool
) -> None:
    arguments = drawn(steps, batch, symbols, ODD, dropped)
    found = results(arguments, DEVICE)
    eager.setattr(_loops, "fused", lambda tensor: None)
    close(found, results(arguments, torch.device("cpu")), 1e-5 if INTERPRETED else 1e-4)


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("steps", [6, *([] if INTERPRETED else [150])])
def test_the_lstm_loop_is_the_eager_one(eager: pytest.MonkeyPatch, steps: int, dropped: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = (steps, 3, 11), (92, 11), (92, 23), (92,)
    made = [(0.4 * torch.randn(shape, generator=generator)).requires_grad_(True) for shape in shapes]
    mask = (torch.rand(steps, 3, 23, generator=generator) > 0.1).float() / 0.9 if dropped else None

    def run(device: torch.device) -> list[Tensor]:
        moved = [one.detach().to(device).requires_grad_(True) for one in made]
        hidden = _loops.lstm_loop(*moved, None if mask is None else mask.to(device))
        (hidden * torch.linspace(0.5, 1.5, hidden.numel()).view(hidden.shape).to(device)).sum().backward()
        return [hidden.detach().cpu(), *(one.grad.cpu() for one in moved if one.grad is not None)]

    found = run(DEVICE)
    eager.setattr(_loops, "fused", lambda tensor: None)
    close(found, run(torch.device("cpu")), 1e-5 if INTERPRETED else 1e-4)


@pytest.mark.parametrize("reduction", [1, 3])
@pytest.mark.parametrize("rows", [1, 2, 6] if not INTERPRETED else [2, 5])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_speech_is_the_eager_one(eager: pytest.MonkeyPatch, rows: int, reduction: int, dropout: float) -> None:
    config = replace(ODD, reduction=reduction, prenet_dropout=dropout)
    model, frames = random_model(config), 18 if INTERPRETED else 200
    batch = random_batch(config, [20 - row for row in range(rows)], [1] * rows)
    seeds = list(range(rows))

    def speak(device: torch.device, precision: str = "float32") -> list[Tensor]:
        made = model.to(device).infer(
            batch.symbols.to(device), batch.symbol_lengths.to(device), max_frames=frames, gate_threshold=0.9999,
            seed=seeds, precision=precision,
        )  # fmt: skip
        return [one.cpu() for one in (made.mel, made.alignment, made.gate, made.mel_lengths.float())]

    first, again, low = speak(DEVICE), speak(DEVICE), speak(DEVICE, "bf16")
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))  # the second is the graph's
    eager.setattr("speech.acoustic._free.fused", lambda tensor: None)
    expected = speak(torch.device("cpu"))
    close(first, expected, 1e-4 if INTERPRETED else 2e-3)
    assert [one.shape for one in low] == [one.shape for one in expected]
    assert (low[1][:, :8] - expected[1][:, :8]).abs().max() < 0.05  # further on, rounding takes its own way


def test_backward_goes_once() -> None:
    arguments = drawn(4, 2, 6, ODD, dropped=False)
    moved = [None if one is None else one.detach().to(DEVICE).requires_grad_(one.requires_grad) for one in arguments]
    attended, _ = _loops.attention_loop(*moved)  # type: ignore[arg-type]
    attended.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="once"):
        attended.sum().backward()


@pytest.mark.gpu
def test_they_pass_their_trial_on_this_gpu() -> None:
    from speech.acoustic import _trial

    assert _trial.kernels_work(torch.device("cuda", torch.cuda.current_device()))


def test_the_trial_sees_that_they_agree_and_when_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from speech.acoustic import _fused, _trial

    assert _trial.agree(DEVICE)
    right = _fused.lstm_loop
    monkeypatch.setattr(_fused, "lstm_loop", lambda *given: 1.01 * right(*given))
    assert not _trial.agree(DEVICE)
