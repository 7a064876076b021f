"""What cannot be batched over time under teacher forcing: two recurrences, as lean as they go.

Axes as everywhere, and L steps of the decoder, H channels of an LSTM, D channels of the attention, K kernel size.
Gates are in torch's order: input, forget, cell, output.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def loop_dtype(device: torch.device) -> torch.dtype:
    """What products run in: autocast's choice, taken once, and not by every step anew."""
    kind = device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32


def _cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    into, forget, new, out = gates.chunk(4, 1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(into) * torch.tanh(new)
    return torch.sigmoid(out) * torch.tanh(cell), cell


def attention_loop_plain(
    gates: Tensor,
    memory: Tensor,
    processed: Tensor,
    padding: Tensor,
    recurrent: Tensor,
    query: Tensor,
    location: Tensor,
    v: Tensor,
    dropout: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The attention LSTM with its attention, differentiated by autograd.

    gates: [L, B, 4H], the share of the prenet and both biases; memory: [B, N, C]; processed: [B, N, D], the memory's
    share of the energies; padding: [B, N], true behind the text; recurrent: [4H, C + H], acts on context and hidden
    state; query: [D, H]; location: [D, 2, K]; v: [D]; dropout: [L, B, H], what the hidden state is multiplied by.
    Returns hidden states [L, B, H] (dropped), contexts [L, B, C] and alignments [L, B, N].
    """
    batch, symbols, channels = memory.shape
    hidden = gates.new_zeros(batch, query.size(1))
    cell = torch.zeros_like(hidden)
    context = gates.new_zeros(batch, channels)
    weights = gates.new_zeros(batch, symbols)
    total = torch.zeros_like(weights)
    found: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for step in range(gates.size(0)):
        share = functional.linear(torch.cat((context, hidden), 1), recurrent)
        hidden, cell = _cell(gates[step] + share, cell)
        if dropout is not None:
            hidden = hidden * dropout[step]
        place = functional.conv1d(torch.stack((weights, total), 1), location, padding=location.size(2) // 2)
        energy = torch.tanh(processed + functional.linear(hidden, query)[:, None, :] + place.transpose(1, 2)) @ v
        weights = torch.softmax(energy.masked_fill(padding, -torch.inf), 1)
        total = total + weights
        context = torch.bmm(weights[:, None, :], memory)[:, 0]
        for kept, value in zip(found, (hidden, context, weights), strict=True):
            kept.append(value)
    return torch.stack(found[0]), torch.stack(found[1]), torch.stack(found[2])


def lstm_loop_plain(gates: Tensor, recurrent: Tensor, dropout: Tensor | None) -> Tensor:
    """An LSTM whose hidden state is dropped step by step, differentiated by autograd.

    gates: [L, B, 4H], the inputs' share and both biases; recurrent: [4H, H]; dropout: [L, B, H]. Returns [L, B, H].
    """
    hidden = gates.new_zeros(gates.size(1), recurrent.size(1))
    cell = torch.zeros_like(hidden)
    found: list[Tensor] = []
    for step in range(gates.size(0)):
        hidden, cell = _cell(gates[step] + functional.linear(hidden, recurrent), cell)
        if dropout is not None:
            hidden = hidden * dropout[step]
        found.append(hidden)
    return torch.stack(found)


def attention_loop(
    gates: Tensor,
    memory: Tensor,
    processed: Tensor,
    padding: Tensor,
    recurrent: Tensor,
    query: Tensor,
    location: Tensor,
    v: Tensor,
    dropout: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """See `attention_loop_plain`."""
    return attention_loop_plain(gates, memory, processed, padding, recurrent, query, location, v, dropout)


def lstm_loop(gates: Tensor, recurrent: Tensor, dropout: Tensor | None) -> Tensor:
    """See `lstm_loop_plain`."""
    return lstm_loop_plain(gates, recurrent, dropout)
