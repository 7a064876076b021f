"""Voices whose speaker took the consent back: silent until an admin decides otherwise, with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation

from studio import services as studio_services
from studio.errors import Refused
from studio.models import Speaker
from synthesis import consent, events, selectors, services
from synthesis import speaker as speaking
from synthesis.models import Utterance, Voice
from tests.synthesis.babble import store
from training.models import TrainingRun

pytestmark = pytest.mark.usefixtures("redis_url")
SignIn = Callable[[User], Client]


def run_of(speaker: Speaker) -> TrainingRun:
    return TrainingRun.objects.create(speaker=speaker, state="finished", queued_at=timezone.now())


@pytest.fixture
def own(speaker: Speaker, acoustic_file: Path) -> Voice:
    """A voice that was trained on the speaker's clips."""
    return services.voice_publish(acoustic=store(acoustic_file, run=run_of(speaker)), name="mina", label="미나")


@pytest.fixture
def voice_of_nobody(acoustic_file: Path, transactional_db: None) -> Voice:
    return Voice.objects.create(name="base", label="바탕", acoustic=store(acoustic_file))


def withdraw(speaker: Speaker) -> None:
    studio_services.consent_withdraw(speaker=speaker)


def test_a_voice_of_who_took_the_consent_back_says_nothing_more(own: Voice, speaker: Speaker, listener: User) -> None:
    withdraw(speaker)
    own.refresh_from_db()
    assert own.withheld_at is not None and own.retired_at is None
    assert selectors.voice_named("mina") is None and not selectors.voices_in_use()
    with pytest.raises(Refused) as refusal:
        services.utterance_request(voice=own, text="안녕하세요.", requested_by=listener)
    assert (refusal.value.code, refusal.value.status) == ("voice_withheld", 409)


def test_it_is_refused_by_name_to_pages_and_programs(
    own: Voice, speaker: Speaker, signed_in: SignIn, listener: User
) -> None:
    withdraw(speaker)
    client = signed_in(listener)
    page = client.post("/utterances/", {"text": "안녕하세요.", "voice": "mina"}, content_type="application/json")
    program = client.get("/api/speak", {"text": "안녕하세요.", "voice": "mina"})
    assert [answer.json()["code"] for answer in (page, program)] == ["voice_withheld"] * 2
    assert client.get("/api/voices").json()["voices"] == []
    assert not Utterance.objects.exists()


def test_what_it_was_about_to_say_is_not_said(own: Voice, speaker: Speaker, listener: User) -> None:
    waiting = services.utterance_request(voice=own, text="안녕하세요.", requested_by=listener)
    withdraw(speaker)
    waiting.refresh_from_db()
    assert waiting.state == Utterance.State.STOPPED


def test_a_text_that_a_worker_takes_up_meanwhile_is_refused(own: Voice, speaker: Speaker, listener: User) -> None:
    waiting = services.utterance_request(voice=own, text="안녕하세요.", requested_by=listener)
    Voice.objects.filter(pk=own.pk).update(withheld_at=timezone.now())
    speaking.utterance_speak(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error["code"]) == (Utterance.State.FAILED, "voice_withheld")
    with translation.override("en"):
        assert events.error_data(waiting.error)["message"].startswith(
            "The owner of this voice has taken the consent back"
        )
    assert not waiting.sentences.exists()


def test_a_voice_with_only_the_vocoder_of_the_speaker_is_silent_too(
    own: Voice, speaker: Speaker, acoustic_file: Path, vocoder_file: Path
) -> None:
    other = Speaker.objects.create(name="bora", label="보라")
    other.consents.create(text="동의합니다.", text_version="1", text_sha256="0" * 64)
    vocoder = store(vocoder_file, run=run_of(speaker), kind="vocoder", model="waveglow")
    mixed = services.voice_publish(
        acoustic=store(acoustic_file, run=run_of(other)), vocoder=vocoder, name="bora", label="보라"
    )
    withdraw(speaker)
    mixed.refresh_from_db()
    assert mixed.withheld_at is not None


