"""The next prompt is the one that adds most to what this speaker has kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from speech.text import read
from speech.text.coverage import Heard, sounds_of
from studio import coverage, selectors
from studio.models import Clip, Prompt, Speaker
from studio.prompts import prompt_sounds, prompts_load
from tests.studio.conftest import send
from tests.studio.sounds import upload
from training.selectors import speakers_to_train

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def corpus() -> list[Prompt]:
    """The first ten minutes of our own corpus, as it is ordered."""
    prompts_load(path=ROOT / "prompts/ko/core.tsv", upto="10")
    return list(Prompt.objects.all())


def keep(speaker: Speaker, prompt: Prompt | None, text: str = "", seconds: float = 4.0) -> Clip:
    """A kept take, as far as its row goes."""
    return Clip.objects.create(
        speaker=speaker, prompt=prompt, text=prompt.text if prompt else text, file=f"clips/{uuid4()}", size=1,
        sha256=hashlib.sha256(str(uuid4()).encode()).hexdigest(), sample_rate=48_000, seconds=seconds,
        verdict="good", kept=True,
    )  # fmt: skip


def next_text(speaker: Speaker) -> str:
    prompt = selectors.prompt_open_next(speaker, None)
    assert prompt is not None
    return prompt.text


def test_who_follows_gets_the_prompts_in_the_order_that_was_computed_at_load(
    speaker: Speaker, corpus: list[Prompt]
) -> None:
    for prompt in corpus[:25]:
        assert next_text(speaker) == prompt.text
        keep(speaker, prompt)
    assert coverage.standing(speaker).next_prompts(20) == [prompt.pk for prompt in corpus[25:45]]


def test_the_next_prompt_is_the_one_that_adds_most_whatever_was_kept(speaker: Speaker, corpus: list[Prompt]) -> None:
    kept = corpus[3::7]
    for prompt in kept:
        keep(speaker, prompt)
    heard = Heard(prompt_sounds(prompt) for prompt in kept)
    open_prompts = [prompt for prompt in corpus if prompt not in kept]
    best = max(open_prompts, key=lambda prompt: heard.gain(prompt_sounds(prompt)))
    assert next_text(speaker) == best.text


def test_the_gains_of_all_prompts_at_once_are_the_gains_of_each(corpus: list[Prompt]) -> None:
    heard = Heard(prompt_sounds(prompt) for prompt in corpus[:30])
    gains = coverage.corpus().gains(heard)
    assert gains.tolist() == pytest.approx([heard.gain(prompt_sounds(prompt)) for prompt in corpus])


def test_imported_clips_count_as_heard(speaker: Speaker, corpus: list[Prompt]) -> None:
    for prompt in corpus[:20]:
        keep(speaker, None, prompt.text)
    state = selectors.record_state(speaker)
    assert state["prompt"]["text"] not in {prompt.text for prompt in corpus[:20]}
    assert state["progress"]["coverage"] > 40 and state["progress"]["done"] == 0


def test_one_speakers_takes_say_nothing_of_another(
    speaker: Speaker, corpus: list[Prompt], make_speaker: Callable[[str], Speaker]
) -> None:
    for prompt in corpus[:10]:
        keep(speaker, prompt)
    other = make_speaker("jun")
    assert next_text(other) == corpus[0].text and selectors.progress(other)["coverage"] == 0


def test_a_skipped_prompt_adds_nothing_and_is_not_offered(
    speaking: Client, speaker: Speaker, corpus: list[Prompt]
) -> None:
    body = {"action": "skip", "prompt": corpus[0].pk}
    state = speaking.post("/record/move", body, content_type="application/json").json()
    ids = [state["prompt"]["id"], *(each["id"] for each in state["upcoming"])]
    assert corpus[0].pk not in ids and len(set(ids)) == 1 + selectors.UPCOMING
    assert state["progress"]["coverage"] == 0


def test_a_take_that_is_not_kept_leaves_its_prompt_open_and_adds_nothing(
    speaker: Speaker, corpus: list[Prompt]
) -> None:
    keep(speaker, corpus[0])
    Clip.objects.update(kept=False, verdict=Clip.Verdict.REFUSED)
    assert next_text(speaker) == corpus[0].text
    assert selectors.progress(speaker)["coverage"] == 0


def test_what_comes_behind_the_prompt_on_the_page_counts_it_as_said(speaker: Speaker, corpus: list[Prompt]) -> None:
    shown = corpus[3]
    behind = coverage.standing(speaker).next_prompts(20, shown.pk, said=True)
    assert behind != coverage.standing(speaker).next_prompts(20, shown.pk)
    keep(speaker, shown)
    assert behind == coverage.standing(speaker).next_prompts(20)


def test_a_take_raises_the_coverage_and_lowers_what_is_still_worth_recording(
    speaking: Client, corpus: list[Prompt]
) -> None:
    before = speaking.get("/record/next").json()["progress"]
    after = send(speaking, upload(corpus[0].pk)).json()["progress"]
    assert (before["coverage"], after["done"]) == (0, 1)
    assert after["coverage"] > 0 and 0 < after["worth_minutes"] <= before["worth_minutes"]


def test_when_all_is_kept_nothing_is_worth_recording_and_no_prompt_is_next(
    speaker: Speaker, corpus: list[Prompt]
) -> None:
    for prompt in corpus:
        keep(speaker, prompt)
    assert selectors.prompt_open_next(speaker, corpus[-1]) is None
    progress = selectors.progress(speaker)
    assert progress["worth_minutes"] == 0 and progress["coverage"] >= 95


def test_all_pages_say_the_same_minutes(speaking: Client, speaker: Speaker, admin: User, corpus: list[Prompt]) -> None:
    for prompt in corpus[:3]:
        keep(speaker, prompt, seconds=5)  # 15 s, which is half way between 0.2 and 0.3 minutes
    Clip.objects.update(measures={"loudness_lufs": -23.0, "snr_db": 40.0})  # without any there is no table of days
    boss = Client()
    boss.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    state = speaking.get("/record/next").json()["progress"]
    course = speaking.get("/record/course/").content.decode()
    assert (state["minutes"], type(state["worth_minutes"])) == (0.3, int)
    assert f"{state['worth_minutes']}분 더 하면 넉넉해요" in course
    assert course.count("0.3분") == 2  # in all, and of the day
    assert "모은 소리 0.3분" in speaking.get("/").content.decode()
    for page in ("/speakers/", "/speakers/mina/", "/speakers/mina/course", "/train/"):
        assert "0.3분" in boss.get(page).content.decode(), page


def test_speakers_stand_in_the_order_in_which_they_came(make_speaker: Callable[[str], Speaker]) -> None:
    made = [make_speaker(f"speaker-{number}") for number in range(8)]  # their ids are in no order
    for speaker in made:
        keep(speaker, None, "한 문장.")
        keep(speaker, None, "두 문장.")
    assert list(selectors.speakers_with_counts()) == made
    assert list(speakers_to_train(at_least=2)) == made


def test_a_slow_reader_is_told_more_minutes(
    speaker: Speaker, corpus: list[Prompt], make_speaker: Callable[[str], Speaker]
) -> None:
    other = make_speaker("jun")
    for prompt in corpus[: coverage.PACE_FROM]:
        keep(speaker, prompt, seconds=4)
        keep(other, prompt, seconds=8)
    slow, calm = coverage.standing(other).minutes_worth(), coverage.standing(speaker).minutes_worth()
    assert slow == pytest.approx(2 * calm, abs=0.2)


def test_a_corpus_that_keeps_its_order_is_read_in_it_behind_the_other(
    speaker: Speaker, corpus: list[Prompt], tmp_path: Path
) -> None:
    (tmp_path / "tale.txt").write_text("옛날에 한 아이가 살았다.\n아이는 숲으로 갔다.\n숲에는 곰이 있었다.\n")
    prompts_load(path=tmp_path / "tale.txt", keep_order=True)
    tale = list(Prompt.objects.filter(corpus="tale"))
    assert next_text(speaker) == corpus[0].text
    for prompt in corpus:
        keep(speaker, prompt)
    standing = coverage.standing(speaker)
    assert standing.next_prompts(3) == [prompt.pk for prompt in tale]
    assert standing.next_prompts(3, tale[1].pk) == [tale[2].pk, tale[0].pk]


def test_a_prompt_that_came_in_without_its_sounds_counts_with_them(speaker: Speaker, tmp_path: Path) -> None:
    (tmp_path / "tale.txt").write_text("옛날에 한 아이가 살았다.\n")
    prompts_load(path=tmp_path / "tale.txt", keep_order=True)
    tale = Prompt.objects.get()
    keep(speaker, tale)
    said = Heard([sounds_of(read(tale.text).pronunciation, tale.kind)])
    assert coverage.standing(speaker).heard.coverage() == said.coverage() > 0


def test_a_prompt_that_is_switched_off_or_rewritten_is_noticed(speaker: Speaker, corpus: list[Prompt]) -> None:
    assert next_text(speaker) == corpus[0].text
    Prompt.objects.filter(pk=corpus[0].pk).update(active=False)
    assert next_text(speaker) != corpus[0].text
    Prompt.objects.filter(pk__in=[prompt.pk for prompt in corpus[1:]]).update(active=False)
    assert selectors.prompt_open_next(speaker, None) is None


def test_a_sentence_without_a_sound_that_is_known_does_no_harm(speaker: Speaker, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("かきくけこ\n네, 그럼요.\n")
    prompts_load(path=tmp_path / "odd.txt")
    assert {next_text(speaker)} <= {"네, 그럼요.", "かきくけこ"}
    assert len(coverage.standing(speaker).next_prompts(5)) == 2
