"""A voice held against itself: a chair moved away, a knob turned, a throat that is tired."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speech.match import BANDS_HZ, Difference, Portrait, compare, drift, pitch_median, portrait
from speech.wav import Float32Array, parse_wav, to_float32

ROOM_DBFS = -72.0


def spoken(folder: Path, number: int = 0) -> tuple[Float32Array, int]:
    """A sentence of espeak-ng's without the room that the fixture put around it."""
    wav = parse_wav((folder / f"clip{number:02d}.wav").read_bytes())
    return to_float32(wav.samples), wav.sample_rate


def room(count: int, seed: int = 0) -> Float32Array:
    return np.random.default_rng(seed).normal(0, 10 ** (ROOM_DBFS / 20), count).astype(np.float32)


def moved(wave: Float32Array, rate: int, decibels: float, treble: float) -> Float32Array:
    """As it sounds from further away: quieter by the distance, duller by the direction, in the same room."""
    hertz = np.fft.rfftfreq(len(wave), 1 / rate)
    gain = decibels + treble * np.clip((hertz - 1_500) / 1_000, 0, 1)  # in dB; the treble from 2.5 kHz on
    changed = np.fft.irfft(np.fft.rfft(wave) * 10 ** (gain / 20), len(wave))
    return np.asarray(changed + room(len(wave)), dtype=np.float32)


def codes(first: Float32Array, second: Float32Array, rate: int) -> list[str]:
    return [reason.code for reason in drift(compare(portrait(first, rate), portrait(second, rate)))]


@pytest.mark.parametrize("number", range(4))
def test_speech_from_further_away_is_told_from_speech_that_is_only_quieter(espeak_clips: Path, number: int) -> None:
    wave, rate = spoken(espeak_clips, number)
    near = wave + room(len(wave), seed=1)
    assert codes(near, moved(wave, rate, -6, -6), rate) == ["match_farther"]
    assert codes(moved(wave, rate, -6, -6), near, rate) == ["match_nearer"]
    assert codes(near, moved(wave, rate, -6, 0), rate) == ["match_quieter"]
    assert codes(moved(wave, rate, -6, 0), near, rate) == ["match_louder"]
    assert codes(near, moved(wave, rate, 0, -12), rate) == ["match_duller"]


@pytest.mark.parametrize(
    ("loudness", "treble", "pitch", "expected"),
    [
        (-3.0, -1.5, 0.0, ["match_farther"]),
        (3.0, 1.5, 0.0, ["match_nearer"]),
        (-3.0, 1.5, 0.0, ["match_quieter"]),  # quieter and brighter: not the distance
        (3.0, -1.5, 0.0, ["match_louder"]),
        (-3.0, None, None, ["match_quieter"]),
        (-2.9, -3.9, 1.4, []),
        (0.0, 4.0, -1.5, ["match_brighter", "match_lower"]),
        (0.0, -4.0, 1.5, ["match_duller", "match_higher"]),
    ],
)
def test_what_is_told_of_a_difference(
    loudness: float, treble: float | None, pitch: float | None, expected: list[str]
) -> None:
    assert [reason.code for reason in drift(Difference(loudness, pitch, treble, 0.0))] == expected


def test_a_tone_is_in_its_own_third_of_an_octave() -> None:
    time = np.arange(2 * 48_000) / 48_000
    tone = np.where(np.abs(time - 1) < 0.5, 0.1 * np.sin(2 * np.pi * 1_000 * time), 0).astype(np.float32)
    bands = portrait(tone + room(len(tone)), 48_000).bands_db
    at = BANDS_HZ.index(1_000)
    assert bands[at] == pytest.approx(0, abs=0.1)
    assert max(bands[: at - 1] + bands[at + 2 :]) < -20


def test_a_third_of_an_octave_takes_in_its_whole_width() -> None:
    wave = room(2 * 48_000)
    wave[24_000:72_000] *= 100  # white: ten times as high, ten times as wide
    bands = portrait(wave, 48_000).bands_db
    assert bands[BANDS_HZ.index(10_000)] - bands[BANDS_HZ.index(1_000)] == pytest.approx(10, abs=0.5)


def test_the_figures_are_what_was_done_to_the_sound(espeak_clips: Path) -> None:
    wave, rate = spoken(espeak_clips)
    difference = compare(portrait(wave + room(len(wave)), rate), portrait(moved(wave, rate, -6, -6), rate))
    assert difference.loudness == pytest.approx(-6, abs=1.0)
    assert difference.treble == pytest.approx(-6, abs=1.5)
    assert difference.pitch == pytest.approx(0, abs=0.2)
    assert difference.spectrum_db > 1


def test_the_same_take_twice_and_another_noise_are_no_drift(espeak_clips: Path) -> None:
    wave, rate = spoken(espeak_clips)
    assert codes(wave + room(len(wave)), wave + room(len(wave), seed=3), rate) == []


def test_a_voice_that_went_up_or_down_is_told(espeak_clips: Path) -> None:
    wave, rate = spoken(espeak_clips)
    place = np.arange(0, len(wave) - 1, 1.15)
    higher = np.interp(place, np.arange(len(wave)), wave).astype(np.float32)
    assert "match_higher" in codes(wave, higher, rate) and "match_lower" in codes(higher, wave, rate)


@pytest.mark.parametrize("hertz", [85, 140, 220, 330])
@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_the_pitch_of_a_voice_is_found_at_every_rate(hertz: int, rate: int) -> None:
    time = np.arange(rate) / rate
    voice = sum(np.sin(2 * np.pi * hertz * k * time + k) / k for k in range(1, 15))
    wave = (0.1 * voice + np.random.default_rng(0).normal(0, 0.002, rate)).astype(np.float32)
    assert pitch_median(wave, rate) == pytest.approx(hertz, rel=0.005)


def test_noise_and_silence_have_no_pitch_and_no_bands() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    for wave in (noise, np.zeros(48_000, np.float32), noise[:100]):
        assert pitch_median(wave, 48_000) is None
    assert portrait(np.zeros(48_000, np.float32), 48_000).bands_db == ()
    assert drift(compare(portrait(noise[:100], 48_000), portrait(noise[:100], 48_000))) == []


def test_takes_at_two_rates_are_compared_where_both_have_sound(espeak_clips: Path) -> None:
    wave, rate = spoken(espeak_clips)
    half = np.interp(np.arange(0, len(wave), rate / 16_000), np.arange(len(wave)), wave).astype(np.float32)
    low = portrait(half, 16_000)
    assert len(low.bands_db) < len(portrait(wave, 48_000).bands_db)
    assert compare(portrait(wave, rate), low).pitch == pytest.approx(0, abs=0.2)


def test_a_portrait_comes_back_from_json(espeak_clips: Path) -> None:
    wave, rate = spoken(espeak_clips)
    kept = portrait(wave, rate).to_json()
    assert Portrait.from_json(kept).to_json() == kept
    assert compare(Portrait.from_json(kept), portrait(wave, rate)).to_json()["loudness"] == pytest.approx(0, abs=0.01)
