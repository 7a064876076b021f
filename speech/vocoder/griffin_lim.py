"""Griffin-Lim: sound from a mel without a trained vocoder, so that a voice can be heard from its first step on.

The mel is first taken back to a magnitude spectrum, then a phase is found that fits it: Griffin and Lim, "Signal
estimation from modified short-time Fourier transform" (1984), with the momentum of Perraudin, Balazs and Søndergaard,
"A fast Griffin-Lim algorithm" (2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech.audio import mel_filters
from speech.config import AudioConfig
from speech.errors import BadConfig

UNMIXING_ROUNDS = 60  # from mel to magnitude: its error is then 0.150 on speech, 0.213 by pseudo-inverse, 0.147 at best
TINY = 1e-8


@dataclass(frozen=True)
class Config(AudioConfig):
    """The front end whose mels are made into sound, and how long the phase is sought."""

    rounds: int = 60
    momentum: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds < 1 or not 0 <= self.momentum < 1:
            raise BadConfig(
                f"Griffin-Lim needs at least one round and a momentum of 0 to 1 (1 excluded), "
                f"not {self.rounds} and {self.momentum}.",
                code="bad_setting", rounds=self.rounds, momentum=self.momentum,
            )  # fmt: skip

    @property
    def front_end(self) -> AudioConfig:
        names = AudioConfig.__dataclass_fields__
        return AudioConfig(**{name: getattr(self, name) for name in names})


class Model(nn.Module):
    """Has no parameters and nothing to train."""

    window: Tensor
    filters: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or Config()
        self.register_buffer("window", torch.hann_window(self.config.win_length), persistent=False)
        self.register_buffer("filters", torch.tensor(mel_filters(self.config.front_end)), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """mel: [B, M, T] log amplitude → samples [B, T · hop length] float32."""
        return self.infer(mel)

    @torch.no_grad()
    def infer(self, mel: Tensor, *, seed: int | Sequence[int] = 0, precision: str = "float32") -> Tensor:
        """mel: [B, M, T] log amplitude → samples [B, T · hop length] float32, in or a little beyond -1..1.

        The seed (one for all, or one a row) draws the phase that the search starts from. It is float32 whatever the
        `precision`: a spectrum knows no other.
        """
        frames = mel.size(2)
        # A spectrum of the sound needs more samples than half an FFT; what is shorter is followed by silence.
        missing = max(0, self.config.n_fft // (2 * self.config.hop_length) + 2 - frames)
        mel = functional.pad(mel.float(), (0, missing), value=math.log(self.config.clip_floor))
        magnitude = self.magnitude(mel)
        phase = self._phase(magnitude, seed)
        length = self.config.hop_length * (mel.size(2) - 1)
        last = torch.zeros_like(phase)
        share = self.config.momentum / (1 + self.config.momentum)
        for _ in range(self.config.rounds):
            fitting = self._spectrum(self._sound(magnitude * phase, length))
            parts = torch.view_as_real(torch.sub(fitting, last, alpha=share))  # in place, and no complex division
            size = parts[..., 0].square().add_(parts[..., 1].square()).sqrt_().add_(TINY)
            phase, last = torch.view_as_complex(parts.div_(size[..., None])), fitting
        whole = self._sound(magnitude * phase, self.config.hop_length * mel.size(2))
        return whole[:, : self.config.hop_length * frames]

    def magnitude(self, mel: Tensor) -> Tensor:
        """[B, M, T] log mel → [B, n_fft // 2 + 1, T]: a spectrum without negative values that has this mel.

        By the multiplicative updates of Lee and Seung (2001) for the least squares; bins that no filter sees stay 0.
        """
        target = self.filters.T @ mel.exp()
        # By way of the mel and back: a third of the work of their product with each other, which is square.
        magnitude = target / ((self.filters.T @ self.filters.sum(1, keepdim=True)) + TINY)
        for _ in range(UNMIXING_ROUNDS):
            magnitude = magnitude * target / (self.filters.T @ (self.filters @ magnitude) + TINY)
        return magnitude

    def _phase(self, magnitude: Tensor, seed: int | Sequence[int]) -> Tensor:
        """Unit complex numbers of the magnitude's shape, drawn on the CPU so that a seed means the same everywhere."""
        seeds = [seed] * magnitude.size(0) if isinstance(seed, int) else list(seed)
        turns = [torch.rand(magnitude.shape[:0:-1], generator=torch.Generator().manual_seed(one)) for one in seeds]
        angle = 2 * math.pi * torch.stack(turns).transpose(1, 2).to(magnitude.device)
        return torch.polar(torch.ones_like(angle), angle)

    def _spectrum(self, samples: Tensor) -> Tensor:
        return torch.stft(
            samples, self.config.n_fft, self.config.hop_length, self.config.win_length, self.window,
            center=True, pad_mode="reflect", return_complex=True,
        )  # fmt: skip

    def _sound(self, spectrum: Tensor, length: int) -> Tensor:
        return torch.istft(
            spectrum, self.config.n_fft, self.config.hop_length, self.config.win_length, self.window,
            center=True, length=length,
        )  # fmt: skip
