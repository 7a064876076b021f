"""Copies of all that must not be lost, and the way back: behind `manage.py backup` and `manage.py restore`.

A backup is a folder: `backup.json`, written last, says what is in it; `database-….sqlite3` or `database-….dump` (as
pg_dump writes it); `secret_key`, where this installation made its own; and `files/`, everything in storage by its key.
The database comes first, so each row of it finds its file: a file without a row is only unused.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.utils import DatabaseError

from config import database_copies, env, preparation
from config.problems import DISK_FULL, NOT_WRITABLE, StartError
from speech.errors import DiskFull
from speech.files import sha256_of, write_atomic
from speech.lifetime import turn
from studio import files, sweep
from studio.errors import Refused
from studio.models import Erasure, Speaker

FORMAT = 1
NOTE = "backup.json"
MARK = ".moksori-backup"  # from its first moment on: in a folder without it nothing is ever removed
FILES = "files"
KEY = "secret_key"
ASIDE = "before-restore"
_MARKS = ("prompts.loaded", "base.loaded")  # what was brought into the database that goes

Say = Callable[[int, int], None]  # files done, files in all


@dataclass(frozen=True)
class Note:
    """What is in a backup. `migrations`: the newest of each app; `erased`: how many speakers had been erased."""

    made_at: str
    vendor: str  # of the database: sqlite, postgresql
    database: str  # the name of its file
    database_sha256: str
    files: int
    size: int  # bytes of the files
    secret_key: bool
    speakers: int
    migrations: dict[str, str]
    format: int = FORMAT


def backup(target: Path, *, say: Say = lambda done, total: None) -> Note:
    """Copy everything into the folder `target`, while the studio runs; what an earlier one copied is not copied again.

    What has gone since, as with an erased speaker, goes from the copy too. Cut off, the backup before is still whole.
    Raises StartError.
    """
    target = target.expanduser().resolve()
    _check_target(target)
    lost = _lost()
    with _disk_of(target):
        target.mkdir(parents=True, exist_ok=True)
        with turn(target, lambda: None):
            (target / MARK).touch()
            made_at, speakers = datetime.now(UTC), Speaker.objects.count()
            database, sha256 = _copy_database(target)
            keys = sorted(_keys(""))
            count, size = _copy(keys, target / FILES, say)
            key = _copy_key(target)
            os.sync()
            note = Note(
                made_at.isoformat(timespec="seconds"), connection.vendor, database.name, sha256, count, size, key,
                speakers, _migrations(),
            )  # fmt: skip
            _write(target / NOTE, json.dumps(asdict(note), ensure_ascii=False, indent=1))
            _remove_others(target, database, {*keys, *lost})
    return note


def restore(source: Path, *, replace: bool = False, say: Say = lambda done, total: None) -> tuple[Note, Path | None]:
    """Put a backup in the place of what is here; what was here is put aside, in the folder that comes back besides.

    The studio has to be off. Without `replace` an installation that has speakers is left alone. Raises StartError.
    """
    source = source.expanduser().resolve()
    note = read_note(source)
    folder = Path(settings.DATA_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with preparation.only_one(folder), _disk_of(folder):
        _check_here(note, replace=replace)
        staged = folder / ".restoring"
        shutil.rmtree(staged, ignore_errors=True)
        if files.storage_folder() is not None:
            _check_room(folder, note.size)
        staged.mkdir()
        _bring(source, staged, note, say)
        aside = folder / f"{ASIDE}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        with _put_aside(_places(folder, note), aside):
            _put_in_place(source, staged, note)
        shutil.rmtree(staged)
    return note, aside if aside.exists() else None


def read_note(source: Path) -> Note:
    """What the folder says of itself, its database and the number of its files verified. Raises StartError."""
    try:
        told: dict[str, Any] = json.loads((source / NOTE).read_text())
        newer = told["format"] > FORMAT
        note = None if newer else Note(**told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StartError(
            f"백업이 아니에요: {source} (없거나 읽을 수 없는 파일: {NOTE}).",
            f"{source} is no backup: it has no {NOTE}.",
        ) from error
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    if note is None or any((app, name) not in known for app, name in note.migrations.items()):
        raise StartError(
            "더 새로운 목소리가 만든 백업이에요. 그 판을 설치한 뒤 되돌려 주세요.",
            "A newer Moksori made this backup: install that one first.",
        )
    database = source / Path(note.database).name
    if not database.is_file() or sha256_of(database) != note.database_sha256:
        raise StartError(
            f"백업의 데이터베이스가 상했어요: {database}. 다른 백업을 골라 주세요.",
            "The backup's database is damaged: take another backup.",
        )
    found = sum(1 for _key in _stored(source / FILES))
    if found < note.files:
        raise StartError(
            f"백업에 파일이 {note.files - found:,}개 모자라요: {source / FILES}. 다른 백업을 골라 주세요.",
            f"{note.files - found:,} files are missing from the backup: take another one.",
        )
    return note


def erased_since(note: Note) -> list[str]:
    """Short names of the speakers who were erased after the backup was made: a restore brings them back."""
    try:
        later = Erasure.objects.filter(started_at__gt=datetime.fromisoformat(note.made_at))
        return list(later.order_by("name").values_list("name", flat=True))
    except DatabaseError:  # there is no database here yet
        return []


def _check_target(target: Path) -> None:
    if target.is_relative_to(settings.DATA_DIR):
        raise StartError(
            f"데이터 폴더 밖의 폴더를 골라 주세요: {target}. 같은 디스크가 망가지면 백업도 함께 사라져요.",
            "Choose a folder outside of the data folder, best on another disk.",
        )
    if target.exists() and not target.is_dir():
        raise StartError(f"폴더가 아니에요: {target}.", f"{target} is no folder.")
    if target.is_dir() and any(target.iterdir()) and not (target / MARK).exists():
        raise StartError(
            f"빈 폴더나 예전 백업을 골라 주세요: {target}.", "Choose an empty folder, or one with an earlier backup."
        )


def _lost() -> list[str]:
    """Keys of sounds that rows name and storage lacks: an earlier backup may have them, so their copies stay.

    A disk that is not mounted looks like a storage from which all has gone. Raises StartError for that.
    """
    lost, total = sweep.rows_without_file()
    if lost and (len(lost) == total or len(lost) > max(sweep.FEW, sweep.SHARE * total)):
        raise StartError(
            f"저장소에 소리 {total:,}개 중 {len(lost):,}개가 없어요. 디스크나 버킷이 이어져 있는지 확인해 주세요.",
            f"{len(lost):,} of {total:,} sounds are not in storage: is its disk or bucket there?",
        )
    return lost


def _check_here(note: Note, *, replace: bool) -> None:
    if note.vendor != connection.vendor:
        raise StartError(
            f"{note.vendor} 백업이에요(지금 데이터베이스: {connection.vendor}). DATABASE_URL을 확인해 주세요.",
            f"The backup is of {note.vendor}, the database here is {connection.vendor}: look at DATABASE_URL.",
        )
    try:
        speakers = Speaker.objects.count()
    except DatabaseError:  # nothing here yet
        speakers = 0
    finally:
        connections.close_all()
    if speakers and not replace:
        raise StartError(
            f"여기에 화자가 {speakers:,}명 있어요. 지금 것을 옆에 치워 두고 되돌리려면 --replace를 붙여 주세요.",
            f"There are {speakers:,} speakers here: with --replace all of it is put aside for the backup.",
        )
    database_copies.restorable_check()


def _keys(folder: str) -> Iterator[str]:
    """All keys in storage; not what is being written now, whose names begin with a dot."""
    for name in files.names(folder):
        if not name.startswith("."):
            yield f"{folder}{name}"
    for name in files.folders(folder):
        yield from _keys(f"{folder}{name}/")


def _stored(folder: Path) -> Iterator[str]:
    """All keys in a backup's folder of files."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(folder).as_posix()


