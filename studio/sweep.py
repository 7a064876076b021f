"""Where rows and stored files differ: what a write that was cut off leaves behind, and what a restore has lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import timedelta

from django.utils import timezone

from studio import files, room_tones, statements, takes
from studio.models import Clip, Consent, RoomTone

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
FEW = 20  # files that may always go without a person looking
SHARE = 0.1  # of all files: where more than this have no row, the database is another one, and not the files left over
_OWNERS = ((takes.FOLDER, Clip), (statements.FOLDER, Consent), (room_tones.FOLDER, RoomTone))

Known = Callable[[str], Collection[str]]  # name of a folder → the keys in it that rows refer to


def _known(folder: str, owner: type[Clip | Consent | RoomTone]) -> Known:
    def known(name: str) -> Collection[str]:
        return set(owner._default_manager.filter(file__startswith=f"{folder}/{name}/").values_list("file", flat=True))

    return known


_rooms: dict[str, dict[str, Known]] = {"studio": {folder: _known(folder, owner) for folder, owner in _OWNERS}}


def register(room: str, folder: str, known: Known) -> None:
    """Called in the `AppConfig.ready` of a room above this one: it stores files in folders below `folder`."""
    _rooms.setdefault(room, {})[folder] = known


def orphans(*, older_than: timedelta = DAY, room: str = "") -> tuple[list[str], int]:
    """Keys of files without a row that are at least so old, and how many files there are in all; of one room or all.

    Takes that a speaker took out have a row. What is being stored now is younger than the limit.
    """
    found: list[str] = []
    total = 0
    for name, parts in _rooms.items():
        for folder, known in parts.items() if room in ("", name) else ():
            for one in files.folders(folder):
                keys = [f"{folder}/{one}/{file}" for file in files.names(f"{folder}/{one}/")]
                there = known(one)
                found += [key for key in keys if key not in there and _is_old(key, older_than)]
                total += len(keys)
    return found, total


def rows_without_file() -> tuple[list[str], int]:
    """Keys of takes, statements and room tones whose sound is not in storage, and how many sounds there are to be."""
    lost: list[str] = []
    total = 0
    for _folder, owner in _OWNERS:
        there: dict[str, set[str]] = {}
        keys = owner._default_manager.exclude(file="").order_by("file").values_list("file", flat=True)
        for key in keys.iterator():
            place, _slash, name = key.rpartition("/")
            if place not in there:
                there = {place: set(files.names(place))}  # one speaker at a time: the keys are in order
            if name not in there[place]:
                lost.append(key)
            total += 1
    return lost, total


def files_sweep(*, older_than: timedelta = DAY) -> list[str]:
    """Removes all orphans; their keys."""
    found, _total = orphans(older_than=older_than)
    return _remove(found, older_than)


def files_sweep_unwatched() -> list[str]:
    """`files_sweep` where nobody looks on: a room in which very many have no row is left alone, with a warning."""
    gone: list[str] = []
    for room in _rooms:
        found, total = orphans(room=room)
        if len(found) > max(FEW, SHARE * total):
            logger.warning(
                "%d of %d stored files of the room %s have no row; none of them was removed. Is this the right "
                "database? If it is, manage.py sweep_files removes them.",
                len(found),
                total,
                room,
            )
            continue
        gone += _remove(found, DAY)
    if gone:
        logger.info("%d stored files that no row refers to were removed.", len(gone))
    return gone


def _remove(found: list[str], older_than: timedelta) -> list[str]:
    """Looks at each once more: while the others were looked at, it may have been stored again."""
    gone = []
    for key in found:
        if _is_old(key, older_than) and not _has_row(key):
            files.delete_file(key)
            gone.append(key)
    return gone


def _is_old(key: str, older_than: timedelta) -> bool:
    try:
        return files.modified_at(key) < timezone.now() - older_than
    except FileNotFoundError:  # its speaker is being erased, or somebody else sweeps
        return False


def _has_row(key: str) -> bool:
    folder, name, _file = key.split("/", 2)
    return any(key in parts[folder](name) for parts in _rooms.values() if folder in parts)
