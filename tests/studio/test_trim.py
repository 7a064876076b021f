"""Where training takes a take from: two numbers that a person can move, beside a master that nobody cuts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.http import HttpResponse
from django.test import Client

from speech import dataset, quality
from speech.clean import trim_bounds
from speech.config import AudioConfig
from speech.source import SourceClip
from speech.wav import to_float32
from studio import files
from studio.models import Clip, Prompt, Speaker
from studio.trim import LEAST_SECONDS, automatic_trim
from tests.studio.conftest import send
from tests.studio.sounds import take, upload
from training import shelf

pytestmark = pytest.mark.django_db


def recorded(client: Client, prompt: Prompt, samples: np.ndarray | None = None) -> dict:
    return send(client, upload(prompt.pk, samples)).json()


def trim(client: Client, clip: str, **bounds: object) -> HttpResponse:
    return client.post(f"/clips/{clip}/trim", bounds, content_type="application/json")


@pytest.mark.parametrize("quiet", [0.05, 0.4, 0.7])
def test_the_bounds_on_the_page_are_those_that_training_cuts_by_itself(
    speaking: Client, prompts: list[Prompt], quiet: float
) -> None:
    samples = take(quiet=quiet)
    shown = recorded(speaking, prompts[0], samples)["trim"]
    start, end = trim_bounds(to_float32(samples), 48_000)
    assert (shown["start"], shown["end"]) == pytest.approx((start / 48_000, end / 48_000), abs=0.001)
    assert not shown["moved"]


def test_a_soft_onset_at_minus_55_dbfs_stays_inside_of_the_automatic_trim(
    speaking: Client, prompts: list[Prompt]
) -> None:
    samples = take(seconds=3.0, quiet=0.9, floor_dbfs=-75.0).astype(np.float64) / 32_768
    soft = 10 ** (-55 / 20) * np.random.default_rng(5).standard_normal(round(0.3 * 48_000))
    begins = round(0.6 * 48_000)
    samples[begins : begins + len(soft)] += soft
    shown = recorded(speaking, prompts[0], np.rint(samples * 32_768).astype(np.int16))["trim"]
    assert shown["start"] <= 0.6 - 0.1


def test_a_take_without_speech_is_shown_whole(speaking: Client, prompts: list[Prompt]) -> None:
    shown = recorded(speaking, prompts[0], np.zeros(96_000, np.int16))["trim"]
    assert (shown["start"], shown["end"]) == (0.0, 2.0)


def test_a_person_moves_the_edges_and_back_and_the_master_stays(speaking: Client, prompts: list[Prompt]) -> None:
    made = recorded(speaking, prompts[0])
    before = files.read_bytes(Clip.objects.get().file)
    moved = trim(speaking, made["id"], start=0.31, end=1.72).json()
    assert moved["trim"] == {"start": 0.31, "end": 1.72, "moved": True, "least": LEAST_SECONDS, "most": 2.0}
    assert files.read_bytes(Clip.objects.get().file) == before
    assert trim(speaking, made["id"]).json()["trim"] == made["trim"]
    assert Clip.objects.get().trim_start is None


def test_training_takes_the_moved_part_and_nothing_else(
    speaking: Client, prompts: list[Prompt], tmp_path: Path
) -> None:
    made = recorded(speaking, prompts[0])
    trim(speaking, made["id"], start=0.5, end=1.5)
    clip = Clip.objects.get()
    line = shelf._clip_line(clip, "a.wav")
    assert line["trim"] == [0.5, 1.5]
    (tmp_path / "a.wav").write_bytes(files.read_bytes(clip.file))
    source = SourceClip(id="a", audio=tmp_path / "a.wav", text=clip.text, trim=tuple(line["trim"]))
    _mel, samples = dataset.make_sound(source, AudioConfig())
    assert len(samples) / AudioConfig().sample_rate == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ({"start": -0.1, "end": 1.0}, "trim_outside"),
        ({"start": 0.0, "end": 2.1}, "trim_outside"),
        ({"start": 1.5, "end": 1.0}, "trim_outside"),
        ({"start": 1.0, "end": 1.2}, "trim_too_short"),
        ({"start": "a", "end": 1.0}, "bad_trim"),
        ({"start": "nan", "end": 1.0}, "bad_trim"),
        ({"start": "Infinity", "end": 1.0}, "bad_trim"),
        ({"start": 0.5}, "bad_trim"),
    ],
)
def test_bounds_that_make_no_clip_are_refused_by_code_and_in_korean(
    bounds: dict, code: str, speaking: Client, prompts: list[Prompt]
) -> None:
    made = recorded(speaking, prompts[0])
    answer = trim(speaking, made["id"], **bounds)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert any("가" <= letter <= "힣" for letter in answer.json()["message"])
    assert Clip.objects.get().trim_start is None


def test_the_end_of_the_take_itself_is_inside(speaking: Client, prompts: list[Prompt]) -> None:
    made = recorded(speaking, prompts[0], take()[:95_983])  # 1.99965 s: the page says 2.000
    assert trim(speaking, made["id"], start=0, end=2.0).status_code == 200
    assert Clip.objects.get().trim_end == pytest.approx(95_983 / 48_000)


def test_nobody_else_moves_them(
    speaking: Client, prompts: list[Prompt], make_speaker: Callable[[str], Speaker]
) -> None:
    made = recorded(speaking, prompts[0])
    stranger = Client()
    stranger.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    assert trim(stranger, made["id"], start=0.5, end=1.5).status_code == 404
    assert trim(Client(), made["id"], start=0.5, end=1.5).status_code == 401


def test_the_page_leaves_no_less_than_training_uses() -> None:
    assert LEAST_SECONDS == dataset.MIN_CLIP_SECONDS


def test_a_note_is_kept_with_its_take_and_can_be_taken_away(speaking: Client, prompts: list[Prompt]) -> None:
    made = recorded(speaking, prompts[0])
    address = f"/clips/{made['id']}/note"
    written = speaking.post(address, {"note": "  목이  잠겼을 때 "}, content_type="application/json").json()
    assert written["note"] == Clip.objects.get().note == "목이 잠겼을 때"
    assert speaking.post(address, {"note": ""}, content_type="application/json").json()["note"] == ""
    long = speaking.post(address, {"note": "가" * 301}, content_type="application/json")
    assert (long.status_code, long.json()["code"]) == (400, "bad_fields")


@pytest.mark.parametrize("room", [None, -66.0, -40.0])
def test_a_room_that_was_measured_moves_the_bounds_on_the_page_as_it_moves_those_of_training(
    room: float | None,
) -> None:
    samples = take(seconds=3.0, quiet=0.8, floor_dbfs=-72.0)
    wave = to_float32(samples)
    wave[: round(0.7 * 48_000)] += 0.0008 * np.random.default_rng(1).standard_normal(round(0.7 * 48_000)).astype(
        np.float32
    )
    measures = quality.inspect(wave, 48_000, room_dbfs=room).to_json()
    floor = quality.take_floor(wave, 48_000, room)
    start, end = trim_bounds(wave, 48_000, noise_floor_dbfs=floor)
    shown = automatic_trim(Clip(seconds=3.0, measures=measures))
    assert shown == pytest.approx((start / 48_000, end / 48_000), abs=0.001)
