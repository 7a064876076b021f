"""Tacotron 2 (Shen et al. 2017, arXiv 1712.05884) with the parameter names of NVIDIA's published state dicts.

    symbols -> embedding -> 3 convolutions -> bidirectional LSTM -> memory [B, N, C]
    mel frame t-1 -> prenet -> attention LSTM <-> location-sensitive attention over the memory   (the only loop)
    attention LSTM, context -> decoder LSTM -> projection, gate -> mel -> postnet -> mel_post

Under teacher forcing nothing but the attention LSTM with its attention, and the recurrent half of the decoder LSTM,
goes step by step (speech/acoustic/_loops.py); running free, everything does (speech/acoustic/_free.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech.acoustic._free import PrenetMasks, packed_postnet, run_free
from speech.acoustic._loops import attention_loop, lstm_loop
from speech.config import Settings, TrainingConfig
from speech.errors import BadConfig, BadText
from speech.optimizers import adam
from speech.products import cast_by_hand

if TYPE_CHECKING:
    from speech.dataset import AcousticBatch

Gain = Literal["linear", "relu", "sigmoid", "tanh"]  # of the initial weights, by what follows them
PADDED_GATE = 1e3  # logit of frames behind the end: "stopped" beyond doubt, and no loss


@dataclass(frozen=True)
class Config(Settings):
    """Sizes of the network; the defaults are the published ones, but for the 80 symbols of Korean.

    `reduction` frames are made a step, and the last of them is what the next step sees (Tacotron, arXiv 1703.10135);
    1 is the published network. `published_padding`: in a batch the convolutions read the padding symbol (and the frames
    behind the end) as the published network does; without it a sentence is the same alone and among longer ones.
    """

    n_symbols: int = 80
    n_mels: int = 80
    reduction: int = 1  # mel frames a decoder step
    encoder_channels: int = 512  # also of the embedding
    encoder_layers: int = 3
    encoder_kernel: int = 5
    prenet_channels: int = 256
    attention_rnn_channels: int = 1024
    attention_channels: int = 128
    location_filters: int = 32
    location_kernel: int = 31
    decoder_rnn_channels: int = 1024
    postnet_channels: int = 512
    postnet_layers: int = 5
    postnet_kernel: int = 5
    convolution_dropout: float = 0.5
    prenet_dropout: float = 0.5  # also when running free (section 2.2 of the paper)
    attention_dropout: float = 0.1
    decoder_dropout: float = 0.1
    published_padding: bool = True
    guided_attention_weight: float = 0.0  # 0: the published loss
    guided_attention_width: float = 0.2  # g of arXiv 1710.08969
    guided_attention_steps: int = 0  # the weight falls to 0 along a line until this step; 0: it stays

    def __post_init__(self) -> None:
        whole = ("n_symbols", "n_mels", "reduction", "encoder_layers", "prenet_channels", "attention_rnn_channels",
                 "attention_channels", "location_filters", "decoder_rnn_channels", "postnet_channels")  # fmt: skip
        bad = [name for name in whole if getattr(self, name) < 1]
        bad += [name for name in ("encoder_channels",) if self.encoder_channels < 2 or self.encoder_channels % 2]
        bad += [
            name for name in ("encoder_kernel", "location_kernel", "postnet_kernel") if getattr(self, name) % 2 != 1
        ]
        bad += [name for name in ("postnet_layers",) if self.postnet_layers < 2]
        bad += [
            name
            for name in ("convolution_dropout", "prenet_dropout", "attention_dropout", "decoder_dropout")
            if not 0.0 <= getattr(self, name) < 1.0
        ]
        bad += [name for name in ("guided_attention_width",) if self.guided_attention_width <= 0.0]
        if bad:
            values = ", ".join(f"{name}={getattr(self, name)}" for name in bad)
            raise BadConfig(
                f"Tacotron 2 cannot be built with {values}: sizes are at least 1, encoder_channels is even, kernels "
                "are odd, the postnet has 2 layers or more, dropouts lie in [0, 1).",
                code="bad_size",
                names=bad,
            )


_COMPACT = Config(
    reduction=3,
    encoder_channels=256,
    prenet_channels=128,
    attention_rnn_channels=384,
    decoder_rnn_channels=384,
    postnet_channels=256,
    postnet_layers=4,  # three of 256 channels and the one back to the mel
    published_padding=False,
    guided_attention_weight=5.0,
    guided_attention_steps=4000,
)
PRESETS: dict[str, Config] = {
    "full": Config(),
    "compact": _COMPACT,
    "trial": replace(
        _COMPACT,
        encoder_channels=64,
        prenet_channels=32,
        attention_rnn_channels=96,
        attention_channels=32,
        location_filters=8,
        decoder_rnn_channels=96,
        postnet_channels=64,
    ),
}


@dataclass(frozen=True)
class AcousticOutput:
    """Teacher-forced. mel, mel_post: [B, M, T], 0 behind the end; gate: [B, T] logits; alignment: [B, T, N]."""

    mel: Tensor
    mel_post: Tensor
    gate: Tensor
    alignment: Tensor


@dataclass(frozen=True)
class AcousticInference:
    """Free-running. mel: [B, M, T] after the postnet, 0 behind the end; mel_lengths, reached_limit: [B];
    alignment: [B, T, N]; gate: [B, T] logits."""

    mel: Tensor
    mel_lengths: Tensor
    alignment: Tensor
    gate: Tensor
    reached_limit: Tensor


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
    """Embedded symbols [B, C, N] -> memory [B, N, C]."""

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
        packed = nn.utils.rnn.pack_padded_sequence(
            x.transpose(1, 2), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
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


class Model(nn.Module):
    """The whole network of the module's docstring; `PRESETS["full"]` with 148 symbols has the 84 published entries."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.n_symbols, config.encoder_channels)
        bound = math.sqrt(6.0 / (config.n_symbols + config.encoder_channels))
        nn.init.uniform_(self.embedding.weight, -bound, bound)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.postnet = Postnet(config)

    def forward(
        self,
        symbols: Tensor,
        symbol_lengths: Tensor,
        mels: Tensor,
        mel_lengths: Tensor,
        *,
        generator: torch.Generator | None = None,
    ) -> AcousticOutput:
        """Teacher forcing: each frame is predicted from the true one before it.

        symbols: [B, N] int64, symbol_lengths: [B], mels: [B, M, T] log amplitude, mel_lengths: [B]. In evaluation the
        prenet drops by `generator` (a CPU one; default: seeded with 0), so that a figure can be measured twice.
        """
        if generator is None and not self.training:
            generator = torch.Generator().manual_seed(0)
        frames, reduction = mels.size(2), self.config.reduction
        mels = functional.pad(mels, (0, -frames % reduction))
        memory, text_padding = self.encode(symbols, symbol_lengths, published=self.config.published_padding)
        mel, gate, alignment = self.decoder(memory, text_padding, mels, generator)
        padding = padding_mask(mel_lengths, mels.size(2))
        mel_post = mel + self.postnet(mel, None if self.config.published_padding else padding).float()
        return AcousticOutput(
            mel.masked_fill(padding[:, None, :], 0.0)[:, :, :frames],
            mel_post.masked_fill(padding[:, None, :], 0.0)[:, :, :frames],
            gate.masked_fill(padding, PADDED_GATE)[:, :frames],
            alignment.repeat_interleave(reduction, 1)[:, :frames],
        )

    def encode(self, symbols: Tensor, symbol_lengths: Tensor, *, published: bool) -> tuple[Tensor, Tensor]:
        """symbols: [B, N] -> memory [B, N, C], padding [B, N]. Raises BadText for an empty row or unknown symbols."""
        if symbols.numel() == 0 or int(symbol_lengths.min()) < 1:
            raise BadText("A text without symbols cannot be spoken; give it at least one.", code="no_symbols")
        if int(symbols.min()) < 0 or int(symbols.max()) >= self.config.n_symbols:
            raise BadText(
                f"Symbol {int(symbols.max())} is outside the {self.config.n_symbols} symbols of this model.",
                code="symbol_out_of_range",
                n_symbols=self.config.n_symbols,
            )
        padding = padding_mask(symbol_lengths, symbols.size(1))
        embedded = self.embedding(symbols).transpose(1, 2)  # [B, C, N]
        memory = self.encoder(embedded, symbol_lengths, None if published else padding)
        return memory, padding

    @torch.inference_mode()
    def infer(
        self,
        symbols: Tensor,
        symbol_lengths: Tensor,
        *,
        max_frames: int = 1000,
        gate_threshold: float = 0.5,
        seed: int | Sequence[int] = 0,
        precision: str = "float32",
    ) -> AcousticInference:
        """Speaks: symbols [B, N], symbol_lengths [B] -> mels that end where the gate says so, or at `max_frames`.

        A seed (one for all, or one a sentence) gives one and the same utterance, alone or in any batch. `precision` is
        that of the products: "float32", "bf16" or "int8" (the decoder's LSTMs; the rest is bf16 then, and the rounding
        of a sentence hangs on its neighbours in the batch); under autocast it is autocast's.
        """
        seeds = [seed] * symbols.size(0) if isinstance(seed, int) else list(seed)
        was_training = self.training
        self.eval()
        try:
            memory, padding = self.encode(symbols, symbol_lengths, published=False)
            memory = memory.to(self.embedding.weight.dtype)  # autocast halves its bits; the states keep all of them
            masks = PrenetMasks(seeds, self.config.prenet_channels, self.config.prenet_dropout, memory)
            with cast_by_hand(memory.device, precision, int8=True) as dtype:
                run = run_free(self.decoder, memory, padding, masks, max_frames, gate_threshold, dtype)
                behind = padding_mask(run.lengths, run.mel.size(2))
                wide = torch.bfloat16 if dtype == torch.int8 else dtype
                mel = run.mel + packed_postnet(self.postnet, wide)(run.mel, behind)
        finally:
            self.train(was_training)
        mel = mel.masked_fill(behind[:, None, :], 0.0)
        return AcousticInference(mel, run.lengths, run.alignment, run.gate, run.reached_limit)


