"""The list of all sentences, as one speaker sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from studio import services
from studio.models import Prompt, PromptSkip, Speaker
from tests.studio.conftest import send
from tests.studio.sounds import upload

pytestmark = pytest.mark.django_db


def listed(client: Client, **query: object) -> dict:
    answer = client.get("/record/prompts", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def numbers(client: Client, **query: object) -> list[int]:
    return [row["number"] for row in listed(client, **query)["rows"]]


def test_every_sentence_is_listed_in_its_order_with_what_is_recorded(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    for _ in range(2):
        send(speaking, upload(prompts[1].pk))
    services.position_move(speaker=speaker, action="skip", prompt=prompts[2], reason="읽기 어려워요")
    answer = listed(speaking)
    assert [(row["number"], row["takes"], row["kept"], row["skipped"]) for row in answer["rows"]] == [
        (1, 0, False, ""),
        (2, 2, True, ""),
        (3, 0, False, "읽기 어려워요"),
        (4, 0, False, ""),
    ]
    assert (answer["total"], answer["more"]) == (4, False)


def test_a_take_that_was_taken_out_is_not_counted(speaking: Client, prompts: list[Prompt]) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    speaking.delete(f"/clips/{fields['id']}/")
    assert listed(speaking)["rows"][0]["takes"] == 0


def test_sentences_are_found_by_a_word_and_by_their_number(speaking: Client, prompts: list[Prompt]) -> None:
    assert numbers(speaking, q=" 창문 ") == [4]
    assert numbers(speaking, q="창문") == [4]  # as macOS types it
    assert numbers(speaking, q="3") == [3]
    assert numbers(speaking, q="없는 말") == numbers(speaking, q="0") == numbers(speaking, q="99") == []


def test_recorded_open_and_skipped_ones_can_be_listed_alone(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    send(speaking, upload(prompts[0].pk))
    PromptSkip.objects.create(speaker=speaker, prompt=prompts[3])
    assert numbers(speaking, only="recorded") == [1]
    assert numbers(speaking, only="open") == [2, 3]
    assert numbers(speaking, only="skipped") == [4]


def test_another_speakers_takes_are_not_shown(
    speaking: Client, prompts: list[Prompt], make_speaker: Callable[[str], Speaker]
) -> None:
    send(speaking, upload(prompts[0].pk))
    other = Client()
    other.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    assert numbers(other, only="recorded") == []


def test_a_long_list_comes_in_pages(speaking: Client) -> None:
    Prompt.objects.bulk_create(
        Prompt(text=f"{number}번", text_sha256=f"{number}", corpus="long", order=number) for number in range(1, 121)
    )
    first, last = listed(speaking), listed(speaking, offset=100)
    assert (len(first["rows"]), first["total"], first["more"]) == (50, 120, True)
    assert [row["number"] for row in last["rows"]] == list(range(101, 121)) and not last["more"]


@pytest.mark.parametrize("query", [{"only": "mine"}, {"offset": -1}, {"offset": "x"}, {"q": "가" * 101}])
def test_a_question_that_makes_no_sense_is_refused(query: dict, speaking: Client, prompts: list[Prompt]) -> None:
    answer = speaking.get("/record/prompts", query)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_fields")


def test_nobody_lists_without_consent(client: Client, speaking: Client, speaker: Speaker) -> None:
    services.consent_withdraw(speaker=speaker)
    assert speaking.get("/record/prompts").status_code == 403
    assert Client().get("/record/prompts").status_code == 401
