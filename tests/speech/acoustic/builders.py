"""Small random networks and batches of ragged lengths."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from speech.acoustic import tacotron2

DRY = {"convolution_dropout": 0.0, "prenet_dropout": 0.0, "attention_dropout": 0.0, "decoder_dropout": 0.0}
TINY = replace(
    tacotron2.PRESETS["trial"],
    n_symbols=11,
    n_mels=6,
    reduction=1,
    encoder_channels=8,
    prenet_channels=7,
    attention_rnn_channels=10,
    attention_channels=5,
    location_filters=3,
    location_kernel=7,
    decoder_rnn_channels=9,
    postnet_channels=6,
    guided_attention_weight=0.0,
    **DRY,
)


@dataclass(frozen=True)
class Batch:
    """The tensors of `speech.dataset.AcousticBatch`, of random speech."""

    symbols: Tensor
    symbol_lengths: Tensor
    mels: Tensor
    mel_lengths: Tensor
    gates: Tensor


def random_batch(config: tacotron2.Config, symbols: list[int], frames: list[int], seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    symbol_lengths, mel_lengths = torch.tensor(symbols), torch.tensor(frames)
    drawn = torch.randint(1, config.n_symbols, (len(symbols), max(symbols)), generator=generator)
    drawn[torch.arange(max(symbols)) >= symbol_lengths[:, None]] = 0
    mels = torch.randn(len(frames), config.n_mels, max(frames), generator=generator)
    time = torch.arange(max(frames))
    mels = mels.masked_fill((time >= mel_lengths[:, None])[:, None, :], 0.0)
    return Batch(drawn, symbol_lengths, mels, mel_lengths, (time >= mel_lengths[:, None] - 1).float())


def random_model(config: tacotron2.Config, seed: int = 0) -> tacotron2.Model:
    """Random weights large enough to matter, and running statistics of batch norm that are not the trivial ones."""
    torch.manual_seed(seed)
    model = tacotron2.Model(config)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_mean"):
                value.normal_(0.0, 0.3)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif ".1.weight" in name or ".1.bias" in name:
                value.normal_(0.5, 0.3)
    return model.eval()