def guided_attention(alignment: Tensor, text_lengths: Tensor, mel_lengths: Tensor, width: float) -> Tensor:
    """How far from the diagonal the average frame looks (after Tachibana et al., arXiv 1710.08969, section 4.1).

    alignment: [B, T, N]; text_lengths, mel_lengths: [B]; `width` is the paper's g. Summed over the symbols and averaged
    over the frames: the paper's mean over both fades with the length of the text, and at a weight of 5 left a compact
    network without alignment after 700 steps that has one after 50 this way.
    """
    _, frames, symbols = alignment.shape
    time = torch.arange(frames, device=alignment.device)[None, :] / mel_lengths[:, None]  # [B, T]
    place = torch.arange(symbols, device=alignment.device)[None, :] / text_lengths[:, None]  # [B, N]
    penalty = 1.0 - torch.exp(-((place[:, None, :] - time[:, :, None]) ** 2) / (2.0 * width**2))
    valid = time < 1.0
    return (alignment.float() * penalty).sum(2)[valid].mean()


class Recipe:
    """How the network is trained: squared error of both mels, cross-entropy of the gate, guided attention if asked."""

    kind: ClassVar[str] = "acoustic"
    defaults: ClassVar[dict[str, Any]] = {
        "batch_size": 64,
        "learning_rate": 1e-3,
        "weight_decay": 1e-6,
        "clip_norm": 1.0,
    }

    def __init__(self, config: Config, training: TrainingConfig) -> None:
        self.config = config
        self.training = training

    def optimizers(self, model: Model) -> dict[str, torch.optim.Optimizer]:
        return {"model": adam(model.parameters(), self.training)}

    def parameters(self, model: Model, name: str) -> list[nn.Parameter]:
        """What the optimiser `name` moves, for the norm of its gradients to be clipped."""
        return list(model.parameters())

    def losses(
        self, model: Model, batch: AcousticBatch, *, step: int = 0
    ) -> Iterator[tuple[str, Tensor, dict[str, float]]]:
        """One loss for the one optimiser; `step` tells how far guided attention has faded."""
        loss, parts = self._loss(model, batch, step)
        yield "model", loss, parts

    @torch.no_grad()
    def evaluate(self, model: Model, batch: AcousticBatch, *, step: int = 0) -> dict[str, float]:
        """Teacher-forced losses of a held-out batch, with everything off but the prenet's (seeded) dropout."""
        was_training = model.training
        model.eval()
        try:
            return self._loss(model, batch, step)[1]
        finally:
            model.train(was_training)

    def _loss(self, model: Model, batch: AcousticBatch, step: int) -> tuple[Tensor, dict[str, float]]:
        output: AcousticOutput = model(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
        # Means over true frames: what a clip weighs does not hang on how long its neighbours in the batch are.
        valid = ~padding_mask(batch.mel_lengths, batch.mels.size(2))
        frames = valid.sum()
        cells = frames * batch.mels.size(1)
        target = batch.mels.masked_fill(~valid[:, None, :], 0.0)
        error = (output.mel_post - target).masked_fill(~valid[:, None, :], 0.0)
        parts = {
            "mel": (output.mel - target).square().sum() / cells,
            "mel_post": error.square().sum() / cells,
            "gate": functional.binary_cross_entropy_with_logits(output.gate, batch.gates, reduction="none")[
                valid
            ].mean(),
        }
        if weight := self.guided_weight(step):
            parts["guided"] = weight * guided_attention(
                output.alignment, batch.symbol_lengths, batch.mel_lengths, self.config.guided_attention_width
            )
        loss = torch.stack(list(parts.values())).sum()
        figures = torch.stack([loss, error.abs().sum() / cells, *parts.values()]).detach().tolist()
        return loss, dict(zip(["loss", "mel_l1", *parts], figures, strict=True))

    def guided_weight(self, step: int) -> float:
        weight, fade = self.config.guided_attention_weight, self.config.guided_attention_steps
        return weight if fade == 0 else weight * max(0.0, 1.0 - step / fade)
