"""A take that is unlike the others of its speaker is warned of, and kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from studio.models import Clip, Prompt, Speaker
from tests.studio.conftest import send
from tests.studio.sounds import take, upload

pytestmark = pytest.mark.django_db
TEXT = "오늘은 바람이 참 시원하네요."


@pytest.fixture
def many(db: None) -> list[Prompt]:
    return [
        Prompt.objects.create(text=TEXT, text_sha256=f"{number}", corpus="test", order=number) for number in range(12)
    ]


def reasons(answer: dict) -> list[str]:
    return [reason["code"] for reason in answer["verdict"]["reasons"]]


def record_ten(client: Client, prompts: list[Prompt]) -> None:
    for number in range(10):
        send(client, upload(prompts[number].pk, take(seconds=2.8, seed=number)))


def test_after_ten_takes_a_fast_one_and_a_slow_one_are_warned_of_in_words(speaking: Client, many: list[Prompt]) -> None:
    record_ten(speaking, many)
    fast = send(speaking, upload(many[10].pk, take(seconds=1.8))).json()
    slow = send(speaking, upload(many[11].pk, take(seconds=4.8))).json()
    assert (reasons(fast), reasons(slow)) == (["fast"], ["slow"])
    assert "평소보다" in fast["verdict"]["reasons"][0]["words"] and "%" in fast["verdict"]["reasons"][0]["words"]
    assert fast["verdict"]["level"] == "warned" and fast["kept"]


def test_after_ten_takes_a_soft_one_is_warned_of(speaking: Client, many: list[Prompt]) -> None:
    record_ten(speaking, many)
    soft = send(speaking, upload(many[10].pk, take(seconds=2.8, peak_dbfs=-11.0))).json()
    assert reasons(soft) == ["softer"]


def test_nine_takes_are_no_habit(speaking: Client, many: list[Prompt]) -> None:
    for number in range(9):
        send(speaking, upload(many[number].pk, take(seconds=2.8, seed=number)))
    assert reasons(send(speaking, upload(many[9].pk, take(seconds=1.8))).json()) == []
    assert Clip.objects.filter(measures__pace__gt=0).count() == 10


def test_another_speakers_habits_do_not_count(
    speaking: Client, many: list[Prompt], make_speaker: Callable[[str], Speaker]
) -> None:
    record_ten(speaking, many)
    other = Client()
    other.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    assert reasons(send(other, upload(many[0].pk, take(seconds=1.8))).json()) == []
