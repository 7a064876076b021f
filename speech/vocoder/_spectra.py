"""The spectra that a HiFi-GAN's losses compare."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from speech.config import AudioConfig

WINDOWS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # n_fft, hop and window of `stft_loss`, samples


@lru_cache(maxsize=4)
def _mel_tools(rate: int, n_fft: int, n_mels: int, f_min: float, device: str) -> tuple[Tensor, Tensor]:
    import librosa

    filters = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=f_min, fmax=None)
    return torch.from_numpy(filters).to(device), torch.hann_window(n_fft, device=device)


def full_band_mel(samples: Tensor, audio: AudioConfig) -> Tensor:
    """samples: [B, S] → log mel [B, M, T] up to half the sampling rate: what the mel loss compares (section 2.4)."""
    filters, window = _mel_tools(audio.sample_rate, audio.n_fft, audio.n_mels, audio.f_min, str(samples.device))
    pad = (audio.n_fft - audio.hop_length) // 2
    padded = F.pad(samples.float().unsqueeze(1), (pad, pad), "reflect").squeeze(1)
    magnitude = _magnitude(padded, window, audio.hop_length, floor=1e-9)
    return (filters @ magnitude).clamp(min=audio.clip_floor).log()


def stft_loss(made: Tensor, real: Tensor) -> Tensor:
    """How far apart the spectra of two sounds [B, S] are: spectral convergence and L1 of the natural logarithms, the
    mean over windows of three lengths (Yamamoto, Song, Kim 2020, arXiv 1910.11480, section 2.2).

    A mel of one length leaves the harmonics of a voice open; several lengths tell a generator of them long before
    discriminators do.
    """
    apart = [
        (true - ours).norm() / true.norm() + F.l1_loss(ours.log(), true.log())
        for ours, true in ((_centred(made, *sizes), _centred(real, *sizes)) for sizes in WINDOWS)
    ]
    return torch.stack(apart).mean()


def _centred(samples: Tensor, n_fft: int, hop_length: int, win_length: int) -> Tensor:
    """[B, S] -> [B, F, T]: a frame's middle lies on its place, and the sound is mirrored at its ends."""
    before = (n_fft - win_length) // 2
    window = F.pad(torch.hann_window(win_length, device=samples.device), (before, n_fft - win_length - before))
    padded = F.pad(samples.float().unsqueeze(1), (n_fft // 2, n_fft // 2), "reflect").squeeze(1)
    return _magnitude(padded, window, hop_length, floor=1e-7)


def _magnitude(padded: Tensor, window: Tensor, hop_length: int, *, floor: float) -> Tensor:
    """padded: [B, S], window: [n_fft] -> [B, F, T]; `floor` is added to the power.

    As `torch.stft` does it, whose gradient is summed in another order at every call on a GPU: `unfold`'s is not.
    """
    spectrum = torch.fft.rfft(padded.unfold(-1, len(window), hop_length) * window)
    magnitude: Tensor = (spectrum.real**2 + spectrum.imag**2 + floor).sqrt()
    return magnitude.transpose(1, 2)
