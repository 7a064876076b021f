"""Distortion: nothing for the same sound, little for another pace, much for another sentence or pitch."""

from __future__ import annotations

import numpy as np
import pytest

from speech.audio import load, log_mel, resample
from speech.config import AudioConfig
from speech.distortion import cepstra, distortion, mel_distortion, spectral_distance, warp
from speech.errors import BadAudio


@pytest.fixture(scope="module")
def takes(espeak_clips):
    """Two sentences of the small corpus."""
    paths = sorted(espeak_clips.rglob("*.wav"))
    return [load(path)[0] for path in paths[:2]]


def test_a_take_is_no_distance_from_itself(takes) -> None:
    same = distortion(takes[0], takes[0])
    assert same.mcd == pytest.approx(0.0, abs=1e-6)
    assert same.pitch_cents == pytest.approx(0.0, abs=1e-6)
    assert same.voicing_error == same.gross_pitch_error == 0.0
    frames = cepstra(log_mel(takes[0], AudioConfig()))
    assert np.array_equal(warp(frames, frames), np.arange(len(frames))[:, None].repeat(2, axis=1))


def test_the_distortion_of_mels_is_that_of_their_sounds(takes) -> None:
    first, second = (log_mel(one, AudioConfig()) for one in takes)
    assert mel_distortion(first, second) == pytest.approx(distortion(takes[0], takes[1]).mcd)


@pytest.mark.parametrize(("coefficient", "decibels"), [(0, 0.0), (1, 6.142), (13, 6.142), (14, 0.0)])
def test_the_distortion_is_kubicheks_over_the_first_thirteen_coefficients(coefficient: int, decibels: float) -> None:
    flat = np.zeros((80, 5), np.float32)
    ripple = np.cos(np.pi * coefficient * (2 * np.arange(80) + 1) / 160)[:, None] * np.ones(5)
    assert mel_distortion(flat, flat + ripple) == pytest.approx(decibels, abs=0.001)


def test_a_sentence_of_no_frames_is_as_far_away_as_silence(takes) -> None:
    mel = log_mel(takes[0], AudioConfig())
    nothing, other = mel_distortion(mel, mel[:, :0]), mel_distortion(mel, log_mel(takes[1], AudioConfig()))
    assert np.isfinite(nothing)
    assert nothing > other


def test_loudness_does_not_count(takes) -> None:
    assert distortion(takes[0], takes[0] * 0.5).mcd < 0.2


def test_another_sentence_is_further_away_than_a_noisy_copy(takes) -> None:
    noise = np.random.default_rng(0).standard_normal(len(takes[0])).astype(np.float32) * 1e-3
    noisy, other = distortion(takes[0], takes[0] + noise), distortion(takes[0], takes[1])
    assert noisy.mcd < other.mcd
    assert other.mcd > 4.0


def test_a_slower_and_deeper_copy_shows_in_pitch_and_duration(takes) -> None:
    slower = resample(takes[0], 22_050, 24_000)  # played at the old rate: 8.8 % longer, 1.47 semitones deeper
    measured = distortion(takes[0], slower)
    assert measured.duration_ratio == pytest.approx(24_000 / 22_050, rel=0.001)
    assert measured.pitch_cents == pytest.approx(147, abs=40)


def test_two_sounds_without_a_pitch_have_no_error_of_one(takes) -> None:
    first, second = (np.random.default_rng(seed).standard_normal(9_000).astype(np.float32) * 0.1 for seed in (0, 1))
    whispered, voiced = distortion(first, second), distortion(first, takes[0])
    assert np.isnan(whispered.pitch_cents) and np.isnan(whispered.gross_pitch_error)
    assert voiced.gross_pitch_error == 1.0


def test_a_sound_without_a_frame_or_with_samples_that_are_no_numbers_is_refused() -> None:
    with pytest.raises(BadAudio, match="too few to compare"):
        distortion(np.zeros(500, np.float32), np.zeros(9000, np.float32))
    silence, broken = np.zeros(9000, np.float32), np.full(9000, np.nan, np.float32)
    for pair in ((silence, broken), (broken, silence)):
        with pytest.raises(BadAudio, match="no numbers"):
            distortion(*pair)


def test_the_distance_of_spectra_is_that_of_their_levels() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 22_050).astype(np.float32)
    assert spectral_distance(sound, sound) == 0
    assert spectral_distance(sound, sound / 2) == pytest.approx(6.02, abs=0.05)


def test_a_sound_with_phases_of_chance_is_further_off_than_its_cepstrum_tells() -> None:
    clicks = np.zeros(22_050, np.float32)
    clicks[::220] = 0.5  # 100 Hz
    spectrum = np.fft.rfft(clicks)
    turned = np.random.default_rng(0).uniform(0, 2 * np.pi, len(spectrum))
    blurred = np.fft.irfft(np.abs(spectrum) * np.exp(1j * turned), len(clicks)).astype(np.float32)
    assert spectral_distance(clicks, blurred) > 5


def test_sounds_too_short_for_the_longest_window_are_refused() -> None:
    with pytest.raises(BadAudio, match="4000 samples are too few"):
        spectral_distance(np.zeros(4000, np.float32), np.zeros(9000, np.float32))
