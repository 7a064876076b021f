"""One sentence at the start and again every 50 takes: has the chair, the knob or the voice moved?"""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone, translation

from speech.wav import to_int16
from studio import files, match_file, selectors, services, takes
from studio.match_words import when_words
from studio.models import Clip, Prompt, PromptSkip, Speaker
from tests.studio.conftest import send
from tests.studio.sounds import take, upload

Samples = npt.NDArray[np.int16]
RATE = 48_000


def moved(samples: Samples, decibels: float, treble: float = 0.0) -> Samples:
    """As it sounds from elsewhere: the level, and the treble from 2.5 kHz on, in the same room."""
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    gain = 10 ** ((decibels + treble * np.clip((hertz - 1_500) / 1_000, 0, 1)) / 20)
    wave = np.fft.irfft(np.fft.rfft(samples / 32_768) * gain, len(samples))
    return to_int16((wave + np.random.default_rng(9).normal(0, 2e-5, len(wave))).astype(np.float32))


def voice() -> Samples:
    return take(seconds=3.0, floor_dbfs=-84.0, peak_dbfs=-8.0)


def record(speaking: Client, prompt: Prompt, samples: Samples | None = None, seed: int = 0) -> dict[str, Any]:
    sound = take(seconds=3.0, floor_dbfs=-84.0, peak_dbfs=-8.0, seed=seed) if samples is None else samples
    answer = send(speaking, upload(prompt.pk, sound))
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def codes(answer: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in answer["verdict"]["reasons"]]


def many(speaker: Speaker, count: int) -> None:
    """More takes of the room, without their sound."""
    first = speaker.clips.order_by("created_at")[0]
    names = [field.attname for field in Clip._meta.fields if field.attname not in {"id", "kept", "prompt_id"}]
    values = {name: getattr(first, name) for name in names}
    Clip.objects.bulk_create(Clip(**values) for _number in range(count))


