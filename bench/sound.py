"""Sound without networks: mel extraction, resampling, Griffin-Lim, each against the usual ways.

    python bench/sound.py [--case mel] [--json FILE]

Mel and resampling run on one thread. The reference of the mel is NVIDIA's way: a convolution with the windowed Fourier
basis, then magnitudes, the mel filters and the logarithm.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import scipy.signal
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Call, Case, main, parser
from speech import audio
from speech.config import AudioConfig
from speech.vocoder import griffin_lim
from speech.wav import Float32Array

AUDIO = AudioConfig()


def speech_like(seconds: float, rate: int, seed: int = 0) -> Float32Array:
    """[S]: syllables of a buzz that changes its pitch, and a room behind it."""
    chance, time = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(180 + 40 * np.sin(2 * np.pi * 0.7 * time)) / rate
    buzz = np.sum([np.sin(k * phase) / k for k in range(1, 20)], axis=0)
    loud = np.clip(np.sin(2 * np.pi * 4 * time) + 0.5, 0, 1)
    made: Float32Array = (0.1 * buzz * loud + 2e-4 * chance.standard_normal(len(time))).astype(np.float32)
    return made


def published_mel(sound: Float32Array) -> Call:
    size = AUDIO.n_fft
    turn = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(size)) / size
    basis = np.concatenate((np.cos(turn), -np.sin(turn))) * np.hanning(size + 1)[:-1]
    kernels = torch.tensor(basis, dtype=torch.float32)[:, None]
    filters, samples = torch.tensor(audio.mel_filters(AUDIO)), torch.tensor(sound)[None, None]

    def make() -> torch.Tensor:
        padded = torch.nn.functional.pad(samples, (size // 2, size // 2), "reflect")
        real, imaginary = torch.nn.functional.conv1d(padded, kernels, stride=AUDIO.hop_length)[0].chunk(2)
        return (filters @ (real.square() + imaginary.square()).sqrt()).clamp(min=AUDIO.clip_floor).log()

    return make


def stft_mel(sound: Float32Array) -> Call:
    window, samples = torch.hann_window(AUDIO.n_fft), torch.tensor(sound)
    filters = torch.tensor(audio.mel_filters(AUDIO))

    def make() -> torch.Tensor:
        spectrum = torch.stft(samples, AUDIO.n_fft, AUDIO.hop_length, window=window, return_complex=True)
        return (filters @ spectrum.abs()).clamp(min=AUDIO.clip_floor).log()

    return make


def librosa_mel(sound: Float32Array) -> Call:
    def make() -> Float32Array:
        mel = librosa.feature.melspectrogram(
            y=sound, sr=AUDIO.sample_rate, n_fft=AUDIO.n_fft, hop_length=AUDIO.hop_length, power=1.0,
            n_mels=AUDIO.n_mels, fmin=AUDIO.f_min, fmax=AUDIO.f_max, pad_mode="reflect",
        )  # fmt: skip
        return np.log(np.maximum(mel, AUDIO.clip_floor))  # type: ignore[no-any-return]

    return make


def on_one_thread(make: Callable[[], Call]) -> Callable[[], Call]:
    def ready() -> Call:
        torch.set_num_threads(1)
        return make()

    return ready


def mel_case(seconds: float) -> Case:
    sound = speech_like(seconds, AUDIO.sample_rate)
    ways = {
        "convolution": partial(published_mel, sound),
        "torch.stft": partial(stft_mel, sound),
        "librosa": partial(librosa_mel, sound),
        "ours": lambda: partial(audio.log_mel, sound, AUDIO),
    }
    named = {name: on_one_thread(make) for name, make in ways.items()}
    return Case(f"mel of {seconds:g} s, one thread", named, seconds, "s of sound")


def resampling_case(seconds: float) -> Case:
    sound = speech_like(seconds, 48_000)
    ways: dict[str, Callable[[], Call]] = {
        "scipy polyphase": lambda: partial(scipy.signal.resample_poly, sound, 147, 320),
        "librosa (soxr_hq)": lambda: partial(librosa.resample, sound, orig_sr=48_000, target_sr=22_050),
        "ours (soxr VHQ)": lambda: partial(audio.resample, sound, 48_000, 22_050),
    }
    return Case(f"48,000 to 22,050 Hz, {seconds:g} s", ways, seconds, "s of sound")


def griffin_lim_case(seconds: float) -> Case:
    """librosa is given the magnitudes, which it would otherwise seek much longer than the phase."""
    model = griffin_lim.Model()
    mel = torch.tensor(audio.log_mel(speech_like(seconds, AUDIO.sample_rate), AUDIO))[None]
    magnitude = model.magnitude(mel)[0].numpy()
    rounds, hop = model.config.rounds, AUDIO.hop_length

    ways: dict[str, Callable[[], Call]] = {
        "librosa": lambda: partial(librosa.griffinlim, magnitude, n_iter=rounds, hop_length=hop, random_state=0),
        "ours, from the mel": lambda: partial(model.infer, mel),
    }
    return Case(f"Griffin-Lim of {seconds:g} s", ways, seconds, "s of sound")


def cases(options: argparse.Namespace) -> Iterator[Case]:
    threads = torch.get_num_threads()
    yield mel_case(5.0)
    yield mel_case(30.0)
    torch.set_num_threads(threads)
    yield resampling_case(5.0)
    yield resampling_case(60.0)
    yield griffin_lim_case(2.0)
    yield griffin_lim_case(10.0)


if __name__ == "__main__":
    main(__file__, cases, parser(__doc__).parse_args())
