"""What keeps a postnet from averaging: a network that learns to tell its mels from those of takes.

A squared error asks for the mean of all that may come, and the mean of many fine structures is none: formants and
harmonics blur. So the error is asked of the blurred mel alone, and the fine structure need only be such as a take has,
by the least-squares GAN of arXiv 1611.04076 with the feature matching of arXiv 1606.03498 (as HiFi-GAN has them).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

CROP = 64  # frames of a clip that are looked at, 0.74 s
_CHANNELS = 32
_SLOPE = 0.2  # of the leaky rectifier
_SILENCE = -11.5  # log amplitude behind the end of a clip that is shorter than a crop, about the clip floor's
_MIDDLE, _SPREAD = -5.0, 3.0  # of log mels, roughly
_BLUR = 5  # bands and frames that the window of `blurred` spans


class Discriminator(nn.Module):
    """Mels [B, M, T] -> how real each place looks [B, L], 1 for a take's, and the features of every layer.

    Convolutions over bands and frames, which are told the band: what is right at the bottom is not at the top.
    """

    def __init__(self) -> None:
        super().__init__()
        c = _CHANNELS
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(*sizes))
            for sizes in (
                (2, c, 5, 1, 2),
                (c, c, (4, 3), (2, 1), 1),
                (c, 2 * c, 4, 2, 1),
                (2 * c, 2 * c, 4, 2, 1),
                (2 * c, 4 * c, 3, 1, 1),
            )
        )
        self.last = weight_norm(nn.Conv2d(4 * c, 1, 3, 1, 1))

    def forward(self, mels: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = (mels - _MIDDLE) / _SPREAD
        band = torch.linspace(-1.0, 1.0, x.size(1), device=x.device, dtype=x.dtype)[None, :, None].expand_as(x)
        x, features = torch.stack((x, band), 1), []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), _SLOPE)
            features.append(x)
        return self.last(x).flatten(1), features

    def tell(self, real: Tensor, made: Tensor) -> Tensor:
        """Its own loss, a scalar, on crops [B, M, T] of takes and of what was made; its gradient reaches no further."""
        scores, _ = self(torch.cat((real, made.detach())))
        true, fake = scores.float().chunk(2)
        return F.mse_loss(true, torch.ones_like(true)) + F.mse_loss(fake, torch.zeros_like(fake))

    def miss(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """Two scalars of crops [B, M, T]: how far it is from taking `made` for real, and its features from those of
        `real`."""
        with torch.no_grad():
            _, wanted = self(real)
        score, features = self(made)
        apart = [F.l1_loss(ours.float(), theirs.float()) for ours, theirs in zip(features, wanted, strict=True)]
        return F.mse_loss(score.float(), torch.ones_like(score.float())), torch.stack(apart).sum()


def crops(mels: Tensor, made: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Half of the clips of a batch, of each `CROP` frames somewhere: of the takes and of what was made of them.

    mels, made: [B, M, T]; lengths: [B] -> twice [ceil(B / 2), M, CROP]. By the processor's global generator wherever
    they lie, and without waiting for a GPU.
    """
    rows = torch.randperm(len(lengths))[: -(-len(lengths) // 2)]
    place = torch.rand(len(rows), 1).to(lengths.device)
    rows = rows.to(lengths.device)
    lengths = lengths[rows, None]
    first = (place * (lengths - CROP + 1).clamp(min=1)).long()
    frames = first + torch.arange(CROP, device=lengths.device)  # [B / 2, CROP]
    index = frames.clamp(max=mels.size(2) - 1)[:, None, :].expand(-1, mels.size(1), -1)
    behind = (frames >= lengths)[:, None, :]
    real, ours = (one[rows].gather(2, index).masked_fill(behind, _SILENCE) for one in (mels, made))
    return real, ours


def blurred(mels: Tensor) -> Tensor:
    """[B, M, T] -> the same, each cell the mean of those around it by a Hann window of 5 bands and 5 frames."""
    window = torch.hann_window(_BLUR + 2, periodic=False, device=mels.device)[1:-1]
    window = window / window.sum()
    kernel = (window[:, None] * window[None, :])[None, None]
    return F.conv2d(mels[:, None], kernel.to(mels.dtype), padding=_BLUR // 2)[:, 0]
