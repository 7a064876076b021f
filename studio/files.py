"""Files in storage (a folder or S3): written whole, read back through views that check the person."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import close_old_connections
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from studio.errors import Refused

BLOCK_BYTES = 256 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNFINISHED = ".part"  # how the name of a copy ends that is still being made, or was cut off by a kill
WHOLE_UP_TO_BYTES = 8 * 1024 * 1024  # answered in one piece; anything larger is streamed


def save_bytes(key: str, content: bytes | Path) -> int:
    """Stores bytes, or a file by its path, under `key`; the number of bytes. A full disk is Refused (507).

    Keys carry an id and a hash: the same key is the same content, and writing it again is harmless.
    """
    try:
        if isinstance(content, Path):
            with content.open("rb") as file:
                default_storage.save(key, File(file, name=content.name))
            return content.stat().st_size
        default_storage.save(key, ContentFile(content))
        return len(content)
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full() from error
        raise


def open_file(key: str) -> IO[bytes]:
    """The stored file, for reading. Raises FileNotFoundError."""
    return default_storage.open(key, "rb")


def exists(key: str) -> bool:
    """Whether there is such a file in storage."""
    return bool(default_storage.exists(key))


def read_bytes(key: str) -> bytes:
    """All of a stored file. Raises FileNotFoundError."""
    with open_file(key) as file:
        return file.read()


def fetch(key: str, target: Path) -> Path:
    """Copies a stored file to `target` on this machine's disk, whole or not at all.

    Several workers may bring the same file at once. Raises FileNotFoundError; a full disk is Refused (507).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(prefix=f".{target.name[:80]}.", suffix=UNFINISHED, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as copy, open_file(key) as source:
            shutil.copyfileobj(source, copy, BLOCK_BYTES)
        return Path(beside).replace(target)
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full() from error
        raise
    finally:
        Path(beside).unlink(missing_ok=True)


def delete_file(key: str) -> None:
    """Removes a stored file; one that is gone already is fine."""
    if key:
        default_storage.delete(key)


def delete_folder(key: str) -> None:
    """Removes a stored folder with all that is in it; one that is gone already is fine."""
    prefix = f"{key.rstrip('/')}/"
    for name in names(prefix):
        delete_file(prefix + name)
    for folder in folders(prefix):
        delete_folder(prefix + folder)
    if (root := storage_folder()) is not None:  # a bucket has no folders
        with suppress(OSError):  # something was written there meanwhile: it is the caller's to look again
            (root / prefix).rmdir()


def folders(key: str) -> list[str]:
    """Names of the folders below a folder; none where it is not there."""
    return _listing(key)[0]


def names(key: str) -> list[str]:
    """Names of the files in a folder; none where it is not there."""
    return _listing(key)[1]


def size_of(key: str) -> int:
    """Bytes of a stored file. Raises FileNotFoundError."""
    return int(default_storage.size(key))


def modified_at(key: str) -> datetime:
    """When a stored file was written."""
    return default_storage.get_modified_time(key)


def free_space_check() -> None:
    """Raises Refused (507) when less than MIN_FREE_BYTES is left where files lie. A bucket has no floor."""
    folder = storage_folder()
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < settings.MIN_FREE_BYTES:
        raise _disk_full()


def storage_folder() -> Path | None:
    """The folder that files lie in, or None when they lie in a bucket."""
    return Path(default_storage.location) if isinstance(default_storage, FileSystemStorage) else None


def serve(request: HttpRequest, key: str, content_type: str, download_name: str | None = None) -> HttpResponseBase:
    """The stored file as an answer, or the part of it that a Range header asks for (players seek so).

    The caller has checked the person. `download_name` makes the browser save it. Raises Http404 when it is gone.
    """
    try:
        size = default_storage.size(key)
        file = open_file(key)
    except (FileNotFoundError, OSError) as error:
        raise Http404(key) from error
    wanted = parse_range(request.headers.get("Range", ""), size)
    if isinstance(wanted, str):
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = wanted or (0, size - 1)
    length = end - start + 1
    file.seek(start)
    response: HttpResponseBase
    if request.method == "HEAD":
        file.close()
        response = HttpResponse(content_type=content_type)
    elif length <= WHOLE_UP_TO_BYTES:
        with file:
            response = HttpResponse(file.read(length), content_type=content_type)
    else:
        response = StreamingHttpResponse(_blocks(file, length), content_type=content_type)
    if wanted:
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
    response["Content-Length"] = str(length)
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=600"
    if disposition := content_disposition_header(download_name is not None, download_name or ""):
        response["Content-Disposition"] = disposition
    return response


def parse_range(header: str, size: int) -> tuple[int, int] | Literal["unsatisfiable"] | None:
    """First and last byte of a `Range: bytes=…` header with one range; None to send all; "unsatisfiable" for a 416."""
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last N bytes
        start, end = max(0, size - int(last)), size - 1
        return (start, end) if int(last) and size else "unsatisfiable"
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    return (start, end) if start <= end else "unsatisfiable"


def _listing(key: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(key)
    except FileNotFoundError:
        return [], []


async def _blocks(file: IO[bytes], length: int) -> AsyncIterator[bytes]:
    try:
        # A slow reader would keep the request's connection, one of the database's few, all the while.
        await sync_to_async(close_old_connections)()
        while length > 0:
            block = await sync_to_async(file.read)(min(BLOCK_BYTES, length))
            if not block:
                return
            length -= len(block)
            yield block
    finally:
        file.close()


def _disk_full() -> Refused:
    return Refused("disk_full", _("서버의 저장 공간이 가득 찼어요. 관리자에게 알려 주세요."), 507)
