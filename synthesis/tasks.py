"""What the speaking worker runs. The row is the truth, a task only the hint to look at it."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from synthesis import services
from training import drain  # noqa: F401 - its memory must exist before the pool forks


@shared_task(name=services.SPEAK_TASK)
def utterance_speak(pk: str) -> None:
    from synthesis import speaker

    speaker.utterance_speak(pk)


@shared_task(name=services.PRELOAD_TASK)
def voice_preload(pk: str = "") -> None:
    """Load a voice (without `pk` the one most likely asked for) before somebody waits for it."""
    from synthesis import speaker

    speaker.voice_preload(pk)


@shared_task(name=services.SWEEP_TASK)
def voices_sweep() -> None:
    """Let go of voices that are no longer there."""
    from synthesis import voices

    voices.sweep()


@worker_ready.connect
def warm_up(sender: Any = None, **kwargs: Any) -> None:
    """A fresh speaking worker loads the voice that is most likely asked for at once."""
    amqp = getattr(getattr(sender, "app", None), "amqp", None)
    if amqp is not None and services.QUEUE in amqp.queues:
        voice_preload.delay()
