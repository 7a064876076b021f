"""Files that are whole or absent: written beside, synced, renamed, the folder synced. Never imports torch."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from speech.errors import DiskFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PREFIX = ".unfinished-"  # what a killed writer leaves behind begins so, see `sweep`


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, write: Callable[[Path], None], *, needs: int = 0) -> None:
    """Let `write(temporary path)` make the file, then put it in place of `path`, durable once this returns.

    Of two writers the later one's file stays, whole. A link stays one, to the new file; into what is no file (a device)
    the bytes are written. `needs`: bytes that the file will take; refused beforehand where the disk has less.
    Raises DiskFull; whatever stood at `path` before is then untouched.
    """
    if path.is_symlink():
        path = path.resolve()
    if path.exists() and not path.is_file() and not path.is_dir():
        _pour(path, write)
        return
    if needs and (free := shutil.disk_usage(path.parent).free) < needs:
        raise _disk_full(path, f"{needs / 2**20:.0f} MiB are needed and {free / 2**20:.0f} MiB are free")
    temporary = path.with_name(f"{_PREFIX}{secrets.token_hex(8)}{path.suffix[:16]}")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full(path, error.strerror or "no space") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _pour(device: Path, write: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / device.name
        write(made)
        with made.open("rb") as source, device.open("wb") as sink:
            shutil.copyfileobj(source, sink)


def write_text_atomic(path: Path, text: str) -> None:
    """Like `write_atomic`, for a short text."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_atomic(path, write)


def is_file(path: Path) -> bool:
    """Whether there is a file of that name; False also for what can be none's name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def sweep(folder: Path) -> None:
    """Remove what a writer that was killed has left; only for the one process that owns the folder."""
    for leftover in folder.glob(_PREFIX + "*"):
        leftover.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_full(path: Path, why: str) -> DiskFull:
    return DiskFull(
        f"The disk is full: {path.name} could not be written to {path.parent} ({why}). Free some space there; "
        "what was saved before is intact.",
        path=str(path),
    )
