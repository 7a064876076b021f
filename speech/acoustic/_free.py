"""The decoder running free: each step sees what the one before it made.

A step is bound by reading its weights: they are packed once for the processor's liking (and kept until they change),
every state lives in one row of memory, in the order that lets each product read a piece of it, and tanh is made of the
sigmoid as in speech/acoustic/_loops.py, its factor of two folded into weights and states. What is left are some forty
small operations, so each one counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from speech.acoustic._loops import fused
from speech.kept import kept_with
from speech.products import Multiplier, multiplier

if TYPE_CHECKING:
    from speech.acoustic._free_fused import FusedSteps
    from speech.acoustic._layers import Convolution, Decoder, Postnet
    from speech.acoustic.tacotron2 import Config

BLOCK = 64  # steps of dropout drawn at once; part of what a seed means, so it stays
LOOK = 4  # steps after which the gates are looked at: up to three too many are made at the end


class PrenetMasks:
    """Dropout of the prenet: every utterance has its own generator, so that it does not notice its neighbours."""

    def __init__(self, seeds: Sequence[int], channels: int, dropout: float, like: Tensor) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._channels, self._dropout, self._like = channels, dropout, like
        self._block: list[tuple[Tensor, ...]] = []

    def draw(self) -> Tensor | None:
        """[BLOCK, 2, B, prenet channels] for both layers in the next steps; None where nothing is dropped."""
        if self._dropout == 0.0:
            return None
        keep = 1.0 - self._dropout
        shape = (BLOCK, 2, self._channels)
        drawn = [torch.empty(shape).bernoulli_(keep, generator=generator) for generator in self._generators]
        masks = torch.stack(drawn, 2).div_(keep).to(self._like.dtype)
        # From pinned memory it arrives while the steps before are still running.
        return masks.pin_memory().to(self._like.device, non_blocking=True) if self._like.is_cuda else masks

    def at(self, step: int) -> tuple[Tensor, ...]:
        """[B, prenet channels] for each of the two layers, or nothing; steps are asked for in turn."""
        if step % BLOCK == 0:
            block = self.draw()
            self._block = [()] * BLOCK if block is None else [both.unbind() for both in block.unbind()]
        return self._block[step % BLOCK]


class PackedDecoder:
    """A decoder's weights as a step wants them, for a batch of `rows` and products in `dtype`.

    A row of states is: prenet P, hidden state of the attention LSTM A, context C, hidden state of the decoder LSTM H.
    """

    def __init__(self, decoder: Decoder, rows: int, dtype: torch.dtype) -> None:
        attention, hear, say = decoder.attention_layer, decoder.attention_rnn, decoder.decoder_rnn
        prenet, hidden = decoder.config.prenet_channels, decoder.config.attention_rnn_channels
        exact = hear.weight_ih.dtype
        # Fewer bits are for the LSTMs, 99 % of what is read; elsewhere they cost an error and two casts a product.
        self.prenet = [multiplier(weight, rows, exact) for weight in decoder.prenet.weights()]
        weight = torch.cat((hear.weight_ih[:, :prenet], hear.weight_hh, hear.weight_ih[:, prenet:]), 1)
        self.hear = _hear(_doubled(weight), prenet, rows, dtype, _doubled(hear.bias_ih + hear.bias_hh))
        weight = torch.cat((say.weight_ih, say.weight_hh), 1)
        self.say = multiplier(_doubled(weight), rows, dtype, _doubled(say.bias_ih + say.bias_hh), lasting=True)
        weight = torch.cat((decoder.linear_projection.weight, decoder.gate_layer.weight))
        bias = torch.cat((decoder.linear_projection.bias, decoder.gate_layer.bias))
        weight = torch.cat((weight[:, say.hidden_size :], weight[:, : say.hidden_size]), 1)
        self.tell = multiplier(weight, rows, exact, bias)
        self.ask = multiplier(attention.query_layer.weight * 2.0, rows, exact)
        self.location = (attention.location_layer.kernel().flatten(1) * 2.0).T.contiguous()  # [2 K, D]
        self.v = attention.v.weight[0] * 2.0
        self.decoder_channels = say.hidden_size
        self.starts = (prenet, prenet + hidden, prenet + hidden + decoder.config.encoder_channels)


def _doubled(gates: Tensor) -> Tensor:
    """[4H, …], the quarter of the cell's input twice as large: for a tanh made of the sigmoid."""
    into, forget, new, out = gates.chunk(4)
    return torch.cat((into, forget, new * 2.0, out))


