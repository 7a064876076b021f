"""The consent that is spoken: what is taken, what is not, who may hear it, and what taking it back does."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from studio import consent, files, services, sweep
from studio.imports import speaker_for_import
from studio.models import Consent, Prompt, Speaker
from studio.signals import consent_withdrawn
from tests.studio.conftest import send
from tests.studio.sounds import statement, statement_upload, upload

pytestmark = pytest.mark.django_db

STATEMENT = "/record/consent/statement"


@pytest.fixture
def invited(client: Client, db: None) -> Client:
    """The browser of a speaker who has not agreed to anything."""
    user = User.objects.create_user("person-sora")
    services.speaker_create(label="소라", name="sora", user=user)
    client.force_login(user)
    return client


def stored_files(storage: Path) -> list[Path]:
    return [path for path in storage.rglob("*") if path.is_file()]


def test_no_admin_can_make_change_or_remove_a_consent(speaker: Speaker, client: Client, admin: User) -> None:
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    pk = speaker.consents.get().pk
    assert client.get(f"/admin/studio/consent/{pk}/change/").status_code == 200
    assert client.post(f"/admin/studio/consent/{pk}/change/", {"text": "뭐든지"}).status_code == 403
    assert client.post(f"/admin/studio/consent/{pk}/delete/", {"post": "yes"}).status_code == 403
    body = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    client.post("/admin/studio/consent/", body)
    assert client.get("/admin/studio/consent/add/").status_code == 403
    assert client.get("/admin/synthesis/apitoken/add/").status_code == 403
    assert speaker.consents.get().text == "동의합니다."


def test_what_the_page_says_is_for_whom_what_is_kept_and_how_it_is_erased(
    invited: Client, settings: pytest.FixtureRequest
) -> None:
    settings.OPERATOR, settings.CONTACT = "소리 연구실", "voice@example.org"  # type: ignore[attr-defined]
    page = invited.get("/record/consent/").content.decode()
    assert all(words in page for words in ("인공지능 목소리", "소리 연구실", "voice@example.org", "거둘 수 있"))
    assert consent.statement() in page and consent.text_sha256(consent.text()) in page


def test_a_spoken_statement_is_kept_with_text_version_hash_and_time(invited: Client) -> None:
    fields = statement_upload(device="USB 마이크", microphone=json.dumps({"echoCancellation": False}))
    answer = send(invited, fields, STATEMENT)
    assert (answer.status_code, answer.json()["sha256"]) == (201, fields["sha256"])
    row = Consent.objects.get()
    assert (row.kind, row.text, row.text_version) == ("spoken", consent.text(), consent.VERSION)
    assert row.statement == consent.statement() and row.text.endswith(row.statement)
    assert row.sha256 == hashlib.sha256(files.read_bytes(row.file)).hexdigest() == fields["sha256"]
    assert row.measures["device"] == "USB 마이크" and row.measures["speech_seconds"] > 6
    assert row.given_at.isoformat() == answer.json()["given_at"]


def test_without_a_spoken_statement_no_take_is_taken(invited: Client, prompts: list[Prompt]) -> None:
    refusal = send(invited, upload(prompts[0].pk))
    assert (refusal.status_code, refusal.json()["code"]) == (403, "no_consent")
    assert invited.get("/record/").headers["Location"] == "/record/consent/"
    send(invited, statement_upload(), STATEMENT)
    assert send(invited, upload(prompts[0].pk)).status_code == 201


def test_a_statement_sent_again_is_the_same_consent(invited: Client, storage: Path) -> None:
    fields = statement_upload()
    first, second = send(invited, fields, STATEMENT), send(invited, fields, STATEMENT)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Consent.objects.count() == 1 and len(stored_files(storage)) == 1


def test_other_words_under_the_same_id_are_refused(invited: Client, storage: Path) -> None:
    fields = statement_upload()
    send(invited, fields, STATEMENT)
    answer = send(invited, statement_upload(statement(seed=1), id=fields["id"]), STATEMENT)
    assert (answer.status_code, answer.json()["code"]) == (409, "id_taken")
    assert Consent.objects.get().sha256 == fields["sha256"] and len(stored_files(storage)) == 1


def test_a_second_statement_while_one_holds_leaves_the_first(invited: Client, storage: Path) -> None:
    first, second = statement_upload(), statement_upload(statement(seed=1))
    send(invited, first, STATEMENT)
    assert send(invited, second, STATEMENT).status_code == 200
    assert Consent.objects.get().sha256 == first["sha256"] and len(stored_files(storage)) == 1


@pytest.mark.django_db(transaction=True)
def test_one_statement_arriving_eight_times_at_once_is_one_consent(storage: Path) -> None:
    user = User.objects.create_user("person-sora")
    services.speaker_create(label="소라", name="sora", user=user)
    fields = statement_upload()

    def once(_: int) -> int:
        client = Client()
        client.force_login(user)
        try:
            return send(client, fields, STATEMENT).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(once, range(8))) == [200] * 7 + [201]
    assert Consent.objects.count() == 1 and len(stored_files(storage)) == 1


SILENT = np.random.default_rng(0).normal(0, 10, 16 * 48_000).astype(np.int16)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"samples": SILENT}, "statement_unclear"),
        ({"samples": statement(peak_dbfs=-6.0, floor_dbfs=-14.0)}, "statement_unclear"),
        ({"samples": statement(seconds=3.0)}, "statement_short"),
        ({"microphone": json.dumps({"noiseSuppression": True})}, "processing_on"),
        ({"dropouts": json.dumps(["gap"])}, "dropout"),
        ({"text_sha256": "0" * 64}, "text_changed"),
        ({"sha256": "0" * 64}, "damaged"),
        ({"data": b"OggS" + bytes(200), "sha256": hashlib.sha256(b"OggS" + bytes(200)).hexdigest()}, "not_wav"),
        ({"text_sha256": ""}, "bad_fields"),
    ],
)
def test_what_is_no_statement_is_refused_in_korean(fields: dict, code: str, invited: Client, storage: Path) -> None:
    samples = fields.pop("samples", None)
    answer = send(invited, {**statement_upload(samples), **fields}, STATEMENT)
    body = answer.json()
    assert answer.status_code in {400, 409}
    assert body["code"] == code and any("가" <= letter <= "힣" for letter in body["message"])
    assert not Consent.objects.exists() and not stored_files(storage)


def test_a_loud_and_clipped_statement_can_be_heard_out_and_is_taken(invited: Client) -> None:
    loud = np.clip(statement().astype(np.int32) * 4, -32_768, 32_767).astype(np.int16)
    assert send(invited, statement_upload(loud), STATEMENT).status_code == 201


def test_the_statement_is_heard_by_its_speaker_and_by_admins_only(
    invited: Client, make_speaker: Callable[[str], Speaker], admin: User
) -> None:
    fields = statement_upload()
    send(invited, fields, STATEMENT)
    address = reverse("studio:consent_audio", args=[Consent.objects.get(statement_id=fields["id"]).pk])
    stranger, boss = Client(), Client()
    stranger.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    boss.force_login(admin)
    assert invited.get(address).content == boss.get(address).content == fields["data"]
    assert (stranger.get(address).status_code, Client().get(address).status_code) == (404, 401)
    assert address in invited.get("/record/consent/").content.decode()
    invited.post("/record/consent/withdraw")
    assert invited.get(address).status_code == boss.get(address).status_code == 200


def test_a_consent_by_the_admins_word_has_no_sound_and_holds(prompts: list[Prompt]) -> None:
    speaker = speaker_for_import(name="lmy", consent="연구용 공개 말뭉치, 2021년 계약서")
    row = speaker.consents.get()
    assert (row.kind, row.file) == ("word", "")
    assert list(Consent.objects.in_force()) == [row]


def test_a_spoken_consent_without_its_sound_cannot_be_a_row(speaker: Speaker) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        speaker.consents.create(kind="spoken", text="동의", text_version="1", text_sha256="0" * 64)


def test_what_was_only_ticked_holds_for_nothing_new_until_it_is_spoken(invited: Client) -> None:
    speaker = Speaker.objects.get(name="sora")
    speaker.consents.create(kind="ticked", text="동의", text_version="2026-11", text_sha256="0" * 64)
    assert invited.get("/record/").headers["Location"] == "/record/consent/"
    assert send(invited, statement_upload(), STATEMENT).status_code == 201
    assert invited.get("/record/").status_code == 200
    assert [row.kind for row in speaker.consents.filter(withdrawn_at=None)] == ["spoken"]


def test_taking_it_back_is_told_once_in_the_same_transaction(speaking: Client, speaker: Speaker) -> None:
    heard: list[Speaker] = []

    def hear(sender: object, *, speaker: Speaker, **_: object) -> None:
        assert connection.in_atomic_block
        heard.append(speaker)

    consent_withdrawn.connect(hear)
    try:
        speaking.post("/record/consent/withdraw")
        speaking.post("/record/consent/withdraw")
    finally:
        consent_withdrawn.disconnect(hear)
    assert heard == [speaker]


def test_a_statement_without_a_row_is_swept_away_when_it_is_old(invited: Client, storage: Path) -> None:
    send(invited, statement_upload(), STATEMENT)
    row = Consent.objects.get()
    old = f"consents/{row.speaker_id}/{uuid4()}.wav"
    files.save_bytes(old, b"left behind")
    for key in (old, row.file):
        os.utime(storage / key, (0, 0))
    assert sweep.files_sweep() == [old]
    assert [str(path.relative_to(storage)) for path in stored_files(storage)] == [row.file]


def test_the_shortest_time_of_a_statement_counts_syllables_and_words() -> None:
    assert consent.shortest_seconds("동의합니다 " * 4) == 2.0
    assert consent.shortest_seconds("I agree that it's used " + "so " * 7) == 2.0
    with translation.override("ko"):
        assert 4 < consent.shortest_seconds(consent.statement()) < 10
