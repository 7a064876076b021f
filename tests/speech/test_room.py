"""Rooms that were made: what is in them is found, and nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from speech import quality
from speech.errors import BadAudio
from speech.room import causes, inspect_room, is_quiet

RATE = 48_000
SECONDS = 5.0

Wave = npt.NDArray[np.float64]


def times(rate: int = RATE) -> Wave:
    return np.arange(int(SECONDS * rate)) / rate


def at_level(wave: Wave, dbfs: float) -> Wave:
    return wave / np.sqrt(np.mean(wave**2)) * 10 ** (dbfs / 20)


def white(dbfs: float, seed: int = 0, rate: int = RATE) -> Wave:
    return at_level(np.random.default_rng(seed).standard_normal(len(times(rate))), dbfs)


def shaped(shape: Wave, dbfs: float, seed: int, rate: int) -> Wave:
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(times(rate))))
    return at_level(np.fft.irfft(spectrum * shape, len(times(rate))), dbfs)


def fan(dbfs: float, seed: int = 1, rate: int = RATE) -> Wave:
    """Noise that falls by 5 dB an octave."""
    hertz = np.fft.rfftfreq(len(times(rate)), 1 / rate)
    return shaped(np.maximum(hertz, 30) ** (-5 / 6.02), dbfs, seed, rate)


def rumble(dbfs: float, seed: int = 2, rate: int = RATE) -> Wave:
    """Noise from 15 to 70 Hz."""
    hertz = np.fft.rfftfreq(len(times(rate)), 1 / rate)
    return shaped(((hertz > 15) & (hertz < 70)).astype(np.float64), dbfs, seed, rate)


def hum(mains: float, dbfs: float, rate: int = RATE) -> Wave:
    """Mains with its harmonics, a thousandth off, as clocks and power stations are."""
    time = times(rate)
    return at_level(sum(np.sin(2 * np.pi * k * mains * 1.001 * time + k) / k**0.7 for k in (1, 2, 3, 4, 5, 7)), dbfs)


def clicks(count: int, peak: float = 0.05, rate: int = RATE) -> Wave:
    wave, size = np.zeros(len(times(rate))), 60
    ring = np.exp(-np.arange(size) / 12) * np.sin(np.arange(size) * 1.1)
    for number in range(count):
        start = int((number + 0.5) * len(wave) / count)
        wave[start : start + size] += peak * ring
    return wave


def talk(peak: float = 0.02) -> Wave:
    time = times()
    voice = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 15))
    return peak * voice * np.abs(np.sin(2 * np.pi * 2 * time)) * ((time > 1) & (time < 2.5))


def recorded(*parts: Wave) -> npt.NDArray[np.int16]:
    return np.clip(np.rint(sum(parts) * 32_768), -32_768, 32_767).astype(np.int16)


def found(*parts: Wave, rate: int = RATE) -> list[str]:
    return [cause.code for cause in causes(inspect_room(recorded(*parts), rate))]


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("dbfs", [-90.0, -84.0, -75.0])
def test_a_quiet_room_has_no_causes(dbfs: float, rate: int) -> None:
    for seed in range(3):
        report = inspect_room(recorded(white(dbfs, seed, rate)), rate)
        assert causes(report) == () and is_quiet(report)
        assert report.noise_floor_dbfs == pytest.approx(dbfs, abs=0.5)


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_mains_hum_is_told_with_its_frequency_its_level_and_its_harmonics(mains: float, rate: int) -> None:
    report = inspect_room(recorded(hum(mains, -52, rate), white(-75, rate=rate)), rate)
    (cause,) = causes(report)
    assert (cause.code, cause.level, cause.hertz) == ("hum", "warned", mains)
    assert cause.value == pytest.approx(-52, abs=0.5)
    assert [round(line.hertz / mains) for line in report.hum_lines] == [1, 2, 3, 4, 5, 7]
    assert report.broad_dbfs == pytest.approx(-75, abs=0.7)


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_hum_is_told_beside_a_fan_as_well(mains: float) -> None:
    assert found(hum(mains, -55), fan(-56), white(-78))[0] == "hum"


def test_hum_that_nobody_would_hear_is_no_cause() -> None:
    assert found(hum(60, -82), white(-75)) == []


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
def test_a_fan_is_told_by_noise_that_falls_with_frequency(rate: int) -> None:
    for seed in range(3):
        codes = found(fan(-52, seed, rate), white(-78, seed + 50, rate), rate=rate)
        assert "fan" in codes and not {"hum", "hiss", "clicks", "talking", "zeros", "dc_offset"} & set(codes)


def test_noise_that_does_not_fall_is_the_microphones_gain() -> None:
    assert found(white(-55)) == ["hiss"]


def test_noise_from_below_is_the_desk_or_the_street() -> None:
    for seed in range(3):
        assert found(rumble(-50, seed), white(-76, seed + 50)) == ["rumble"]


def test_a_wave_that_is_not_centred_is_told() -> None:
    assert found(white(-75) + 0.05) == ["dc_offset"]
    assert inspect_room(recorded(white(-75) + 0.05), RATE).dc_offset == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("rate", [16_000, 48_000, 96_000])
def test_clicks_are_counted_and_one_alone_may_be_the_mouse(rate: int) -> None:
    assert inspect_room(recorded(white(-75, rate=rate), clicks(4, rate=rate)), rate).clicks == 4
    assert found(white(-75, rate=rate), clicks(4, rate=rate), rate=rate) == ["clicks"]
    assert found(white(-75, rate=rate), clicks(1, rate=rate), rate=rate) == []


def test_clicks_do_not_hide_a_fan() -> None:
    assert {"fan", "clicks"} <= set(found(fan(-52), white(-78), clicks(3)))


def test_somebody_who_talks_is_asked_to_be_quiet_again() -> None:
    (cause,) = causes(inspect_room(recorded(white(-75), talk()), RATE))
    assert (cause.code, cause.level) == ("talking", "again") and cause.value == pytest.approx(1.5, abs=0.2)


def test_somebody_who_talks_all_the_time_is_told_as_well() -> None:
    time = times()
    voice = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 15))
    assert "talking" in found(white(-75), 0.02 * voice * np.sin(np.pi * 4 * time) ** 2)


def test_digital_silence_is_no_room() -> None:
    gated = recorded(white(-75))
    gated[RATE : 3 * RATE] = 0
    assert [cause.code for cause in causes(inspect_room(gated, RATE))] == ["zeros"]
    assert found(np.zeros(5 * RATE)) == ["zeros"]


def test_the_floor_is_what_a_take_in_this_room_has_beside_speech() -> None:
    room = recorded(white(-62))
    track = quality.level_track(room.astype(np.float32) / 32_768, RATE)
    report = inspect_room(room, RATE)
    assert report.noise_floor_dbfs == pytest.approx(quality.noise_floor(track, len(room)), abs=0.5)


def test_third_octaves_add_up_to_the_whole() -> None:
    report = inspect_room(recorded(white(-50), hum(50, -44)), RATE)
    whole = 10 * np.log10(sum(10 ** (band.dbfs / 10) for band in report.bands))
    # From 22 Hz to 18 kHz of the 24 that the noise has.
    assert whole == pytest.approx(10 * np.log10(10**-5 * 18 / 24 + 10**-4.4), abs=0.3)
    assert [round(band.hertz) for band in report.bands[:3]] == [25, 32, 40]
    body = report.to_json()
    assert body["bands"][0] == [25.1, round(report.bands[0].dbfs, 1)]


def test_too_short_a_recording_is_refused() -> None:
    with pytest.raises(BadAudio) as refusal:
        inspect_room(recorded(white(-75))[:RATE], RATE)
    assert refusal.value.code == "too_short"
