"""The parts of Tacotron 2, under the published names of their parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech.acoustic._loops import attention_loop, lstm_loop

if TYPE_CHECKING:
    from speech.acoustic.tacotron2 import Config

Gain = Literal["linear", "relu", "sigmoid", "tanh"]  # of the initial weights, by what follows them


class Linear(nn.Module):
    """A product under the published name `linear_layer`, drawn by Glorot and Bengio's rule."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True, gain: Gain = "linear") -> None:
        super().__init__()
        self.linear_layer = nn.Linear(inputs, outputs, bias=bias)
        nn.init.xavier_uniform_(self.linear_layer.weight, gain=nn.init.calculate_gain(gain))

    @property
    def weight(self) -> Tensor:
        return self.linear_layer.weight

    @property
    def bias(self) -> Tensor:
        return self.linear_layer.bias

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear_layer(x)
        return result


class Convolution(nn.Module):
    """A convolution that keeps the length, under the published name `conv`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, bias: bool = True, gain: Gain = "linear") -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
        nn.init.xavier_uniform_(self.conv.weight, gain=nn.init.calculate_gain(gain))

    @property
    def weight(self) -> Tensor:
        return self.conv.weight

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv(x)
        return result


def _normed(inputs: int, outputs: int, kernel: int, gain: Gain) -> nn.Sequential:
    return nn.Sequential(Convolution(inputs, outputs, kernel, gain=gain), nn.BatchNorm1d(outputs))


class Encoder(nn.Module):
    """Embedded symbols [B, C, N] and their lengths [B], these on the CPU, -> memory [B, N, C]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = config.encoder_channels
        self.dropout = config.convolution_dropout
        self.convolutions = nn.ModuleList(
            _normed(channels, channels, config.encoder_kernel, "relu") for _ in range(config.encoder_layers)
        )
        self.lstm = nn.LSTM(channels, channels // 2, 1, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor, padding: Tensor | None) -> Tensor:
        for convolution in self.convolutions:
            if padding is not None:
                x = x.masked_fill(padding[:, None, :], 0.0)
            x = drop(torch.relu(convolution(x)), self.dropout, self.training)
        packed = nn.utils.rnn.pack_padded_sequence(x.transpose(1, 2), lengths, batch_first=True, enforce_sorted=False)
        outputs, _ = self.lstm(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=x.size(2))
        return memory  # [B, N, C]


class LocationLayer(nn.Module):
    """Convolution over the last and the summed alignment, and a product; one folded kernel does both."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.location_conv = Convolution(2, config.location_filters, config.location_kernel, bias=False)
        self.location_dense = Linear(config.location_filters, config.attention_channels, bias=False, gain="tanh")

    def kernel(self) -> Tensor:
        """[attention channels, 2, kernel]."""
        convolution = self.location_conv.weight
        return (self.location_dense.weight @ convolution.flatten(1)).view(-1, *convolution.shape[1:])


class Attention(nn.Module):
    """Parameters of the location-sensitive attention (arXiv 1506.07503); the loops do its work."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = config.attention_channels
        self.query_layer = Linear(config.attention_rnn_channels, channels, bias=False, gain="tanh")
        self.memory_layer = Linear(config.encoder_channels, channels, bias=False, gain="tanh")
        self.v = Linear(channels, 1, bias=False)
        self.location_layer = LocationLayer(config)


class Prenet(nn.Module):
    """Two layers whose dropout stays on for ever: it is what keeps the decoder listening to the text."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        sizes = (config.n_mels, config.prenet_channels, config.prenet_channels)
        self.dropout = config.prenet_dropout
        self.layers = nn.ModuleList(Linear(sizes[i], sizes[i + 1], bias=False) for i in range(2))

    def weights(self) -> list[Tensor]:
        return [cast(Linear, layer).weight for layer in self.layers]

    def forward(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """frames: [..., M] -> [..., prenet channels]; without a generator the global one drops."""
        for layer in self.layers:
            frames = torch.relu(layer(frames))
            if self.dropout > 0.0:
                frames = frames * keep_mask(frames.shape, self.dropout, frames, generator)
        return frames


def keep_mask(shape: Sequence[int], rate: float, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """0 where dropped, 1 / keep where kept; drawn on the CPU when a generator is given.

    The rate is rounded to a 65,536th: a 64-bit draw then decides on four elements, four times as fast as bernoulli_.
    """
    device = like.device if generator is None else torch.device("cpu")
    count, kept = math.prod(shape), round((1.0 - rate) * 65_536)
    draws = torch.empty(-(-count // 4), dtype=torch.int64, device=device).random_(-(2**63), None, generator=generator)
    mask = (draws.view(torch.int16)[:count] < kept - 32_768).to(like.device, like.dtype)
    return mask.mul_(65_536 / kept).view(tuple(shape))


def drop(x: Tensor, rate: float, training: bool) -> Tensor:
    """Dropout, by `keep_mask` on the CPU."""
    if not training or rate == 0.0:
        return x
    return x * keep_mask(x.shape, rate, x) if x.device.type == "cpu" else functional.dropout(x, rate)


class Decoder(nn.Module):
    """Memory and the true mel -> the mel predicted frame by frame, gates and alignments."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        attention, decoder, memory = config.attention_rnn_channels, config.decoder_rnn_channels, config.encoder_channels
        self.prenet = Prenet(config)
        self.attention_rnn = nn.LSTMCell(config.prenet_channels + memory, attention)
        self.attention_layer = Attention(config)
        self.decoder_rnn = nn.LSTMCell(attention + memory, decoder)
        self.linear_projection = Linear(decoder + memory, config.n_mels * config.reduction)
        self.gate_layer = Linear(decoder + memory, config.reduction, gain="sigmoid")

    def forward(
        self, memory: Tensor, padding: Tensor, mels: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """memory: [B, N, C], padding: [B, N] true behind the text, mels: [B, M, T], T a multiple of the reduction.

        Returns mel [B, M, T], gate [B, T] and alignment [B, steps, N].
        """
        inputs = self.prenet(self.last_frames(mels), generator)  # [steps, B, prenet]
        attended, alignment = self._attend(inputs, memory, padding)
        steps, batch = attended.shape[:2]
        rnn = self.decoder_rnn
        decoded = lstm_loop(
            attended,
            rnn.weight_ih,
            rnn.weight_hh,
            rnn.bias_ih + rnn.bias_hh,
            self._recurrent_mask(steps, batch, rnn.hidden_size, self.config.decoder_dropout, memory),
        )
        weight = torch.cat((self.linear_projection.weight, self.gate_layer.weight))
        bias = torch.cat((self.linear_projection.bias, self.gate_layer.bias))
        features = torch.cat((decoded, attended[..., -memory.size(2) :]), 2)
        outputs = functional.linear(features, weight, bias).float()  # [steps, B, (M + 1) r]
        frames, gate = outputs[..., : -self.config.reduction], outputs[..., -self.config.reduction :]
        mel = frames.transpose(0, 1).reshape(batch, -1, self.config.n_mels).transpose(1, 2)  # [B, M, T]
        return mel, gate.transpose(0, 1).reshape(batch, -1), alignment.transpose(0, 1)

    def last_frames(self, mels: Tensor) -> Tensor:
        """What each step sees: zeros, then the last true frame of the step before. [steps, B, M]."""
        reduction = self.config.reduction
        last = mels[:, :, reduction - 1 :: reduction][:, :, :-1]
        return functional.pad(last, (1, 0)).permute(2, 0, 1)

    def _attend(self, inputs: Tensor, memory: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        rnn, attention = self.attention_rnn, self.attention_layer
        steps, batch = inputs.shape[:2]
        return attention_loop(
            inputs,
            memory,
            attention.memory_layer(memory),
            padding,
            rnn.weight_ih,
            rnn.weight_hh,
            rnn.bias_ih + rnn.bias_hh,
            attention.query_layer.weight,
            attention.location_layer.kernel(),
            attention.v.weight[0],
            self._recurrent_mask(steps, batch, rnn.hidden_size, self.config.attention_dropout, memory),
        )

    def _recurrent_mask(self, steps: int, batch: int, channels: int, dropout: float, like: Tensor) -> Tensor | None:
        """The published network drops the hidden state of every step anew, and feeds back what is left of it."""
        if not self.training or dropout == 0.0:
            return None
        return keep_mask((steps, batch, channels), dropout, like.new_empty((), dtype=torch.float32))


class Postnet(nn.Module):
    """A correction to the mel [B, M, T] from its neighbourhood."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        sizes = (config.n_mels, *(config.postnet_channels,) * (config.postnet_layers - 1), config.n_mels)
        last = config.postnet_layers - 1
        self.dropout = config.convolution_dropout
        self.convolutions = nn.ModuleList(
            _normed(sizes[i], sizes[i + 1], config.postnet_kernel, "linear" if i == last else "tanh")
            for i in range(config.postnet_layers)
        )

    def forward(self, mel: Tensor, padding: Tensor | None) -> Tensor:
        for i, convolution in enumerate(self.convolutions):
            if padding is not None:
                mel = mel.masked_fill(padding[:, None, :], 0.0)
            mel = convolution(mel)
            if i < len(self.convolutions) - 1:
                mel = torch.tanh(mel)
            mel = drop(mel, self.dropout, self.training)
        return mel


def padding_mask(lengths: Tensor, size: int) -> Tensor:
    """lengths: [B] -> [B, size], true from the length on."""
    return torch.arange(size, device=lengths.device)[None, :] >= lengths[:, None]
