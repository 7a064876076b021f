"""What this room does when a speaker takes the consent back: voices made of the clips speak no more.

They are withheld and not retired: the speaker's no is not the admin's. Until an admin decides otherwise, and says why,
nobody hears a new word from them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from studio.errors import Refused
from studio.models import Speaker
from synthesis import selectors, services
from synthesis.models import Utterance, Voice

REASON_LENGTH = 300


def voices_withhold(sender: object, *, speaker: Speaker, **others: Any) -> None:
    """Receiver of `studio.signals.consent_withdrawn`: flags the voices, and stops what they are saying."""
    voices = list(selectors.voices_made_of(speaker).values_list("pk", flat=True))
    Voice.objects.filter(pk__in=voices).update(
        withheld_at=timezone.now(), released_at=None, released_by=None, release_reason=""
    )
    transaction.on_commit(partial(_stop_speaking, voices))


def voice_release(*, voice: Voice, reason: str, released_by: User | None) -> Voice:
    """An admin lets a withheld voice speak again, and answers for it with a reason. Raises Refused."""
    reason = reason.strip()[:REASON_LENGTH]
    if not reason:
        raise Refused("no_reason", _("왜 다시 말해도 되는지 적어 주세요."))
    changed = Voice.objects.filter(pk=voice.pk, withheld_at__isnull=False).update(
        withheld_at=None, released_at=timezone.now(), released_by=released_by, release_reason=reason
    )
    voice.refresh_from_db()
    if not changed:
        raise Refused("not_withheld", _("이 목소리는 멈춰 있지 않아요."), 409)
    return voice


def _stop_speaking(voices: list[Any]) -> None:
    for utterance in Utterance.objects.filter(voice__in=voices, state__in=Utterance.ACTIVE):
        services.utterance_stop(utterance=utterance)
