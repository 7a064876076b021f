"""How a voice learned to read, and how texts are read to it now: pace, mode, and what the pages warn of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from speech.text import FRONT_END_VERSION
from speech.text.dictionary import sha256
from speech.text.split import DECODER_SECONDS, syllables
from studio import dictionary
from studio.models import Speaker
from synthesis import reading, selectors, services
from synthesis.models import Voice
from training.models import Checkpoint

pytestmark = pytest.mark.usefixtures("redis_url")
SignIn = Callable[[User], Client]
AS_NOW = {"version": FRONT_END_VERSION, "mode": "pronunciation", "dictionary_sha256": sha256({})}
LONG = "오늘은 날씨가 맑고 바람이 조금 불겠으며, 내일은 구름이 많이 끼고 남쪽에는 비가 조금 내리겠습니다."


def learned(voice: Voice, **front_end: str) -> None:
    Checkpoint.objects.filter(pk=voice.acoustic.pk).update(front_end=AS_NOW | front_end)


@pytest.fixture
def pages(voice: Voice, admin: User, signed_in: SignIn) -> Callable[[], list[str]]:
    """The list of voices and the room, as an admin sees them."""
    client = signed_in(admin)
    return lambda: [client.get(path).content.decode() for path in ("/voices/", "/speak/")]


@pytest.mark.parametrize(
    ("front_end", "words"),
    [
        ({"version": "0"}, "지금과 다른 방법으로 글을 읽고 배운 목소리라서"),
        ({"version": ""}, "지금과 다른 방법으로 글을 읽고 배운 목소리라서"),
        ({"mode": "spelling"}, "글자 그대로 읽고 배운 목소리예요"),
        ({"dictionary_sha256": sha256({"MBTI": "유형"})}, "이 목소리가 배운 뒤로 사전이 바뀌었어요"),
    ],
)
def test_both_pages_warn_of_a_voice_that_learned_to_read_otherwise(
    voice: Voice, pages: Callable[[], list[str]], front_end: dict[str, str], words: str
) -> None:
    learned(voice, **front_end)
    for page in pages():
        assert words in page


def test_a_voice_that_learned_as_texts_are_read_now_is_not_warned_of(
    voice: Voice, pages: Callable[[], list[str]]
) -> None:
    learned(voice)
    for page in pages():
        assert "목소리라서" not in page
        assert "data-warning=" not in page


def test_a_checkpoint_of_which_nobody_knows_how_it_learned_is_not_warned_of(
    voice: Voice, pages: Callable[[], list[str]]
) -> None:
    assert voice.acoustic.front_end is None
    for page in pages():
        assert "목소리라서" not in page


def test_a_word_that_the_speakers_dictionary_gained_is_warned_of_until_it_is_gone(
    voice: Voice, speaker: Speaker, pages: Callable[[], list[str]]
) -> None:
    learned(voice)
    Voice.objects.filter(pk=voice.pk).update(speaker=speaker)
    row = dictionary.entry_set(surface="MBTI", reading="유형", speaker=speaker)
    assert all("사전이 바뀌었어요" in page for page in pages())
    dictionary.entry_delete(entry=row)
    assert not any("사전이 바뀌었어요" in page for page in pages())


def test_the_page_expects_the_clauses_that_a_slow_voice_will_speak(voice: Voice, listener: User) -> None:
    assert reading.plan(LONG, voice=voice) == [LONG]
    Checkpoint.objects.filter(pk=voice.acoustic.pk).update(pace=2.5)
    asked = services.utterance_request(voice=voice, text=LONG, requested_by=listener)
    utterance = selectors.utterance_for(listener, asked.pk)
    assert utterance is not None
    pieces = selectors.utterance_state(utterance)["plan"]
    assert len(pieces) > 1
    assert all(syllables(piece) / 2.5 < DECODER_SECONDS for piece in pieces)


def test_a_preview_shows_the_sounds_that_the_voice_will_get(voice: Voice, listener: User, signed_in: SignIn) -> None:
    client = signed_in(listener)

    def sound() -> str:
        body = {"text": "꽃잎이", "voice": "mina"}
        answer = client.post("/api/read", body, content_type="application/json").json()
        return str(answer["sentences"][0]["pronunciation"])

    assert sound() == "꼰니피"
    learned(voice, mode="spelling")
    assert sound() == "꽃잎이"
