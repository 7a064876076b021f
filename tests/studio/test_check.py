"""The pages before the first take, as the server gives them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import translation

from studio.check_words import station_words
from studio.microphone_words import BROWSERS, OWN_WORDS, failure_words
from studio.page_words import recorder_words

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", ["ko", "en"])
def test_each_way_to_fail_has_words_of_its_own_for_each_browser(language: str) -> None:
    with translation.override(language):
        words = failure_words()
    own = [words[f"{code}.{browser}"] for code in OWN_WORDS for browser in BROWSERS]
    assert len({*own, *(words[code] for code in OWN_WORDS)}) == len(OWN_WORDS) * (len(BROWSERS) + 1)


def test_the_recording_room_has_the_same_words_for_a_microphone_that_fails() -> None:
    assert recorder_words()["failures"] == station_words()["failures"] == failure_words()


def test_the_microphone_is_checked_by_people_who_are_signed_in(speaking: Client) -> None:
    page = speaking.get("/record/check/").content.decode()
    assert all(name in page for name in ("echoCancellation", "noiseSuppression", "autoGainControl", "dBFS"))
    assert Client().get("/record/check/").headers["Location"].startswith("/sign-in/")
