"""The voice that is there before the first speaker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from config import preparation
from studio import files
from studio import services as studio_services
from studio.errors import Refused
from studio.models import Speaker
from synthesis import selectors, services
from synthesis.models import Utterance, Voice
from tests.synthesis.babble import store
from training import shelf
from training.models import Checkpoint, TrainingRun

SignIn = Callable[[User], Client]


@pytest.fixture
def own(speaker: Speaker, acoustic_file: Path) -> Checkpoint:
    """A checkpoint of a run on the speaker's clips."""
    run = TrainingRun.objects.create(speaker=speaker, state="finished", queued_at=timezone.now())
    return store(acoustic_file, run=run)


@pytest.fixture
def base(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Voice:
    """The base voice as the set-up brings it."""
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return set_up()


def set_up() -> Voice:
    preparation.base_voice_prepare()
    return Voice.objects.get(name=selectors.BASE_NAME)


@pytest.fixture
def shipped(transactional_db: None) -> tuple[Checkpoint, Checkpoint | None]:
    return shelf.base_ship(folder=settings.BASE_DIR / "voices" / "base")


def test_it_is_published_once_and_is_nobodys(shipped: tuple[Checkpoint, Checkpoint | None]) -> None:
    voice = services.base_voice_publish(acoustic=shipped[0], vocoder=shipped[1])
    assert services.base_voice_publish(acoustic=shipped[0], vocoder=shipped[1]) == voice
    assert (voice.name, voice.label, voice.speaker) == ("base", "기본 목소리", None)
    assert list(selectors.voices_in_use()) == [voice]


def test_a_newer_one_takes_its_place_and_one_that_was_retired_stays_so(
    shipped: tuple[Checkpoint, Checkpoint | None], acoustic: Checkpoint
) -> None:
    voice = services.base_voice_publish(acoustic=acoustic, vocoder=None)
    services.voice_retire(voice=voice)
    services.base_voice_publish(acoustic=shipped[0], vocoder=shipped[1])
    voice.refresh_from_db()
    assert voice.acoustic == shipped[0]
    assert voice.retired_at is not None


def test_a_voice_of_a_speaker_under_its_name_is_left_alone(
    shipped: tuple[Checkpoint, Checkpoint | None], voice: Voice, speaker: Speaker
) -> None:
    Voice.objects.filter(pk=voice.pk).update(name=selectors.BASE_NAME, speaker=speaker)
    assert services.base_voice_publish(acoustic=shipped[0], vocoder=shipped[1]).acoustic == voice.acoustic


def test_no_checkpoint_takes_its_place(base: Voice, own: Checkpoint, acoustic: Checkpoint) -> None:
    for other in (own, acoustic):
        with pytest.raises(Refused) as refusal:
            services.voice_update(voice=base, acoustic=other, vocoder=None)
        assert (refusal.value.code, refusal.value.status) == ("base_voice", 409)
    assert selectors.base_voice_is_well()


def test_the_page_does_not_offer_to_replace_it_and_refuses_to(
    base: Voice, own: Checkpoint, signed_in: SignIn, admin: User
) -> None:
    client = signed_in(admin)
    assert f'value="{base.pk}"' not in client.get(f"/voices/publish/{own.pk}/").content.decode()
    values = {"acoustic": own.pk, "vocoder": "none", "replaces": base.pk}
    assert client.post("/voices/publish/", values).status_code == 400
    assert selectors.base_voice_is_well()


def test_its_name_is_taken_before_it_is_there(own: Checkpoint) -> None:
    with pytest.raises(Refused) as refusal:
        services.voice_publish(acoustic=own, name="base", label="미나")
    assert refusal.value.code == "name_taken"
    assert selectors.voice_name_free("base") == "base-2"


def test_setting_up_again_changes_nothing(base: Voice) -> None:
    services.voice_rename(voice=base, label="우리 목소리")
    services.voice_retire(voice=base)
    again = set_up()
    assert (again.pk, again.label, again.retired_at is None) == (base.pk, "우리 목소리", False)
    assert Voice.objects.count() == 1


def test_setting_up_brings_it_back_where_its_row_is_gone(base: Voice) -> None:
    base.delete()
    set_up()
    assert selectors.base_voice_is_well()


@pytest.mark.parametrize("harm", [{"error": {"code": "missing"}}, {"withheld_at": timezone.now()}])
def test_setting_up_lets_it_speak_again_where_it_is_silent(base: Voice, harm: dict) -> None:
    Voice.objects.filter(pk=base.pk).update(**harm)
    assert set_up() == base
    assert selectors.base_voice_is_well()


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_setting_up_brings_its_file_back_to_storage(base: Voice, content: bytes | None) -> None:
    whole = files.read_bytes(base.acoustic.file)
    if content is None:
        files.delete_file(base.acoustic.file)
    else:
        files.save_bytes(base.acoustic.file, content)
        Voice.objects.filter(pk=base.pk).update(error={"code": "damaged"})
    assert set_up() == base
    assert files.read_bytes(base.acoustic.file) == whole


def test_one_that_a_speaker_was_put_over_comes_back_beside_the_speakers_own(
    base: Voice, own: Checkpoint, speaker: Speaker, listener: User
) -> None:
    Voice.objects.filter(pk=base.pk).update(acoustic=own, vocoder=None)
    said = Utterance.objects.create(voice=base, text="안녕하세요.", requested_by=listener, state="done")
    studio_services.consent_withdraw(speaker=speaker)
    back = set_up()
    assert back.pk != base.pk and selectors.base_voice_is_well()
    assert list(selectors.voices_in_use()) == [back]
    base.refresh_from_db()
    assert (base.name, base.label, base.speaker, base.withheld_at is None) == ("mina", "미나", speaker, False)
    assert list(selectors.voices_made_of(speaker)) == [base] and base.utterances.get() == said
