"""The way of one take into the house, and everything that is turned away."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import reverse

from speech.wav import parse_wav, wav_bytes
from studio import files, services, sweep
from studio.models import Clip, Prompt, RecordingSession, Speaker
from tests.studio.conftest import send
from tests.studio.sounds import take, upload

pytestmark = pytest.mark.django_db


def stored_files(storage: Path) -> list[Path]:
    return [path for path in storage.rglob("*") if path.is_file()]


def test_a_take_is_stored_untouched_and_answered_with_its_hash(speaking: Client, prompts: list[Prompt]) -> None:
    fields = upload(prompts[0].pk)
    response = send(speaking, fields)
    assert response.status_code == 201, response.content
    answer = response.json()
    assert answer["sha256"] == fields["sha256"] == hashlib.sha256(fields["data"]).hexdigest()
    clip = Clip.objects.get(pk=fields["id"])
    assert files.read_bytes(clip.file) == fields["data"]
    assert clip.stored_sha256 == clip.sha256
    assert (clip.text, clip.sample_rate, clip.seconds) == (prompts[0].text, 48_000, 2.0)


def test_a_take_that_arrives_while_consent_is_taken_back_is_not_stored(
    speaking: Client, speaker: Speaker, prompts: list[Prompt], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = files.save_bytes

    def then_withdrawn(key: str, content: bytes | Path) -> int:
        services.consent_withdraw(speaker=speaker)
        return save(key, content)

    monkeypatch.setattr(files, "save_bytes", then_withdrawn)
    response = send(speaking, upload(prompts[0].pk))
    assert (response.status_code, response.json()["code"]) == (403, "no_consent")
    assert not Clip.objects.exists() and stored_files(storage) == []


def test_a_take_that_came_in_before_consent_was_taken_back_keeps_its_sound_when_it_is_sent_again(
    speaking: Client, speaker: Speaker, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    fields, save = upload(prompts[0].pk), files.save_bytes

    def then_the_other(key: str, content: bytes | Path) -> int:
        """The same take, sent twice at once, is stored by the other request; and then consent is taken back."""
        monkeypatch.setattr(files, "save_bytes", save)
        assert send(speaking, fields).status_code == 201
        services.consent_withdraw(speaker=speaker)
        return save(key, content)

    monkeypatch.setattr(files, "save_bytes", then_the_other)
    assert send(speaking, fields).status_code == 403
    assert files.read_bytes(Clip.objects.get().file) == fields["data"]


def test_a_good_take_is_called_good_in_words_and_kept(speaking: Client, prompts: list[Prompt]) -> None:
    answer = send(speaking, upload(prompts[0].pk)).json()
    assert answer["verdict"] == {"level": "good", "words": "좋아요", "reasons": []}
    assert answer["kept"] and answer["progress"].items() >= {"done": 1, "total": 4, "seconds": 2.0}.items()


def test_a_clipped_take_is_refused_with_words_and_advice_but_stored(speaking: Client, prompts: list[Prompt]) -> None:
    loud = np.clip(take().astype(np.int32) * 4, -32_768, 32_767).astype(np.int16)
    answer = send(speaking, upload(prompts[0].pk, loud)).json()
    assert answer["verdict"]["level"] == "refused"
    assert answer["verdict"]["reasons"][0]["words"] == "소리가 찌그러졌어요"
    assert answer["verdict"]["reasons"][0]["advice"]
    assert not answer["kept"] and answer["progress"]["done"] == 0


def test_raw_wav_with_the_fields_in_the_address_is_taken_as_well(speaking: Client, prompts: list[Prompt]) -> None:
    fields = upload(prompts[0].pk)
    query = {name: fields[name] for name in ("id", "prompt", "sha256")}
    response = speaking.post("/clips/", fields["data"], content_type="audio/wav", query_params=query)
    assert response.status_code == 201, response.content


def test_the_same_take_sent_again_is_the_same_take(speaking: Client, prompts: list[Prompt], storage: Path) -> None:
    fields = upload(prompts[0].pk)
    first, second = send(speaking, fields), send(speaking, fields)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Clip.objects.count() == 1 and len(stored_files(storage)) == 1


def test_other_content_under_the_same_id_is_refused(speaking: Client, prompts: list[Prompt], storage: Path) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    response = send(speaking, upload(prompts[0].pk, take(seed=1), id=fields["id"]))
    assert (response.status_code, response.json()["code"]) == (409, "id_taken")
    assert Clip.objects.get().sha256 == fields["sha256"] and len(stored_files(storage)) == 1


def test_the_id_of_another_speakers_take_is_refused(
    client: Client, speaking: Client, prompts: list[Prompt], make_speaker: Callable[[str], Speaker]
) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    other = Client()
    other.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    assert send(other, fields).json()["code"] == "id_taken"


def test_bytes_that_do_not_match_the_hash_are_refused(speaking: Client, prompts: list[Prompt]) -> None:
    fields = upload(prompts[0].pk)
    fields["data"] = fields["data"][:-2] + b"\x01\x02"
    response = send(speaking, fields)
    assert (response.status_code, response.json()["code"]) == (400, "damaged")
    assert not Clip.objects.exists()


def test_a_take_that_is_there_and_comes_again_damaged_is_asked_for_again(
    speaking: Client, prompts: list[Prompt]
) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    damaged = fields | {"data": fields["data"][:-2] + b"\x01\x02"}
    assert send(speaking, damaged).json()["code"] == "damaged"  # no other take under the same id
    assert send(speaking, fields).status_code == 200


def bad_wavs() -> dict[str, bytes]:
    good = wav_bytes(take(), 48_000)
    stereo = bytearray(good)
    struct.pack_into("<HIIH", stereo, 22, 2, 48_000, 48_000 * 4, 4)
    odd_rate = bytearray(good)
    struct.pack_into("<II", odd_rate, 24, 1, 2)
    return {
        "empty_file": b"",
        "not_wav": b"OggS" + bytes(200),
        "not_mono": bytes(stereo),
        "bad_rate": bytes(odd_rate),
        "truncated": good[:-1000],
        "too_short": wav_bytes(take(seconds=2)[:4800], 48_000),
        "too_long": wav_bytes(np.zeros(31 * 16_000, np.int16), 16_000),
    }


def test_a_take_a_little_too_long_is_not_told_to_be_as_long_as_it_may(speaking: Client, prompts: list[Prompt]) -> None:
    samples = np.zeros(round(30.04 * 48_000), np.int16)
    assert "너무 길어요(30.04초)" in send(speaking, upload(prompts[0].pk, samples)).json()["message"]


@pytest.mark.parametrize("code", sorted(bad_wavs()))
def test_anything_but_such_a_wav_is_refused_by_code_and_in_korean(
    code: str, speaking: Client, prompts: list[Prompt], storage: Path
) -> None:
    data = bad_wavs()[code]
    fields = {**upload(prompts[0].pk), "data": data, "sha256": hashlib.sha256(data).hexdigest()}
    response = send(speaking, fields)
    assert response.status_code == 400
    body = response.json()
    assert body["code"] == code
    assert any("가" <= letter <= "힣" for letter in body["message"])
    assert not Clip.objects.exists() and not stored_files(storage)


@pytest.mark.parametrize("name", ["echoCancellation", "noiseSuppression", "autoGainControl"])
def test_a_take_with_browser_processing_on_is_refused(name: str, speaking: Client, prompts: list[Prompt]) -> None:
    response = send(speaking, upload(prompts[0].pk, microphone=json.dumps({name: True})))
    assert (response.status_code, response.json()["code"]) == (400, "processing_on")


def test_a_take_with_a_dropout_is_refused(speaking: Client, prompts: list[Prompt]) -> None:
    response = send(speaking, upload(prompts[0].pk, dropouts=json.dumps(["gap"])))
    assert (response.status_code, response.json()["code"]) == (400, "dropout")


def test_an_unknown_prompt_is_refused(speaking: Client, prompts: list[Prompt]) -> None:
    response = send(speaking, upload(999_999))
    assert (response.status_code, response.json()["code"]) == (404, "no_prompt")


def test_a_prompt_that_is_no_longer_read_is_refused(speaking: Client, prompts: list[Prompt]) -> None:
    Prompt.objects.filter(pk=prompts[0].pk).update(active=False)
    response = send(speaking, upload(prompts[0].pk))
    assert (response.status_code, response.json()["code"]) == (409, "prompt_inactive")


NO_JSON = ['{"a": NaN}', '{"a": 1e400}', "[" * 100_000, "9" * 5000]


@pytest.mark.parametrize("text", NO_JSON, ids=range(len(NO_JSON)))
def test_json_that_no_database_keeps_is_refused_and_not_tried_again(
    text: str, speaking: Client, prompts: list[Prompt]
) -> None:
    response = send(speaking, upload(prompts[0].pk, session=str(uuid4()), microphone=text))
    assert (response.status_code, response.json()["params"]) == (400, {"names": ["microphone"]})
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    noted = speaking.post(f"/clips/{fields['id']}/note", text, content_type="application/json")
    assert (noted.status_code, noted.json()["code"]) == (400, "bad_json")


def test_letters_that_no_database_keeps_are_marked_in_what_a_microphone_is_called(
    speaking: Client, prompts: list[Prompt]
) -> None:
    fields = upload(prompts[0].pk, session=str(uuid4()), microphone='{"label": "\\ud800 \\u0000"}')
    assert send(speaking, fields).status_code == 201
    assert RecordingSession.objects.get().microphone == {"label": "\ufffd \ufffd"}


@pytest.mark.parametrize("field", ["id", "prompt", "sha256"])
def test_a_missing_field_is_named(field: str, speaking: Client, prompts: list[Prompt]) -> None:
    fields = upload(prompts[0].pk)
    del fields[field]
    response = send(speaking, fields)
    assert (response.status_code, response.json()["params"]) == (400, {"names": [field]})


@pytest.mark.parametrize("name", ["../../etc/passwd", "1; rm -rf /", "not-a-uuid"])
def test_an_id_that_is_none_is_refused(name: str, speaking: Client, prompts: list[Prompt], storage: Path) -> None:
    assert send(speaking, upload(prompts[0].pk, id=name)).status_code == 400
    assert not stored_files(storage)


def test_nobody_records_without_signing_in(client: Client, prompts: list[Prompt]) -> None:
    assert send(client, upload(prompts[0].pk)).status_code == 401


def test_no_take_is_accepted_without_consent_in_force(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    services.consent_withdraw(speaker=speaker)
    response = send(speaking, upload(prompts[0].pk))
    assert (response.status_code, response.json()["code"]) == (403, "no_consent")


def test_a_page_that_somebody_else_left_open_gives_nobody_its_take(
    speaking: Client, speaker: Speaker, prompts: list[Prompt], make_speaker: Callable[[str], Speaker], storage: Path
) -> None:
    fields, mina, jun = upload(prompts[0].pk), str(speaker.user_id), make_speaker("jun")
    speaking.force_login(jun.user)  # type: ignore[arg-type]  # in another tab of the same browser
    response = send(speaking, fields, x_person=mina)
    assert (response.status_code, response.json()["code"]) == (403, "other_person")
    assert speaking.post("/record/move", {"action": "skip"}, headers={"X-Person": mina}).status_code == 403
    assert not Clip.objects.exists() and not stored_files(storage) and not jun.skips.exists()
    assert send(speaking, fields, x_person=str(jun.user_id)).status_code == 201


def test_a_page_whose_person_was_signed_out_is_told_to_sign_in(speaker: Speaker, prompts: list[Prompt]) -> None:
    response = send(Client(), upload(prompts[0].pk), x_person=str(speaker.user_id))
    assert (response.status_code, response.json()["code"]) == (401, "sign_in")


def test_a_nearly_full_disk_answers_507_and_keeps_nothing(
    speaking: Client, prompts: list[Prompt], settings: object, storage: Path
) -> None:
    settings.MIN_FREE_BYTES = 2**62  # type: ignore[attr-defined]
    response = send(speaking, upload(prompts[0].pk))
    assert (response.status_code, response.json()["code"]) == (507, "disk_full")
    assert not Clip.objects.exists() and not stored_files(storage)


def test_a_disk_that_fills_up_while_writing_answers_507(
    speaking: Client, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(default_storage, "save", full)
    assert send(speaking, upload(prompts[0].pk)).status_code == 507
    assert not Clip.objects.exists()


def test_the_newest_usable_take_is_the_kept_one(speaking: Client, prompts: list[Prompt]) -> None:
    first, second = upload(prompts[0].pk), upload(prompts[0].pk, take(seed=1))
    send(speaking, first)
    send(speaking, second)
    assert list(Clip.objects.filter(kept=True).values_list("pk", flat=True)) == [Clip.objects.get(pk=second["id"]).pk]


def test_a_refused_take_does_not_replace_a_good_one(speaking: Client, prompts: list[Prompt]) -> None:
    good = upload(prompts[0].pk)
    send(speaking, good)
    silent = send(speaking, upload(prompts[0].pk, np.zeros(96_000, np.int16))).json()
    assert silent["verdict"]["level"] == "refused"
    assert str(Clip.objects.get(kept=True).pk) == good["id"]


def test_what_the_speaker_chose_is_not_replaced_by_a_newer_take(speaking: Client, prompts: list[Prompt]) -> None:
    first = upload(prompts[0].pk)
    send(speaking, first)
    assert speaking.post(f"/clips/{first['id']}/keep").status_code == 200
    send(speaking, upload(prompts[0].pk, take(seed=1)))
    assert str(Clip.objects.get(kept=True).pk) == first["id"]


def test_a_discarded_take_gives_way_and_can_be_taken_back(speaking: Client, prompts: list[Prompt]) -> None:
    first, second = upload(prompts[0].pk), upload(prompts[0].pk, take(seed=1))
    send(speaking, first)
    send(speaking, second)
    state = speaking.delete(f"/clips/{second['id']}/").json()
    assert [each["id"] for each in state["takes"]] == [first["id"]]
    assert str(Clip.objects.get(kept=True).pk) == first["id"]
    state = speaking.post(f"/clips/{second['id']}/restore").json()
    assert [each["id"] for each in state["takes"]] == [second["id"], first["id"]]
    assert Clip.objects.filter(kept=True).count() == 1


def test_a_discarded_take_that_is_chosen_is_back(speaking: Client, prompts: list[Prompt]) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    speaking.delete(f"/clips/{fields['id']}/")
    assert speaking.post(f"/clips/{fields['id']}/keep").json()["progress"]["done"] == 1
    clip = Clip.objects.get()
    assert clip.kept and clip.discarded_at is None


def test_the_sitting_is_remembered_once_with_its_microphone(speaking: Client, prompts: list[Prompt]) -> None:
    sitting = str(uuid4())
    settings = json.dumps({"echoCancellation": False, "sampleRate": 48_000})
    for seed in (0, 1):
        fields = upload(prompts[0].pk, take(seed=seed), session=sitting, device="USB 마이크", microphone=settings)
        assert send(speaking, fields, user_agent="Firefox").status_code == 201
    session = RecordingSession.objects.get()
    assert (session.device, session.sample_rate, session.user_agent) == ("USB 마이크", 48_000, "Firefox")
    assert session.clips.count() == 2


def test_the_master_is_heard_by_its_speaker_and_by_admins_only(
    speaking: Client, prompts: list[Prompt], make_speaker: Callable[[str], Speaker], admin: object
) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    address = reverse("studio:clip_audio", args=[fields["id"]])
    assert speaking.get(address).content == fields["data"]
    stranger, boss = Client(), Client()
    stranger.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    boss.force_login(admin)  # type: ignore[arg-type]
    assert (stranger.get(address).status_code, Client().get(address).status_code) == (404, 401)
    assert boss.get(address).status_code == 200


def test_the_sitting_of_another_speaker_is_refused(
    speaking: Client, prompts: list[Prompt], make_speaker: Callable[[str], Speaker], storage: Path
) -> None:
    fields = upload(prompts[0].pk, session=str(uuid4()))
    send(speaking, fields)
    other = Client()
    other.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    response = send(other, upload(prompts[0].pk, take(seed=1), session=fields["session"]))
    assert (response.status_code, response.json()["code"]) == (409, "session_taken")
    assert Clip.objects.count() == RecordingSession.objects.count() == len(stored_files(storage)) == 1


def test_a_player_can_seek_by_range(speaking: Client, prompts: list[Prompt]) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    address = reverse("studio:clip_audio", args=[fields["id"]])
    part = speaking.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, fields["data"][100:200])
    assert part["Content-Range"] == f"bytes 100-199/{len(fields['data'])}"
    assert speaking.get(address, headers={"Range": "bytes=-50"}).content == fields["data"][-50:]
    assert speaking.get(address, headers={"Range": "bytes=99999999-"}).status_code == 416
    endless = speaking.get(address, headers={"Range": f"bytes={'9' * 5000}-"})
    assert (endless.status_code, endless.content) == (200, fields["data"])


def test_another_speakers_take_cannot_be_kept_or_discarded(
    speaking: Client, prompts: list[Prompt], make_speaker: Callable[[str], Speaker]
) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    stranger = Client()
    stranger.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    assert stranger.post(f"/clips/{fields['id']}/keep").status_code == 404
    assert stranger.delete(f"/clips/{fields['id']}/").status_code == 404
    assert Clip.objects.get().discarded_at is None


@pytest.mark.django_db(transaction=True)
def test_one_take_arriving_ten_times_at_once_is_one_row_and_one_file(
    speaker: Speaker, prompts: list[Prompt], storage: Path
) -> None:
    fields = upload(prompts[0].pk)

    def once(_: int) -> int:
        client = Client()
        client.force_login(speaker.user)  # type: ignore[arg-type]
        try:
            return send(client, fields).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        codes = sorted(pool.map(once, range(10)))
    assert codes == [200] * 9 + [201]
    assert Clip.objects.count() == 1 and len(stored_files(storage)) == 1


@pytest.mark.django_db(transaction=True)
def test_takes_of_one_prompt_arriving_at_once_leave_one_kept(speaker: Speaker, prompts: list[Prompt]) -> None:
    def once(seed: int) -> int:
        client = Client()
        client.force_login(speaker.user)  # type: ignore[arg-type]
        try:
            return send(client, upload(prompts[0].pk, take(seed=seed))).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(once, range(6))) == {201}
    assert Clip.objects.count() == 6 and Clip.objects.filter(kept=True).count() == 1


def test_a_stored_master_reads_back_as_it_was_sent(speaking: Client, prompts: list[Prompt]) -> None:
    samples = take(rate=44_100)
    fields = upload(prompts[0].pk, samples, rate=44_100)
    send(speaking, fields)
    wav = parse_wav(files.read_bytes(Clip.objects.get().file))
    assert wav.sample_rate == 44_100 and np.array_equal(wav.samples, samples)


def test_a_file_without_a_row_is_swept_away_when_it_is_old_and_no_other(
    speaking: Client, prompts: list[Prompt], storage: Path
) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    speaking.delete(f"/clips/{fields['id']}/")
    clip = Clip.objects.get()
    old, young = f"clips/{clip.speaker_id}/old.wav", f"clips/{clip.speaker_id}/young.wav"
    for key in (old, young):
        files.save_bytes(key, b"left behind")
    for key in (old, clip.file):
        os.utime(storage / key, (0, 0))
    assert sweep.files_sweep() == [old]
    assert {str(path.relative_to(storage)) for path in stored_files(storage)} == {young, clip.file}


def test_sweeping_an_empty_studio_does_nothing() -> None:
    assert sweep.files_sweep() == []
