"""Between storage and the trainer's folders: clips in, checkpoints out, and back in for a resumed run."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from speech import run_folder
from speech.errors import BadCheckpoint, BadDataset
from speech.events import CheckpointSaved
from speech.files import sha256_of, write_text_atomic
from speech.header import Header, read_header
from studio import files
from studio.errors import Refused
from studio.models import Clip, Review
from training import selectors, services
from training.journal import finite, record
from training.models import SHIPPED, Checkpoint, RunEvent, TrainingRun

logger = logging.getLogger(__name__)

RESUMABLE = 2  # newest checkpoints of a part whose resume files stay in storage
CUT_OFF_SECONDS = 24 * 3600.0  # a copy that nobody has written to for so long is nobody's any more
KEPT = 12  # checkpoints of a part whose weights stay: the newest, the best, and some of the way


def run_work_folder(run_pk: UUID) -> Path:
    """Where a worker keeps what a run needs at hand. Storage is the truth; this may vanish at any time."""
    return Path(settings.WORK_DIR) / "runs" / str(run_pk)


def clips_fix(*, run: TrainingRun) -> int:
    """Settle at its first attempt which clips a run trains on, so that a resumed run sees no others; how many."""
    if not run.clips.exists():
        run.clips.set(selectors.clips_to_train(run.speaker))
    return run.clips.count()


def clips_fetch(*, run: TrainingRun, folder: Path, on_clip: Callable[[int, int], None]) -> list[Clip]:
    """Bring the run's clips from storage into `folder`, with `clips.jsonl`; those gone or damaged there are returned.

    Each attempt asks again what was said of them since the first: a resumed run never gains a clip, as its curve would
    tell of two trainings, but it loses those that nobody wants learned from any longer. Out is all of who took the
    consent back, what the speaker took out, and what a reviewer sent back, with its file and what was prepared of it;
    taken back, it is in again. A take that was merely replaced by a newer one stays. Raises BadDataset.
    """
    usable = Clip.objects.filter(runs=run, discarded_at__isnull=True, speaker__in=selectors.consenting_speakers())
    usable = usable.exclude(verdict=Clip.Verdict.REFUSED).exclude(review__decision=Review.Decision.RETURNED)
    clips = list(usable.order_by("created_at", "id"))
    folder.mkdir(parents=True, exist_ok=True)
    names = {Path(clip.file).name for clip in clips}
    for there in folder.iterdir():
        if there.name not in names:
            there.unlink()
    lines, missing = [], []
    for number, clip in enumerate(clips, start=1):
        target = folder / Path(clip.file).name  # an id and a hash: the same name is the same content
        if _clip_brought(clip, target):
            lines.append(json.dumps(_clip_line(clip, target.name), ensure_ascii=False))
        else:
            missing.append(clip)
        on_clip(number, len(clips))
    if len(lines) < 2:
        raise BadDataset(
            f"{run.speaker.name} has {len(lines)} usable clips for this run; it needs 2, and consent in force.",
            code="too_few_clips",
            clips=len(lines),
        )
    write_text_atomic(folder / "clips.jsonl", "\n".join(lines) + "\n")
    return missing


def checkpoint_hold(saved: CheckpointSaved, folder: Path) -> CheckpointSaved:
    """Link a checkpoint's files into `folder`, where the trainer does not clear up, and say where they are now.

    A fast trainer removes its old checkpoints before a slow storage has taken them.
    """

    def held(source: str) -> str:
        if not source:
            return ""
        target = folder / Path(source).name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.hardlink_to(source)
        except OSError:  # gone already, a full disk, a file system without links: the trainer's own copy has to do
            return source
        return str(target)

    return replace(
        saved,
        path=held(saved.path),
        resume=held(saved.resume),
        picture=held(saved.picture),
        sample=held(saved.sample),
    )


def checkpoint_let_go(saved: CheckpointSaved, folder: Path) -> None:
    """Remove the links of `checkpoint_hold`."""
    for path in filter(None, (saved.path, saved.resume, saved.picture, saved.sample)):
        if Path(path).parent == folder:
            Path(path).unlink(missing_ok=True)


def checkpoint_store(
    *, run: TrainingRun, attempt: int, part: selectors.Part, saved: CheckpointSaved
) -> RunEvent | None:
    """Move a checkpoint from the trainer's folder to storage: files first, then row and event; None when fenced off.

    Raises OSError when a file cannot be stored.
    """
    prefix = f"runs/{run.pk}/{part.kind}-{saved.step:08d}-{saved.sha256[:12]}"
    weights, resume = f"{prefix}.safetensors", f"{prefix}.resume.safetensors"
    files.save_bytes(weights, Path(saved.path))
    files.save_bytes(resume, Path(saved.resume))
    extras = {
        name: _store_extra(f"{prefix}{Path(source).suffix}", source)
        for name, source in (("picture", saved.picture), ("sample", saved.sample))
    }
    values = {
        "model": part.model,
        "size_name": run.size,
        "file": weights,
        "sha256": saved.sha256,
        "size": saved.size,
        "resume_file": resume,
        "resume_sha256": saved.resume_sha256,
        "resume_size": saved.resume_size,
        "sample_text": saved.sample_text[:300],
        "losses": finite(saved.losses),
        "best": saved.best,
        **_told_by(read_header(Path(saved.path))),
        **extras,
    }
    with transaction.atomic():
        told = {
            "part": part.kind,
            "step": saved.step,
            "best": saved.best,
            "losses": values["losses"],
            "size": saved.size,
        }
        where, changes = services.owner(attempt), {"crashes": 0, "stage": "train"}
        event = record(run_pk=run.pk, kind=saved.name, data=told, where=where, changes=changes)
        if event is None:
            erased_forget(run_pk=run.pk)
            return None
        ours = Checkpoint.objects.filter(run=run, kind=part.kind)
        for left in ours.filter(step__gte=saved.step).exclude(sha256=saved.sha256):
            _remove(left)  # of a way that was left: a roll-back, or a newer checkpoint that was damaged
        if saved.best:
            ours.update(best=False)
        checkpoint, _created = ours.get_or_create(run=run, kind=part.kind, step=saved.step, defaults=values)
        event.data = {**told, "checkpoint": str(checkpoint.pk)}
        event.save(update_fields=["data"])
    checkpoints_thin(run=run, kind=part.kind)
    return event


def checkpoints_thin(*, run: TrainingRun, kind: str) -> None:
    """Keep the newest, the best and an even choice of the way between; resume files of the newest two only."""
    rows = list(Checkpoint.objects.filter(run=run, kind=kind).order_by("step"))
    for row in rows[:-RESUMABLE]:
        if row.resume_file:
            files.delete_file(row.resume_file)
            Checkpoint.objects.filter(pk=row.pk).update(resume_file="", resume_sha256="", resume_size=0)
    while len(rows) > KEPT:
        spare = [number for number in range(1, len(rows) - RESUMABLE) if not rows[number].best]
        closest = min(spare, key=lambda number: rows[number + 1].step - rows[number - 1].step)
        _remove(rows.pop(closest))


def checkpoint_restore(
    *, run: TrainingRun, part: selectors.Part, folder: Path, on_damaged: Callable[[int], None] = lambda step: None
) -> int:
    """Bring the newest resumable checkpoint of a part into the trainer's folder; its step, 0 where there is none.

    A damaged or lost one is passed over for the one before, and `on_damaged` hears its step. Raises BadCheckpoint when
    all are: starting over in silence would throw the run away.
    """
    resumable = run.checkpoints.filter(kind=part.kind).exclude(resume_file="").order_by("-step")
    for row in resumable:
        best = run.checkpoints.filter(kind=part.kind, best=True, step__lt=row.step).first()
        try:
            files.fetch(row.file, folder / run_folder.weights_name(row.step))
            files.fetch(row.resume_file, folder / run_folder.resume_name(row.step))
            run_folder.adopt(folder, _as_saved(row), _as_saved(best) if best else None)
        except (FileNotFoundError, BadCheckpoint) as error:
            logger.warning("Run %s: checkpoint %s cannot be taken up: %s", run.pk, row, error)
            on_damaged(row.step)
            continue
        return row.step
    if resumable:
        raise BadCheckpoint(f"No checkpoint of run {run.pk} can be read back.", code="all_damaged", run=str(run.pk))
    return 0


def _as_saved(row: Checkpoint) -> CheckpointSaved:
    return CheckpointSaved(
        step=row.step,
        path="",
        sha256=row.sha256,
        size=row.size,
        best=row.best,
        losses={name: math.nan if loss is None else loss for name, loss in row.losses.items()},
        resume_sha256=row.resume_sha256,
        resume_size=row.resume_size,
    )


def erased_forget(*, run_pk: UUID) -> None:
    """Remove what an owner that was long silent stored of a run that was erased meanwhile; for the one that lost it."""
    if not TrainingRun.objects.filter(pk=run_pk).exists():
        files.delete_folder(f"runs/{run_pk}")
        shutil.rmtree(run_work_folder(run_pk), ignore_errors=True)


def base_fetch(*, base: Checkpoint) -> Path:
    """The weights of a base checkpoint on this machine's disk, verified. Raises BadCheckpoint."""
    target = Path(settings.WORK_DIR) / "bases" / f"{base.sha256}.safetensors"
    if not target.exists() or target.stat().st_size != base.size:
        try:
            files.fetch(base.file, target)
        except FileNotFoundError as error:
            raise BadCheckpoint(f"The file of {base} is gone from storage.", code="missing") from error
    if sha256_of(target) != base.sha256:
        target.unlink(missing_ok=True)
        raise BadCheckpoint(f"{base} is damaged in storage: its SHA-256 is another.", code="damaged", base=str(base.pk))
    return target


