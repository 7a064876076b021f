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
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech import schedule
from speech.acoustic._discriminator import Discriminator, blurred, crops
from speech.acoustic._free import PrenetMasks, packed_postnet, run_free
from speech.acoustic._layers import Decoder, Encoder, Postnet, padding_mask
from speech.config import MOST_LAYERS, Settings, TrainingConfig
from speech.errors import BadConfig, BadText
from speech.optimizers import adam
from speech.products import cast_by_hand

if TYPE_CHECKING:
    from speech.dataset import AcousticBatch

_FEATURES = 2.0  # weight of the features beside the score's, as HiFi-GAN has it
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
    # Of what a discriminator of mels asks of the postnet behind the run's restart; 0: the published loss throughout.
    adversarial_weight: float = 0.0

    def __post_init__(self) -> None:
        whole = ("n_symbols", "n_mels", "reduction", "encoder_layers", "prenet_channels", "attention_rnn_channels",
                 "attention_channels", "location_filters", "decoder_rnn_channels", "postnet_channels")  # fmt: skip
        bad = [name for name in whole if getattr(self, name) < 1]
        bad += [name for name in ("encoder_channels",) if self.encoder_channels < 2 or self.encoder_channels % 2]
        bad += [
            name for name in ("encoder_kernel", "location_kernel", "postnet_kernel") if getattr(self, name) % 2 != 1
        ]
        bad += [name for name in ("postnet_layers",) if self.postnet_layers < 2]
        bad += [name for name in ("encoder_layers", "postnet_layers") if getattr(self, name) > MOST_LAYERS]
        bad += [
            name
            for name in ("convolution_dropout", "prenet_dropout", "attention_dropout", "decoder_dropout")
            if not 0.0 <= getattr(self, name) < 1.0
        ]
        bad += [name for name in ("guided_attention_width",) if self.guided_attention_width <= 0.0]
        bad += [name for name in ("adversarial_weight",) if self.adversarial_weight < 0.0]
        if bad:
            values = ", ".join(f"{name}={getattr(self, name)}" for name in bad)
            raise BadConfig(
                f"Tacotron 2 cannot be built with {values}: sizes are at least 1, encoder_channels is even, kernels "
                "are odd, the postnet has 2 layers or more, dropouts lie in [0, 1), weights from 0.",
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
# What reads already wants less dropout: with the published half a speaker's few minutes made a voice further from her
# takes, which jumped ahead more often, though its held-out loss was the lower one (docs/first-voice.md).
# And its mels blur less against a discriminator; at thrice the weight they move away from the takes.
GOING_ON: dict[str, dict[str, Any]] = {"compact": {"convolution_dropout": 0.1, "adversarial_weight": 0.03}}
# The rate is twice what the published one comes to in such batches: after 1,000 steps of a speaker's 20 minutes a voice
# was as near to her takes as after 2,000 of that, and after 2,000 nearer. At four times it learned no further.
TRAINING_GOING_ON: dict[str, dict[str, Any]] = {"compact": {"batch_size": 16, "learning_rate": 1e-3}}
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
        apart: bool = False,
    ) -> AcousticOutput:
        """Teacher forcing: each frame is predicted from the true one before it.

        symbols: [B, N] int64, symbol_lengths: [B], mels: [B, M, T] log amplitude, mel_lengths: [B]. In evaluation the
        prenet drops by `generator` (a CPU one; default: seeded with 0), so that a figure can be measured twice.
        `apart`: what is asked of the postnet's mel teaches the postnet, and nothing before it.
        """
        if generator is None and not self.training:
            generator = torch.Generator().manual_seed(0)
        frames, reduction = mels.size(2), self.config.reduction
        mels = functional.pad(mels, (0, -frames % reduction))
        memory, text_padding = self.encode(symbols, symbol_lengths, published=self.config.published_padding)
        mel, gate, alignment = self.decoder(memory, text_padding, mels, generator)
        padding = padding_mask(mel_lengths, mels.size(2))
        seen = mel.detach() if apart else mel
        mel_post = seen + self.postnet(seen, None if self.config.published_padding else padding).float()
        return AcousticOutput(
            mel.masked_fill(padding[:, None, :], 0.0)[:, :, :frames],
            mel_post.masked_fill(padding[:, None, :], 0.0)[:, :, :frames],
            gate.masked_fill(padding, PADDED_GATE)[:, :frames],
            alignment.repeat_interleave(reduction, 1)[:, :frames],
        )

    def encode(self, symbols: Tensor, symbol_lengths: Tensor, *, published: bool) -> tuple[Tensor, Tensor]:
        """symbols: [B, N] -> memory [B, N, C], padding [B, N]. Raises BadText for an empty row or unknown symbols."""
        told = torch.zeros(3, dtype=torch.int64)
        if symbols.numel():  # a GPU is waited for once
            told = torch.cat((symbol_lengths, *(end[None] for end in symbols.aminmax()))).cpu()
        lengths, first, last = told[:-2], int(told[-2]), int(told[-1])
        if int(lengths.min()) < 1:
            raise BadText("A text without symbols cannot be spoken; give it at least one.", code="no_symbols")
        if first < 0 or last >= self.config.n_symbols:
            raise BadText(
                f"Symbol {last} is outside the {self.config.n_symbols} symbols of this model.",
                code="symbol_out_of_range",
                n_symbols=self.config.n_symbols,
            )
        padding = padding_mask(symbol_lengths, symbols.size(1))
        embedded = self.embedding(symbols).transpose(1, 2)  # [B, C, N]
        memory = self.encoder(embedded, lengths, None if published else padding)
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
    return (alignment.float() * penalty).sum(2).masked_fill(~valid, 0.0).sum() / valid.sum()