def test_a_take_from_further_away_says_so_with_figures_in_its_answer(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    assert codes(record(speaking, prompts[0], voice())) == []
    same = record(speaking, prompts[0], moved(voice(), 0.0))
    assert same["verdict"]["level"] == "good" and abs(same["measures"]["match"]["loudness"]) < 0.2
    answer = record(speaking, prompts[0], moved(voice(), -4.0, -6.0))
    assert answer["verdict"]["level"] == "warned" and answer["kept"]
    reason = next(reason for reason in answer["verdict"]["reasons"] if reason["code"] == "match_farther")
    hour = timezone.localtime().hour
    when = "오늘 아침" if hour < 12 else "오늘 낮" if hour < 18 else "오늘 저녁"
    assert reason["words"].startswith(f"{when}보다 마이크에서 멀어졌어요 (크기 −4.")
    assert "높은 소리 −" in reason["words"] and reason["advice"]
    assert answer["measures"]["match"]["loudness"] == pytest.approx(-4, abs=1)


@pytest.mark.parametrize(
    ("decibels", "treble", "code"),
    [(5, 6, "match_nearer"), (-4, 0, "match_quieter"), (4, 0, "match_louder"), (0, -8, "match_duller")],
)
def test_what_has_moved_is_told_apart(
    speaking: Client, prompts: list[Prompt], decibels: float, treble: float, code: str
) -> None:
    record(speaking, prompts[0], voice())
    assert codes(record(speaking, prompts[0], moved(voice(), decibels, treble)))[-1] == code


def test_other_sentences_and_refused_takes_are_not_held_against_it(speaking: Client, prompts: list[Prompt]) -> None:
    record(speaking, prompts[0], voice())
    other = record(speaking, prompts[1], moved(voice(), -4.0, -6.0))
    refused = record(speaking, prompts[0], take(floor_dbfs=-24.0))
    assert refused["verdict"]["level"] == "refused"
    assert "match" not in other["measures"] and "match" not in refused["measures"]


def test_the_first_take_of_a_long_enough_sentence_is_the_reference(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    assert match_file.reference_of(speaker) is None
    record(speaking, prompts[0], take(seconds=1.2, floor_dbfs=-84.0, peak_dbfs=-8.0))
    assert match_file.reference_of(speaker) is None
    record(speaking, prompts[1], voice())
    record(speaking, prompts[2], voice())
    longer = match_file.reference_of(speaker)
    assert longer is not None and longer.prompt == prompts[1]
    takes.clip_discard(clip=longer)
    after = match_file.reference_of(speaker)
    assert after is not None and after.prompt == prompts[2]


def test_the_sentence_comes_again_after_fifty_takes_and_then_not_for_fifty_more(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    record(speaking, prompts[0], voice())
    many(speaker, 49)
    assert match_file.match_due(speaker) is None
    many(speaker, 1)
    assert match_file.match_due(speaker) == prompts[0]
    services.position_move(speaker=speaker, action="forward", prompt=prompts[1])
    state = selectors.record_state(speaker)
    assert state["prompt"]["id"] == prompts[0].pk and "처음 녹음과 견주어" in state["prompt"]["again"]
    record(speaking, prompts[0], moved(voice(), 0.0))
    assert match_file.match_due(speaker) is None
    assert selectors.record_state(speaker)["prompt"]["again"] == ""


def test_the_sentence_comes_again_in_a_new_sitting_however_few_takes_there_were(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    record(speaking, prompts[0], voice())
    speaker.clips.update(created_at=timezone.now() - timedelta(hours=2))
    assert match_file.match_due(speaker) is None
    speaker.clips.update(created_at=timezone.now() - timedelta(hours=4))
    assert match_file.match_due(speaker) == prompts[0]
    many(speaker, 3)  # in the new sitting, before it was read
    assert match_file.match_due(speaker) == prompts[0]
    record(speaking, prompts[0], moved(voice(), 0.0))
    many(speaker, 3)
    assert match_file.match_due(speaker) is None


def test_when_all_is_recorded_nothing_is_left_to_be_matched(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    for number, prompt in enumerate(prompts):
        record(speaking, prompt, seed=number)
    many(speaker, 50)
    assert match_file.match_due(speaker) == prompts[0]
    assert selectors.prompt_open_next(speaker, None) is None


@pytest.fixture
def skipped(speaking: Client, speaker: Speaker, prompts: list[Prompt]) -> PromptSkip:
    """The match sentence came, and was skipped."""
    record(speaking, prompts[0], voice())
    many(speaker, 50)
    assert match_file.match_due(speaker) == prompts[0]
    services.position_move(speaker=speaker, action="skip", prompt=prompts[0])
    return speaker.skips.get()


def test_who_skips_the_match_sentence_is_left_in_peace_for_ten_takes_and_asked_again(
    speaker: Speaker, prompts: list[Prompt], skipped: PromptSkip
) -> None:
    many(speaker, 9)
    assert match_file.match_due(speaker) is None
    many(speaker, 1)
    assert match_file.match_due(speaker) == prompts[0]
    services.position_move(speaker=speaker, action="forward", prompt=prompts[1])
    assert selectors.record_state(speaker)["prompt"]["id"] == prompts[0].pk


def test_skipped_again_it_waits_again(speaker: Speaker, prompts: list[Prompt], skipped: PromptSkip) -> None:
    many(speaker, 10)
    services.position_move(speaker=speaker, action="skip", prompt=prompts[0])
    assert speaker.skips.count() == 1 and match_file.match_due(speaker) is None
    many(speaker, 10)
    assert match_file.match_due(speaker) == prompts[0]


def test_it_is_asked_for_at_the_next_sitting(speaker: Speaker, prompts: list[Prompt], skipped: PromptSkip) -> None:
    assert match_file.match_due(speaker) is None
    speaker.sessions.create()
    assert match_file.match_due(speaker) == prompts[0]


def test_a_sitting_is_over_when_the_speaker_was_away_for_hours(
    speaker: Speaker, prompts: list[Prompt], skipped: PromptSkip
) -> None:
    earlier = timezone.now() - timedelta(hours=4)
    speaker.clips.update(created_at=earlier - timedelta(minutes=1))
    speaker.clips.filter(prompt=prompts[0]).update(created_at=earlier - timedelta(minutes=2))
    speaker.skips.update(created_at=earlier)
    assert match_file.match_due(speaker) == prompts[0]


def test_once_it_is_recorded_an_older_skip_says_nothing_of_the_next_time(
    speaking: Client, speaker: Speaker, prompts: list[Prompt], skipped: PromptSkip
) -> None:
    takes.clip_keep(clip=speaker.clips.get(prompt=prompts[0]))  # chosen: a newer take does not replace it
    PromptSkip.objects.update_or_create(speaker=speaker, prompt=prompts[0])
    record(speaking, prompts[0], moved(voice(), 0.0))
    many(speaker, 49)
    assert match_file.match_due(speaker) is None
    many(speaker, 1)
    assert match_file.match_due(speaker) == prompts[0]


def test_a_first_take_from_before_portraits_is_measured_when_it_is_needed(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    first = Clip.objects.get(pk=record(speaking, prompts[0], voice())["id"])
    old = {name: value for name, value in first.measures.items() if name != "portrait"}
    Clip.objects.filter(pk=first.pk).update(measures=old)
    assert "match_farther" in codes(record(speaking, prompts[0], moved(voice(), -4.0, -6.0)))
    files.delete_file(first.file)
    assert "match" not in record(speaking, prompts[0], moved(voice(), -4.5, -6.0))["measures"]


def test_a_command_measures_takes_from_before_pitch_was_measured(
    speaking: Client, speaker: Speaker, prompts: list[Prompt]
) -> None:
    for number in range(2):
        record(speaking, prompts[number], seed=number)
    first, second = speaker.clips.order_by("created_at")
    wanted = first.measures["portrait"]
    for clip in (first, second):
        del clip.measures["portrait"]
        clip.save()
    files.delete_file(second.file)
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="Takes without a sound: 1"):
        call_command("measure_clips", stdout=out, stderr=err)
    first.refresh_from_db()
    assert first.measures["portrait"] == wanted and str(second.pk) in err.getvalue() and "1 measured" in out.getvalue()


def test_a_moment_is_told_as_people_say_it() -> None:
    now = timezone.localtime()
    morning = now.replace(hour=9, minute=0)
    assert [when_words(morning.replace(hour=hour)) for hour in (8, 13, 20)] == ["오늘 아침", "오늘 낮", "오늘 저녁"]
    assert when_words(morning - timedelta(days=1)) == "어제"
    last_year = datetime(now.year - 1, 3, 2, 9, tzinfo=timezone.get_current_timezone())
    assert when_words(last_year) == f"{now.year - 1}년 3월 2일"
    with translation.override("en"):
        assert str(now.year - 1) in when_words(last_year)


def test_every_code_of_the_match_file_has_words() -> None:
    from speech.match import Difference, drift
    from studio.match_words import MATCH_WORDS

    found = {
        reason.code
        for loudness in (-4, 0, 4) for treble in (-6, -1, 1, 6) for pitch in (-2, 2)
        for reason in drift(Difference(loudness, pitch, treble, 1.0))
    }  # fmt: skip
    assert found == set(MATCH_WORDS)
