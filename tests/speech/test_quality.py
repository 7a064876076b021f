from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech.errors import BadAudio
from speech.limits import Limits
from speech.quality import _k_weighting, inspect, judge, loudness, speech_floor
from speech.wav import to_int16

Make = Callable[..., np.ndarray]


def codes(wave: np.ndarray, rate: int = 48_000, limits: Limits | None = None) -> dict[str, str]:
    return {reason.code: reason.level for reason in judge(inspect(wave, rate), limits).reasons}


def test_a_clean_take_is_good(make_take: Make) -> None:
    verdict = judge(inspect(make_take(), 48_000))
    assert verdict.level == "good"
    assert verdict.reasons == ()


def test_the_measures_of_a_known_take_are_right(make_take: Make) -> None:
    report = inspect(make_take(peak_dbfs=-6, floor_dbfs=-70, lead=0.5, spoken=2, tail=0.3), 48_000)
    assert report.seconds == pytest.approx(2.8)
    assert report.peak_dbfs == pytest.approx(-6, abs=0.1)
    assert report.noise_floor_dbfs == pytest.approx(-70, abs=0.6)
    assert report.speech_start == pytest.approx(0.5, abs=0.02)
    assert report.speech_end == pytest.approx(2.5, abs=0.02)
    assert report.lead_seconds == pytest.approx(0.5, abs=0.02)
    assert report.tail_seconds == pytest.approx(0.3, abs=0.02)
    assert report.clipped_runs == 0


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000, 96_000])
def test_the_rate_does_not_change_the_measures(make_take: Make, rate: int) -> None:
    report = inspect(make_take(rate=rate), rate)
    assert report.speech_start == pytest.approx(0.4, abs=0.02)
    assert report.snr_db == pytest.approx(59.5, abs=1)


def test_16_bit_samples_measure_like_floats(make_take: Make) -> None:
    wave = make_take()
    as_float, as_int = inspect(wave, 48_000), inspect(to_int16(wave), 48_000)
    assert as_int.peak_dbfs == pytest.approx(as_float.peak_dbfs, abs=0.01)
    assert as_int.noise_floor_dbfs == pytest.approx(as_float.noise_floor_dbfs, abs=0.1)


def test_a_clipped_take_is_refused(make_take: Make) -> None:
    wave = np.clip(make_take(peak_dbfs=6), -1, 1)
    report = inspect(to_int16(wave), 48_000)
    assert report.clipped_runs > 10
    assert report.longest_clipped_run >= 3
    assert codes(wave)["clipped"] == "refused"
    assert "too_loud" not in codes(wave)


def test_two_samples_at_full_scale_are_not_clipping(make_take: Make) -> None:
    wave = make_take()
    wave[60_000:60_002] = 1.0
    assert inspect(wave, 48_000).clipped_runs == 0
    wave[60_002] = -1.0
    assert inspect(wave, 48_000).clipped_runs == 1


def test_hiss_at_15_db_is_refused_and_at_30_db_warned_of(make_take: Make) -> None:
    level = inspect(make_take(), 48_000).rms_dbfs
    assert codes(make_take(floor_dbfs=level - 15))["noisy"] == "refused"
    assert codes(make_take(floor_dbfs=level - 30))["noisy"] == "warned"


def test_the_snr_is_the_one_that_was_mixed(make_take: Make) -> None:
    level = inspect(make_take(), 48_000).rms_dbfs
    for mixed in (20, 30, 40):
        assert inspect(make_take(floor_dbfs=level - mixed), 48_000).snr_db == pytest.approx(mixed, abs=1.5)


@pytest.mark.parametrize(("lead", "tail", "louder"), [(0.3, 1.5, slice(-60_000, None)), (1.5, 0.3, slice(0, 60_000))])
def test_the_room_is_measured_on_both_sides(make_take: Make, lead: float, tail: float, louder: slice) -> None:
    wave = make_take(lead=lead, tail=tail)
    wave[louder] *= 10 ** (10 / 20)  # most of what is beside speech is at -65 dBFS
    assert inspect(wave, 48_000).noise_floor_dbfs == pytest.approx(-65, abs=1)


def test_digital_silence_at_the_ends_of_a_long_take_is_not_its_room(make_take: Make) -> None:
    wave = make_take(lead=0.4, spoken=8, tail=0.4)
    wave[: round(0.28 * 48_000)] = 0
    wave[-round(0.28 * 48_000) :] = 0
    assert inspect(wave, 48_000).noise_floor_dbfs == pytest.approx(-75, abs=1)


@pytest.mark.parametrize(
    ("own", "room", "floor"),
    [(-70.0, None, -70.0), (-70.0, -72.0, -72.0), (-60.0, -72.0, -60.0), (-80.0, -66.0, -80.0)],
)
def test_a_room_that_was_measured_counts_until_something_is_switched_on_or_off(
    own: float, room: float | None, floor: float
) -> None:
    assert speech_floor(own, room) == floor


def test_hum_is_noise(make_take: Make) -> None:
    wave = make_take()
    hum = 0.02 * np.sin(2 * np.pi * 60 * np.arange(len(wave)) / 48_000)
    found = codes((wave + hum).astype(np.float32))
    assert found["noisy_room"] == "warned"
    assert "noisy" in found


