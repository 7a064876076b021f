"""Loaded voices of a speaking worker: the least recently used goes out. Only workers and the command call this."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from django.conf import settings

from speech.errors import BadCheckpoint
from studio.files import open_file
from synthesis.models import Voice
from training.models import Checkpoint

if TYPE_CHECKING:
    from speech.synthesizer import Synthesizer

logger = logging.getLogger(__name__)

LOADED = 2  # voices kept in memory at once
ON_DISK = 12  # checkpoint files kept in the work folder
KEPT = 256 << 20  # bytes that a sentence freed and the next one may have again

_loaded: OrderedDict[tuple[str, str], Synthesizer] = OrderedDict()
_lock = RLock()


def get(voice: Voice) -> Synthesizer:
    """The voice, ready to speak. Raises BadCheckpoint for a file that is missing, damaged or does not fit."""
    key = (voice.acoustic.sha256, voice.vocoder.sha256 if voice.vocoder else "")
    with _lock:
        if key in _loaded:
            _loaded.move_to_end(key)
            return _loaded[key]
        while len(_loaded) >= LOADED:
            _loaded.popitem(last=False)
        _loaded[key] = _load(voice)
        return _loaded[key]


def forget() -> None:
    """Let all voices go (their memory with them)."""
    with _lock:
        _loaded.clear()


def _load(voice: Voice) -> Synthesizer:
    from speech import devices, heap
    from speech.synthesizer import Synthesizer  # torch, which the web process must not have

    devices.flush_denormals()
    heap.keep_freed_memory(KEPT)
    acoustic = fetch(voice.acoustic)
    vocoder = fetch(voice.vocoder) if voice.vocoder else None
    logger.info("Loading the voice %s.", voice.name)
    return Synthesizer.load(acoustic, vocoder)


def fetch(checkpoint: Checkpoint) -> Path:
    """The checkpoint's file on this machine's disk, brought from storage once; its hash is verified every time.

    Raises BadCheckpoint (missing, damaged).
    """
    folder = settings.WORK_DIR / "voices"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{checkpoint.sha256}.safetensors"
    if _is_whole(path, checkpoint):
        path.touch()  # the newest are the ones in use
        return path
    _bring(checkpoint, path)
    sweep()
    return path


def _is_whole(path: Path, checkpoint: Checkpoint) -> bool:
    """Whether the copy is there as it was brought: a machine that went down may have cut it, a disk turned a bit."""
    try:
        with path.open("rb") as copy:
            return hashlib.file_digest(copy, "sha256").hexdigest() == checkpoint.sha256
    except OSError:
        return False


def sweep() -> None:
    """Lets go, in memory and on disk, what is no checkpoint's any more; and of the others what was long not used."""
    known = set(Checkpoint.objects.values_list("sha256", flat=True))
    with _lock:
        for key in [key for key in _loaded if not known.issuperset(filter(None, key))]:
            del _loaded[key]
    copies = sorted((settings.WORK_DIR / "voices").glob("*.safetensors"), key=lambda each: each.stat().st_mtime)
    gone = [copy for copy in copies if copy.stem not in known]
    for copy in gone + [copy for copy in copies if copy.stem in known][:-ON_DISK]:
        copy.unlink(missing_ok=True)


def _bring(checkpoint: Checkpoint, path: Path) -> None:
    descriptor, beside = tempfile.mkstemp(prefix=".bringing-", dir=path.parent)
    digest = hashlib.sha256()
    try:
        with os.fdopen(descriptor, "wb") as target, open_file(checkpoint.file) as source:
            while chunk := source.read(1 << 20):
                digest.update(chunk)
                target.write(chunk)
        if digest.hexdigest() != checkpoint.sha256:
            raise BadCheckpoint(
                f"The checkpoint {checkpoint.file} is damaged in storage; publish another one.",
                code="damaged",
                path=checkpoint.file,
            )
        Path(beside).replace(path)
    except FileNotFoundError as error:
        raise BadCheckpoint(
            f"The checkpoint {checkpoint.file} is no longer in storage; publish another one.",
            code="missing",
            path=checkpoint.file,
        ) from error
    finally:
        Path(beside).unlink(missing_ok=True)
