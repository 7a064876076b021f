"""What the speaking worker runs. The row is the truth, a task only the hint to look at it."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from training import drain  # noqa: F401 - its memory must exist before the pool forks


@shared_task
def utterance_speak_task(pk: str) -> None:
    from synthesis import speaker

    speaker.utterance_speak(pk)


@shared_task
def voice_preload_task(pk: str = "") -> None:
    """Load a voice (without `pk` the newest) before somebody waits for it."""
    from synthesis import speaker

    speaker.voice_preload(pk)


@shared_task
def voices_sweep_task() -> None:
    """Let go of voices that are no longer there."""
    from synthesis import voices

    voices.sweep()


@shared_task
def utterances_reconcile_task() -> None:
    from synthesis import services

    services.utterances_reconcile()


@worker_ready.connect
def warm_up(sender: Any = None, **kwargs: Any) -> None:
    """A fresh speaking worker loads the newest voice at once."""
    amqp = getattr(getattr(sender, "app", None), "amqp", None)
    if amqp is not None and "speak" in amqp.queues:
        voice_preload_task.delay()
