"""The room tone of a sitting: how it comes in, what is said of it, and what it does to the takes of that sitting."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pytest
from django.test import Client

from speech.wav import wav_bytes
from studio import files, services
from studio.models import Clip, Prompt, RoomTone, Speaker
from studio.room_words import CAUSE_WORDS
from tests.studio.conftest import send
from tests.studio.sounds import take, upload
from training.shelf import _clip_line

pytestmark = pytest.mark.django_db

TONE = "/record/check/room/tone"
RATE = 48_000
SITTING = str(uuid4())
DEVICE = "USB 마이크"


def room(dbfs: float = -72.0, *, hum_dbfs: float | None = None, seed: int = 0) -> npt.NDArray[np.int16]:
    """Five seconds of a room, with mains hum where it is asked for."""
    time = np.arange(5 * RATE) / RATE
    wave = 10 ** (dbfs / 20) * np.random.default_rng(seed).standard_normal(len(time))
    if hum_dbfs is not None:
        hum = sum(np.sin(2 * np.pi * 60 * k * time) / k for k in (1, 2, 3, 4))
        wave += hum / np.sqrt(np.mean(hum**2)) * 10 ** (hum_dbfs / 20)
    return np.rint(wave * 32_768).astype(np.int16)


def tone(samples: npt.NDArray[np.int16] | None = None, **fields: object) -> dict:
    data = wav_bytes(room() if samples is None else samples, RATE)
    sha256 = hashlib.sha256(data).hexdigest()
    return {"id": str(uuid4()), "sha256": sha256, "session": SITTING, "device": DEVICE, "data": data, **fields}


def stored_files(storage: Path) -> list[Path]:
    return [path for path in storage.rglob("*") if path.is_file()]


def test_a_room_is_kept_with_its_figures(speaking: Client, speaker: Speaker) -> None:
    fields = tone()
    answer = send(speaking, fields, TONE)
    assert (answer.status_code, answer.json()["sha256"]) == (201, fields["sha256"])
    row = RoomTone.objects.get()
    assert files.read_bytes(row.file) == fields["data"]
    assert (str(row.session_id), row.session.device, row.speaker) == (SITTING, DEVICE, speaker)
    assert row.noise_floor_dbfs == pytest.approx(-72, abs=0.5)
    body = answer.json()
    assert body["quiet"] and body["causes"] == [] and len(body["bands"]) > 25


def test_what_hums_is_said_in_words_with_what_to_do(speaking: Client) -> None:
    body = send(speaking, tone(room(hum_dbfs=-50)), TONE).json()
    (cause,) = body["causes"]
    assert cause["code"] == "hum" and "60 Hz" in cause["words"] and "충전기" in cause["advice"]
    assert not body["quiet"] and body["hum_hz"] == 60
    assert "room-tone" in speaking.get("/record/check/room/").content.decode()


def test_every_cause_has_words() -> None:
    assert set(CAUSE_WORDS) == {"zeros", "talking", "hum", "fan", "rumble", "hiss", "clicks", "dc_offset"}


def test_a_room_in_which_somebody_spoke_is_measured_again(speaking: Client, storage: Path) -> None:
    answer = send(speaking, tone(take(seconds=5.0)), TONE)
    assert (answer.status_code, answer.json()["code"]) == (400, "room_again")
    assert "다시 재 주세요" in answer.json()["message"]
    assert not RoomTone.objects.exists() and not stored_files(storage)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"microphone": json.dumps({"noiseSuppression": True})}, "processing_on"),
        ({"dropouts": json.dumps(["gap"])}, "dropout"),
        ({"sha256": "0" * 64}, "damaged"),
        ({"session": ""}, "no_sitting"),
        ({"id": "../x"}, "bad_fields"),
    ],
)
def test_what_is_no_room_tone_is_refused(fields: dict, code: str, speaking: Client, storage: Path) -> None:
    answer = send(speaking, tone(**fields), TONE)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not RoomTone.objects.exists() and not stored_files(storage)


def test_sent_again_it_is_the_same_and_other_sound_under_its_id_is_refused(speaking: Client, storage: Path) -> None:
    fields = tone()
    first, second = send(speaking, fields, TONE), send(speaking, fields, TONE)
    assert (first.status_code, second.status_code) == (201, 200) and first.json() == second.json()
    other = send(speaking, tone(room(seed=1), id=fields["id"]), TONE)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    assert RoomTone.objects.count() == 1 and len(stored_files(storage)) == 1


def test_nobody_measures_in_the_sitting_of_another(speaking: Client, make_speaker: Callable[[str], Speaker]) -> None:
    send(speaking, tone(), TONE)
    stranger = Client()
    stranger.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    assert send(stranger, tone(), TONE).json()["code"] == "session_taken"


def test_no_room_is_measured_without_consent(speaking: Client, speaker: Speaker) -> None:
    services.consent_withdraw(speaker=speaker)
    assert send(speaking, tone(), TONE).json()["code"] == "no_consent"
    assert speaking.get("/record/check/room/").headers["Location"] == "/record/consent/"


def measured(speaking: Client, prompt: Prompt, **fields: object) -> dict:
    """The measures of a take of the sitting, in a room of -66 dBFS."""
    values = upload(prompt.pk, take(floor_dbfs=-66, seed=3), **{"session": SITTING, "device": DEVICE, **fields})
    assert send(speaking, values).status_code == 201
    return Clip.objects.get(pk=values["id"]).measures


def test_the_room_says_where_speech_begins_in_the_takes_of_its_sitting(speaking: Client, prompts: list[Prompt]) -> None:
    before = measured(speaking, prompts[0])
    send(speaking, tone(room(-64)), TONE)
    after = measured(speaking, prompts[0])
    assert "room_dbfs" not in before and after["room_dbfs"] == pytest.approx(-64, abs=0.5)
    assert after["noise_floor_dbfs"] == before["noise_floor_dbfs"]
    assert abs(after["speech_start"] - before["speech_start"]) < 0.05


def test_training_trims_by_the_same_room(speaking: Client, prompts: list[Prompt]) -> None:
    send(speaking, tone(room(-64)), TONE)
    measures = measured(speaking, prompts[0])
    assert _clip_line(Clip.objects.get(), "take.wav")["room_dbfs"] == measures["room_dbfs"]


@pytest.mark.parametrize("fields", [{"session": str(uuid4())}, {"device": "다른 마이크"}])
def test_a_take_of_another_sitting_or_microphone_has_its_own_room(
    fields: dict, speaking: Client, prompts: list[Prompt]
) -> None:
    send(speaking, tone(room(-64)), TONE)
    assert "room_dbfs" not in measured(speaking, prompts[0], **fields)


def test_the_newest_room_of_a_sitting_counts(speaking: Client, prompts: list[Prompt]) -> None:
    send(speaking, tone(room(-62)), TONE)
    send(speaking, tone(room(-68, seed=1)), TONE)
    assert measured(speaking, prompts[0])["room_dbfs"] == pytest.approx(-68, abs=0.5)


def test_of_two_sounds_that_come_at_once_under_one_id_the_first_stays_and_the_other_leaves_no_file(
    speaking: Client, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tone(), tone(room(seed=1))
    second["id"] = first["id"]

    def overtaken() -> None:
        monkeypatch.undo()
        assert send(speaking, first, TONE).status_code == 201

    monkeypatch.setattr(files, "free_space_check", overtaken)
    answer = send(speaking, second, TONE)
    assert (answer.status_code, answer.json()["code"]) == (409, "id_taken")
    assert [path.read_bytes() for path in stored_files(storage)] == [first["data"]]
