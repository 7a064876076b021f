"""How the sentences to record are read, and mending it word by word."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from studio.dictionary import dictionary_for, entry_set
from studio.models import Prompt
from studio.prompt_readings import prompt_reading

TEXT = "3번 출구에서 MBTI를 3번 물었다."


@pytest.fixture
def deciding(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def prompt_of(text: str, reading: str = "") -> Prompt:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Prompt.objects.create(text=text, text_sha256=digest, reading=reading, corpus="test", pronunciation="가")


def readings(prompt: Prompt) -> dict[str, tuple[str, bool]]:
    spans = prompt_reading(prompt, dictionary_for(None))["spans"]
    return {span["surface"]: (span["reading"].strip(), span["chosen"]) for span in spans if span["surface"].strip()}


def post(client: Client, prompt: Prompt, start: int, reading: str | None):
    body = {"start": start, "reading": reading}
    return client.post(f"/prompts/{prompt.pk}/reading", body, content_type="application/json")


def test_a_word_is_mended_and_only_there(deciding: Client) -> None:
    prompt = prompt_of(TEXT)
    answer = post(deciding, prompt, TEXT.rindex("3번"), "네 번")
    assert answer.status_code == 200
    prompt.refresh_from_db()
    assert prompt.reading == "삼 번 출구에서 엠비티아이를 네 번 물었다."
    assert prompt.pronunciation == "삼 번 출구에서 엠비티아이를 네 번 무럳따."
    chosen = [(span["surface"], span["chosen"]) for span in answer.json()["spans"] if "3번" in span["surface"]]
    assert chosen == [("3번", False), ("3번", True)]


def test_a_mended_word_can_be_as_it_was(deciding: Client) -> None:
    prompt = prompt_of(TEXT)
    post(deciding, prompt, TEXT.index("MBTI"), "유형")
    post(deciding, prompt, TEXT.index("MBTI"), None)
    prompt.refresh_from_db()
    assert prompt.reading == ""


def test_a_reading_that_came_with_the_sentence_is_laid_upon_its_words(db: None) -> None:
    read_so = readings(prompt_of("KBS에서 1/3이다.", "한국방송에서 일월 삼 일이다."))
    assert (read_so["KBS"], read_so["1/3"]) == (("한국방송", True), ("일월 삼 일", True))


def test_a_reading_that_does_not_follow_the_words_stays_whole(deciding: Client) -> None:
    prompt = prompt_of("오늘은 12도", "전혀 다른 글")
    assert readings(prompt) == {"오늘은 12도": ("전혀 다른 글", True)}
    post(deciding, prompt, 0, None)
    prompt.refresh_from_db()
    assert prompt.reading == ""


def test_the_projects_dictionary_reads_sentences_too(db: None) -> None:
    entry_set(surface="MBTI", reading="유형")
    assert readings(prompt_of(TEXT))["MBTI"] == ("유형", False)


@pytest.mark.parametrize(("start", "reading"), [(1, "삼"), (0, "3"), (999, "삼"), ("x", "삼")])
def test_what_is_no_reading_of_a_word_is_refused(deciding: Client, start: int, reading: str) -> None:
    prompt = prompt_of(TEXT)
    assert post(deciding, prompt, start, reading).status_code in (400, 409)
    prompt.refresh_from_db()
    assert prompt.reading == ""


def test_a_speaker_does_not_mend_sentences(speaking: Client) -> None:
    assert post(speaking, prompt_of(TEXT), 0, "세 번").status_code == 403


@pytest.mark.parametrize("body", [{}, {"start": "the first", "reading": "세 번"}, {"start": 3}])
def test_what_is_missing_from_a_choice_is_named(deciding: Client, body: dict[str, Any]) -> None:
    answer = deciding.post(f"/prompts/{prompt_of(TEXT).pk}/reading", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_fields")
    assert answer.json()["params"]["names"] == ["start", "reading"]


def test_the_page_brings_the_readings_along(deciding: Client) -> None:
    prompt = prompt_of(TEXT)
    page = deciding.get("/prompts/").content.decode()
    data = page.partition('id="prompt-readings" type="application/json">')[2].partition("</script>")[0]
    assert json.loads(data)[str(prompt.pk)]["spans"][0]["surface"] == "3번"
