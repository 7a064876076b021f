"""After recording: the worst takes first, accepted or sent back; and what a speaker sees of their own."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from speech.manner import Usual
from studio import consistency, review, selectors, services, takes
from studio.asked import retakes_of
from studio.errors import Refused
from studio.models import Clip, Prompt, Review, Speaker
from studio.review import Sieve, concern_of
from tests.studio.conftest import send
from tests.studio.sounds import take, upload

GOOD = {"peak_dbfs": -6.0, "floor_dbfs": -80.0}


def record(speaking: Client, prompt: Prompt, **sound: Any) -> Clip:
    answer = send(speaking, upload(prompt.pk, take(**{**GOOD, **sound})))
    assert answer.status_code == 201, answer.content
    return Clip.objects.get(pk=answer.json()["id"])


@pytest.fixture
def boss(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def decide(boss: Client, clip: Clip, decision: str, reason: str = "") -> Any:
    body = {"decision": decision, "reason": reason}
    return boss.post(f"/clips/{clip.pk}/review", body, content_type="application/json")


def test_the_worst_take_comes_first_and_says_in_what(
    boss: Client, speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    good = record(speaking, prompts[0])
    hiss = record(speaking, prompts[1], floor_dbfs=-34.0, seed=1)
    quiet = record(speaking, prompts[2], peak_dbfs=-20.0, seed=2)
    page = boss.get(f"/speakers/{speaker.name}/")
    assert [clip.pk for clip in page.context["takes"]] == [hiss.pk, quiet.pk, good.pk]
    concerns = [clip.concern for clip in page.context["takes"]]
    assert [each.code for each in concerns[:2]] == ["noisy_room", "too_quiet"] and concerns[2].score < 0
    assert "작은 소리, 최고" in page.content.decode() and "−20.0 dBFS" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {0, 1, 2}), ("verdict=refused", {1}), ("verdict=warned", {2}), ("kept", {0, 2}), ("state=kept", {0, 2}),
        ("state=accepted", {0}), ("state=returned", {1}), ("state=unheard", {2}), ("state=out", {3}), ("q=바람", {0}),
        ("since=2020-01-01&until=2020-01-02", set()), ("since=2020-01-01", {0, 1, 2}), ("since=nonsense", {0, 1, 2}),
        ("verdict=nonsense&state=nonsense", {0, 1, 2}),
    ],
)  # fmt: skip
def test_takes_are_filtered(
    boss: Client, speaking: Client, speaker: Speaker, prompts: list[Prompt], query: str, expected: set[int]
) -> None:
    clips = [
        record(speaking, prompts[0]), record(speaking, prompts[1], floor_dbfs=-24.0, seed=1),
        record(speaking, prompts[2], peak_dbfs=-20.0, seed=2), record(speaking, prompts[3], seed=3),
    ]  # fmt: skip
    takes.clip_discard(clip=clips[3])
    decide(boss, clips[0], "accept")
    decide(boss, clips[1], "return", "잡음")
    page = boss.get(f"/speakers/{speaker.name}/?{query}")
    assert {clips.index(clip) for clip in page.context["takes"]} == expected


def test_the_newest_come_first_when_asked_for_and_thousands_are_paged(
    boss: Client, speaker: Speaker, speaking: Client, prompts: list[Prompt]
) -> None:
    first = record(speaking, prompts[0])
    values = {
        field.attname: getattr(first, field.attname)
        for field in Clip._meta.fields
        if field.attname not in {"id", "kept"}
    }
    Clip.objects.bulk_create(Clip(**{**values, "prompt_id": None, "file": f"{n}.wav"}) for n in range(2_000))
    second = record(speaking, prompts[1], seed=1)
    page = boss.get(f"/speakers/{speaker.name}/?order=newest")
    assert page.context["takes"][0].pk == second.pk and len(page.context["takes"]) == 50
    last = boss.get(f"/speakers/{speaker.name}/?page=41")
    assert last.context["page"].paginator.count == 2_002 and len(last.context["takes"]) == 2


def test_a_take_that_is_sent_back_is_asked_for_first_with_the_reason(
    boss: Client, speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    clip = record(speaking, prompts[2])
    record(speaking, prompts[0], seed=1)
    services.position_move(speaker=speaker, action="open", prompt=prompts[0])
    answer = decide(boss, clip, "return", "  끝이 조금\n잘렸어요 ").json()
    assert (answer["decision"], answer["kept"], answer["reason"]) == ("returned", False, "끝이 조금 잘렸어요")
    state = selectors.record_state(speaker)
    assert [prompt["id"] for prompt in state["upcoming"]] == [prompts[2].pk, prompts[1].pk, prompts[3].pk]
    assert [prompt["again"] for prompt in state["upcoming"]] == ["다시 읽어 주세요: 끝이 조금 잘렸어요", "", ""]
    services.position_move(speaker=speaker, action="forward")
    state = selectors.record_state(speaker)
    assert state["prompt"]["id"] == prompts[2].pk and state["prompt"]["again"].endswith(": 끝이 조금 잘렸어요")
    verdict = state["takes"][0]["verdict"]
    assert verdict["level"] == "refused" and verdict["reasons"][0]["advice"] == "끝이 조금 잘렸어요"
    newer = record(speaking, prompts[2], seed=5)
    assert newer.kept and retakes_of(speaker) == []
    assert selectors.record_state(speaker)["prompt"]["again"] == ""


def test_who_leaves_a_sentence_that_came_back_goes_on_to_the_next(
    boss: Client, speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    decide(boss, record(speaking, prompts[2]), "return", "잡음")
    state = selectors.record_state(speaker)
    assert state["prompt"]["id"] == prompts[2].pk
    assert prompts[2].pk not in [prompt["id"] for prompt in state["upcoming"]]
    services.position_move(speaker=speaker, action="forward", prompt=prompts[2])
    assert selectors.record_state(speaker)["prompt"]["id"] == prompts[3].pk


def test_a_prompt_that_is_skipped_or_no_longer_read_is_not_asked_for_again(
    boss: Client, speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    for number in (0, 1):
        decide(boss, record(speaking, prompts[number], seed=number), "return")
    assert [each.prompt for each in retakes_of(speaker)] == [prompts[0].pk, prompts[1].pk]
    services.position_move(speaker=speaker, action="skip", prompt=prompts[0])
    Prompt.objects.filter(pk=prompts[1].pk).update(active=False)
    assert retakes_of(speaker) == []


def test_a_take_that_was_sent_back_is_not_kept_by_its_speaker_nor_by_an_older_one_going(
    boss: Client, speaking: Client, prompts: list[Prompt]
) -> None:
    older, newer = record(speaking, prompts[0]), record(speaking, prompts[0], seed=1)
    decide(boss, newer, "return", "다시")
    assert speaking.post(f"/clips/{newer.pk}/keep").json()["code"] == "take_returned"
    speaking.delete(f"/clips/{older.pk}/")
    speaking.post(f"/clips/{older.pk}/restore")
    kept = {clip.pk: clip.kept for clip in Clip.objects.all()}
    assert kept == {older.pk: True, newer.pk: False}


def test_an_accepted_take_stays_when_a_newer_one_comes_and_a_decision_can_be_taken_back(
    boss: Client, speaking: Client, prompts: list[Prompt]
) -> None:
    older = record(speaking, prompts[0])
    assert decide(boss, older, "accept").json()["words"] == "받음"
    newer = record(speaking, prompts[0], seed=1)
    assert [Clip.objects.get(pk=clip.pk).kept for clip in (older, newer)] == [True, False]
    assert decide(boss, newer, "accept").json()["kept"] and not Clip.objects.get(pk=older.pk).kept
    decide(boss, newer, "return")
    assert Review.objects.get(clip=newer).reason
    assert decide(boss, newer, "clear").json() == {
        "id": str(newer.pk), "kept": True, "decision": "", "words": "", "reason": "",
    }  # fmt: skip


def test_an_imported_take_that_is_sent_back_is_no_longer_trained_on(boss: Client, speaker: Speaker) -> None:
    from speech.wav import Wav

    clip, _ = takes.clip_import(
        speaker=speaker, source_id="a/1", text="나무가 자란다.", reading="", wav=Wav(take(), 48_000)
    )
    assert not decide(boss, clip, "return", "다른 사람이에요").json()["kept"]
    assert list(selectors.clips_kept(speaker)) == []
    takes.clip_restore(clip=takes.clip_discard(clip=clip))
    assert list(selectors.clips_kept(speaker)) == []
    assert decide(boss, clip, "clear").json()["kept"]


def test_a_refused_import_is_not_trained_on_when_it_is_taken_back(speaker: Speaker) -> None:
    from speech.wav import Wav

    silent = Wav(np.zeros(96_000, np.int16), 48_000)
    clip, _ = takes.clip_import(speaker=speaker, source_id="a/1", text="나무가 자란다.", reading="", wav=silent)
    assert clip.verdict == Clip.Verdict.REFUSED and not clip.kept
    assert not takes.clip_restore(clip=takes.clip_discard(clip=clip)).kept


def test_a_refused_take_cannot_be_accepted(boss: Client, speaking: Client, prompts: list[Prompt]) -> None:
    clip = record(speaking, prompts[0], floor_dbfs=-24.0)
    assert clip.verdict == "refused"
    answer = decide(boss, clip, "accept")
    assert (answer.status_code, answer.json()["code"]) == (409, "take_refused")
    assert not Review.objects.exists()
    with pytest.raises(Refused):
        review.review_decide(clip=clip, decision="burn", reason="", by=None)


def test_a_take_that_its_speaker_took_out_is_not_put_back_by_accepting_it(
    boss: Client, speaking: Client, prompts: list[Prompt]
) -> None:
    clip = record(speaking, prompts[0])
    speaking.delete(f"/clips/{clip.pk}/")  # while the admin's list still shows it
    answer = decide(boss, clip, "accept")
    assert (answer.status_code, answer.json()["code"]) == (409, "take_out")
    clip.refresh_from_db()
    assert clip.discarded_at is not None and not clip.kept and not Review.objects.exists()
    page = boss.get("/speakers/mina/?state=out").content.decode()
    assert 'value="accept" disabled' in page
    speaking.post(f"/clips/{clip.pk}/restore")
    assert decide(boss, clip, "accept").json()["kept"]


def test_only_admins_review(speaking: Client, prompts: list[Prompt]) -> None:
    clip = record(speaking, prompts[0])
    assert decide(speaking, clip, "return").status_code == 403
    assert decide(Client(), clip, "return").status_code == 401
    assert speaking.get("/speakers/mina/course").status_code == 403


def test_without_a_program_the_page_decides_by_its_form_and_comes_back(
    boss: Client, speaking: Client, prompts: list[Prompt]
) -> None:
    clip = record(speaking, prompts[0])
    back = "/speakers/mina/?order=newest"
    answer = boss.post(f"/clips/{clip.pk}/review", {"decision": "accept", "next": back})
    assert (answer.status_code, answer.headers["Location"]) == (302, back)
    answer = boss.post(f"/clips/{clip.pk}/review", {"decision": "return", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/speakers/" and Review.objects.get().decision == "returned"
    assert boss.post(f"/clips/{clip.pk}/review", {"decision": "burn"}).status_code == 400


def test_who_was_signed_out_meanwhile_signs_in_and_comes_back_to_the_list(
    speaking: Client, prompts: list[Prompt]
) -> None:
    clip = record(speaking, prompts[0])
    path, back = f"/clips/{clip.pk}/review", "/speakers/mina/?order=newest"
    browser = Client(headers={"Accept": "text/html,*/*"})
    for posted, place in ((back, back), ("https://evil.example/", path)):
        answer = browser.post(path, {"decision": "accept", "next": posted})
        assert answer.headers["Location"] == f"/sign-in/?{urlencode({'next': place})}"
    assert browser.get(path).headers["Location"] == "/speakers/"
    assert not Review.objects.exists()


def test_a_take_unlike_the_others_of_its_speaker_is_a_concern() -> None:
    measures = {
        "speech_seconds": 2.0, "pace": 5.0, "snr_db": 60.0, "noise_floor_dbfs": -80.0, "peak_dbfs": -6.0,
        "lead_seconds": 0.5, "tail_seconds": 0.5, "loudness_lufs": -30.0, "seconds": 3.0,
    }  # fmt: skip
    usual = Usual(pace=5.0, loudness_lufs=-23.0)
    assert concern_of("browser", measures, None).score < 0
    away = concern_of("browser", measures, usual)
    assert (away.code, away.figure) == ("loudness", "−7.0 LU") and away.score > 1
    fast = concern_of("browser", {**measures, "loudness_lufs": -23.5, "pace": 10.0}, usual)
    assert (fast.code, fast.figure) == ("pace", "+100 %")
    cut = {**measures, "lead_seconds": 0.0, "loudness_lufs": -23.0}
    assert concern_of("browser", cut, usual).code == "edge" and concern_of("import", cut, usual).score < 0


def test_days_on_end_count_until_today_or_yesterday() -> None:
    today = date(2026, 11, 20)
    days = [today - timedelta(days=ago) for ago in (1, 2, 3, 5, 6, 7, 8, 8)]
    assert consistency.streak_of(days, today) == consistency.Streak(3, False, 4)
    assert consistency.streak_of([*days, today], today) == consistency.Streak(4, True, 4)
    assert consistency.streak_of(days, today + timedelta(days=1)).days == 0
    assert consistency.streak_of([], today) == consistency.Streak(0, False, 0)


def test_a_speaker_sees_how_far_they_are_and_how_alike_their_takes_are(
    boss: Client, speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    assert "한결같은지" in speaking.get("/record/course/").content.decode()
    clips = [record(speaking, prompt, seed=number) for number, prompt in enumerate(prompts)]
    Clip.objects.filter(pk=clips[0].pk).update(created_at=timezone.now() - timedelta(days=1))
    decide(boss, clips[3], "return", "너무 빨라요")
    page = speaking.get("/record/course/")
    shown = page.content.decode()
    assert page.context["streak"] == consistency.Streak(2, True, 2)
    plots = page.context["plots"]
    assert [plot.code for plot in plots] == ["loudness", "snr", "pitch"]
    assert all(plot.dots.count("M") == 4 and not plot.outside for plot in plots)
    assert "140" in plots[2].summary and "너무 빨라요" in shown and "style=" not in shown
    assert [day.takes for day in page.context["days"]] == [3, 1]
    assert boss.get(f"/speakers/{speaker.name}/course").context["plots"] == plots


def test_takes_beyond_what_is_usual_are_counted_and_many_share_a_dot() -> None:
    now = timezone.now()
    points = [consistency.Point(now, None, -23.0 - 6 * (number % 10 == 0), 50.0, None, None) for number in range(1_000)]
    loudness, snr, pitch = consistency._plots(points)
    assert loudness is not None and snr is not None and pitch is None
    assert (loudness.outside, loudness.grouped, loudness.dots.count("M")) == (100, 5, 200)
    assert snr.band is not None and snr.band[0] == 0.0


def test_somebody_without_a_speaker_has_no_course(client: Client, admin: User) -> None:
    client.force_login(admin)
    assert client.get("/record/course/").headers["Location"] == "/record/consent/"


def test_the_table_shows_in_order_what_the_sieve_lets_through(speaker: Speaker) -> None:
    assert review.takes_ordered(speaker, Sieve(), None) == []
