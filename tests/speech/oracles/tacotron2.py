"""Tacotron 2, plainly: one decoder step after the other, exactly as section 2 of arXiv 1712.05884 tells it.

Works on a dictionary of tensors with the published names, so that `torch.autograd` gives gradients by the same names.
What the paper leaves open is as in the published checkpoints: the order attention LSTM, attention, decoder LSTM;
a hidden state is dropped before anything else sees it; weights of the attention are masked behind the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as f
from torch import Tensor


@dataclass(frozen=True)
class Dropped:
    """Masks to multiply with, so that a random step can be repeated. prenet: two of [L, B, C]; the others [L, B, H]."""

    prenet: tuple[Tensor, Tensor] | None = None
    attention: Tensor | None = None
    decoder: Tensor | None = None


@dataclass(frozen=True)
class Spoken:
    mel: Tensor  # [B, M, T] before the postnet
    mel_post: Tensor
    gate: Tensor  # [B, T] logits
    alignment: Tensor  # [B, L, N]


def padding(lengths: Tensor, size: int) -> Tensor:
    """lengths: [B] -> [B, size], true behind the end."""
    return torch.arange(size, device=lengths.device)[None, :] >= lengths[:, None]


class Tacotron2Oracle:
    """`rates`: dropout of convolutions, prenet, attention LSTM, decoder LSTM when it is drawn here (`dropped=None`)."""

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        *,
        reduction: int = 1,
        training: bool = False,
        mask_padding: bool = False,
        rates: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    ) -> None:
        self.w = weights
        self.reduction = reduction
        self.training = training
        self.mask_padding = mask_padding
        self.rates = rates

    def count(self, prefix: str) -> int:
        return len({name[len(prefix) :].split(".")[0] for name in self.w if name.startswith(prefix)})

    def convolve(self, prefix: str, x: Tensor) -> Tensor:
        """A convolution and its batch norm."""
        weight = self.w[f"{prefix}.0.conv.weight"]
        x = f.conv1d(x, weight, self.w[f"{prefix}.0.conv.bias"], padding=(weight.shape[2] - 1) // 2)
        mean, variance = self.w[f"{prefix}.1.running_mean"].clone(), self.w[f"{prefix}.1.running_var"].clone()
        return f.batch_norm(x, mean, variance, self.w[f"{prefix}.1.weight"], self.w[f"{prefix}.1.bias"], self.training)

    def lstm_direction(self, x: Tensor, suffix: str) -> Tensor:
        """x: [B, N, C] -> [B, N, H]."""
        names = [f"encoder.lstm.{kind}_l0{suffix}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        weights = [self.w[name] for name in names]
        state = (x.new_zeros(len(x), weights[1].shape[1]), x.new_zeros(len(x), weights[1].shape[1]))
        outputs = []
        for place in range(x.shape[1]):
            state = torch.lstm_cell(x[:, place], state, *weights)
            outputs.append(state[0])
        return torch.stack(outputs, 1)

    def encode(self, symbols: Tensor, lengths: Tensor) -> Tensor:
        """symbols: [B, N] -> memory [B, N, C]."""
        x = self.w["embedding.weight"][symbols].transpose(1, 2)
        behind = padding(lengths, symbols.shape[1])
        for i in range(self.count("encoder.convolutions.")):
            if self.mask_padding:
                x = x.masked_fill(behind[:, None, :], 0.0)
            x = f.relu(self.convolve(f"encoder.convolutions.{i}", x))
            x = f.dropout(x, self.rates[0], self.training)
        return self.recur_encoder(x.transpose(1, 2), lengths)

    def recur_encoder(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x: [B, N, C] -> both directions, [B, N, C], 0 behind the end."""
        behind = padding(lengths, x.shape[1])
        ahead = self.lstm_direction(x, "")
        # Every row is turned round within its own length, and back.
        places = torch.arange(x.shape[1], device=x.device).expand(behind.shape)
        turned = torch.where(behind, places, lengths[:, None] - 1 - places)[:, :, None]
        back = self.lstm_direction(x.gather(1, turned.expand(x.shape)), "_reverse")
        back = back.gather(1, turned.expand(back.shape))
        return torch.cat((ahead, back), 2).masked_fill(behind[:, :, None], 0.0)

    def prenet(self, frame: Tensor, masks: tuple[Tensor, Tensor] | None, step: int) -> Tensor:
        for i in range(2):
            frame = f.relu(f.linear(frame, self.w[f"decoder.prenet.layers.{i}.linear_layer.weight"]))
            frame = f.dropout(frame, self.rates[1], True) if masks is None else frame * masks[i][step]
        return frame

    def start(self, memory: Tensor, lengths: Tensor) -> None:
        batch, symbols, channels = memory.shape
        self.memory = memory
        self.behind = padding(lengths, symbols)
        self.keys = f.linear(memory, self.w["decoder.attention_layer.memory_layer.linear_layer.weight"])
        sizes = [self.w[f"decoder.{name}.weight_hh"].shape[1] for name in ("attention_rnn", "decoder_rnn")]
        self.attention_state = (memory.new_zeros(batch, sizes[0]), memory.new_zeros(batch, sizes[0]))
        self.decoder_state = (memory.new_zeros(batch, sizes[1]), memory.new_zeros(batch, sizes[1]))
        self.context = memory.new_zeros(batch, channels)
        self.last = memory.new_zeros(batch, symbols)
        self.total = memory.new_zeros(batch, symbols)

    def attend(self) -> None:
        """Equation 8 of arXiv 1506.07503 with the summed weights beside the last ones."""
        prefix = "decoder.attention_layer."
        query = f.linear(self.attention_state[0], self.w[prefix + "query_layer.linear_layer.weight"])[:, None, :]
        filters = self.w[prefix + "location_layer.location_conv.conv.weight"]
        places = torch.stack((self.last, self.total), 1)
        features = f.conv1d(places, filters, padding=(filters.shape[2] - 1) // 2).transpose(1, 2)
        features = f.linear(features, self.w[prefix + "location_layer.location_dense.linear_layer.weight"])
        energy = f.linear(torch.tanh(query + self.keys + features), self.w[prefix + "v.linear_layer.weight"])[..., 0]
        self.last = torch.softmax(energy.masked_fill(self.behind, -float("inf")), 1)
        self.total = self.total + self.last
        self.context = torch.einsum("bn,bnc->bc", self.last, self.memory)

    def recur(self, name: str, x: Tensor, state: tuple[Tensor, Tensor], mask: Tensor | None) -> tuple[Tensor, Tensor]:
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        hidden, cell = torch.lstm_cell(x, state, *[self.w[f"decoder.{name}.{kind}"] for kind in kinds])
        if mask is not None:
            return hidden * mask, cell
        return f.dropout(hidden, self.rates[2 if name == "attention_rnn" else 3], self.training), cell

    def step(self, frame: Tensor, at: int, dropped: Dropped) -> tuple[Tensor, Tensor]:
        """frame: [B, prenet channels] -> frames [B, r, M], gates [B, r]."""
        mask = None if dropped.attention is None else dropped.attention[at]
        x = torch.cat((frame, self.context), 1)
        self.attention_state = self.recur("attention_rnn", x, self.attention_state, mask)
        self.attend()
        mask = None if dropped.decoder is None else dropped.decoder[at]
        x = torch.cat((self.attention_state[0], self.context), 1)
        self.decoder_state = self.recur("decoder_rnn", x, self.decoder_state, mask)
        features = torch.cat((self.decoder_state[0], self.context), 1)
        outputs = []
        for name in ("linear_projection", "gate_layer"):
            weight, bias = (self.w[f"decoder.{name}.linear_layer.{kind}"] for kind in ("weight", "bias"))
            outputs.append(f.linear(features, weight, bias))
        return outputs[0].view(frame.shape[0], self.reduction, -1), outputs[1]

    def postnet(self, mel: Tensor, lengths: Tensor) -> Tensor:
        behind = padding(lengths, mel.shape[2])
        layers = self.count("postnet.convolutions.")
        for i in range(layers):
            if self.mask_padding:
                mel = mel.masked_fill(behind[:, None, :], 0.0)
            mel = self.convolve(f"postnet.convolutions.{i}", mel)
            mel = torch.tanh(mel) if i < layers - 1 else mel
            mel = f.dropout(mel, self.rates[0], self.training)
        return mel

    def forced(
        self, symbols: Tensor, symbol_lengths: Tensor, mels: Tensor, mel_lengths: Tensor, dropped: Dropped | None = None
    ) -> Spoken:
        """T must be a multiple of the reduction."""
        dropped = dropped or Dropped()
        self.start(self.encode(symbols, symbol_lengths), symbol_lengths)
        outputs: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
        for at in range(mels.shape[2] // self.reduction):
            seen = mels[:, :, at * self.reduction - 1] if at else torch.zeros_like(mels[:, :, 0])
            frames, gates = self.step(self.prenet(seen, dropped.prenet, at), at, dropped)
            for kept, value in zip(outputs, (frames, gates, self.last), strict=True):
                kept.append(value)
        mel = torch.cat(outputs[0], 1).transpose(1, 2)
        spoken = mel + self.postnet(mel, mel_lengths)
        behind = padding(mel_lengths, mels.shape[2])
        return Spoken(
            mel.masked_fill(behind[:, None, :], 0.0),
            spoken.masked_fill(behind[:, None, :], 0.0),
            torch.cat(outputs[1], 1).masked_fill(behind, 1e3),
            torch.stack(outputs[2], 1),
        )

    def free(
        self, symbols: Tensor, *, max_frames: int, threshold: float = 0.5, dropped: Dropped | None = None
    ) -> Spoken:
        """One sentence, symbols [1, N]; ends with the first frame whose gate opens."""
        dropped = dropped or Dropped()
        lengths = torch.tensor([symbols.shape[1]], device=symbols.device)
        self.start(self.encode(symbols, lengths), lengths)
        mel, gate, alignment = [], [], []
        bands = self.w["decoder.prenet.layers.0.linear_layer.weight"].shape[1]
        seen = self.memory.new_zeros(1, bands)
        while sum(frames.shape[1] for frames in mel) < max_frames:
            at = len(mel)
            frames, gates = self.step(self.prenet(seen, dropped.prenet, at), at, dropped)
            alignment.append(self.last)
            opened = (torch.sigmoid(gates[0]) > threshold).nonzero()
            keep = int(opened[0]) + 1 if len(opened) else self.reduction
            mel.append(frames[:, :keep])
            gate.append(gates[:, :keep])
            if len(opened):
                break
            seen = frames[:, -1]
        whole = torch.cat(mel, 1)[:, :max_frames].transpose(1, 2)
        spoken = whole + self.postnet(whole, torch.tensor([whole.shape[2]], device=whole.device))
        return Spoken(whole, spoken, torch.cat(gate, 1)[:, :max_frames], torch.stack(alignment, 1))


def published_loss(spoken: Spoken, mels: Tensor, gates: Tensor) -> Tensor:
    """Squared error of both mels and cross-entropy of the gate, means over everything, padding included."""
    return (
        f.mse_loss(spoken.mel, mels)
        + f.mse_loss(spoken.mel_post, mels)
        + f.binary_cross_entropy_with_logits(spoken.gate, gates)
    )