def checkpoint_import(*, path: Path, name: str) -> Checkpoint:
    """Take a public checkpoint, or one of our own, into storage as a base. Imports torch: for commands and workers.

    Raises BadCheckpoint for a file that is none or not what it says, Refused for a name that is taken.
    """
    from speech import checkpoint

    found = checkpoint.open_any(path)
    checkpoint.verify(found)
    header = found.header
    taken = Refused("name_taken", _("같은 이름의 바탕이 이미 있어요: %(name)s") % {"name": name}, 409, name=name)
    if Checkpoint.objects.filter(run=None, name=name, kind=header.kind).exists():
        raise taken
    with TemporaryDirectory(prefix="moksori-import-") as folder:
        weights = Path(folder) / "weights.safetensors"
        checkpoint.write_weights(weights, header, found.tensors)
        row = _base_stored(weights, header, name, sha256_of(weights))
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:  # somebody else imported one under this name meanwhile
        raise taken from None
    return row


def base_ship(*, folder: Path) -> tuple[Checkpoint, Checkpoint | None]:
    """The base voice that ships in `folder`, taken into storage unless it is there whole: acoustic model and vocoder.

    A base of an earlier release keeps its row under another name: voices and runs may hold on to it. Torch stays out:
    this runs in the process that starts the others. Raises BadCheckpoint where a file is not what base.json says.
    """
    listed = json.loads((folder / "base.json").read_text("utf-8"))["files"]
    shipped = {kind: _ship(folder / one["file"], kind, one["sha256"]) for kind, one in listed.items()}
    return shipped["acoustic"], shipped.get("vocoder")


