"""Where a speaker stands: on the server, and each speaker's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from studio.models import Prompt, PromptSkip, Speaker
from tests.studio.conftest import send
from tests.studio.sounds import upload

pytestmark = pytest.mark.django_db


def shown(client: Client) -> str:
    return client.get("/record/next").json()["prompt"]["text"]


def move(client: Client, action: str, **fields: object) -> dict:
    response = client.post("/record/move", {"action": action, **fields}, content_type="application/json")
    assert response.status_code == 200, response.content
    return response.json()


def test_a_new_speaker_begins_with_the_first_prompt(speaking: Client, prompts: list[Prompt]) -> None:
    state = speaking.get("/record/next").json()
    assert state["prompt"]["text"] == prompts[0].text
    assert (state["prompt"]["number"], state["prompt"]["has_back"], state["prompt"]["has_next"]) == (1, False, True)
    assert [each["text"] for each in state["upcoming"]] == [each.text for each in prompts[1:]]


def test_next_and_back_go_one_by_one_and_stop_at_the_ends(speaking: Client, prompts: list[Prompt]) -> None:
    assert move(speaking, "next")["prompt"]["text"] == prompts[1].text
    assert move(speaking, "back")["prompt"]["text"] == prompts[0].text
    assert move(speaking, "back")["prompt"]["text"] == prompts[0].text
    for _ in range(5):
        move(speaking, "next")
    assert shown(speaking) == prompts[-1].text


def test_the_position_survives_another_browser(speaking: Client, speaker: Speaker, prompts: list[Prompt]) -> None:
    move(speaking, "next")
    elsewhere = Client()
    elsewhere.force_login(speaker.user)  # type: ignore[arg-type]
    assert shown(elsewhere) == prompts[1].text


def test_a_take_that_arrives_late_moves_nobody(speaking: Client, prompts: list[Prompt]) -> None:
    move(speaking, "open", prompt=prompts[2].pk)
    send(speaking, upload(prompts[0].pk))
    assert shown(speaking) == prompts[2].text


def test_two_speakers_positions_never_touch(
    speaking: Client, prompts: list[Prompt], make_speaker: Callable[[str], Speaker]
) -> None:
    other = Client()
    other.force_login(make_speaker("jun").user)  # type: ignore[arg-type]
    move(speaking, "next")
    move(other, "next")
    move(other, "next")
    send(other, upload(prompts[2].pk))
    assert (shown(speaking), shown(other)) == (prompts[1].text, prompts[2].text)
    assert speaking.get("/record/next").json()["progress"]["done"] == 0


def test_keeping_a_take_goes_forward_to_the_next_open_prompt(speaking: Client, prompts: list[Prompt]) -> None:
    for prompt in prompts[:2]:
        send(speaking, upload(prompt.pk))
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    answer = speaking.post(f"/clips/{fields['id']}/keep", {"forward": True}, content_type="application/json").json()
    assert answer["prompt"]["text"] == prompts[2].text


def test_a_skipped_prompt_is_passed_over_with_its_reason_until_it_is_recorded(
    speaking: Client, prompts: list[Prompt]
) -> None:
    assert move(speaking, "skip", reason="발음이 어려워요")["prompt"]["text"] == prompts[1].text
    assert PromptSkip.objects.get().reason == "발음이 어려워요"
    assert move(speaking, "back")["prompt"]["skipped"] == "발음이 어려워요"
    send(speaking, upload(prompts[0].pk))
    assert not PromptSkip.objects.exists()


def test_a_prompt_that_was_skipped_is_so_no_more_when_an_older_take_of_it_is_kept(
    speaking: Client, prompts: list[Prompt]
) -> None:
    fields = upload(prompts[0].pk)
    send(speaking, fields)
    move(speaking, "skip", prompt=prompts[0].pk)
    assert PromptSkip.objects.exists()
    speaking.post(f"/clips/{fields['id']}/keep")
    assert not PromptSkip.objects.exists()


def test_behind_the_last_prompt_come_those_left_out_before(speaking: Client, prompts: list[Prompt]) -> None:
    move(speaking, "open", prompt=prompts[3].pk)
    assert move(speaking, "forward", prompt=prompts[3].pk)["prompt"]["text"] == prompts[0].text


def test_the_end_of_the_corpus_is_told_and_is_no_prompt(speaking: Client, prompts: list[Prompt]) -> None:
    for prompt in prompts:
        send(speaking, upload(prompt.pk))
    state = move(speaking, "forward", prompt=prompts[-1].pk)
    assert state["prompt"] is None and state["takes"] == []
    assert state["progress"]["done"] == state["progress"]["total"] == 4
    assert move(speaking, "back")["prompt"]["text"] == prompts[-1].text


def test_no_prompts_at_all_is_told_and_is_no_error(speaking: Client) -> None:
    assert speaking.get("/record/next").json()["prompt"] is None


def test_a_position_on_a_prompt_that_went_away_goes_to_an_open_one(speaking: Client, prompts: list[Prompt]) -> None:
    move(speaking, "next")
    Prompt.objects.filter(pk=prompts[1].pk).update(active=False)
    assert shown(speaking) == prompts[0].text


@pytest.mark.parametrize("body", [{"action": "fly"}, {}, {"action": "open"}])
def test_a_move_to_nowhere_is_refused_by_code(body: dict, speaking: Client, prompts: list[Prompt]) -> None:
    response = speaking.post("/record/move", body, content_type="application/json")
    assert response.status_code in {400, 404} and response.json()["code"]


def test_a_body_that_is_no_json_is_refused_by_code(speaking: Client, prompts: list[Prompt]) -> None:
    response = speaking.post("/record/move", "{", content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "bad_json")
