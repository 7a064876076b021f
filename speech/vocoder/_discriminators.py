"""What a HiFi-GAN is trained against: discriminators over periods and over scales (section 2.3 of the paper)."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.1  # of the leaky rectifier, everywhere but before the generator's last convolution


def normed(module: nn.Module) -> nn.Module:
    """Weight norm under its old names, `weight_g` and `weight_v`: those of the public files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch would rather rename the parameters
        return nn.utils.weight_norm(module)


class PeriodDiscriminator(nn.Module):
    """Sees every p-th sample as a column."""

    def __init__(self, period: int, width: float) -> None:
        super().__init__()
        self.period = period
        channels = [1, *(max(4, int(c * width)) for c in (32, 128, 512, 1024))]
        pairs = itertools.pairwise(channels)
        self.convs = nn.ModuleList(normed(nn.Conv2d(a, b, (5, 1), (3, 1), padding=(2, 0))) for a, b in pairs)
        self.convs.append(normed(nn.Conv2d(channels[-1], channels[-1], (5, 1), 1, padding=(2, 0))))
        self.conv_post = normed(nn.Conv2d(channels[-1], 1, (3, 1), 1, padding=(1, 0)))

    def forward(self, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        """samples: [B, 1, S] → (score [B, L], features of every layer)."""
        batch, channels, length = samples.shape
        if rest := length % self.period:
            samples = F.pad(samples, (0, self.period - rest), "reflect")
        x = samples.view(batch, channels, -1, self.period)
        return _scores(self.convs, self.conv_post, x)


class ScaleDiscriminator(nn.Module):
    """Sees the wave as it is, or averaged; the first one has spectral norm."""

    LAYERS: ClassVar = (  # channels, kernel, stride, groups
        (128, 15, 1, 1),
        (128, 41, 2, 4),
        (256, 41, 2, 16),
        (512, 41, 4, 16),
        (1024, 41, 4, 16),
        (1024, 41, 1, 16),
        (1024, 5, 1, 1),
    )

    def __init__(self, width: float, *, spectral: bool) -> None:
        super().__init__()
        norm = nn.utils.spectral_norm if spectral else normed
        self.convs = nn.ModuleList()
        before = 1
        for channels, kernel, stride, groups in self.LAYERS:
            narrow = max(16, int(channels * width) // 16 * 16)  # divisible by every group count
            conv = nn.Conv1d(before, narrow, kernel, stride, padding=kernel // 2, groups=groups)
            self.convs.append(norm(conv))
            before = narrow
        self.conv_post = norm(nn.Conv1d(before, 1, 3, 1, padding=1))

    def forward(self, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        """samples: [B, 1, S] → (score [B, L], features of every layer)."""
        return _scores(self.convs, self.conv_post, samples)


def _scores(convs: nn.ModuleList, post: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    features = []
    for conv in convs:
        x = F.leaky_relu(conv(x), SLOPE)
        features.append(x)
    x = post(x)
    features.append(x)
    return x.flatten(1), features


class Discriminators(nn.Module):
    """All of them: `mpd` over periods, `msd` over scales, each scale at half the rate of the one before."""

    def __init__(self, periods: Iterable[int], scales: int, width: float) -> None:
        """`width`: share of the published channels."""
        super().__init__()
        self.mpd = nn.ModuleList(PeriodDiscriminator(period, width) for period in periods)
        self.msd = nn.ModuleList(ScaleDiscriminator(width, spectral=index == 0) for index in range(scales))

    def forward(self, samples: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """samples: [B, S] → (scores, features), one entry a discriminator."""
        x = samples.unsqueeze(1)
        judged = [discriminator(x) for discriminator in self.mpd]
        for index, discriminator in enumerate(self.msd):
            if index:
                x = F.avg_pool1d(x, 4, 2, padding=2)
            judged.append(discriminator(x))
        return [score for score, _ in judged], [features for _, features in judged]
