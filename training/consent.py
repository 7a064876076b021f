"""What this room does when a speaker takes the consent back: runs on the voice stop. Later ones ask for consent."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from studio.errors import Refused
from studio.models import Speaker
from training import selectors, services
from training.models import TrainingRun

WITHDRAWN, BASE_WITHDRAWN = "consent_withdrawn", "base_withdrawn"


def runs_stop(sender: object, *, speaker: Speaker, **others: Any) -> None:
    """Receiver of `studio.signals.consent_withdrawn`: a waiting run is stopped at once, a running one at its step.

    So are the runs of others that started from a checkpoint of the voice.
    """
    for run in TrainingRun.objects.filter(pk__in=selectors.runs_made_of(speaker), state__in=TrainingRun.ACTIVE):
        with suppress(Refused):  # it has ended meanwhile
            services.run_stop(run=run, reason=WITHDRAWN if run.speaker_id == speaker.pk else BASE_WITHDRAWN)
