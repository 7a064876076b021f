"""Erasing a speaker: all that was recorded, trained and spoken with the voice goes, and one line stays that says so.

Each room erases its own part, those above first: a voice holds its checkpoints, a run its clips. A part removes the
files first and then their rows, and does no harm twice; so what was cut off goes on from its `Erasure`, which is there
before anything is removed and is closed at the very end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from studio import files, room_tones, services, statements, takes
from studio.errors import Refused
from studio.models import Erasure, Speaker

FOLDERS = (takes.FOLDER, statements.FOLDER, room_tones.FOLDER)

# What there may be of a speaker, in the order in which it is told. They have a context since English names them
# otherwise: 녹음, 학습 and 목소리 are also two rooms and the brand.
WORDS: dict[str, str | Promise] = {
    "takes": pgettext_lazy("counted", "녹음"),
    "statements": gettext_lazy("동의 녹음과 기록"),
    "room_tones": gettext_lazy("방 소리"),
    "runs": pgettext_lazy("counted", "학습"),
    "checkpoints": pgettext_lazy("counted", "체크포인트"),
    "voices": pgettext_lazy("counted", "목소리"),
    "utterances": gettext_lazy("말한 글과 소리"),
    "accounts": gettext_lazy("로그인 계정"),
}


@dataclass(frozen=True)
class Item:
    """So many things of one kind (a key of `WORDS`); `names`: what a person knows them by."""

    code: str
    count: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """What a room has of a speaker, why it cannot go now (raises Refused), how it goes, and what follows."""

    items: Callable[[Speaker], list[Item]]
    check: Callable[[Speaker], None]
    erase: Callable[[Speaker], None]
    after: Callable[[], None]


_parts: dict[str, Part] = {}


def register(room: str, part: Part) -> None:
    """Called once, in the `AppConfig.ready` of a room above this one; the settings list the lower rooms first."""
    _parts[room] = part


def items_of(speaker: Speaker) -> list[Item]:
    """All that there is of a speaker and would go; nothing with a count of 0."""
    found = _own_items(speaker) + [item for part in _parts.values() for item in part.items(speaker)]
    order = list(WORDS)
    return sorted((item for item in found if item.count), key=lambda item: order.index(item.code))


def erasure_open(name: str) -> Erasure | None:
    """The erasure of a speaker of this name that was begun and has not ended."""
    return Erasure.objects.filter(name=name, finished_at=None).first()


def account_of(speaker: Speaker) -> User | None:
    """The account that goes with the speaker; an admin's own stays."""
    user: User | None = speaker.user
    return None if user is None or user.is_staff or user.is_superuser else user


def speaker_erase(*, speaker: Speaker, by: User | None) -> Erasure:
    """Erases a speaker for good: see above. Called again after it was cut off, it goes on.

    Raises Refused (409: stop_run_first) as long as a run on the voice is waiting or training; nothing is removed then.
    """
    return erasure_go_on(erasure=_begin(speaker, by))


def erasure_go_on(*, erasure: Erasure) -> Erasure:
    """Removes what is left, and closes the erasure. Raises OSError where the storage is away: call it again then."""
    speaker = Speaker.objects.filter(pk=erasure.speaker_pk).first()
    if speaker is not None:
        for part in reversed(_parts.values()):
            part.erase(speaker)
        _erase_own(speaker)
    _delete_folders(erasure.speaker_pk)  # what was on its way while the row went
    for part in _parts.values():
        part.after()
    Erasure.objects.filter(pk=erasure.pk, finished_at=None).update(finished_at=timezone.now())
    erasure.refresh_from_db()
    return erasure


def _begin(speaker: Speaker, by: User | None) -> Erasure:
    """From here on nobody records, trains or speaks with the voice, whatever becomes of the rest."""
    with transaction.atomic():
        Speaker.objects.select_for_update().get(pk=speaker.pk)
        for part in _parts.values():
            part.check(speaker)
        counts = {item.code: item.count for item in items_of(speaker)}
        erasure, _created = Erasure.objects.get_or_create(
            speaker_pk=speaker.pk, defaults={"name": speaker.name, "by": by, "counts": counts}
        )
        services.consent_withdraw(speaker=speaker)
        if account := account_of(speaker):
            User.objects.filter(pk=account.pk).update(is_active=False)
    return erasure


def _own_items(speaker: Speaker) -> list[Item]:
    return [
        Item("takes", speaker.clips.count()),
        Item("statements", speaker.consents.count()),
        Item("room_tones", speaker.room_tones.count()),
        Item("accounts", int(account_of(speaker) is not None)),
    ]


def _erase_own(speaker: Speaker) -> None:
    for rows in (speaker.clips, speaker.consents, speaker.room_tones):
        for key in rows.values_list("file", flat=True):
            files.delete_file(key)
    _delete_folders(speaker.pk)
    with transaction.atomic():
        account = account_of(speaker)
        own = (speaker.clips, speaker.consents, speaker.room_tones, speaker.sessions, speaker.skips)
        admin_log_forget(Speaker.objects.filter(pk=speaker.pk), *(rows.all() for rows in own))
        speaker.delete()
        if account is not None:
            admin_log_forget(User.objects.filter(pk=account.pk))
            _forget_sign_ins(account)
            account.delete()


def admin_log_forget(*gone: QuerySet[Any]) -> None:
    """What Django's admin noted of rows that go: it keeps what they were called, and no key holds it to them."""
    for rows in gone:
        noted = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(rows.model))
        if noted.exists():
            ids = {str(pk) for pk in rows.values_list("pk", flat=True)}
            noted.filter(pk__in=[entry.pk for entry in noted if entry.object_id in ids]).delete()


def _forget_sign_ins(account: User) -> None:
    """When, from where and with which browser somebody came in: no key holds what django-axes and sessions keep."""
    for log in (AccessAttempt, AccessFailureLog, AccessLog):
        log.objects.filter(username=account.get_username()).delete()
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(account.pk):
            store(session.session_key).delete()


def _delete_folders(speaker_pk: UUID) -> None:
    for folder in FOLDERS:
        files.delete_folder(f"{folder}/{speaker_pk}")


def erased_words(erasure: Erasure) -> str:
    """What went, in one line: "녹음 12, 목소리 1"."""
    counts = erasure.counts
    return ", ".join(f"{words} {counts[code]:,}" for code, words in WORDS.items() if code in counts)


def confirmed(speaker: Speaker, typed: str) -> None:
    """Raises Refused (not_confirmed) unless the speaker's name was typed."""
    if typed.strip() != speaker.name:
        words = _("지우려면 화자의 이름을 그대로 적어 주세요: %(name)s") % {"name": speaker.name}
        raise Refused("not_confirmed", words, name=speaker.name)