def _copy_database(target: Path) -> tuple[Path, str]:
    """The new copy, beside the one before, and its hash."""
    beside = target / ".database.part"
    database_copies.dump(beside)
    sha256 = sha256_of(beside)
    return beside.replace(target / f"database-{sha256[:16]}{database_copies.suffix()}"), sha256


def _copy(keys: list[str], folder: Path, say: Say) -> tuple[int, int]:
    """Bring what is not there yet, or was written anew; how many there are then, and their bytes.

    What was deleted meanwhile stays away.
    """
    count = size = 0
    for done, key in enumerate(keys, start=1):
        copy = folder / key
        with suppress(FileNotFoundError):
            written = files.modified_at(key).timestamp()
            there = copy.stat() if copy.is_file() else None
            if there is None or there.st_size != files.size_of(key) or there.st_mtime < written:
                files.fetch(key, copy)
                os.utime(copy, (written, written))
            count, size = count + 1, size + copy.stat().st_size
        say(done, len(keys))
    return count, size


def _copy_key(target: Path) -> bool:
    own = Path(settings.DATA_DIR) / KEY
    if env.text("MOKSORI_SECRET_KEY") or not own.is_file():
        (target / KEY).unlink(missing_ok=True)
        return False
    _write(target / KEY, own.read_text(), mode=0o600)
    return True


