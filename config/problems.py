"""What keeps a command from starting: said in one line, Korean first, with the mend."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django.db.utils

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}


class StartError(Exception):
    """Something outside the program is in the way; `str()` is the one line that a person reads."""

    def __init__(self, korean: str, english: str) -> None:
        super().__init__(f"{korean} · {english}")


def disk_is_full(where: Path | str) -> StartError:
    return StartError(
        f"디스크가 가득 찼어요({where}). 자리를 비우거나 MOKSORI_DATA에 다른 폴더를 적어 주세요.",
        f"The disk is full ({where}): make room, or put another folder into MOKSORI_DATA.",
    )


def explain(error: Exception, folder: Path | str) -> StartError | None:
    """The sentence for an error of the disk or the database; None for what is a defect and deserves its traceback."""
    if isinstance(error, OSError):
        where = error.filename or folder
        if error.errno in DISK_FULL:
            return disk_is_full(where)
        if error.errno in NOT_WRITABLE:
            return StartError(
                f"{where}에 쓸 수 없어요. 폴더의 주인과 권한을 고치거나 MOKSORI_DATA에 다른 폴더를 적어 주세요.",
                f"Cannot write {where}: mend its owner or mode, or put another folder into MOKSORI_DATA.",
            )
    if isinstance(error, django.db.utils.OperationalError):
        said = str(error).strip().splitlines()[0]
        if "disk is full" in said or "disk I/O error" in said:
            return disk_is_full(folder)
        return StartError(
            f"데이터베이스를 쓸 수 없어요({said}). DATABASE_URL과 서버를 확인해 주세요.",
            f"The database cannot be used ({said}): look at DATABASE_URL and the server.",
        )
    return None


@contextmanager
def explained(folder: Path | str) -> Iterator[None]:
    """Turn errors of the disk and the database into a StartError."""
    try:
        yield
    except Exception as error:
        if (problem := explain(error, folder)) is not None:
            raise problem from error
        raise
