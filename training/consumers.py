"""The live side of a run's page."""

from __future__ import annotations

from typing import Any

from django.http import Http404

from studio.access import AnyUser
from studio.live import EventConsumer
from training import selectors
from training.journal import group_of
from training.models import TrainingRun


class RunConsumer(EventConsumer):
    """`ws/runs/<uuid>/`: the numbered events of one run, for admins and for the speaker whose voice it is."""

    @property
    def run_pk(self) -> Any:
        return self.scope["url_route"]["kwargs"]["pk"]

    def group(self) -> str:
        return group_of(self.run_pk)

    def allowed(self, user: AnyUser) -> bool:
        return selectors.runs_visible_to(user).filter(pk=self.run_pk).exists()

    def events_after(self, seq: int, limit: int) -> list[dict[str, Any]]:
        return selectors.events_after(self._run(), seq, limit)

    def snapshot(self) -> dict[str, Any]:
        return selectors.run_state(self._run())

    def _run(self) -> TrainingRun:
        run = TrainingRun.objects.filter(pk=self.run_pk).first()
        if run is None:
            raise Http404(self.run_pk)
        return run
