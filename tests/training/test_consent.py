"""A consent that is taken back while its speaker's voice is being trained."""

from __future__ import annotations

import pytest

from studio import services as studio_services
from studio.errors import Refused
from studio.models import Speaker
from tests.training.conftest import make_speaker
from training import selectors, services, words
from training.models import Checkpoint, TrainingRun

pytestmark = pytest.mark.usefixtures("redis_url")

TRIAL = {"size": "trial", "acoustic_steps": 10}
State = TrainingRun.State


def withdraw(speaker: Speaker) -> None:
    studio_services.consent_withdraw(speaker=speaker)


def told(run: TrainingRun) -> list[str]:
    return [words.log_words(event.kind, event.data) for event in run.events.order_by("seq")]


def test_a_run_that_waits_is_stopped_at_once_and_says_why(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    withdraw(speaker)
    run.refresh_from_db()
    assert run.state == State.STOPPED and run.ended_at is not None
    assert "동의를 거두어서" in told(run)[-1]


def test_a_run_in_training_is_told_to_stop_and_its_owner_hears_it(speaker: Speaker) -> None:
    run = services.run_start(speaker=speaker, **TRIAL)
    owned = services.run_claim(run_pk=run.pk, worker="w")
    assert owned is not None
    withdraw(speaker)
    assert services.stop_wanted(run_pk=run.pk, attempt=owned.attempt)
    assert "동의를 거두었어요" in told(run)[-1]
    with pytest.raises(Refused) as refusal:
        services.run_end(run_pk=run.pk, attempt=owned.attempt, state=State.STOPPED)
        services.run_resume(run=run)
    assert refusal.value.code == "no_consent"


def test_other_speakers_runs_go_on(speaker: Speaker) -> None:
    other = services.run_start(speaker=make_speaker("mina"), **TRIAL)
    withdraw(speaker)
    other.refresh_from_db()
    assert other.state == State.QUEUED


def test_the_clips_are_in_no_later_run_until_the_speaker_agrees_again(speaker: Speaker) -> None:
    withdraw(speaker)
    assert not selectors.clips_to_train(speaker).exists()
    with pytest.raises(Refused):
        services.run_start(speaker=speaker, **TRIAL)
    studio_services.consent_give(speaker=speaker, text="동의합니다.")
    assert services.run_start(speaker=speaker, **TRIAL).state == State.QUEUED


def test_no_run_starts_on_a_consent_that_was_only_ticked(speaker: Speaker) -> None:
    speaker.consents.update(kind="ticked")
    with pytest.raises(Refused) as refusal:
        services.run_start(speaker=speaker, **TRIAL)
    assert refusal.value.code == "no_consent"


def test_runs_that_started_from_a_speakers_checkpoint_are_made_of_the_speaker_too(speaker: Speaker) -> None:
    def run_of(owner: Speaker, **values: object) -> TrainingRun:
        return services.run_start(speaker=owner, **TRIAL, **values)  # type: ignore[arg-type]

    def checkpoint(run: TrainingRun) -> Checkpoint:
        return run.checkpoints.create(
            kind="acoustic", model="tacotron2", size_name="trial", file="f", sha256="0" * 64, size=1
        )

    first = run_of(speaker)
    second = run_of(make_speaker("mina"), acoustic_base=checkpoint(first))
    third = run_of(make_speaker("jun"), acoustic_base=checkpoint(second))
    unrelated = run_of(make_speaker("sora"))
    assert selectors.runs_made_of(speaker) == {first.pk, second.pk, third.pk}
    assert selectors.runs_made_of(unrelated.speaker) == {unrelated.pk}
