"""The voice that is there before the first speaker."""

from __future__ import annotations

import pytest
from django.conf import settings

from studio.models import Speaker
from synthesis import selectors, services
from synthesis.models import Voice
from training import shelf
from training.models import Checkpoint


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
    Voice.objects.filter(pk=voice.pk).update(name=services.BASE_NAME, speaker=speaker)
    assert services.base_voice_publish(acoustic=shipped[0], vocoder=shipped[1]).acoustic == voice.acoustic
