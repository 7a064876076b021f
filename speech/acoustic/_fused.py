"""The two recurrences of speech/acoustic/_loops.py as a GPU likes them: a handful of kernels a step, and graphs.

Equal to those to rounding, forward and backward; tests/speech/acoustic/test_fused.py holds one against the other. What
a weight's gradient needs of a step is kept, and its product made over all steps behind the loop.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from speech.acoustic import _graphs, _kernels
from speech.products import outer, product

_CELLS, _SYMBOLS, _CONTEXT = 256, 16, 64  # of a program: cells of an LSTM, symbols of a sentence, channels of a context
_UNFOLDED = 2**26  # numbers that the windows of some steps may take at once


def above(size: int, least: int = 16) -> int:
    """The power of two that holds `size`: Triton's ranges have such lengths."""
    return max(least, 1 << (size - 1).bit_length())


def _grid(size: int, block: int) -> int:
    return -(-size // block)


class _Row:
    """The states of one step, where the products find them: exact [B, R] float32, and low [B, R] in their type."""

    def __init__(self, like: Tensor, batch: int, width: int, dtype: torch.dtype) -> None:
        self.exact = like.new_zeros(batch, width)
        self.low = self.exact if dtype == like.dtype else like.new_zeros(batch, width, dtype=dtype)


def _once(ctx: Any) -> None:
    """Raises RuntimeError the second time: the first has written gradients over what it needed."""
    if ctx.spent:
        raise RuntimeError("The loop's gradients are made where its gates were: backward goes once.")
    ctx.spent = True


class _AttentionLoop(torch.autograd.Function):
    """See `attention_loop` of speech/acoustic/_loops.py."""

    @staticmethod
    def forward(
        ctx: Any,
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
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        (steps, batch, width), hidden = inputs.shape, recurrent.size(1)
        (_, symbols, channels), (size, _, kernel) = memory.shape, location.shape
        new, row_width = inputs.new_empty, hidden + channels
        gates = product(inputs.view(-1, width), weight[:, :width], bias, dtype).view(steps, batch, -1)
        cells, squashed = new(steps + 1, batch, hidden), new(steps, batch, hidden)
        states = new(steps + 1, batch, row_width)  # hidden state, context
        cells[0], states[0] = 0.0, 0.0
        places = inputs.new_zeros(steps + 1, batch, 2, symbols + kernel - 1)
        energies, scores, asked = new(steps, batch, symbols, size), new(batch, symbols), new(batch, size)
        row = _Row(inputs, batch, row_width, dtype)
        recur = torch.cat((recurrent, weight[:, width:]), 1).T.to(dtype)  # [H + C, 4H], a row of it an output's
        share = new(batch, 4 * hidden, dtype=dtype)
        clock = torch.zeros(1, dtype=torch.int32, device=inputs.device)
        behind, said, taps = padding.to(torch.uint8), row.exact[:, :hidden], location.flatten(1).T.contiguous()
        dropped = squashed if dropout is None else dropout

        def launch(offset: int) -> None:
            torch.mm(row.low, recur, out=share)
            _kernels.lstm[(_grid(batch * hidden, _CELLS),)](
                clock, offset, gates, share, cells, squashed, dropped, states, row.exact, row.low,
                batch, hidden, row_width, DROPPED=dropout is not None, BLOCK=_CELLS,
            )  # fmt: skip
            torch.mm(said, query.T, out=asked)
            _kernels.score[(batch, _grid(symbols, _SYMBOLS))](
                clock, offset, places, taps, processed, asked, v, energies, scores, batch, symbols, size, kernel,
                KEPT=True, SYMBOLS=_SYMBOLS, CHANNELS=above(size), TAPS=above(2 * kernel),
            )  # fmt: skip
            _kernels.attend[(batch, _grid(channels, _CONTEXT))](
                clock, offset, scores, behind, places, memory, states, row.exact, row.low, batch, symbols, channels,
                kernel, row_width, hidden, KEPT=True, ALL=above(symbols), CHANNELS=_CONTEXT, SYMBOLS=_SYMBOLS,
            )  # fmt: skip

        _graphs.run(launch, clock, steps)
        alignment = places[1:, :, 0, kernel // 2 : kernel // 2 + symbols].contiguous()
        ctx.save_for_backward(
            inputs, memory, weight, recurrent, query, location, v, dropout, alignment, gates, cells, squashed, states,
            places, energies,
        )  # fmt: skip
        ctx.dtype, ctx.spent = dtype, False
        return states[1:], alignment

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_attended: Tensor, to_alignment: Tensor) -> tuple[Tensor | None, ...]:
        _once(ctx)
        (inputs, memory, weight, recurrent, query, location, v, dropout, alignment, gates, cells, squashed, states,
         places, energies) = ctx.saved_tensors  # fmt: skip
        (steps, batch, width), hidden, dtype = inputs.shape, recurrent.size(1), ctx.dtype
        (_, symbols, channels), (size, _, kernel) = memory.shape, location.shape
        new, row_width, parts = inputs.new_empty, hidden + channels, _grid(symbols, _SYMBOLS)
        to_attended, to_alignment = to_attended.contiguous(), to_alignment.contiguous()
        to_context, query_parts = new(steps, batch, channels), new(steps, batch, parts, size)
        spread, total = inputs.new_zeros(batch, symbols, 2, kernel), inputs.new_zeros(batch, symbols)
        to_weights, v_parts = new(batch, symbols), inputs.new_zeros(batch, parts, size)
        answers, answered = new(batch, parts, size), new(batch, hidden)
        to_cell, to_gates = inputs.new_zeros(batch, hidden), new(batch, 4 * hidden, dtype=dtype)
        carried = inputs.new_zeros(batch, row_width, dtype=dtype)
        recur = torch.cat((recurrent, weight[:, width:]), 1).to(dtype)  # [4H, H + C]
        answer = (query * 4.0).repeat(parts, 1)  # [P D, H]
        clock = torch.full((1,), steps - 1, dtype=torch.int32, device=inputs.device)
        dropped = squashed if dropout is None else dropout

        def launch(offset: int) -> None:
            _kernels.attend_back[(batch, parts)](
                clock, offset, carried, to_attended, to_context, to_alignment, spread, total, memory, to_weights,
                batch, symbols, channels, kernel, row_width, hidden,
                SYMBOLS=_SYMBOLS, CHANNELS=_CONTEXT, TAPS=above(kernel),
            )  # fmt: skip
            _kernels.score_back[(batch, parts)](
                clock, offset, to_weights, places, energies, v, location, spread, v_parts, query_parts, answers,
                batch, symbols, size, kernel, parts,
                ALL=above(symbols), SYMBOLS=_SYMBOLS, CHANNELS=above(size), TAPS=above(2 * kernel),
            )  # fmt: skip
            torch.mm(answers.view(batch, -1), answer, out=answered)
            _kernels.lstm_back[(_grid(batch * hidden, _CELLS),)](
                clock, offset, answered, carried, to_attended, gates, cells, squashed, dropped, to_cell, to_gates,
                batch, hidden, row_width, ANSWERED=True, DROPPED=dropout is not None, BLOCK=_CELLS,
            )  # fmt: skip
            torch.mm(to_gates, recur, out=carried)

        with torch.autocast(inputs.device.type, enabled=False):
            _graphs.run(launch, clock, steps, stride=-1)
            flat_gates, flat = gates.view(steps * batch, -1), states.view(steps + 1, batch, -1)
            heard = inputs.view(steps * batch, -1), flat[:-1, :, hidden:].reshape(steps * batch, -1)
            said = flat[:, :, :hidden].reshape((steps + 1) * batch, -1)
            to_query = query_parts.sum(2).view(steps * batch, -1)
            return (
                product(flat_gates, weight[:, :width].T, None, dtype).view_as(inputs),
                torch.bmm(alignment.permute(1, 2, 0), to_context.transpose(0, 1)),
                energies.sum(0).mul_(4.0),
                None,
                outer(flat_gates, heard, dtype),
                outer(flat_gates, (said[:-batch],), dtype),
                flat_gates.sum(0),
                outer(to_query, (said[batch:],), query.dtype).mul_(4.0),
                _to_location(places, energies, kernel).mul_(4.0).view_as(location),
                v_parts.sum((0, 1)).mul_(2.0),
                None,
                None,
            )


def _to_location(places: Tensor, energies: Tensor, kernel: int) -> Tensor:
    """places [L + 1, B, 2, N + K - 1], energies [L, B, N, D], a quarter of the gradient -> the kernel's, [D, 2 K]."""
    steps, batch, symbols, size = energies.shape
    some = max(1, _UNFOLDED // (batch * symbols * 2 * kernel))
    gradient = energies.new_zeros(size, 2 * kernel)
    for start in range(0, steps, some):
        back = energies[start : start + some]
        seen = places[start : start + len(back)].unfold(-1, kernel, 1).permute(0, 1, 3, 2, 4)  # [L, B, N, 2, K]
        gradient.addmm_(back.reshape(-1, size).T, seen.reshape(-1, 2 * kernel))
    return gradient


class _LstmLoop(torch.autograd.Function):
    """See `lstm_loop` of speech/acoustic/_loops.py."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        recurrent: Tensor,
        bias: Tensor,
        dropout: Tensor | None,
        dtype: torch.dtype,
    ) -> Tensor:
        (steps, batch, width), size, new = inputs.shape, recurrent.size(1), inputs.new_empty
        gates = product(inputs.view(-1, width), weight, bias, dtype).view(steps, batch, -1)
        cells, squashed, hidden = new(steps + 1, batch, size), new(steps, batch, size), new(steps + 1, batch, size)
        cells[0], hidden[0] = 0.0, 0.0
        row, share = _Row(inputs, batch, size, dtype), new(batch, 4 * size, dtype=dtype)
        recur = recurrent.T.to(dtype)
        clock = torch.zeros(1, dtype=torch.int32, device=inputs.device)
        dropped = squashed if dropout is None else dropout

        def launch(offset: int) -> None:
            torch.mm(row.low, recur, out=share)
            _kernels.lstm[(_grid(batch * size, _CELLS),)](
                clock, offset, gates, share, cells, squashed, dropped, hidden, row.exact, row.low,
                batch, size, size, DROPPED=dropout is not None, BLOCK=_CELLS,
            )  # fmt: skip

        _graphs.run(launch, clock, steps)
        ctx.save_for_backward(inputs, weight, recurrent, dropout, gates, cells, squashed, hidden)
        ctx.dtype, ctx.spent = dtype, False
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_hidden: Tensor) -> tuple[Tensor | None, ...]:
        _once(ctx)
        inputs, weight, recurrent, dropout, gates, cells, squashed, hidden = ctx.saved_tensors
        (steps, batch, width), size, dtype = inputs.shape, recurrent.size(1), ctx.dtype
        to_hidden, recur = to_hidden.contiguous(), recurrent.to(dtype)
        to_cell, to_gates = inputs.new_zeros(batch, size), inputs.new_empty(batch, 4 * size, dtype=dtype)
        carried = inputs.new_zeros(batch, size, dtype=dtype)
        clock = torch.full((1,), steps - 1, dtype=torch.int32, device=inputs.device)
        dropped = squashed if dropout is None else dropout

        def launch(offset: int) -> None:
            _kernels.lstm_back[(_grid(batch * size, _CELLS),)](
                clock, offset, carried, carried, to_hidden, gates, cells, squashed, dropped, to_cell, to_gates,
                batch, size, size, ANSWERED=False, DROPPED=dropout is not None, BLOCK=_CELLS,
            )  # fmt: skip
            torch.mm(to_gates, recur, out=carried)

        with torch.autocast(inputs.device.type, enabled=False):
            _graphs.run(launch, clock, steps, stride=-1)
            flat = gates.view(steps * batch, -1)
            return (
                product(flat, weight.T, None, dtype).view_as(inputs),
                outer(flat, (inputs.view(-1, width),), dtype),
                outer(flat, (hidden[:-1].view(steps * batch, -1),), dtype),
                flat.sum(0),
                None,
                None,
            )


attention_loop = _AttentionLoop.apply
lstm_loop = _LstmLoop.apply