def _remove_others(target: Path, database: Path, keys: set[str]) -> None:
    """What is no longer in storage, the database before, and what a backup that was killed left half-written."""
    for path in [*target.glob("database-*"), *target.glob(".*.part")]:
        if path != database:
            path.unlink()
    folder = target / FILES
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() in keys:
            continue
        path.unlink()
        for parent in path.parents:
            if parent == folder or any(parent.iterdir()):
                break
            parent.rmdir()


def _bring(source: Path, staged: Path, note: Note, say: Say) -> None:
    """The files into storage's bucket, where the same key is the same content; or beside its folder for now."""
    bucket, keys = files.storage_folder() is None, sorted(_stored(source / FILES))
    for done, key in enumerate(keys, start=1):
        if bucket:
            files.save_bytes(key, source / FILES / key)
        else:
            place = staged / FILES / key
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / FILES / key, place)
        say(done, len(keys))
    if connection.vendor == "sqlite":
        shutil.copy2(source / note.database, staged / database_copies.place().name)
    os.sync()


def _places(folder: Path, note: Note) -> list[Path]:
    """Everything here that the backup takes the place of."""
    found = [folder / name for name in _MARKS]
    if connection.vendor == "sqlite":
        place = database_copies.place()
        found += [place, *(place.with_name(place.name + end) for end in ("-wal", "-shm"))]
    if (storage := files.storage_folder()) is not None:
        found.append(storage)
    if _wants_key(note):
        found.append(folder / KEY)
    return [path for path in found if path.exists()]


@contextmanager
def _put_aside(places: list[Path], aside: Path) -> Iterator[None]:
    """Move what is here into the folder `aside`; back again, where the block or the way there fails."""
    moved: list[Path] = []
    try:
        for path in places:
            aside.mkdir(exist_ok=True)
            path.replace(aside / path.name)
            moved.append(path)
        yield
    except BaseException:
        for path in reversed(moved):
            if path.is_dir():
                shutil.rmtree(path)
            (aside / path.name).replace(path)
        if aside.exists():
            aside.rmdir()
        raise


def _put_in_place(source: Path, staged: Path, note: Note) -> None:
    if (storage := files.storage_folder()) is not None:
        (staged / FILES).mkdir(exist_ok=True)  # a backup without a single file
        (staged / FILES).replace(storage)
    if _wants_key(note):
        _write(Path(settings.DATA_DIR) / KEY, (source / KEY).read_text(), mode=0o600)
    if connection.vendor == "sqlite":
        place = database_copies.place()
        (staged / place.name).replace(place)
    else:
        database_copies.load(source / note.database)


def _migrations() -> dict[str, str]:
    loader = MigrationLoader(connection)
    return dict(sorted(node for node in loader.applied_migrations if node in loader.graph.leaf_nodes()))


def _wants_key(note: Note) -> bool:
    return note.secret_key and not env.text("MOKSORI_SECRET_KEY")


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    def put(beside: Path) -> None:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            file.write(text)

    write_atomic(path, put)


def _check_room(folder: Path, size: int) -> None:
    if shutil.disk_usage(folder).free < size + preparation.LEAST_FREE_BYTES:
        raise _full(folder)


@contextmanager
def _disk_of(folder: Path) -> Iterator[None]:
    """Say in words that a disk is full or not to be written to."""
    try:
        yield
    except (DiskFull, Refused) as error:
        raise _full(folder) from error
    except OSError as error:
        if error.errno in DISK_FULL:
            raise _full(folder) from error
        if error.errno in NOT_WRITABLE:
            raise StartError(
                f"여기에 쓸 수 없어요: {error.filename or folder}. 폴더의 주인과 권한을 확인해 주세요.",
                f"Cannot write {error.filename or folder}: look at its owner and mode.",
            ) from error
        raise


def _full(folder: Path) -> StartError:
    return StartError(
        f"디스크가 가득 찼어요: {folder}. 자리를 비우고 다시 하면 이어서 해요.",
        f"The disk of {folder} is full: make room, and call it again.",
    )
