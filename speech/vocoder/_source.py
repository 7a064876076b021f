"""A source for a generator: pulses at the pitch that the mel tells and noise, both shaped by the mel.

A generator of convolutions alone must make a steady vowel's period out of steady frames, and for long makes the frame's
own period instead. Neural source-filter models (Wang, Takaki, Yamagishi 2019, arXiv 1904.12088) give it the period, so
that it has a filter to learn only, which a processor without a GPU can do. Here a small network of its own hears the
pitch in the mel, so that a mel is still all that a vocoder needs; and since a mel is an envelope, the source comes
shaped by it (with gains that are learned, as in DDSP: Engel et al. 2020, arXiv 2001.04643). Without that the upper
harmonics stayed with the frames.

Axes here: B clips, M mel channels, T frames, S samples, F bins of a spectrum, P bins of pitch.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech.audio import mel_filters
from speech.config import AudioConfig

LOWEST, HIGHEST, BINS = 55.0, 620.0, 128  # Hz; a bin is a third of a semitone
CHANNELS = 2  # of an excitation: pulses, noise
NOISE_GAIN = -2.0  # the natural logarithm of the noise's share before anything is learned
WINDOW = 1024  # samples in which a pitch is measured
VOICED = 0.6  # correlation of a voiced frame with itself a period later, at least
SURE = 0.9  # share of the best correlation that makes a shorter period the true one
QUIET = 1e-4  # mean square under which nothing is voiced: -40 dBFS
_BLUR = 1.0  # bins: neighbours of the true one are nearly right (as in CREPE, arXiv 1802.06182)


class Source(nn.Module):
    """Hears pitch, voicing and gains in a mel, and makes the excitation of them."""

    def __init__(self, audio: AudioConfig, channels: int = 96) -> None:
        super().__init__()
        n_mels = audio.n_mels
        self.hop_length, self.sample_rate, self.n_fft = audio.hop_length, audio.sample_rate, audio.n_fft
        filters = torch.from_numpy(mel_filters(audio).copy())  # [M, F]
        self.register_buffer("_spread", _spread(filters), persistent=False)
        self.register_buffer("_widths", filters.sum(1).log()[:, None], persistent=False)
        self.register_buffer("_window", torch.hann_window(self.n_fft), persistent=False)
        self.listen = nn.Sequential(
            nn.Conv1d(n_mels, channels, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.Conv1d(channels, channels, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.Conv1d(channels, BINS + 1 + CHANNELS * n_mels, 1),
        )
        nn.init.zeros_(self.listen[-1].weight[BINS + 1 :])  # type: ignore[index]
        nn.init.zeros_(self.listen[-1].bias)  # type: ignore[arg-type]

    def hear(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """mel: [B, M, T] → scores of the bins [B, P, T] and of being voiced [B, T], as logits."""
        heard = self._listen(mel)
        return heard[:, :BINS], heard[:, BINS]

    def _listen(self, mel: Tensor) -> Tensor:
        with torch.autocast(mel.device.type, enabled=False):  # a third of a semitone wants more than eight bits
            heard: Tensor = self.listen(mel.float())
        return heard

    def pitch(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """mel: [B, M, T] → Hz and voicing (0 or 1), [B, T] each: the mean of the bins around the best one."""
        scores, voicing = self.hear(mel)
        bins = torch.arange(BINS, device=mel.device)[None, :, None]
        near = (bins - scores.argmax(1, keepdim=True)).abs() <= 2
        place = (scores.masked_fill(~near, -torch.inf).softmax(1) * bins).sum(1)
        return hertz_of(place), (voicing > 0).float()

    def excite(self, hertz: Tensor, voiced: Tensor, *, seed: int | None = None) -> Tensor:
        """Pitch in Hz and voicing [B, T] → [B, 2, S]: pulses of every harmonic below half the rate, and white noise.

        With a `seed` the noise is the same at every call.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        size = hertz.size(0), hertz.size(1) * self.hop_length
        hertz, voiced = (self._stretch(one) for one in (hertz, voiced))
        turns = (hertz.double() / self.sample_rate).cumsum(1).remainder(1.0).float()  # of the period, 0 to 1
        harmonics = (self.sample_rate / 2 / hertz).floor()
        half = math.pi * turns
        # Dirichlet's kernel: the sum of that many cosines, and its limit where the pulse stands
        sine = half.sin()
        ends = sine.abs() < 1e-4
        kernel = ((2 * harmonics + 1) * half).sin() / (2 * sine).masked_fill(ends, 1.0) - 0.5
        pulses = torch.where(ends, harmonics, kernel) * (2 / harmonics).sqrt()
        noise = torch.randn(size, generator=generator).to(pulses)
        return torch.stack((pulses * voiced, noise), 1)

    def shape(self, mel: Tensor, excitation: Tensor) -> Tensor:
        """mel: [B, M, T], excitation: [B, 2, S] → the excitation with the mel's envelope, [B, 2, S].

        A sample depends on the frames at most half a window away.
        """
        with torch.autocast(mel.device.type, enabled=False):
            return self._shape(mel.float(), excitation.float())

    def _shape(self, mel: Tensor, excitation: Tensor) -> Tensor:
        batch, n_mels, frames = mel.shape
        gains = self._listen(mel)[:, BINS + 1 :].view(batch, CHANNELS, n_mels, frames)
        offset = gains.new_tensor([0.0, NOISE_GAIN])[:, None, None]
        bands = (mel[:, None] - cast(Tensor, self._widths) + gains + offset).exp()
        envelope = cast(Tensor, self._spread) @ bands  # [B, 2, F, T]
        envelope = F.pad(envelope.flatten(0, 1), (0, 1), "replicate")
        window = cast(Tensor, self._window)
        flat = excitation.flatten(0, 1)
        edges = "reflect" if flat.size(1) > self.n_fft // 2 else "constant"  # one or two frames mirror nothing
        spectrum = torch.stft(flat, self.n_fft, self.hop_length, window=window, pad_mode=edges, return_complex=True)
        level = 0.5 * math.pi**0.5 * float(window.square().sum().sqrt())  # mean magnitude of noise of unit power
        shaped = torch.istft(
            spectrum * (envelope / level), self.n_fft, self.hop_length, window=window, length=flat.size(1)
        )
        return shaped.view(excitation.shape)

    def forward(self, mel: Tensor, *, seed: int | None = None) -> Tensor:
        """mel: [B, M, T] → excitation [B, 2, S], not shaped yet."""
        return self.excite(*self.pitch(mel), seed=seed)

    def _stretch(self, frames: Tensor) -> Tensor:
        """[B, T] → [B, S]: a frame's value is that of the middle of its hop."""
        return F.interpolate(frames[:, None], scale_factor=self.hop_length, mode="linear")[:, 0]


