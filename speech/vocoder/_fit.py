"""A vocoder's sound, fitted to the mel that it was made of.

A small generator keeps a voice's phases and harmonics better than it keeps the spectrum's envelope, which the mel tells
in full. So a round takes the sound's spectrum, asks how far its mel is from the true one, and turns every bin up or
down by what the bands around it miss; where frames overlap, the sound settles on what they agree on. More rounds would
be Griffin and Lim's search (see `griffin_lim`), begun at a sound: right for a mel of real speech, but of one that a
network made they take the blur over too. A vocoder that a teacher taught wants none: it has learned to say more than
such mels tell.

Axes here: F bins of the spectrum, M bands of the mel, T frames.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from speech.audio import mel_filters
from speech.config import AudioConfig

STEEPEST = 2.0  # nepers that a round may turn a bin up or down
_TINY = 1e-12


class _Front:
    """What a spectrum and its mel need, made once for a front end and a device."""

    def __init__(self, audio: AudioConfig, device: torch.device) -> None:
        self.audio = audio
        self.window = torch.hann_window(audio.win_length, device=device)
        self.filters = torch.tensor(mel_filters(audio), device=device)  # [M, F]
        # Every bin takes the mean over the bands that see it, each with its neighbours: what a single band misses may
        # be no more than a harmonic that a network's mel has blurred. No band sees the bins beyond the mel's last.
        shares = (self.filters / self.filters.sum(0).clamp(min=_TINY)).T
        self.spread = shares @ _neighbours(len(self.filters)).to(device)  # [F, M]

    def spectrum(self, samples: Tensor) -> Tensor:
        """[B, T · hop length] -> [B, F, T]: a frame at the start of each hop, as the mel has them."""
        a = self.audio
        whole = torch.stft(samples, a.n_fft, a.hop_length, a.win_length, self.window, return_complex=True)
        return whole[:, :, :-1]

    def sound(self, spectrum: Tensor) -> Tensor:
        a, length = self.audio, spectrum.size(2) * self.audio.hop_length
        return torch.istft(spectrum, a.n_fft, a.hop_length, a.win_length, self.window, length=length)

    def missing(self, spectrum: Tensor, mel: Tensor) -> Tensor:
        """[B, F, T]: what each bin is to be multiplied with."""
        parts = torch.view_as_real(spectrum)
        magnitude = parts[..., 0].square().add_(parts[..., 1].square()).sqrt_()
        found = (self.filters @ magnitude).clamp_(min=self.audio.clip_floor).log_()
        return (self.spread @ (mel - found).clamp_(-STEEPEST, STEEPEST)).exp_()


def _neighbours(bands: int) -> Tensor:
    """[M, M]: the mean of a band and those beside it, the first and the last counted twice at the edges."""
    beside = (torch.arange(bands)[:, None] + torch.tensor([-1, 0, 1])).clamp(0, bands - 1)
    return F.one_hot(beside, bands).float().mean(1)


@functools.lru_cache(maxsize=4)
def _front(audio: AudioConfig, device: torch.device) -> _Front:
    return _Front(audio, device)


def fit(samples: Tensor, mel: Tensor, audio: AudioConfig, rounds: int, *, chunk: int = 512) -> Tensor:
    """samples: [B, T · hop length] float32 made of mel: [B, M, T] log amplitude -> the same, nearer to it.

    Long sounds pass in chunks of `chunk` frames with all that they depend on around them: memory stays bounded, and the
    chunks equal the whole. A sound too short for a spectrum stays as it is.
    """
    hop, frames = audio.hop_length, mel.size(2)
    context = rounds * -(-audio.n_fft // hop)  # frames to each side that the result depends on
    if rounds < 1 or samples.size(1) <= audio.n_fft // 2:
        return samples
    front, parts = _front(audio, samples.device), []
    for start in range(0, frames, chunk):
        end = min(start + chunk, frames)
        left, right = max(0, start - context), min(end + context, frames)
        piece, true = samples[:, left * hop : right * hop], mel[:, :, left:right].float()
        for _ in range(rounds):
            spectrum = front.spectrum(piece)
            piece = front.sound(spectrum * front.missing(spectrum, true))
        parts.append(piece[:, (start - left) * hop : (end - left) * hop])
    return torch.cat(parts, 1)
