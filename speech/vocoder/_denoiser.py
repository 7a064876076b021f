"""The hum of a vocoder, taken off the magnitudes of what it says.

A WaveGlow hums even where nothing is to be said: what it makes of a mel of zeros without any noise is its bias. As in
NVIDIA's inference, the magnitudes of that sound's first frame, times a strength, are subtracted from every frame, none
below zero, and the phases stay. Strengths of 0.01 to 0.1 are usual; more takes speech along.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from speech.config import AudioConfig

_FRAMES = 88  # of the mel of zeros: longer than what a sample depends on


class Denoiser:
    """The bias of one vocoder, measured once."""

    def __init__(self, vocoder: Any, audio: AudioConfig, device: torch.device) -> None:
        """`vocoder`: WaveGlow or another whose `infer` takes a `sigma`."""
        self._audio = audio
        self._window = torch.hann_window(audio.win_length, device=device)
        with torch.inference_mode():
            nothing = vocoder.infer(torch.zeros(1, audio.n_mels, _FRAMES, device=device), sigma=0.0)
            self.bias = self._spectrum(nothing.float()).abs()[:, :, :1]  # [1, F, 1]

    @torch.inference_mode()
    def __call__(self, samples: Tensor, strength: float) -> Tensor:
        """samples: [B, S] float32 -> the same without `strength` times the bias; as it is where it is too short."""
        if strength <= 0.0 or samples.size(1) <= self._audio.n_fft // 2:
            return samples
        spectrum = self._spectrum(samples)  # [B, F, T]
        magnitude = spectrum.abs()
        kept = (magnitude - strength * self.bias).clamp_(min=0.0) / magnitude.clamp(min=1e-12)
        return torch.istft(
            spectrum * kept,
            self._audio.n_fft,
            self._audio.hop_length,
            self._audio.win_length,
            self._window,
            length=samples.size(1),
        )

    def _spectrum(self, samples: Tensor) -> Tensor:
        audio = self._audio
        return torch.stft(samples, audio.n_fft, audio.hop_length, audio.win_length, self._window, return_complex=True)