def _spread(filters: Tensor) -> Tensor:
    """[M, F] → [F, M]: by which share each band tells of a bin; bins beyond the bands hear the nearest one."""
    covered = filters.sum(0) > 0
    shares = filters / filters.sum(0).clamp(min=1e-9)
    first, last = (int(place) for place in covered.nonzero()[:, 0][[0, -1]])
    shares[:, :first], shares[:, last + 1 :] = shares[:, first, None], shares[:, last, None]
    return shares.T.contiguous()


def hertz_of(place: Tensor) -> Tensor:
    """The frequency of a place among the bins."""
    return LOWEST * (place * (math.log(HIGHEST / LOWEST) / (BINS - 1))).exp()


def place_of(hertz: Tensor) -> Tensor:
    """The place among the bins, 0 to `BINS` - 1, of a frequency."""
    return (hertz / LOWEST).log().div(math.log(HIGHEST / LOWEST) / (BINS - 1)).clamp(0, BINS - 1)


@torch.no_grad()
def measure(samples: Tensor, hop_length: int, sample_rate: int = 22_050) -> tuple[Tensor, Tensor]:
    """samples: [B, S] → pitch in Hz and voicing (0 or 1), [B, T] each: the period that correlates best with the next.

    A frame lies around the middle of its hop, half a hop behind the mel's, as `Source.excite` has it. Of periods that
    are nearly as good the shortest is taken, since every multiple of the true one correlates as well. In torch, since
    a training step measures its own segments (`speech.distortion.pitch` takes 38 times as long).
    """
    edge = (WINDOW - hop_length) // 2
    padded = F.pad(samples.float()[:, None], (edge, edge), "reflect")[:, 0]
    frames = padded.unfold(1, WINDOW, hop_length)  # [B, T, WINDOW]
    frames = frames - frames.mean(-1, keepdim=True)
    shortest, longest = int(sample_rate / HIGHEST), int(sample_rate / LOWEST)
    spectrum = torch.fft.rfft(frames, 2 * WINDOW)
    products = torch.fft.irfft(spectrum.abs() ** 2)[..., shortest : longest + 1]
    energy = F.pad((frames**2).cumsum(-1), (1, 0))
    lags = torch.arange(shortest, longest + 1, device=samples.device)
    first = energy[..., WINDOW - lags]
    second = energy[..., -1:] - energy[..., lags]
    alike = products / (first * second).sqrt().clamp(min=1e-9)
    best = alike.amax(-1, keepdim=True)
    peaks = F.pad((alike[..., 1:-1] >= alike[..., :-2]) & (alike[..., 1:-1] >= alike[..., 2:]), (1, 1))
    index = ((alike >= SURE * best) & peaks).int().argmax(-1, keepdim=True).clamp(1, len(lags) - 2)
    before, here, after = (alike.gather(-1, index + step)[..., 0] for step in (-1, 0, 1))
    bend = (before - 2 * here + after).clamp(max=-1e-6)
    lag = shortest + index[..., 0] + (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
    voiced = (here > VOICED) & (energy[..., -1] / WINDOW > QUIET)
    return (sample_rate / lag).clamp(LOWEST, HIGHEST), voiced.float()


def loss(heard: tuple[Tensor, Tensor], true: tuple[Tensor, Tensor]) -> Tensor:
    """How wrong what was heard (see `Source.hear`) is about the true pitch in Hz and voicing, [B, T] each: nats."""
    (scores, voicing), (hertz, voiced) = heard, true
    bins = torch.arange(BINS, device=scores.device)[None, :, None]
    near = (-((bins - place_of(hertz)[:, None]) ** 2) / (2 * _BLUR**2)).exp()
    missed = F.cross_entropy(scores, near / near.sum(1, keepdim=True), reduction="none")
    pitch = (missed * voiced).sum() / voiced.sum().clamp(min=1.0)
    return pitch + F.binary_cross_entropy_with_logits(voicing, voiced)