def _hear(weight: Tensor, prenet: int, rows: int, dtype: torch.dtype, bias: Tensor) -> Multiplier:
    """In int8 the prenet, which unlike the states knows no bounds, is multiplied apart: one scale fits not both."""
    if dtype != torch.int8:
        return multiplier(weight, rows, dtype, bias, lasting=True)
    new, old = multiplier(weight[:, :prenet], rows, dtype, bias), multiplier(weight[:, prenet:], rows, dtype)
    return lambda x: new(x[:, :prenet]).add_(old(x[:, prenet:]))


class _Cell:
    """The states of an LSTM in one run: speech/acoustic/_loops.py's in as few operations as there can be."""

    def __init__(self, hidden: Tensor) -> None:
        """hidden: [B, H], where it is to be written."""
        batch, size = hidden.shape
        self._hidden = hidden
        self._gates = hidden.new_empty(batch, 4 * size)
        self._views = self._gates.chunk(4, 1)
        self._state = hidden.new_zeros(batch, size)  # twice the cell's
        self._squashed, self._negative = hidden.new_empty(batch, size), hidden.new_empty(batch, size)

    def advance(self, gates: Tensor) -> None:
        """gates: [B, 4H] of `_doubled` weights."""
        into, forget, new, out = self._views
        torch.sigmoid(gates, out=self._gates)
        self._state.mul_(forget).addcmul_(into, new, value=4.0).sub_(into, alpha=2.0)
        torch.sigmoid(self._state, out=self._squashed)
        torch.neg(out, out=self._negative)
        torch.lerp(self._negative, out, self._squashed, out=self._hidden)