def test_a_low_take_is_warned_of_and_a_very_low_one_refused(make_take: Make) -> None:
    assert codes(make_take(peak_dbfs=-20, floor_dbfs=-85))["too_quiet"] == "warned"
    assert codes(make_take(peak_dbfs=-45, floor_dbfs=-90))["too_quiet"] == "refused"


def test_a_loud_take_is_warned_of(make_take: Make) -> None:
    assert codes(make_take(peak_dbfs=-1)) == {"too_loud": "warned"}


def test_speech_at_the_start_is_refused(make_take: Make) -> None:
    assert codes(make_take(lead=0.05)) == {"edge_start": "refused"}
    assert codes(make_take(lead=0.0))["edge_start"] == "refused"
    assert inspect(make_take(lead=0.0), 48_000).speech_start == 0


def test_speech_at_the_end_is_refused(make_take: Make) -> None:
    assert codes(make_take(tail=0.05)) == {"edge_end": "refused"}
    assert codes(make_take(tail=0.0))["edge_end"] == "refused"
    assert inspect(make_take(tail=0.0), 48_000).tail_seconds == 0


def test_a_click_before_the_sentence_is_not_its_start(make_take: Make) -> None:
    wave = make_take(lead=0.6)
    wave[960:1200] += 0.3  # 5 ms, 20 ms after the start
    assert inspect(wave, 48_000).speech_start == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("dbfs", [-55, -61])  # by itself, and beside speech only
def test_a_soft_onset_is_part_of_the_speech(make_take: Make, dbfs: float) -> None:
    wave = make_take(lead=0.6, floor_dbfs=-75)
    soft = 10 ** (dbfs / 20) * np.random.default_rng(2).normal(size=round(0.15 * 48_000))
    wave[round(0.45 * 48_000) : round(0.6 * 48_000)] += soft.astype(np.float32)
    assert inspect(wave, 48_000).speech_start == pytest.approx(0.45, abs=0.02)


@pytest.mark.parametrize("dbfs", [-55, -61])
def test_a_sound_that_fades_is_part_of_the_speech(make_take: Make, dbfs: float) -> None:
    wave = make_take(lead=0.5, spoken=2, tail=0.6, floor_dbfs=-75)
    soft = 10 ** (dbfs / 20) * np.random.default_rng(2).normal(size=round(0.15 * 48_000))
    wave[round(2.5 * 48_000) : round(2.65 * 48_000)] += soft.astype(np.float32)
    assert inspect(wave, 48_000).speech_end == pytest.approx(2.65, abs=0.02)


@pytest.mark.parametrize("floor", [-90.0, -60.0, -40.0])
def test_a_take_without_speech_is_refused_as_silent(make_take: Make, floor: float) -> None:
    assert codes(make_take(peak_dbfs=-200, floor_dbfs=floor)) == {"silent": "refused"}


def test_digital_silence_is_refused_as_silent() -> None:
    assert codes(np.zeros(48_000, dtype=np.int16)) == {"silent": "refused"}


def test_a_dropout_is_refused_and_a_short_gap_warned_of(make_take: Make) -> None:
    wave = make_take()
    wave[50_000 : 50_000 + 14_400] = 0
    assert codes(wave)["zeros"] == "refused"
    wave = make_take()
    wave[50_000 : 50_000 + 3_000] = 0
    assert codes(wave)["zeros"] == "warned"


def test_a_hole_in_the_midst_of_speech_is_a_dropout(make_take: Make) -> None:
    wave = make_take(lead=0.5, spoken=2, tail=0.5)
    wave[48_000 : 48_000 + 480] = 0  # 10 ms, as Chromium fills in for a device that came too late
    assert codes(wave) == {"dropout": "refused"}
    assert codes(wave, limits=Limits.for_import()) == {"dropout": "warned"}


def test_a_hole_in_the_hiss_of_a_quiet_room_is_a_dropout_as_well(make_take: Make) -> None:
    wave = make_take(lead=0.5, spoken=2, tail=0.5)
    wave[9_600 : 9_600 + 480] = 0
    assert codes(wave) == {"dropout": "refused"}


def test_a_long_stretch_of_zeros_in_a_quiet_room_is_no_dropout(make_take: Make) -> None:
    wave = make_take(lead=0.8, spoken=2, tail=0.5)
    wave[9_600 : 9_600 + 14_400] = 0
    assert codes(wave).keys() == {"zeros"}


@pytest.mark.parametrize("floor_dbfs", [-100, -106])
def test_a_room_below_the_smallest_step_of_a_sample_has_no_dropouts(make_take: Make, floor_dbfs: float) -> None:
    wave = make_take(lead=0.5, spoken=2, tail=0.5, floor_dbfs=floor_dbfs)
    sixteen_bit = np.round(wave * 32_768) / 32_768
    assert np.mean(sixteen_bit == 0) > 0.2
    assert "dropout" not in codes(sixteen_bit.astype(np.float32))