def _ship(path: Path, kind: str, sha256: str) -> Checkpoint:
    there = Checkpoint.objects.filter(run=None, kind=kind, sha256=sha256).first()
    if there is not None and _is_whole(there):
        return there
    if (found := sha256_of(path)) != sha256:
        raise BadCheckpoint(
            f"{path.name} has the SHA-256 {found[:12]}…, and base.json says {sha256[:12]}…; fetch it again.",
            code="damaged",
            path=str(path),
        )
    if there is not None:
        files.save_bytes(there.file, path)
        return there
    header = read_header(path)
    row = _base_stored(path, header, SHIPPED, sha256)
    try:
        with transaction.atomic():
            for old in Checkpoint.objects.filter(run=None, kind=kind, name=SHIPPED):
                Checkpoint.objects.filter(pk=old.pk).update(name=f"{SHIPPED} {old.sha256[:8]}")
            row.save(force_insert=True)
    except IntegrityError:  # another machine sets up as well
        return Checkpoint.objects.get(run=None, kind=kind, sha256=sha256)
    return row


def _is_whole(row: Checkpoint) -> bool:
    """Whether what lies in storage is what the row says."""
    try:
        return hashlib.sha256(files.read_bytes(row.file)).hexdigest() == row.sha256
    except FileNotFoundError:
        return False