class FreeDecoder:
    """The states of one run, and its step."""

    def __init__(self, weights: PackedDecoder, memory: Tensor, processed: Tensor, padding: Tensor) -> None:
        (batch, symbols, channels), size = memory.shape, processed.size(2)
        self.weights, self.memory = weights, memory
        self.padding = padding if bool(padding.any()) else None
        self._processed = processed.reshape(batch * symbols, size) * 2.0
        prenet, attention, context = weights.starts
        row = memory.new_zeros(batch, context + weights.decoder_channels)
        self._frame, self._hidden, self._context = row[:, :prenet], row[:, prenet:attention], row[:, attention:context]
        self._heard, self._said, self._told = row[:, :context], row[:, prenet:], row[:, attention:]
        self._cells = _Cell(self._hidden), _Cell(row[:, context:])
        kernel = len(weights.location) // 2
        places = memory.new_zeros(batch, 2, symbols + kernel - 1)
        self._last, self._total = places[:, :, kernel // 2 : kernel // 2 + symbols].unbind(1)
        self._windows = places.unfold(-1, kernel, 1).transpose(1, 2)  # [B, N, 2, K], a view
        self._seen = memory.new_empty(batch, symbols, 2, kernel)
        self._seen_flat = self._seen.view(batch * symbols, 2 * kernel)
        self._energy = memory.new_empty(batch, symbols, size)
        self._energy_flat = self._energy.view(batch * symbols, size)
        self._summed = memory.new_empty(batch, 1, channels)

    def step(self, frame: Tensor, masks: Sequence[Tensor], alignment: Tensor) -> Tensor:
        """frame: [B, M], masks: of the prenet's layers, [B, P] each, or none -> frames and gates [B, (M + 1) r].

        Writes its row of `alignment` [B, N].
        """
        weights = self.weights
        for i, layer in enumerate(weights.prenet):
            frame = layer(frame).relu_()
            if masks:
                frame.mul_(masks[i])
        self._frame.copy_(frame)
        self._cells[0].advance(weights.hear(self._heard))
        self._attend(alignment)
        self._cells[1].advance(weights.say(self._said))
        return weights.tell(self._told)

    def _attend(self, alignment: Tensor) -> None:
        self._seen.copy_(self._windows)
        torch.addmm(self._processed, self._seen_flat, self.weights.location, out=self._energy_flat)
        self._energy.add_(self.weights.ask(self._hidden)[:, None, :]).sigmoid_()
        scores = torch.mv(self._energy_flat, self.weights.v).view(alignment.shape)
        if self.padding is not None:
            scores.masked_fill_(self.padding, -torch.inf)
        torch.softmax(scores, 1, out=alignment)
        self._last.copy_(alignment)
        self._total.add_(alignment)
        if len(self.memory) == 1:
            torch.mm(alignment, self.memory[0], out=self._context)
            return
        torch.bmm(alignment[:, None, :], self.memory, out=self._summed)
        self._context.copy_(self._summed[:, 0])


class PackedPostnet:
    """A postnet with its batch norms folded into the convolutions, channels innermost, computing in `dtype`."""

    def __init__(self, postnet: Postnet, dtype: torch.dtype) -> None:
        self._layers = []
        for convolution, norm in cast("Iterable[tuple[Convolution, nn.BatchNorm1d]]", postnet.convolutions):
            mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
            scale = norm.weight * torch.rsqrt(variance + norm.eps)
            bias = (cast(Tensor, convolution.conv.bias) - mean) * scale + norm.bias
            weight = (convolution.weight * scale[:, None, None])[:, :, None].to(dtype)  # [C, C, 1, K]
            self._layers.append((weight.contiguous(memory_format=torch.channels_last), bias.to(dtype)))
        self._dtype = dtype

    def __call__(self, mel: Tensor, padding: Tensor) -> Tensor:
        """mel: [B, M, T], padding: [B, T] -> the correction of the mel, [B, M, T] float32."""
        x, gaps = mel[:, :, None].to(self._dtype), bool(padding.any())
        for i, (weight, bias) in enumerate(self._layers):
            if gaps:
                x = x.masked_fill(padding[:, None, None, :], 0.0)
            x = torch.conv2d(x, weight, bias, padding=(0, weight.size(3) // 2))
            if i < len(self._layers) - 1:
                x = torch.sigmoid(x * 2.0).mul_(2.0).sub_(1.0)
        return x[:, :, 0].to(mel.dtype)


def packed_postnet(postnet: Postnet, dtype: torch.dtype) -> PackedPostnet:
    """The folded weights, kept with the postnet until they change."""
    return kept_with(postnet, "_packed", lambda: PackedPostnet(postnet, dtype), dtype)


@dataclass(frozen=True)
class FreeRun:
    """mel: [B, M, T] before the postnet; lengths, reached_limit: [B]; alignment: [B, T, N]; gate: [B, T] logits."""

    mel: Tensor
    lengths: Tensor
    alignment: Tensor
    gate: Tensor
    reached_limit: Tensor


class Eager:
    """The steps of one run, one by one. `outputs`: [steps, B, (M + 1) r], frames and then gates of each step."""

    look, ahead = LOOK, 0

    def __init__(self, decoder: Decoder, memory: Tensor, steps: int, dtype: torch.dtype) -> None:
        config, batch = decoder.config, len(memory)
        self._packed = kept_with(decoder, "_packed", lambda: PackedDecoder(decoder, batch, dtype), batch, dtype)
        self.outputs = memory.new_empty(steps, batch, config.reduction * (config.n_mels + 1))
        self._alignment = memory.new_empty(steps, batch, memory.size(1))
        last = slice(config.n_mels * (config.reduction - 1), config.n_mels * config.reduction)
        # Each step's piece of them, and the frame that it begins with: taken all at once, before the loop.
        self._made, self._alignments = self.outputs.unbind(), self._alignment.unbind()
        self._frames = memory.new_zeros(batch, config.n_mels), *self.outputs[:, :, last].unbind()

    def begin(self, memory: Tensor, processed: Tensor, padding: Tensor, masks: PrenetMasks) -> None:
        """memory: [B, N, C], processed: [B, N, D], padding: [B, N]: new sentences, from their first step."""
        self._run, self._masks = FreeDecoder(self._packed, memory, processed, padding), masks

    def advance(self, first: int, count: int) -> None:
        """Makes `outputs` from step `first` on, `count` steps; they are asked for in turn."""
        for i in range(first, first + count):
            self._made[i].copy_(self._run.step(self._frames[i], self._masks.at(i), self._alignments[i]))

    def alignment(self, steps: int, symbols: int) -> Tensor:
        """[steps, B, N]."""
        return self._alignment[:steps, :, :symbols]


@contextmanager
def _steps(decoder: Decoder, memory: Tensor, steps: int, dtype: torch.dtype) -> Iterator[Eager | FusedSteps]:
    """What makes the steps: kernels of our own where there is a GPU that has them."""
    if fused(memory) is None:
        yield Eager(decoder, memory, steps, dtype)
        return
    from speech.acoustic._free_fused import Pool

    pool = kept_with(decoder, "_pool", Pool)
    taken = pool.take(decoder, memory, steps, BLOCK, dtype)
    try:
        yield taken
    finally:
        pool.give_back(taken)


def run_free(
    decoder: Decoder,
    memory: Tensor,
    padding: Tensor,
    masks: PrenetMasks,
    max_frames: int,
    gate_threshold: float,
    dtype: torch.dtype,
) -> FreeRun:
    """memory: [B, N, C], padding: [B, N]. Ends when every sentence's gate has opened, or at `max_frames`."""
    steps = -(-max_frames // decoder.config.reduction)
    with _steps(decoder, memory, steps, dtype) as run:
        run.begin(memory, decoder.attention_layer.memory_layer(memory), padding, masks)
        return _until_the_gates_open(run, decoder.config, memory, steps, max_frames, gate_threshold)


class _Gates:
    """Gates [steps, B, r] on their way to the processor, which goes on meanwhile; `first` is the first one's step."""

    def __init__(self, first: int, gates: Tensor) -> None:
        self.first, self._gates = first, gates
        self._there: torch.cuda.Event | None = None
        if gates.is_cuda:
            self._gates = torch.empty(gates.shape, dtype=gates.dtype, pin_memory=True).copy_(gates, non_blocking=True)
            self._there = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._there.record(torch.cuda.current_stream(gates.device))

    def wait(self) -> Tensor:
        """[B, steps r]."""
        if self._there is not None:
            self._there.synchronize()
        return self._gates.transpose(0, 1).flatten(1)


def _blocks(run: Eager | FusedSteps, steps: int, gates: slice) -> Iterator[_Gates]:
    """Makes all steps, block by block. A GPU has `run.ahead` blocks to do while one's gates are looked at."""
    waiting = deque[_Gates]()
    for first in range(0, steps, run.look):
        count = min(run.look, steps - first)
        run.advance(first, count)
        waiting.append(_Gates(first, run.outputs[first : first + count, :, gates]))
        if len(waiting) > run.ahead:
            yield waiting.popleft()
    yield from waiting


def _until_the_gates_open(
    run: Eager | FusedSteps, config: Config, memory: Tensor, steps: int, max_frames: int, gate_threshold: float
) -> FreeRun:
    bands, reduction, batch = config.n_mels, config.reduction, len(memory)
    lengths, opened = torch.full((batch,), max_frames), torch.zeros(batch, dtype=torch.bool)
    threshold = torch.logit(torch.tensor(gate_threshold, dtype=torch.float64)).item()
    for gates in _blocks(run, steps, slice(bands * reduction, None)):
        stops = gates.wait() > threshold  # [B, look r]
        if stops.any():
            found = stops.any(1) & ~opened
            lengths = torch.where(found, gates.first * reduction + stops.int().argmax(1) + 1, lengths)
            opened |= found
            if opened.all():
                steps = -(-int(lengths.max()) // reduction)
                break
    reached_limit = ~opened | (lengths > max_frames)
    lengths = lengths.clamp(max=max_frames)
    frames = int(lengths.max())
    outputs = run.outputs[:steps].transpose(0, 1)  # [B, steps, (M + 1) r]
    return FreeRun(
        outputs[..., : bands * reduction].reshape(batch, -1, bands).transpose(1, 2)[:, :, :frames].clone(),
        lengths.to(memory.device),
        run.alignment(steps, memory.size(1)).transpose(0, 1).repeat_interleave(reduction, 1)[:, :frames],
        outputs[..., bands * reduction :].reshape(batch, -1)[:, :frames].clone(),
        reached_limit.to(memory.device),
    )
