from __future__ import annotations

import io
import struct
from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from speech import audio
from speech.config import AudioConfig
from speech.errors import BadAudio, BadConfig
from speech.wav import parse_wav

CONFIG = AudioConfig()


def published_mel(samples: np.ndarray, config: AudioConfig) -> np.ndarray:
    """The front end as Tacotron 2's authors describe it, by a convolution with a windowed Fourier basis."""
    bins = config.n_fft // 2 + 1
    basis = np.fft.fft(np.eye(config.n_fft))[:bins]
    window = scipy.signal.get_window("hann", config.win_length, fftbins=True)
    window = librosa.util.pad_center(window, size=config.n_fft)
    kernel = torch.from_numpy(np.vstack([basis.real, basis.imag]) * window)[:, None]
    padded = torch.nn.functional.pad(torch.from_numpy(samples).double()[None, None], [config.n_fft // 2] * 2, "reflect")
    spectrum = torch.nn.functional.conv1d(padded, kernel, stride=config.hop_length)[0]
    magnitude = torch.sqrt(spectrum[:bins] ** 2 + spectrum[bins:] ** 2)
    filters = librosa.filters.mel(
        sr=config.sample_rate, n_fft=config.n_fft, n_mels=config.n_mels, fmin=config.f_min, fmax=config.f_max
    )
    mel = torch.from_numpy(filters).double() @ magnitude
    return torch.log(torch.clamp(mel, min=config.clip_floor)).numpy()


def tone(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("length", [513, 1024, 5000, 22_050, 40_001])
def test_the_mel_is_the_published_one(length: int) -> None:
    wave = (0.3 * np.random.default_rng(length).normal(size=length)).astype(np.float32)
    mel = audio.log_mel(wave, CONFIG)
    assert mel.dtype == np.float32
    assert mel.shape == (80, 1 + length // 256)
    np.testing.assert_allclose(mel, published_mel(wave, CONFIG), atol=1e-4)


def test_the_mel_of_speech_is_the_published_one(espeak_clips: Path) -> None:
    for path in sorted(espeak_clips.glob("*.wav"))[:4]:
        wave, _ = audio.load(path)
        np.testing.assert_allclose(audio.log_mel(wave, CONFIG), published_mel(wave, CONFIG), atol=1e-4)


def test_the_mel_of_a_real_speaker_is_the_published_one(lmy: Path) -> None:
    for path in sorted((lmy / "flac").glob("*.flac"))[:10]:
        wave, _ = audio.load(path)
        np.testing.assert_allclose(audio.log_mel(wave, CONFIG), published_mel(wave, CONFIG), atol=1e-4)


def test_a_window_shorter_than_the_fft_is_centred() -> None:
    config = AudioConfig(win_length=800, hop_length=200)
    wave = tone(440, 22_050)
    np.testing.assert_allclose(audio.log_mel(wave, config), published_mel(wave, config), atol=1e-4)


def test_silence_is_the_floor() -> None:
    mel = audio.log_mel(np.zeros(4096, dtype=np.float32), CONFIG)
    np.testing.assert_allclose(mel, np.log(1e-5), rtol=1e-6)


def test_a_sound_too_short_for_a_spectrogram_is_refused() -> None:
    with pytest.raises(BadAudio) as caught:
        audio.log_mel(np.zeros(512, dtype=np.float32), CONFIG)
    assert caught.value.code == "too_short"


def test_a_mel_range_beyond_half_the_rate_is_refused() -> None:
    with pytest.raises(BadConfig):
        audio.log_mel(tone(440, 16_000), AudioConfig(sample_rate=16_000, f_max=9000))


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
def test_a_resampled_tone_keeps_its_pitch_and_level(rate: int) -> None:
    changed = audio.resample(tone(1000, rate), rate, 22_050)
    assert changed.dtype == np.float32
    assert len(changed) == 22_050
    np.testing.assert_allclose(changed[2000:-2000], tone(1000, 22_050)[2000:-2000], atol=1e-4)


def test_what_lies_above_half_the_new_rate_does_not_fold_back() -> None:
    changed = audio.resample(tone(15_000, 48_000), 48_000, 22_050)
    assert 20 * np.log10(np.abs(changed[2000:-2000]).max() / 0.5) < -100


def test_the_same_rate_passes_through() -> None:
    wave = tone(440, 22_050)
    assert audio.resample(wave, 22_050, 22_050) is wave


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_common_formats_are_decoded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(440, 44_100), 44_100)
    wave, rate = audio.load(path)
    assert rate == 44_100
    assert wave.dtype == np.float32
    np.testing.assert_allclose(wave, tone(440, 44_100), atol=0.05 if suffix == "ogg" else 1e-4)


def test_an_open_file_is_decoded() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(440, 16_000), 16_000, format="FLAC")
    buffer.seek(0)
    assert audio.load(buffer)[1] == 16_000


def test_two_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(440, 16_000), tone(550, 16_000)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    np.testing.assert_allclose(audio.load(tmp_path / "stereo.wav")[0], (left + right) / 2, atol=1e-6)


def test_what_cannot_be_used_is_refused_in_words(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "many.wav", np.zeros((1000, 6)), 16_000)
    soundfile.write(tmp_path / "slow.wav", np.zeros(1000), 4_000)
    soundfile.write(tmp_path / "long.flac", np.zeros(61 * 8_000), 8_000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(1000, np.nan, np.float32), 16_000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no sound")
    expected = {
        "many.wav": "not_mono", "slow.wav": "bad_rate", "long.flac": "too_long", "empty.wav": "empty_file",
        "nan.wav": "not_finite", "text.wav": "unreadable", "missing.wav": "not_found",
    }  # fmt: skip
    for name, code in expected.items():
        with pytest.raises(BadAudio, match=name) as caught:
            audio.load(tmp_path / name)
        assert caught.value.code == code


def test_a_wav_file_that_was_copied_in_part_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, tone(440, 22_050), 22_050, subtype="PCM_16")
    data = whole.read_bytes()
    cut = tmp_path / "cut.wav"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadAudio, match="copy it again") as refusal:
        audio.load(cut)
    assert refusal.value.code == "cut_off"


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_F000, 44_100 + 36])
def test_a_wav_file_whose_writer_did_not_know_its_length_is_read_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "piped.wav"
    soundfile.write(path, tone(440, 22_050), 22_050, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 40, size)  # what its data chunk says
    path.write_bytes(data)
    assert len(audio.load(path)[0]) == 22_050


def test_a_written_file_is_plain_16_bit_wav(tmp_path: Path) -> None:
    audio.write(tmp_path / "out.wav", tone(440, 22_050), 22_050)
    wav = parse_wav((tmp_path / "out.wav").read_bytes())
    assert wav.sample_rate == 22_050
    np.testing.assert_allclose(wav.samples / 32768, tone(440, 22_050), atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