@pytest.mark.parametrize(("before", "after", "power"), [(True, True, 1), (True, False, 2), (False, True, 2)])
def test_digital_silence_that_speech_fades_into_is_no_dropout(
    make_take: Make, before: bool, after: bool, power: int
) -> None:
    wave = make_take(lead=0.5, spoken=2, tail=0.5)
    fade = np.linspace(1, 0, 2400) ** power
    if before:
        wave[48_000 - 2400 : 48_000] *= fade
    wave[48_000 : 48_000 + 1440] = 0
    if after:
        wave[48_000 + 1440 : 48_000 + 3840] *= fade[::-1]
    assert "dropout" not in codes(wave)


@pytest.mark.parametrize("offset", [0.05, -0.05])
def test_a_wave_that_is_not_centred_is_warned_of_and_measured_all_the_same(make_take: Make, offset: float) -> None:
    report = inspect(make_take(peak_dbfs=-8) + np.float32(offset), 48_000)
    assert report.dc_offset == pytest.approx(offset, abs=0.002)
    assert report.noise_floor_dbfs == pytest.approx(-75, abs=1)
    assert {reason.code for reason in judge(report).reasons} == {"dc_offset"}


def test_a_take_longer_than_training_uses_is_warned_of(make_take: Make) -> None:
    assert codes(make_take(spoken=16)) == {"too_long": "warned"}


def test_refusals_come_before_warnings(make_take: Make) -> None:
    verdict = judge(inspect(make_take(peak_dbfs=-20, floor_dbfs=-85, lead=0.02), 48_000))
    assert verdict.level == "refused"
    assert [reason.level for reason in verdict.reasons] == ["refused", "warned"]


def test_imported_files_may_be_cut_short(make_take: Make) -> None:
    assert codes(make_take(lead=0.02, tail=0.02, peak_dbfs=-1), limits=Limits.for_import()) == {}


@pytest.mark.parametrize(("peak_dbfs", "expected"), [(-22.0, {}), (-26.0, {"too_quiet": "warned"})])
def test_imported_files_may_be_lower(make_take: Make, peak_dbfs: float, expected: dict[str, str]) -> None:
    assert codes(make_take(peak_dbfs=peak_dbfs, floor_dbfs=-90), limits=Limits.for_import()) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.9, {}), (1.1, {"zeros": "warned"})])
def test_imported_files_may_end_in_digital_silence(make_take: Make, seconds: float, expected: dict[str, str]) -> None:
    wave = np.concatenate([make_take(), np.zeros(round(seconds * 48_000), np.float32)])
    assert codes(wave, limits=Limits.for_import()) == expected


def test_report_and_verdict_become_plain_json(make_take: Make) -> None:
    report = inspect(make_take(lead=0.02), 48_000)
    assert json.loads(json.dumps(report.to_json()))["sample_rate"] == 48_000
    assert json.loads(json.dumps(judge(report).to_json()))["reasons"][0]["code"] == "edge_start"


@pytest.mark.parametrize("wave", [np.zeros(0, np.int16), np.full(100, np.nan, np.float32), np.zeros((2, 9), np.int16)])
def test_what_is_no_take_is_refused_in_words(wave: np.ndarray) -> None:
    with pytest.raises(BadAudio):
        inspect(wave, 48_000)


@pytest.mark.parametrize("length", [1, 100, 1000, 5000])
def test_very_short_sound_can_be_measured(length: int) -> None:
    assert inspect(np.full(length, 1000, np.int16), 48_000).seconds == length / 48_000


def test_loudness_of_a_full_scale_997_hz_sine_is_what_the_standard_says() -> None:
    for rate in (22_050, 44_100, 48_000):
        sine = np.sin(2 * np.pi * 997 * np.arange(4 * rate) / rate).astype(np.float32)
        assert loudness(sine, rate) == pytest.approx(-3.01, abs=0.05)


def test_the_weighting_at_48_khz_is_the_standards_table() -> None:
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    assert np.allclose(_k_weighting(48_000), [shelf, high_pass], rtol=0, atol=1e-7)


def test_what_is_20_db_lower_than_the_rest_does_not_lower_the_loudness() -> None:
    sine = 0.1 * np.sin(2 * np.pi * 997 * np.arange(4 * 48_000) / 48_000).astype(np.float32)
    assert loudness(np.concatenate([sine, 0.1 * sine]), 48_000) == pytest.approx(-23.01, abs=0.2)


def test_silence_does_not_lower_the_loudness(make_take: Make) -> None:
    brief, long = make_take(tail=0.1), make_take(tail=5.0)
    assert loudness(long, 48_000) == pytest.approx(loudness(brief, 48_000), abs=0.5)


def test_measuring_does_not_load_torch() -> None:
    program = "import speech.quality, speech.wav, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_no_studio_clip_of_a_real_speaker_is_refused(lmy: Path) -> None:
    levels = []
    for path in sorted((lmy / "flac").glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="int16")
        report = inspect(samples, rate)
        assert judge(report).level != "refused", path.name
        levels.append(judge(report, Limits.for_import()).level)
    assert len(levels) == 300
    assert levels.count("refused") == 0
    assert levels.count("warned") < 15
