"""Where files lie: a folder that survives a crash and a full disk, and hashed static files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class DurableFileSystemStorage(FileSystemStorage):
    """Writes beside, syncs, renames, syncs the folder: a name that exists is whole.

    Names carry an id and a hash, so writing the same name again means the same content and replaces it. Django's own
    storage does not sync, and leaves a truncated file behind on a full disk.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("base_url", None)  # files are served by views that check the person
        super().__init__(*args, **kwargs)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: File) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(target)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return name.replace("\\", "/")


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashed names, compressed; relative imports between our JavaScript modules are rewritten as well."""

    support_js_module_import_aggregation = True
    manifest_strict = False  # a page of a server whose static files were not collected still works, unhashed

    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:  # not strict, Django still wants to hash a file that is not there
            return name
