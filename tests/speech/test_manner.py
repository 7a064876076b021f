"""Pace and loudness of a take against its speaker's own."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech.limits import Limits
from speech.manner import SYLLABLES, TAKES, Usual, compare, pace_of, usual
from speech.quality import inspect
from speech.text import read

Make = Callable[..., np.ndarray]
USUAL = Usual(pace=6.0, loudness_lufs=-20.0)


def codes(pace: float | None, loudness: float, limits: Limits | None = None) -> list[str]:
    return [reason.code for reason in compare(pace, loudness, USUAL, limits or Limits())]


def test_pace_is_syllables_of_what_is_heard_a_second_of_speech(make_take: Make) -> None:
    report = inspect(make_take(spoken=2.0), 48_000)
    assert pace_of("오느른 바라미 참 시원하네요.", report) == pytest.approx(12 / report.speech_seconds)


def test_a_few_syllables_have_no_pace(make_take: Make) -> None:
    report = inspect(make_take(), 48_000)
    assert pace_of("가" * (SYLLABLES - 1), report) is None
    assert pace_of("가" * SYLLABLES, report) is not None


def test_nobody_has_a_usual_manner_before_ten_takes() -> None:
    assert usual([6.0] * (TAKES - 1), [-20.0] * TAKES) is None
    assert usual([5.0, *[6.0] * TAKES], [-20.0] * TAKES) == USUAL


def test_more_than_a_quarter_off_is_fast_or_slow_and_less_is_nothing() -> None:
    assert codes(6.0 * 1.24, -20.0) == codes(6.0 * 0.76, -20.0) == codes(None, -20.0) == []
    assert codes(6.0 * 1.3, -20.0) == ["fast"]
    assert codes(6.0 * 0.7, -20.0) == ["slow"]


def test_more_than_3_lu_off_is_louder_or_softer() -> None:
    assert codes(6.0, -17.1) == []
    assert codes(6.0, -16.5) == ["louder"]
    assert codes(6.0, -24.0) == ["softer"]


def test_the_value_says_how_far_off_in_per_cent_and_in_lu() -> None:
    louder, fast = compare(9.0, -15.0, USUAL, Limits())
    assert (louder.value, louder.level, fast.value, fast.level) == (5.0, "warned", pytest.approx(50.0), "warned")


def test_imported_clips_are_as_they_are() -> None:
    assert codes(20.0, -40.0, Limits.for_import()) == []


def test_a_real_speaker_in_a_studio_is_warned_of_nothing(lmy: Path) -> None:
    with (lmy / "metadata.csv").open(encoding="utf-8") as file:
        texts = {row[0]: row[1] for row in csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE)}
    paces, loudnesses = [], []
    for path in sorted((lmy / "flac").glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="int16")
        report = inspect(samples, rate)
        paces.append(pace_of(read(texts[path.stem]).pronunciation, report))
        loudnesses.append(report.loudness_lufs)
    usually = usual([pace for pace in paces if pace], loudnesses)
    assert len(paces) == 300 and usually is not None
    pairs = zip(paces, loudnesses, strict=True)
    assert [compare(pace, loudness, usually, Limits()) for pace, loudness in pairs] == [[]] * 300
