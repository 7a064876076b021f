"""The decoder running free on a GPU: seven kernels a step, captured once for a size of sentence and replayed.

Products of a few rows are bound by reading their weights, and made in the kernel that uses them; those of many rows are
torch's. The frames of a step are the next one's input where they are: nothing is waited for but the gates.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from speech.acoustic import _graphs, _kernels
from speech.acoustic._fused import above
from speech.errors import BadConfig

if TYPE_CHECKING:
    from speech.acoustic._free import PrenetMasks
    from speech.acoustic._layers import Decoder

LOOK = 16  # steps of a graph, after which the gates are looked at; divides BLOCK of _free.py
FEW = 4  # rows whose products are made in the kernels that use them
WIDER = 32  # symbols: sentences are padded to a multiple, for a graph to serve many
KEPT = 8  # sizes of sentence whose graphs are kept
_UNITS, _LINES, _OUT, _SYMBOLS, _CONTEXT, _CELLS = 4, 4, 32, 16, 32, 256  # of a program

Size = tuple[int, int, int, torch.dtype]  # sentences, symbols, steps, products
Row = tuple[Tensor, Tensor]  # [B, R] each: float32, and in the type of the products


class Weights:
    """A decoder's weights as the kernels want them; `starts` are those of the parts of a row of R = `width` states.

    `few`: for products that are made in the kernels that use them. Raises BadConfig for int8.
    """

    def __init__(self, decoder: Decoder, few: bool, dtype: torch.dtype) -> None:
        if dtype == torch.int8:
            raise BadConfig("Products in int8 are not to be had on this device; take bf16.", code="no_int8")
        self.config = decoder.config
        config, attention = decoder.config, decoder.attention_layer
        hear, say = decoder.attention_rnn, decoder.decoder_rnn
        sizes = config.prenet_channels, hear.hidden_size, config.encoder_channels, say.hidden_size
        self.starts, self.width = tuple(sum(sizes[:i]) for i in range(4)), sum(sizes)
        self.prenet = [weight.detach().contiguous() for weight in decoder.prenet.weights()]
        weight, kind = hear.weight_ih, torch.float32 if few else dtype
        self.hear = torch.cat((weight[:, : sizes[0]], hear.weight_hh, weight[:, sizes[0] :]), 1).to(dtype)
        self.hear_bias = (hear.bias_ih + hear.bias_hh).to(kind)
        self.say = torch.cat((say.weight_ih, say.weight_hh), 1).to(dtype)
        self.say_bias = (say.bias_ih + say.bias_hh).to(kind)
        self.ask = attention.query_layer.weight.detach().contiguous()
        self.taps = attention.location_layer.kernel().detach().flatten(1).T.contiguous()
        self.v = attention.v.weight[0].detach().contiguous()
        weight = torch.cat((decoder.linear_projection.weight, decoder.gate_layer.weight))
        self.tell = torch.cat((weight[:, sizes[3] :], weight[:, : sizes[3]]), 1)
        self.tell_bias = torch.cat((decoder.linear_projection.bias, decoder.gate_layer.bias))
        self.ask_bias = self.v.new_zeros(config.attention_channels)


class FusedSteps:
    """States and graph for some sentences of at most so many symbols and steps (`size`); `outputs` as `Eager` has them.

    A row of states is that of `speech.acoustic._free.PackedDecoder`. There are two, which take turns: what a kernel
    reads of the step before is not what it writes.
    """

    look, ahead = LOOK, 1

    def __init__(self, weights: Weights, size: Size, block: int, like: Tensor) -> None:
        self.size, (batch, symbols, steps, dtype) = size, size
        self._weights, config, new = weights, weights.config, like.new_zeros
        hear, say = weights.hear.size(0) // 4, weights.say.size(0) // 4
        kernel, channels = config.location_kernel, config.attention_channels
        self.outputs = new(steps, batch, len(weights.tell))
        self._memory, self._processed = new(batch, symbols, like.size(2)), new(batch, symbols, channels)
        self._padding = torch.ones(batch, symbols, dtype=torch.uint8, device=like.device)
        self._places = new(steps + 1, batch, 2, symbols + kernel - 1)
        self._middle = kernel // 2
        self._masks = torch.ones(block, 2, batch, config.prenet_channels, device=like.device)
        self._told, self._asked, self._scores = new(batch, len(weights.tell)), new(batch, channels), new(batch, symbols)
        rows = new(2, batch, weights.width)
        lows = rows if dtype == rows.dtype else rows.to(dtype)
        self._rows: list[Row] = list(zip(rows, lows, strict=True))
        self._cells = new(batch, hear), new(batch, say)
        self._shares = [like.new_empty(batch, 4 * one, dtype=dtype) for one in (hear, say)]
        self._clock = torch.zeros(1, dtype=torch.int32, device=like.device)
        self._zeroed = rows, lows, *self._cells, self._told, self._clock
        self._graph: torch.cuda.CUDAGraph | None = None

    def begin(self, memory: Tensor, processed: Tensor, padding: Tensor, masks: PrenetMasks) -> None:
        """memory: [B, N, C], processed: [B, N, D], padding: [B, N]: new sentences, from their first step."""
        symbols = memory.size(1)
        for kept, value in ((self._memory, memory), (self._processed, processed)):
            kept[:, :symbols].copy_(value)
            kept[:, symbols:].zero_()
        self._padding[:, :symbols].copy_(padding)
        self._padding[:, symbols:].fill_(1)
        for state in self._zeroed:
            state.zero_()
        self._drawn = masks

    def advance(self, first: int, count: int) -> None:
        """Makes `outputs` from step `first` on: `count` steps, and those behind them that its graph has."""
        if first % len(self._masks) == 0 and (block := self._drawn.draw()) is not None:
            self._masks.copy_(block)
        if self._graph is not None:
            self._graph.replay()
            return
        with _graphs.current(self._clock.device):
            for offset in range(LOOK):
                self._launch(offset)
            self._clock.add_(LOOK)
            if self._clock.is_cuda:
                self._graph = _graphs.capture(self._launch, self._clock, LOOK, 1)

    def alignment(self, steps: int, symbols: int) -> Tensor:
        """[steps, B, N]."""
        return self._places[1 : steps + 1, :, 0, self._middle : self._middle + symbols].clone()

    def _launch(self, offset: int) -> None:
        weights, clock, (batch, symbols, _, _) = self._weights, self._clock, self.size
        config = weights.config
        here, there = self._rows[offset % 2], self._rows[(offset + 1) % 2]
        prenet, hear, context, say = weights.starts
        channels, kernel, told = config.prenet_channels, config.location_kernel, len(weights.tell)
        attention, memory = config.attention_channels, config.encoder_channels
        _kernels.prenet[(batch, -(-channels // _OUT))](
            clock, offset, self._told, *weights.prenet, self._masks, *here, batch, told,
            config.n_mels * (config.reduction - 1), config.n_mels, channels, weights.width, len(self._masks),
            BANDS=16, CHANNELS=above(channels), OUT=_OUT,
        )  # fmt: skip
        self._recur(0, here[1], prenet, weights.hear, weights.hear_bias, there, hear)
        _kernels.tell[(batch, -(-attention // _LINES))](
            clock, offset, there[0], there[0], weights.ask, weights.ask_bias, self._asked, self._asked, batch,
            attention, context - hear, weights.width, hear, context - hear, KEPT=False, LINES=_LINES, BLOCK=256,
        )  # fmt: skip
        _kernels.score[(batch, -(-symbols // _SYMBOLS))](
            clock, offset, self._places, weights.taps, self._processed, self._asked, weights.v, self._scores,
            self._scores, batch, symbols, attention, kernel,
            KEPT=False, SYMBOLS=_SYMBOLS, CHANNELS=above(attention), TAPS=above(2 * kernel),
        )  # fmt: skip
        _kernels.attend[(batch, -(-memory // _CONTEXT))](
            clock, offset, self._scores, self._padding, self._places, self._memory, there[0], *there, batch, symbols,
            memory, kernel, weights.width, context,
            KEPT=False, ALL=above(symbols), CHANNELS=_CONTEXT, SYMBOLS=_SYMBOLS,
        )  # fmt: skip
        self._recur(1, there[1], hear, weights.say, weights.say_bias, here, say)
        _kernels.tell[(batch, -(-told // _LINES))](
            clock, offset, there[0], here[0], weights.tell, weights.tell_bias, self._told, self.outputs, batch, told,
            weights.tell.size(1), weights.width, context, memory, KEPT=True, LINES=_LINES, BLOCK=256,
        )  # fmt: skip

    def _recur(self, number: int, row: Tensor, start: int, weight: Tensor, bias: Tensor, to: Row, column: int) -> None:
        """One of the two LSTMs: what stands in `row` from `start` on -> its hidden state, in `to` from `column` on."""
        states, share, width, inputs = self._cells[number], self._shares[number], self._weights.width, weight.size(1)
        batch, hidden = states.shape
        if batch <= FEW:
            _kernels.free_lstm[(batch, -(-hidden // _UNITS))](
                row, weight, bias, states, *to, hidden, inputs, width, start, column,
                UNITS=_UNITS, BLOCK=256 if weight.dtype == torch.float32 else 512,
            )  # fmt: skip
            return
        torch.addmm(bias, row[:, start : start + inputs], weight.T, out=share)
        _kernels.free_cell[(-(-batch * hidden // _CELLS),)](
            share, states, *to, batch, hidden, width, column, BLOCK=_CELLS
        )


class Pool:
    """Steps that wait for their next sentences. Whoever speaks has them for itself: several threads may speak."""

    def __init__(self) -> None:
        self._weights: dict[tuple[bool, torch.dtype], Weights] = {}
        self._waiting: dict[Size, FusedSteps] = {}
        self._lock = threading.Lock()

    def take(self, decoder: Decoder, memory: Tensor, steps: int, block: int, dtype: torch.dtype) -> FusedSteps:
        """For sentences of memory [B, N, C] and at most `steps` steps; to be given back."""
        size = len(memory), -(-memory.size(1) // WIDER) * WIDER, -(-steps // LOOK) * LOOK, dtype
        kind = len(memory) <= FEW, dtype
        with self._lock:
            if (waiting := self._waiting.pop(size, None)) is not None:
                return waiting
            weights = self._weights.get(kind) or self._weights.setdefault(kind, Weights(decoder, *kind))
        return FusedSteps(weights, size, block, memory)

    def give_back(self, steps: FusedSteps) -> None:
        with self._lock:
            self._waiting[steps.size] = steps
            while len(self._waiting) > KEPT:
                del self._waiting[next(iter(self._waiting))]
