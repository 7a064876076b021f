"""Own readings where they are heard: the preview of a text, and the text that a worker speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from studio import dictionary
from studio.models import Speaker
from synthesis import selectors, services
from synthesis import speaker as speaking
from synthesis.models import Utterance, Voice

pytestmark = pytest.mark.usefixtures("redis_url")


@pytest.fixture
def browser(listener: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(listener)


def read(browser: Client, **body: Any) -> str:
    answer = browser.post("/api/read", body, content_type="application/json").json()
    return " ".join(sentence["reading"] for sentence in answer["sentences"])


def spoken(utterance: Utterance) -> str:
    speaking.utterance_speak(utterance.pk)
    return " ".join(sentence.reading["reading"] for sentence in utterance.sentences.order_by("index"))


def test_the_preview_reads_by_choice_before_voice_before_project(
    browser: Client, voice: Voice, speaker: Speaker
) -> None:
    Voice.objects.filter(pk=voice.pk).update(speaker=speaker)
    assert read(browser, text="MBTI야.") == "엠비티아이야."
    dictionary.entry_set(surface="MBTI", reading="성격")
    assert read(browser, text="MBTI야.", voice="mina") == "성격이야."
    dictionary.entry_set(surface="MBTI", reading="유형", speaker=speaker)
    assert read(browser, text="MBTI야.") == "성격이야."
    assert read(browser, text="MBTI야.", voice="mina") == "유형이야."
    assert read(browser, text="MBTI야.", voice="mina", dictionary={"MBTI": "엠비티"}) == "엠비티야."


def test_a_preview_by_readings_that_cannot_be_spoken_is_refused(browser: Client) -> None:
    body = {"text": "MBTI", "dictionary": {"MBTI": "mbti"}}
    response = browser.post("/api/read", body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "bad_entry")


def test_a_worker_reads_as_the_preview_said(voice: Voice, speaker: Speaker, listener: User) -> None:
    Voice.objects.filter(pk=voice.pk).update(speaker=speaker)
    voice.refresh_from_db()
    dictionary.entry_set(surface="MBTI", reading="유형", speaker=speaker)
    dictionary.entry_set(surface="없는말", reading="업는 말")
    utterance = services.utterance_request(
        voice=voice, text="MBTI를 3번 했다.", requested_by=listener, choices={"3번": "삼 번"}
    )
    assert utterance.dictionary == {"MBTI": "유형", "3번": "삼 번"}
    assert spoken(utterance) == "유형을 삼 번 했다."


def test_a_text_that_waits_is_read_as_when_it_was_asked_for(voice: Voice, listener: User) -> None:
    entry = dictionary.entry_set(surface="MBTI", reading="유형")
    utterance = services.utterance_request(voice=voice, text="MBTI입니다.", requested_by=listener)
    dictionary.entry_delete(entry=entry)
    assert spoken(utterance) == "유형입니다."


def test_a_sign_with_a_reading_of_its_own_is_spoken(voice: Voice, listener: User) -> None:
    dictionary.entry_set(surface="あ", reading="아")
    utterance = services.utterance_request(voice=voice, text="あ", requested_by=listener)
    assert spoken(utterance) == "아"


def test_what_was_chosen_for_a_text_comes_back_with_it(browser: Client, voice: Voice) -> None:
    body = {"text": "3번", "voice": "mina", "seed": 0, "dictionary": {"3번": "삼 번"}}
    state = browser.post("/utterances/", body, content_type="application/json").json()
    assert state["choices"] == {"3번": "삼 번"}
    assert selectors.utterance_state(Utterance.objects.get())["choices"] == {"3번": "삼 번"}
