"""The dictionary's page: rows by scope, files, and who may come."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from studio.dictionary import entries_of, entry_set
from studio.models import DictionaryEntry, Speaker


@pytest.fixture
def deciding(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def rows(speaker: Speaker | None = None) -> dict[str, str]:
    return dict(entries_of(speaker).values_list("surface", "reading"))


def upload(client: Client, data: bytes, query: str = "", **more: str):
    return client.post(f"/dictionary/import{query}", {"file": SimpleUploadedFile("own.tsv", data), **more})


@pytest.mark.parametrize("path", ["/dictionary/", "/dictionary/export"])
def test_only_admins_see_the_dictionary(path: str, speaking: Client) -> None:
    assert speaking.get(path).status_code == 403


def test_only_admins_write_into_the_dictionary(speaking: Client, db: None) -> None:
    body = {"surface": "MBTI", "reading": "유형"}
    assert speaking.post("/dictionary/", body).status_code == 403
    answer = speaking.post("/dictionary/entries", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "admin_only")
    assert not DictionaryEntry.objects.exists()


def test_a_word_goes_into_the_dictionary_that_is_open(deciding: Client, speaker: Speaker) -> None:
    deciding.post("/dictionary/", {"surface": "MBTI", "reading": "유형"})
    answer = deciding.post("/dictionary/?speaker=mina", {"surface": "MBTI", "reading": "엠비티"})
    assert answer["Location"] == "/dictionary/?speaker=mina"
    assert (rows(), rows(speaker)) == ({"MBTI": "유형"}, {"MBTI": "엠비티"})
    assert 'value="엠비티"' not in deciding.get("/dictionary/").content.decode()


def test_a_refused_word_stays_in_the_form(deciding: Client) -> None:
    answer = deciding.post("/dictionary/", {"surface": "MBTI", "reading": "type"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'value="MBTI"' in page and 'value="type"' in page and "한글" in page


def test_a_row_is_changed_and_taken_out(deciding: Client) -> None:
    entry = entry_set(surface="MBTI", reading="유형")
    deciding.post(f"/dictionary/{entry.pk}/", {"surface": "MBTI", "reading": "성격"})
    assert rows() == {"MBTI": "성격"}
    deciding.post(f"/dictionary/{entry.pk}/", {"surface": "MBTI", "reading": "성격", "delete": "1"})
    assert rows() == {}


def test_a_word_is_found(deciding: Client) -> None:
    entry_set(surface="MBTI", reading="유형")
    entry_set(surface="BTS", reading="방탄")
    page = deciding.get("/dictionary/?q=방").content.decode()
    assert "BTS" in page and 'value="MBTI"' not in page


def test_a_file_comes_in_and_goes_out(deciding: Client, speaker: Speaker) -> None:
    assert upload(deciding, "MBTI\t유형\n".encode(), "?speaker=mina").status_code == 302
    answer = deciding.get("/dictionary/export?speaker=mina")
    assert "dictionary-mina.tsv" in answer["Content-Disposition"]
    assert answer.content.decode().splitlines()[1:] == ["MBTI\t유형"]
    assert rows() == {}


def test_the_bad_lines_of_a_file_are_named(deciding: Client) -> None:
    answer = upload(deciding, "MBTI\t유형\nBTS\n".encode())
    assert answer.status_code == 400
    assert "2번째 줄" in answer.content.decode()
    assert rows() == {}


def test_a_post_without_a_file_says_so(deciding: Client) -> None:
    answer = deciding.post("/dictionary/import")
    assert answer.status_code == 400
    assert "골라" in answer.content.decode()


def test_another_pages_program_writes_a_row(deciding: Client, speaker: Speaker) -> None:
    body = {"surface": "MBTI", "reading": "유형", "speaker": "mina"}
    answer = deciding.post("/dictionary/entries", body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (201, body)
    assert rows(speaker) == {"MBTI": "유형"}


@pytest.mark.parametrize("body", ["[]", "no json", '{"surface": "MBTI"}'])
def test_what_is_no_row_is_refused_in_json(deciding: Client, body: str) -> None:
    answer = deciding.post("/dictionary/entries", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["message"]