class Recipe:
    """How the network is trained: squared error of both mels, cross-entropy of the gate, guided attention if asked.

    Where the configuration asks for it, a discriminator of mels has a say behind the run's restart, or throughout.
    """

    kind: ClassVar[str] = "acoustic"
    defaults: ClassVar[dict[str, Any]] = {
        "batch_size": 64,
        "learning_rate": 1e-3,
        "weight_decay": 1e-6,
        "clip_norm": 1.0,
    }
    going_on: ClassVar[dict[str, Any]] = {
        "warmup_steps": 30,
        "anneal": "cosine",
        "final_rate": 0.05,
        "restart": 0.8,
        "ema": 0.98,
    }

    def __init__(self, config: Config, training: TrainingConfig) -> None:
        self.config = config
        self.training = training
        self.discriminator = Discriminator() if config.adversarial_weight else None

    def modules(self) -> dict[str, nn.Module]:
        """What must be kept for a resume, and is no part of the voice."""
        return {"discriminator": self.discriminator} if self.discriminator else {}

    def turn(self) -> int:
        """Steps behind which the discriminator has a say, which lets go of the mean of all that may come."""
        return schedule.restart_step(self.training) if self.discriminator else 0

    def optimizers(self, model: Model) -> dict[str, torch.optim.Optimizer]:
        optimizers: dict[str, torch.optim.Optimizer] = {"model": adam(model.parameters(), self.training)}
        if self.discriminator:
            self.discriminator.to(next(model.parameters()).device)
            optimizers["discriminator"] = adam(self.discriminator.parameters(), self.training, betas=(0.5, 0.99))
        return optimizers

    def parameters(self, model: Model, name: str) -> list[nn.Parameter]:
        """What the optimiser `name` moves, for the norm of its gradients to be clipped."""
        return list(
            self.discriminator.parameters() if self.discriminator and name == "discriminator" else model.parameters()
        )

    def losses(
        self, model: Model, batch: AcousticBatch, *, step: int = 0
    ) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """The discriminator's loss where `step` has come to it, then the network's."""
        against = self.discriminator if step >= self.turn() else None
        output: AcousticOutput = model(
            batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths, apart=against is not None
        )
        if against is None:
            parts = self._loss(output, batch, step)
            yield "model", parts["loss"], parts
            return
        real, made = crops(batch.mels, output.mel_post, batch.mel_lengths)
        told = against.tell(real, made)
        yield "discriminator", told, {"discriminator": told}
        fooled, matched = against.miss(real, made)
        parts = self._loss(output, batch, step, blur=True)
        weight = self.config.adversarial_weight
        loss = parts["loss"] + weight * (fooled + _FEATURES * matched)
        yield "model", loss, parts | {"loss": loss, "adversarial": fooled, "features": matched}

    @torch.no_grad()
    def evaluate(self, model: Model, batch: AcousticBatch, *, step: int = 0) -> dict[str, float]:
        """Teacher-forced losses of a held-out batch, with everything off but the prenet's (seeded) dropout."""
        was_training = model.training
        model.eval()
        try:
            output: AcousticOutput = model(batch.symbols, batch.symbol_lengths, batch.mels, batch.mel_lengths)
            return {name: float(value) for name, value in self._loss(output, batch, step).items()}
        finally:
            model.train(was_training)

    def _loss(
        self, output: AcousticOutput, batch: AcousticBatch, step: int, *, blur: bool = False
    ) -> dict[str, Tensor]:
        """The sum as "loss", its terms, and "mel_l1"; `blur`: the postnet's mel need only be right when blurred."""
        # Means over true frames: what a clip weighs does not hang on how long its neighbours in the batch are.
        valid = ~padding_mask(batch.mel_lengths, batch.mels.size(2))
        frames = valid.sum()
        cells = frames * batch.mels.size(1)
        target = batch.mels.masked_fill(~valid[:, None, :], 0.0)
        error = (output.mel_post - target).masked_fill(~valid[:, None, :], 0.0)
        gate = functional.binary_cross_entropy_with_logits(output.gate, batch.gates, reduction="none")
        parts = {
            "mel": (output.mel - target).square().sum() / cells,
            "mel_post": (blurred(error) if blur else error).square().sum() / cells,
            "gate": gate.masked_fill(~valid, 0.0).sum() / frames,
        }
        if weight := self.guided_weight(step):
            parts["guided"] = weight * guided_attention(
                output.alignment, batch.symbol_lengths, batch.mel_lengths, self.config.guided_attention_width
            )
        return {"loss": torch.stack(list(parts.values())).sum(), "mel_l1": error.abs().sum() / cells, **parts}

    def guided_weight(self, step: int) -> float:
        weight, fade = self.config.guided_attention_weight, self.config.guided_attention_steps
        return weight if fade == 0 else weight * max(0.0, 1.0 - step / fade)
