"""What this room does when a speaker takes the consent back: runs on the clips stop. Later ones ask for consent."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from studio.errors import Refused
from studio.models import Speaker
from training import services
from training.models import TrainingRun

WITHDRAWN = "consent_withdrawn"


def runs_stop(sender: object, *, speaker: Speaker, **others: Any) -> None:
    """Receiver of `studio.signals.consent_withdrawn`: a waiting run is stopped at once, a running one at its step."""
    for run in TrainingRun.objects.filter(speaker=speaker, state__in=TrainingRun.ACTIVE):
        with suppress(Refused):  # it has ended meanwhile
            services.run_stop(run=run, reason=WITHDRAWN)
