"""A consent that is taken back while its speaker's voice is being trained."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.utils import timezone, translation

from studio import services as studio_services
from studio.errors import Refused
from studio.models import Speaker
from tests.servers import wait_until
from tests.training.conftest import make_speaker
from training import runner, selectors, services, shelf, words
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


def checkpoint(run: TrainingRun, step: int = 0) -> Checkpoint:
    return run.checkpoints.create(
        kind="acoustic", model="tacotron2", size_name="trial", step=step, file="f", sha256="0" * 64, size=1
    )


def run_of(owner: Speaker, **values: object) -> TrainingRun:
    return services.run_start(speaker=owner, **TRIAL, **values)  # type: ignore[arg-type]


def test_runs_that_started_from_a_speakers_checkpoint_are_made_of_the_speaker_too(speaker: Speaker) -> None:
    first = run_of(speaker)
    second = run_of(make_speaker("mina"), acoustic_base=checkpoint(first))
    third = run_of(make_speaker("jun"), acoustic_base=checkpoint(second))
    unrelated = run_of(make_speaker("sora"))
    assert selectors.runs_made_of(speaker) == {first.pk, second.pk, third.pk}
    assert selectors.runs_made_of(unrelated.speaker) == {unrelated.pk}


def test_no_run_starts_from_a_checkpoint_of_who_took_the_consent_back(speaker: Speaker) -> None:
    base, mina = checkpoint(run_of(speaker)), make_speaker("mina")
    assert base in selectors.bases_available()
    withdraw(speaker)
    assert base not in selectors.bases_available()
    with pytest.raises(Refused) as refusal:
        run_of(mina, acoustic_base=base)
    assert (refusal.value.code, refusal.value.status) == ("base_withdrawn", 409)
    assert "화자 bora 님이 동의를 거두어서" in refusal.value.message
    assert not mina.runs.exists()
    studio_services.consent_give(speaker=speaker, text="다시 동의합니다.")
    assert base in selectors.bases_available() and run_of(mina, acoustic_base=base).state == State.QUEUED


def test_nor_from_one_that_had_such_a_checkpoint_as_its_base_however_far_back(speaker: Speaker) -> None:
    second = run_of(make_speaker("mina"), acoustic_base=checkpoint(run_of(speaker)))
    third = run_of(make_speaker("jun"), acoustic_base=checkpoint(second))
    last, own = checkpoint(third), checkpoint(run_of(make_speaker("sora")))
    withdraw(speaker)
    assert set(selectors.bases_available()) == {own}
    with pytest.raises(Refused) as refusal:
        run_of(make_speaker("hana"), acoustic_base=last)
    assert refusal.value.code == "base_withdrawn" and refusal.value.params["speaker"] == speaker.label


def test_a_base_of_nobody_is_always_there(speaker: Speaker) -> None:
    shipped = Checkpoint.objects.create(
        name="base", kind="acoustic", model="tacotron2", size_name="trial", file="f", sha256="0" * 64, size=1
    )
    withdraw(speaker)
    assert list(selectors.bases_available()) == [shipped]
    assert run_of(make_speaker("mina"), acoustic_base=shipped).state == State.QUEUED


def test_runs_of_others_on_the_voice_stop_and_do_not_go_on(speaker: Speaker) -> None:
    base = checkpoint(run_of(speaker))
    waiting, training = (run_of(make_speaker(name), acoustic_base=base) for name in ("mina", "jun"))
    owned = services.run_claim(run_pk=training.pk, worker="w")
    assert owned is not None
    withdraw(speaker)
    waiting.refresh_from_db()
    assert waiting.state == State.STOPPED and "바탕이 된 목소리의 화자" in told(waiting)[-1]
    assert services.stop_wanted(run_pk=training.pk, attempt=owned.attempt)
    assert "바탕이 된 목소리의 화자" in told(training)[-1]
    with pytest.raises(Refused) as refusal:
        services.run_resume(run=waiting)
    assert refusal.value.code == "base_withdrawn"


def test_a_worker_that_takes_such_a_run_up_all_the_same_trains_nothing(speaker: Speaker) -> None:
    base = checkpoint(run_of(speaker))
    run = run_of(make_speaker("mina"), acoustic_base=base)
    speaker.consents.update(withdrawn_at=timezone.now())  # the signal was lost, say
    assert runner.execute(run.pk) == State.FAILED
    run.refresh_from_db()
    assert run.error["code"] == "base_withdrawn" and not run.checkpoints.exists()
    with translation.override("en"):
        assert speaker.label in told(run)[-1]


def test_a_checkpoint_that_a_run_started_from_stays_so_that_its_voice_is_known(speaker: Speaker) -> None:
    first = run_of(speaker)
    rows = [checkpoint(first, step) for step in range(shelf.KEPT + 4)]
    second = run_of(make_speaker("mina"), acoustic_base=rows[3])
    shelf.checkpoints_thin(run=first, kind="acoustic")
    assert Checkpoint.objects.filter(pk=rows[3].pk).exists()
    assert first.checkpoints.count() <= shelf.KEPT + 1
    assert second.pk in selectors.runs_made_of(speaker)


def test_a_run_never_loses_a_base_that_is_thinned_out_just_then(
    speaker: Speaker, meanwhile: Callable[[Callable[[], None]], threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, mina = run_of(speaker), make_speaker("mina")
    rows = [checkpoint(first, step) for step in range(shelf.KEPT + 1)]
    refusals: list[str] = []
    is_base = selectors.is_base

    def then_started(row: Checkpoint) -> bool:
        """Between the look and the removal, somebody starts from it."""
        monkeypatch.setattr(selectors, "is_base", is_base)
        found, chosen = is_base(row), Checkpoint.objects.get(pk=row.pk)

        def start() -> None:
            try:
                services.run_start(speaker=mina, acoustic_base=chosen, **TRIAL)
            except Refused as refusal:
                refusals.append(refusal.code)

        meanwhile(start).join(1)
        return found

    monkeypatch.setattr(selectors, "is_base", then_started)
    shelf.checkpoints_thin(run=first, kind="acoustic")
    wait_until(lambda: refusals or mina.runs.exists(), "the start")
    assert refusals == ["base_gone"] and not mina.runs.exists()
    assert first.checkpoints.count() == len(rows) - 1
