"""What cannot be batched over time under teacher forcing: two recurrences, differentiated by hand.

autograd would add up a full weight gradient at every step; here a step only keeps its factors, and the gradient of each
weight is one product after the loop. torch's sigmoid is ten times as fast as its tanh, so tanh(x) is 2 s(2 x) - 1 here,
and what is doubled is folded into weights where that is cheap. tests/speech/acoustic/test_loops.py holds all of it
against autograd.

Axes as everywhere, and L steps of the decoder, I channels of a step's input, H channels of an LSTM, D channels of the
attention, K symbols that its location kernel sees. Gates are in torch's order: input, forget, cell, output.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from speech.products import Multiplier, multiplier, outer, outer_small, product

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input


class _Cells:
    """An LSTM over all steps, whose hidden state is dropped step by step."""

    def __init__(self, gates: Tensor, states: Tensor, squashed: Tensor, dropout: Tensor | None) -> None:
        """Of a loop that has run.

        gates: [L, B, 4H], sigmoids (the cell's quarter was doubled before); states: [L + 1, B, H]; squashed: [L, B, H],
        sigmoids of the doubled states; dropout: [L, B, H], what the hidden state is multiplied by.
        """
        self.gates, self.states, self.squashed = gates, states, squashed
        # Every step's views, taken at once: one by one they would cost as much as what is computed with them.
        self.each_gates, self.each_state, self.each_squashed = gates.unbind(), states.unbind(), squashed.unbind()
        self.each_dropout = None if dropout is None else dropout.unbind()
        self.quarters = quarters(gates)

    @classmethod
    def over(cls, gates: Tensor, dropout: Tensor | None) -> _Cells:
        """gates: [L, B, 4H], what the inputs and biases give, to be overwritten by their sigmoids."""
        steps, batch, width = gates.shape
        states = gates.new_empty(steps + 1, batch, width // 4)
        states[0] = 0.0
        return cls(gates, states, gates.new_empty(steps, batch, width // 4), dropout)

    def forward(self, step: int, share: Tensor, hidden: Tensor) -> None:
        """share: [B, 4H], of the recurrent product; the new hidden state goes to `hidden` [B, H]."""
        into, forget, new, out = self.quarters[step]
        after, squashed = self.each_state[step + 1], self.each_squashed[step]
        gates = self.each_gates[step].add_(share)
        new *= 2.0
        gates.sigmoid_()
        torch.mul(forget, self.each_state[step], out=after)
        after.addcmul_(into, new, value=2.0).sub_(into)
        torch.add(after, after, out=squashed).sigmoid_()
        torch.mul(out, squashed, out=hidden).mul_(2.0).sub_(out)
        if self.each_dropout is not None:
            hidden *= self.each_dropout[step]


def quarters(gates: Tensor) -> list[tuple[Tensor, ...]]:
    """[L, B, 4H] -> of each step those of the input, forget, cell and output gates, [B, H] each."""
    return list(zip(*(quarter.unbind() for quarter in gates.chunk(4, 2)), strict=True))


class _CellGradients:
    """The way back through `_Cells`; `gates` [L, B, 4H] fills with the gradient of the gates before their sigmoids."""

    def __init__(self, cells: _Cells) -> None:
        self.cells = cells
        self.gates = torch.empty_like(cells.gates)
        self._each_gates, self._quarters = self.gates.unbind(), quarters(self.gates)
        self._state = torch.zeros_like(cells.states[0])
        self._scratch = torch.empty_like(self._state)

    def backward(self, step: int, hidden: Tensor) -> Tensor:
        """hidden: [B, H], the gradient of the step's hidden state, is used up -> that of its gates, [B, 4H]."""
        cells, state, scratch = self.cells, self._state, self._scratch
        gates, squashed, to_gates = cells.each_gates[step], cells.each_squashed[step], self._each_gates[step]
        into, forget, new, out = cells.quarters[step]
        to_into, to_forget, to_new, to_out = self._quarters[step]
        if cells.each_dropout is not None:
            hidden *= cells.each_dropout[step]
        torch.mul(hidden, out, out=scratch)
        state.add_(_sigmoid_backward(scratch, squashed, grad_input=scratch), alpha=4.0)
        torch.mul(hidden, squashed, out=to_out).mul_(2.0).sub_(hidden)
        torch.mul(state, new, out=to_into).mul_(2.0).sub_(state)
        torch.mul(state, cells.each_state[step], out=to_forget)
        torch.mul(state, into, out=to_new).mul_(4.0)
        _sigmoid_backward(to_gates, gates, grad_input=to_gates)
        state *= forget
        return to_gates


class _Attention:
    """Location-sensitive attention over all steps."""

    def __init__(self, memory: Tensor, location: Tensor, v: Tensor, places: Tensor, energies: Tensor) -> None:
        """Of a loop that has run.

        memory: [B, N, C]; location: [D, 2 K]; v: [D]; energies: [L, B, N, D], sigmoids of the doubled energies; places:
        [L + 1, B, 2, N + K - 1], before each step the last alignment and the sum of all, with room at both ends.
        """
        self.memory, self.location, self.v, self.places, self.energies = memory, location, v, places, energies
        self.kernel = kernel = location.size(1) // 2
        self.middle = slice(kernel // 2, kernel // 2 + memory.size(1))  # where the symbols stand in `places`
        # As in `_Cells`, every step's views.
        self.each_energy, self.each_flat = energies.unbind(), energies.flatten(1, 2).unbind()
        self._each_last = places[:, :, 0, self.middle].unbind()
        self._each_total = places[:, :, 1, self.middle].unbind()
        self._windows = places.unfold(-1, kernel, 1)  # [L + 1, B, 2, N, K]

    @classmethod
    def over(cls, steps: int, memory: Tensor, location: Tensor, v: Tensor) -> _Attention:
        (batch, symbols, _), (size, width) = memory.shape, location.shape
        places = memory.new_zeros(steps + 1, batch, 2, symbols + width // 2 - 1)
        return cls(memory, location, v, places, memory.new_empty(steps, batch, symbols, size))

    def each_seen(self) -> list[Tensor]:
        """[B, N, 2, K] each, views: what the location kernel sees at every symbol before the step."""
        return list(self._windows.transpose(2, 3).unbind())

    def each_seen_turned(self) -> list[Tensor]:
        """[2, K, B, N] each, the same."""
        return list(self._windows.permute(0, 2, 4, 1, 3).unbind())

    def forward(
        self, step: int, seen: Tensor, query: Tensor, processed: Tensor, padding: Tensor, locate: Multiplier
    ) -> Tensor:
        """seen: of `each_seen`; query: [B, D] and processed: [B * N, D], both doubled, like what `locate` gives.

        Returns the context [B, C].
        """
        flat = self.each_flat[step]
        torch.add(locate(seen.reshape(len(processed), -1)), processed, out=flat)
        self.each_energy[step].add_(query[:, None, :]).sigmoid_()
        # v sums to the same for every symbol: the softmax does not see the -1 of the tanh.
        scores = torch.mv(flat, self.v).mul_(2.0).view(padding.shape).masked_fill_(padding, -torch.inf)
        weights = torch.softmax(scores, 1)
        self._each_last[step + 1].copy_(weights)
        torch.add(self._each_total[step], weights, out=self._each_total[step + 1])
        return torch.bmm(weights[:, None, :], self.memory)[:, 0]


class _AttentionGradients:
    """The way back through `_Attention`."""

    def __init__(self, attention: _Attention, alignment: Tensor) -> None:
        self.attention = attention
        self._seen, self._alignments = attention.each_seen_turned(), alignment.unbind()
        # Sums over all steps: a quarter of the gradients of `processed` and `location`, half of that of `v`.
        self.processed = torch.zeros_like(attention.energies[0])  # [B, N, D]
        self.location = torch.zeros_like(attention.location.T)  # [2 K, D]
        self.v = torch.zeros_like(attention.v)
        self._memory = attention.memory.transpose(1, 2).contiguous()  # [B, C, N]
        self._energy = torch.empty_like(attention.energies[0])
        self._energy_flat = self._energy.flatten(0, 1)
        self._last = torch.zeros_like(alignment[0])  # [B, N], from the step behind
        self._total = torch.zeros_like(alignment[0])
        batch, symbols = alignment.shape[1:]
        kernel, reach = attention.kernel, symbols + attention.kernel - 1
        self._place = multiplier(attention.location.T * 4.0, batch * symbols, attention.location.dtype)
        # Rows of `spread` are what each symbol's kernel sends back. Read with a step of one less than their length they
        # stand shifted against each other as their symbols do, and a sum over the symbols folds them into place.
        padded = alignment.new_zeros(batch + 1, symbols, 2, reach)  # a row of zeros before the first
        self._spread = padded[1:, :, :, :kernel]
        sizes, strides = (batch, 2, symbols, symbols), (symbols * 2 * reach, reach, 2 * reach - 1, 1)
        self._shifted = padded.as_strided(sizes, strides, symbols * 2 * reach + kernel // 2)

    def backward(self, step: int, context: Tensor, weights: Tensor) -> Tensor:
        """context: [B, C], weights: [B, N], gradients of a step's context and alignment -> that of its query [B, D]."""
        attention, to_energy = self.attention, self._energy
        to_weights = torch.bmm(context[:, None, :], self._memory)[:, 0]
        to_weights.add_(weights).add_(self._last).add_(self._total)
        to_scores = torch._softmax_backward_data(to_weights, self._alignments[step], 1, to_weights.dtype)
        flat, energy = self._energy_flat, attention.each_energy[step]
        self.v.addmv_(attention.each_flat[step].T, to_scores.view(-1))
        torch.mul(to_scores[:, :, None], attention.v, out=to_energy)
        _sigmoid_backward(to_energy, energy, grad_input=to_energy)
        self.processed += to_energy
        self.location += outer_small(self._seen[step].reshape(len(self.location), -1), flat)
        self._spread.copy_(self._place(flat).view(self._spread.shape))
        places = self._shifted.sum(2)
        self._last = places[:, 0]
        self._total += places[:, 1]
        return to_energy.sum(1)


class _AttentionLoop(torch.autograd.Function):
    """See `attention_loop`."""

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
        (steps, batch, width), size = inputs.shape, recurrent.size(1)
        gates = product(inputs.view(-1, width), weight[:, :width], bias, dtype).view(steps, batch, -1)
        cells = _Cells.over(gates, dropout)
        attention = _Attention.over(steps, memory, location.flatten(1), v)
        states = inputs.new_empty(steps + 1, batch, size + memory.size(2))  # hidden state, context
        states[0] = 0.0
        recur = multiplier(torch.cat((recurrent, weight[:, width:]), 1), batch, dtype)
        ask = multiplier(query * 2.0, batch, query.dtype)
        locate = multiplier(attention.location * 2.0, batch * memory.size(1), location.dtype)
        flat_processed = processed.reshape(-1, location.size(0)) * 2.0
        each_state, each_seen = states.unbind(), attention.each_seen()
        each_hidden, each_context = states[1:, :, :size].unbind(), states[1:, :, size:].unbind()
        for step, hidden in enumerate(each_hidden):
            cells.forward(step, recur(each_state[step]), hidden)
            context = attention.forward(step, each_seen[step], ask(hidden), flat_processed, padding, locate)
            each_context[step].copy_(context)
        alignment = attention.places[1:, :, 0, attention.middle].contiguous()
        ctx.save_for_backward(
            inputs, memory, weight, recurrent, query, location, v, dropout, alignment,
            gates, cells.states, cells.squashed, states, attention.places, attention.energies,
        )  # fmt: skip
        ctx.dtype = dtype
        return states[1:], alignment

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_attended: Tensor, to_alignment: Tensor) -> tuple[Tensor | None, ...]:
        (inputs, memory, weight, recurrent, query, location, v, dropout, alignment,
         gates, cell_states, squashed, states, places, energies) = ctx.saved_tensors  # fmt: skip
        (steps, batch, width), size = inputs.shape, recurrent.size(1)
        cells = _CellGradients(_Cells(gates, cell_states, squashed, dropout))
        attention = _AttentionGradients(_Attention(memory, location.flatten(1), v, places, energies), alignment)
        recur = multiplier(torch.cat((recurrent, weight[:, width:]), 1).T, batch, ctx.dtype)
        answer = multiplier(query.T * 4.0, batch, query.dtype)
        to_context = memory.new_empty(steps, batch, memory.size(2))
        to_query = memory.new_empty(steps, batch, query.size(0))
        each_attended, each_alignment = to_attended.unbind(), to_alignment.unbind()
        each_context, each_query = to_context.unbind(), to_query.unbind()
        to_state = torch.zeros_like(states[0])
        with torch.autocast(inputs.device.type, enabled=False):
            for step in range(steps - 1, -1, -1):
                to_state += each_attended[step]
                each_context[step].copy_(to_state[:, size:])
                each_query[step].copy_(attention.backward(step, each_context[step], each_alignment[step]))
                to_state = recur(cells.backward(step, answer(each_query[step]).add_(to_state[:, :size])))
            to_gates, flat = cells.gates.view(steps * batch, -1), states.view(steps + 1, batch, -1)
            heard = inputs.view(steps * batch, -1), flat[:-1, :, size:].reshape(steps * batch, -1)
            hidden = flat[:, :, :size].reshape((steps + 1) * batch, -1)
            return (
                product(to_gates, weight[:, :width].T, None, ctx.dtype).view_as(inputs),
                torch.bmm(alignment.permute(1, 2, 0), to_context.transpose(0, 1)),
                attention.processed.mul_(4.0),
                None,
                outer(to_gates, heard, ctx.dtype),
                outer(to_gates, (hidden[:-batch],), ctx.dtype),
                to_gates.sum(0),
                outer(to_query.view(steps * batch, -1), (hidden[batch:],), query.dtype).mul_(4.0),
                attention.location.T.mul(4.0).view_as(location),
                attention.v.mul_(2.0),
                None,
                None,
            )


class _LstmLoop(torch.autograd.Function):
    """See `lstm_loop`."""

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
        steps, batch, width = inputs.shape
        gates = product(inputs.view(-1, width), weight, bias, dtype).view(steps, batch, -1)
        cells = _Cells.over(gates, dropout)
        hidden = inputs.new_empty(steps + 1, batch, recurrent.size(1))
        hidden[0] = 0.0
        recur = multiplier(recurrent, batch, dtype)
        each_hidden = hidden.unbind()
        for step in range(steps):
            cells.forward(step, recur(each_hidden[step]), each_hidden[step + 1])
        ctx.save_for_backward(inputs, weight, recurrent, dropout, gates, cells.states, cells.squashed, hidden)
        ctx.dtype = dtype
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_hidden: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight, recurrent, dropout, gates, states, squashed, hidden = ctx.saved_tensors
        steps, batch, width = inputs.shape
        cells = _CellGradients(_Cells(gates, states, squashed, dropout))
        recur = multiplier(recurrent.T, batch, ctx.dtype)
        carried, each_hidden = torch.zeros_like(hidden[0]), to_hidden.unbind()
        with torch.autocast(inputs.device.type, enabled=False):
            for step in range(steps - 1, -1, -1):
                carried = recur(cells.backward(step, carried.add_(each_hidden[step])))
            to_gates = cells.gates.view(steps * batch, -1)
            return (
                product(to_gates, weight.T, None, ctx.dtype).view_as(inputs),
                outer(to_gates, (inputs.view(-1, width),), ctx.dtype),
                outer(to_gates, (hidden[:-1].view(steps * batch, -1),), ctx.dtype),
                to_gates.sum(0),
                None,
                None,
            )


eager_attention_loop, eager_lstm_loop = _AttentionLoop.apply, _LstmLoop.apply


def fused(tensor: Tensor) -> ModuleType | None:
    """The kernels of speech/acoustic/_fused.py, where a tensor lies on a GPU that they run on."""
    if not tensor.is_cuda or tensor.dtype != torch.float32:
        return None
    from speech.acoustic import _trial

    if not _trial.kernels_work(tensor.device):
        return None
    from speech.acoustic import _fused

    return _fused


def _product_dtype(inputs: Tensor) -> torch.dtype:
    """What products run in: autocast's choice, taken once and not anew at every step; states stay float32."""
    kind = inputs.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else inputs.dtype


def _plain(tensor: Tensor) -> Tensor:
    return tensor.contiguous() if tensor.dtype == torch.float64 else tensor.float().contiguous()


def attention_loop(
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
    """The attention LSTM with its attention.

    inputs: [L, B, I] from the prenet; memory: [B, N, C]; processed: [B, N, D], the memory's share of the energies;
    padding: [B, N], true behind the text; weight: [4H, I + C], acts on input and last context; recurrent: [4H, H];
    bias: [4H]; query: [D, H]; location: [D, 2, K], acts on the last alignment and the sum of all; v: [D];
    dropout: [L, B, H], what the hidden state is multiplied by. Returns hidden state and context side by side,
    [L, B, H + C], and alignments [L, B, N].
    """
    tensors = [_plain(tensor) for tensor in (inputs, memory, processed)]
    weights = [_plain(tensor) for tensor in (weight, recurrent, bias, query, location, v)]
    dtype = _product_dtype(inputs)
    loops = fused(tensors[0])
    apply = eager_attention_loop if loops is None else loops.attention_loop
    with torch.autocast(inputs.device.type, enabled=False):
        attended, alignment = apply(*tensors, padding, *weights, dropout, dtype)
    return attended, alignment


def lstm_loop(inputs: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor, dropout: Tensor | None) -> Tensor:
    """An LSTM whose hidden state is dropped step by step.

    inputs: [L, B, I]; weight: [4H, I]; recurrent: [4H, H]; bias: [4H]; dropout: [L, B, H], what the hidden state is
    multiplied by. Returns hidden states [L, B, H], dropped.
    """
    tensors = [_plain(tensor) for tensor in (inputs, weight, recurrent, bias)]
    dtype = _product_dtype(inputs)
    loops = fused(tensors[0])
    apply = eager_lstm_loop if loops is None else loops.lstm_loop
    with torch.autocast(inputs.device.type, enabled=False):
        hidden: Tensor = apply(*tensors, dropout, dtype)
    return hidden