def _base_stored(weights: Path, header: Header, name: str, sha256: str) -> Checkpoint:
    """The row of a base whose file is in storage now, not saved yet. `sha256`: hex, of `weights`."""
    key = f"bases/{header.kind}-{sha256[:12]}.safetensors"
    files.save_bytes(key, weights)
    return Checkpoint(
        name=name,
        kind=header.kind,
        model=header.model,
        size_name=header.size,
        step=header.step,
        losses=finite(header.losses),
        **_told_by(header),
        file=key,
        sha256=sha256,
        size=weights.stat().st_size,
    )


def work_sweep(keep: UUID | None = None) -> None:
    """Remove the folders of runs that are over or may not go on, and bases without a row.

    No voice stays on a worker without need.
    """
    resumable = TrainingRun.objects.filter(
        state__in=[*TrainingRun.ACTIVE, TrainingRun.State.STOPPED], speaker__in=selectors.consenting_speakers()
    )
    needed = {str(pk) for pk in resumable.values_list("pk", flat=True)} | {str(keep)}
    runs = Path(settings.WORK_DIR) / "runs"
    for folder in runs.iterdir() if runs.exists() else ():
        if folder.name not in needed:
            shutil.rmtree(folder, ignore_errors=True)
    known = set(Checkpoint.objects.values_list("sha256", flat=True))
    bases = Path(settings.WORK_DIR) / "bases"
    for copy in bases.glob("*.safetensors"):
        if copy.stem not in known:
            copy.unlink(missing_ok=True)
    for copy in bases.glob(f"*{files.UNFINISHED}"):
        with suppress(FileNotFoundError):  # another worker has just finished it
            if time.time() - copy.stat().st_mtime > CUT_OFF_SECONDS:
                copy.unlink()


def _clip_brought(clip: Clip, target: Path) -> bool:
    """Whether the clip's sound lies at `target` now, as it was recorded; a copy that was damaged here is made again."""
    if _is_sound(clip, target):
        return True
    try:
        files.fetch(clip.file, target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
        return False
    if _is_sound(clip, target):
        return True
    logger.warning("The sound of clip %s is damaged in storage.", clip.pk)
    target.unlink()
    return False


def _is_sound(clip: Clip, path: Path) -> bool:
    if not path.exists() or path.stat().st_size != clip.size:
        return False
    return not clip.stored_sha256 or sha256_of(path) == clip.stored_sha256


def _clip_line(clip: Clip, name: str) -> dict[str, Any]:
    line: dict[str, Any] = {"id": str(clip.pk), "audio": name, "text": clip.text}
    if clip.reading:
        line["reading"] = clip.reading
    if clip.trim_start is not None and clip.trim_end is not None:
        line["trim"] = [clip.trim_start, clip.trim_end]
    if (room := clip.measures.get("room_dbfs")) is not None:
        line["room_dbfs"] = room
    return line


def _told_by(header: Header) -> dict[str, Any]:
    """What the pages want to know of a voice's header without fetching its file."""
    return {"front_end": header.front_end, "pace": header.pace}


def _store_extra(key: str, source: str) -> str:
    """A picture or a sample: nice to have, so one that is not there leaves an empty key."""
    if not source:
        return ""
    try:
        files.save_bytes(key, Path(source))
    except FileNotFoundError:
        logger.warning("%s is gone before it was stored.", source)
        return ""
    return key


def _remove(row: Checkpoint) -> None:
    """Delete a checkpoint and, once that is committed, its files.

    One that a published voice speaks with stays; and one that a run started from: it tells whose voice is in that run.
    """
    keys = [row.file, row.resume_file, row.picture, row.sample]
    with transaction.atomic():
        services.checkpoints_lock(row)
        if selectors.is_base(row):
            return
        try:
            row.delete()
        except ProtectedError:  # a voice speaks with it
            return
        for key in filter(None, keys):
            transaction.on_commit(partial(files.delete_file, key))