def warmed_up_on(voice: Voice) -> TrainingRun:
    """A run of somebody who agrees, started from the voice's checkpoint."""
    other = Speaker.objects.create(name="bora", label="보라")
    other.consents.create(text="동의합니다.", text_version="1", text_sha256="0" * 64)
    run = run_of(other)
    TrainingRun.objects.filter(pk=run.pk).update(acoustic_base=voice.acoustic)
    return run


def test_a_voice_warmed_up_on_the_speakers_checkpoint_is_silent_too(
    own: Voice, speaker: Speaker, acoustic_file: Path
) -> None:
    warmed = warmed_up_on(own)
    voice = services.voice_publish(acoustic=store(acoustic_file, run=warmed), name="bora", label="보라")
    withdraw(speaker)
    voice.refresh_from_db()
    assert voice.withheld_at is not None


def test_no_voice_is_made_of_a_checkpoint_that_was_warmed_up_on_the_speakers(
    own: Voice, speaker: Speaker, acoustic_file: Path
) -> None:
    warmed = warmed_up_on(own)
    checkpoint = store(acoustic_file, run=warmed)
    assert checkpoint in selectors.checkpoints_to_publish()
    withdraw(speaker)
    assert not selectors.checkpoints_to_publish()
    with pytest.raises(Refused) as refusal:
        services.voice_publish(acoustic=checkpoint, name="bora", label="보라")
    assert refusal.value.code == "no_consent"


def test_voices_of_others_go_on(own: Voice, voice_of_nobody: Voice, speaker: Speaker) -> None:
    withdraw(speaker)
    assert list(selectors.voices_in_use()) == [voice_of_nobody]


def test_the_admin_sees_it_and_lets_it_speak_again_with_a_reason(
    own: Voice, speaker: Speaker, signed_in: SignIn, admin: User
) -> None:
    withdraw(speaker)
    client = signed_in(admin)
    page = client.get("/voices/").content.decode()
    assert "말하지 않음" in page and "화자가 동의를 거두었어요." in page
    assert "동의를 거둔 목소리 1개" in client.get("/").content.decode()
    client.post("/voices/mina/release/", {"reason": "  "})
    own.refresh_from_db()
    assert own.withheld_at is not None
    client.post("/voices/mina/release/", {"reason": "전화로 다시 허락함"})
    own.refresh_from_db()
    assert (own.withheld_at, own.released_by, own.release_reason) == (None, admin, "전화로 다시 허락함")
    assert selectors.voice_named("mina") == own
    assert "전화로 다시 허락함" in client.get("/voices/").content.decode()


def test_only_an_admin_decides(own: Voice, speaker: Speaker, signed_in: SignIn, listener: User) -> None:
    withdraw(speaker)
    assert signed_in(listener).post("/voices/mina/release/", {"reason": "그냥"}).status_code == 403
    own.refresh_from_db()
    assert own.withheld_at is not None


def test_agreeing_again_does_not_decide_for_the_admin_and_taking_it_back_again_undoes_the_decision(
    own: Voice, speaker: Speaker, admin: User
) -> None:
    withdraw(speaker)
    studio_services.consent_give(speaker=speaker, text="다시 동의합니다.")
    own.refresh_from_db()
    assert own.withheld_at is not None
    consent.voice_release(voice=own, reason="다시 동의함", released_by=admin)
    withdraw(speaker)
    own.refresh_from_db()
    assert own.withheld_at is not None and (own.released_at, own.release_reason) == (None, "")


def test_a_voice_that_speaks_cannot_be_let_speak_again(own: Voice, admin: User) -> None:
    with pytest.raises(Refused) as refusal:
        consent.voice_release(voice=own, reason="그냥", released_by=admin)
    assert refusal.value.code == "not_withheld"
