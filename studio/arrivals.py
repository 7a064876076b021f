"""Sound that a browser sends until it hears that it is there: whole, and the same one when it comes again."""

from __future__ import annotations

import hashlib
from typing import TypeVar
from uuid import UUID

from django.utils.translation import gettext as _

from studio.access import require_consent
from studio.errors import Refused
from studio.models import Clip, Consent, Erasure, RoomTone, Speaker

Row = TypeVar("Row", Clip, RoomTone, Consent)


def digest_of(data: bytes, sha256: str) -> str:
    """The SHA-256 of what arrived, hex. Refused (400, damaged) where it is not the one that was sent along."""
    digest = hashlib.sha256(data).hexdigest()
    if sha256 != digest:
        raise Refused("damaged", _("보내는 중에 파일이 상했어요. 다시 보낼게요."), sent=sha256, got=digest)
    return digest


def same_one(row: Row | None, *, speaker: Speaker, id: UUID, digest: str) -> Row | None:
    """`row`, which has this id, when it is the same sound; None for none.

    Refused (409, id_taken) when it is another speaker's, or holds another sound.
    """
    if row is not None and (row.speaker_id != speaker.pk or row.sha256 != digest):
        raise Refused("id_taken", _("같은 번호의 다른 녹음이 이미 있어요. 다시 녹음해 주세요."), 409, id=str(id))
    return row


def speaker_lock(speaker: Speaker) -> None:
    """One writer a speaker, within a transaction: of two takes at once not both become the kept one.

    Refused (410, erased) once the speaker's erasure has begun: what arrives now would be left behind.
    """
    there = Speaker.objects.select_for_update().filter(pk=speaker.pk).exists()
    if not there or Erasure.objects.filter(speaker_pk=speaker.pk).exists():
        raise Refused("erased", _("화자의 녹음을 모두 지우고 있어서 더 받을 수 없어요."), 410)


def recording_lock(speaker: Speaker) -> None:
    """`speaker_lock`, for what was just recorded; Refused (403, no_consent) where consent was taken back meanwhile."""
    speaker_lock(speaker)
    require_consent(speaker)
