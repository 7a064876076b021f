"""The decoder running free: each step sees what the one before it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from speech.acoustic.tacotron2 import Decoder

BLOCK = 64  # steps of dropout drawn at once; part of what a seed means, so it stays


class PrenetMasks:
    """Dropout of the prenet: every utterance has its own generator, so that it does not notice its neighbours."""

    def __init__(self, seeds: Sequence[int], channels: int, dropout: float, like: Tensor) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._channels, self._dropout, self._like = channels, dropout, like
        self._block = like.new_empty(0)

    def at(self, step: int) -> Tensor | None:
        """[2, B, prenet channels] for the two layers; steps are asked for in turn."""
        if self._dropout == 0.0:
            return None
        if step % BLOCK == 0:
            keep = 1.0 - self._dropout
            shape = (BLOCK, 2, self._channels)
            drawn = [torch.empty(shape).bernoulli_(keep, generator=generator) for generator in self._generators]
            self._block = torch.stack(drawn, 2).div_(keep).to(self._like.device, self._like.dtype)
        return self._block[step % BLOCK]


@dataclass(frozen=True)
class FreeRun:
    """mel: [B, M, T] before the postnet; lengths, reached_limit: [B]; alignment: [B, T, N]; gate: [B, T] logits."""

    mel: Tensor
    lengths: Tensor
    alignment: Tensor
    gate: Tensor
    reached_limit: Tensor


def run_free(
    decoder: Decoder, memory: Tensor, padding: Tensor, masks: PrenetMasks, max_frames: int, gate_threshold: float
) -> FreeRun:
    """memory: [B, N, C], padding: [B, N]. Ends when every sentence's gate has opened, or at `max_frames`."""
    config, attention = decoder.config, decoder.attention_layer
    batch, symbols, channels = memory.shape
    bands, reduction = config.n_mels, config.reduction
    steps = -(-max_frames // reduction)
    processed = attention.memory_layer(memory)
    kernel = attention.location_layer.kernel()
    frame = memory.new_zeros(batch, bands)
    attended = (
        memory.new_zeros(batch, config.attention_rnn_channels),
        memory.new_zeros(batch, config.attention_rnn_channels),
    )
    decoded = memory.new_zeros(batch, config.decoder_rnn_channels), memory.new_zeros(batch, config.decoder_rnn_channels)
    context = memory.new_zeros(batch, channels)
    places = memory.new_zeros(batch, 2, symbols)  # the last alignment and the sum of all
    mel = memory.new_zeros(steps, batch, reduction, bands)
    gates = memory.new_zeros(steps, batch, reduction)
    alignment = memory.new_zeros(steps, batch, symbols)
    lengths = torch.full((batch,), max_frames, device=memory.device)
    open_ = torch.zeros(batch, dtype=torch.bool, device=memory.device)
    threshold = torch.logit(torch.tensor(gate_threshold, dtype=torch.float64)).item()
    for step in range(steps):
        mask = masks.at(step)
        for i, layer in enumerate(decoder.prenet.layers):
            frame = torch.relu(layer(frame))
            frame = frame if mask is None else frame * mask[i]
        attended = decoder.attention_rnn(torch.cat((frame, context), 1), attended)
        place = functional.conv1d(places, kernel, padding=kernel.size(2) // 2).transpose(1, 2)
        energy = attention.v(torch.tanh(processed + attention.query_layer(attended[0])[:, None, :] + place))[..., 0]
        weights = torch.softmax(energy.masked_fill(padding, -torch.inf), 1)
        places[:, 0] = weights
        places[:, 1] += weights
        context = torch.bmm(weights[:, None, :], memory)[:, 0]
        decoded = decoder.decoder_rnn(torch.cat((attended[0], context), 1), decoded)
        features = torch.cat((decoded[0], context), 1)
        mel[step] = decoder.linear_projection(features).view(batch, reduction, bands)
        gates[step] = decoder.gate_layer(features)
        alignment[step] = weights
        frame = mel[step, :, -1]
        stops = gates[step] > threshold  # [B, r]
        found = stops.any(1) & ~open_
        lengths = torch.where(found, step * reduction + stops.int().argmax(1) + 1, lengths)
        open_ |= found
        if bool(open_.all()):
            steps = step + 1
            break
    reached_limit = ~open_ | (lengths > max_frames)
    lengths = lengths.clamp(max=max_frames)
    frames = int(lengths.max())
    return FreeRun(
        mel[:steps].transpose(0, 1).reshape(batch, -1, bands).transpose(1, 2)[:, :, :frames],
        lengths,
        alignment[:steps].transpose(0, 1).repeat_interleave(reduction, 1)[:, :frames],
        gates[:steps].transpose(0, 1).reshape(batch, -1)[:, :frames],
        reached_limit,
    )
