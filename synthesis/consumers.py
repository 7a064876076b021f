"""The socket of one utterance: sentences as they are made. `studio.live` does the rest."""

from __future__ import annotations

from typing import Any

from studio.access import AnyUser
from studio.live import EventConsumer
from synthesis import events, selectors
from synthesis.models import Utterance


class UtteranceConsumer(EventConsumer):
    @property
    def pk(self) -> str:
        return str(self.scope["url_route"]["kwargs"]["pk"])

    def group(self) -> str:
        return events.group_name(self.pk)

    def allowed(self, user: AnyUser) -> bool:
        return selectors.utterance_for(user, self.pk) is not None

    def events_after(self, seq: int, limit: int) -> list[dict[str, Any]]:
        utterance = Utterance.objects.select_related("voice").filter(pk=self.pk).first()
        return selectors.events_after(utterance, seq, limit) if utterance else []

    def snapshot(self) -> dict[str, Any]:
        utterance = Utterance.objects.select_related("voice").filter(pk=self.pk).first()
        return selectors.utterance_state(utterance) if utterance else {"state": "deleted", "last_seq": 0}
