"""Sound in and out: decoding, resampling, the mel spectrogram, WAV files. The only place where a rate is changed."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import librosa
import numpy as np
import numpy.typing as npt
import scipy  # its parts load when they are first used
import soundfile
import soxr

from speech import quality
from speech.config import HIGHEST_RATE, LOWEST_RATE, AudioConfig
from speech.errors import BadAudio
from speech.files import is_file, write_atomic
from speech.wav import Float32Array, Int16Array, wav_bytes

MAX_SECONDS = 60.0
_BLOCK = 64  # frames of a spectrum made at once: they stay in the processor's cache
STREAMED_BYTES = 0x7000_0000  # a WAV file that says so many was written to a pipe
SLOPPY_BYTES = 64

__all__ = ["MAX_SECONDS", "load", "log_mel", "loudness", "mel_filters", "resample", "write"]


def load(source: Path | BinaryIO) -> tuple[Float32Array, int]:
    """A sound file of any format that libsndfile decodes → ([S] float32 in -1..1, sample rate in Hz).

    Two channels are averaged. Raises BadAudio: not_found, unreadable, cut_off (a WAV file that was copied in part),
    not_mono (more than two channels), bad_rate, too_long (over 60 s), empty_file, not_finite.
    """
    name = source.name if isinstance(source, Path) else "the file"
    if isinstance(source, Path) and not is_file(source):
        raise BadAudio(f"{name} is not there; look at its path.", code="not_found", name=name)
    if isinstance(source, Path) and (missing := _missing_bytes(source)):
        raise BadAudio(
            f"{name} ends {missing} bytes before its sound does; copy it again.", code="cut_off", name=name,
            missing=missing,
        )  # fmt: skip
    try:
        with soundfile.SoundFile(source) as file:
            rate, channels = int(file.samplerate), int(file.channels)
            _check_format(name, rate, channels)
            # What a header says of the length may be wrong; so read no more than is allowed, and one sample.
            limit = int(MAX_SECONDS * rate)
            wave = file.read(frames=limit + 1, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as error:  # of a .raw it asks for its rate
        raise BadAudio(f"{name} cannot be decoded: {error}.", code="unreadable", name=name) from error
    if len(wave) > limit:
        raise BadAudio(
            f"{name} is longer than {MAX_SECONDS:.0f} s; cut it into sentences.",
            code="too_long", name=name, limit=MAX_SECONDS,
        )  # fmt: skip
    if not len(wave):
        raise BadAudio(f"{name} has no samples.", code="empty_file", name=name)
    if not np.isfinite(wave).all():
        raise BadAudio(f"{name} has samples that are not finite numbers.", code="not_finite", name=name)
    mono: Float32Array = wave[:, 0].copy() if channels == 1 else wave.mean(axis=1)
    return mono, rate


def resample(samples: Float32Array, from_rate: int, to_rate: int) -> Float32Array:
    """[S] → [round(S · to / from)], by soxr at its very high quality; the same rate passes through."""
    if from_rate == to_rate:
        return samples
    changed: Float32Array = soxr.resample(samples, from_rate, to_rate, quality="VHQ")
    return changed


def log_mel(samples: Float32Array, config: AudioConfig) -> Float32Array:
    """The mel spectrogram of Tacotron 2 and WaveGlow, as NVIDIA published its front end.

    `samples`: [S] float32 in -1..1 at `config.sample_rate` → [M, T] float32, natural log of the mel magnitude (Hann
    window, reflected edges, Slaney mel scale and norm), floored at `config.clip_floor`; T = 1 + S // hop_length.
    Raises BadAudio (too_short) for fewer samples than half an FFT, which cannot be reflected.
    """
    half = config.n_fft // 2
    if len(samples) <= half:
        raise BadAudio(
            f"The sound has {len(samples)} samples; a spectrogram needs more than {half}.",
            code="too_short", samples=len(samples), limit=half,
        )  # fmt: skip
    # In double precision up to the magnitude: beside a loud tone, single precision moves quiet bands by 2e-3.
    padded = np.pad(samples.astype(np.float64), half, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop_length]  # [T, n_fft]
    window, filters = _window(config.n_fft, config.win_length), _few_filters(config)
    mel: Float32Array = np.empty((config.n_mels, len(frames)), np.float32)
    for start in range(0, len(frames), _BLOCK):
        spectrum = scipy.fft.rfft(frames[start : start + _BLOCK] * window, axis=1, overwrite_x=True)
        power = np.square(spectrum.real)  # [frames, n_fft // 2 + 1]
        power += np.square(spectrum.imag)
        mel[:, start : start + _BLOCK] = filters @ np.sqrt(power, out=power).astype(np.float32).T
    np.maximum(mel, np.float32(config.clip_floor), out=mel)
    return np.log(mel, out=mel)


def write(path: Path, samples: Int16Array | Float32Array, sample_rate: int) -> None:
    """Writes [S] (float in -1..1 is clipped) as a PCM-16 WAV file, whole or not at all."""
    data = wav_bytes(samples, sample_rate)

    def put(temporary: Path) -> None:
        temporary.write_bytes(data)

    write_atomic(path, put, needs=len(data))


def loudness(samples: Float32Array, sample_rate: int) -> float:
    """Integrated loudness of [S] in LUFS (ITU-R BS.1770-4), see `speech.quality.loudness`."""
    return quality.loudness(samples, sample_rate)


@lru_cache(maxsize=8)
def mel_filters(config: AudioConfig) -> Float32Array:
    """[M, n_fft // 2 + 1] float32: triangles on Slaney's mel scale, each of unit area. Read-only."""
    filters: Float32Array = librosa.filters.mel(
        sr=config.sample_rate, n_fft=config.n_fft, n_mels=config.n_mels, fmin=config.f_min, fmax=config.f_max
    ).astype(np.float32)
    filters.flags.writeable = False
    return filters


@lru_cache(maxsize=8)
def _few_filters(config: AudioConfig) -> scipy.sparse.csr_array:
    """`mel_filters` without the 98 % that are zeros.

    A third of the time of the full product, and none of the threads that NumPy's library would begin for it: beside
    several clips at a time they kept each other waiting.
    """
    return scipy.sparse.csr_array(mel_filters(config))


@lru_cache(maxsize=8)
def _window(n_fft: int, win_length: int) -> npt.NDArray[np.float64]:
    """A periodic Hann window, centred in the FFT."""
    window = scipy.signal.get_window("hann", win_length, fftbins=True)
    before = (n_fft - win_length) // 2
    return np.pad(window, (before, n_fft - win_length - before))


def _missing_bytes(path: Path) -> int:
    """How much of a WAV file's sound is not there. libsndfile reads what is left and says nothing of it.

    Who writes to a pipe cannot know the length and says about 2 or 4 GiB; a few bytes too many are a sloppy writer's.
    """
    with path.open("rb") as file:
        if (head := file.read(12))[:4] != b"RIFF" or head[8:] != b"WAVE":
            return 0
        while len(chunk := file.read(8)) == 8:
            size = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                missing = size - (path.stat().st_size - file.tell())
                return missing if size < STREAMED_BYTES and missing > SLOPPY_BYTES else 0
            file.seek(size + size % 2, io.SEEK_CUR)
    return 0


def _check_format(name: str, rate: int, channels: int) -> None:
    if channels > 2:
        raise BadAudio(
            f"{name} has {channels} channels; save it as mono.", code="not_mono", name=name, channels=channels
        )
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise BadAudio(
            f"{name} has a sample rate of {rate} Hz; from {LOWEST_RATE} to {HIGHEST_RATE} Hz are taken.",
            code="bad_rate", name=name, rate=rate,
        )  # fmt: skip
