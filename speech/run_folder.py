"""The checkpoints of one run's folder: a hashed list, `checkpoints.json`, and the files that it names.

Never imports torch, so that whoever moves checkpoints from machine to machine can use it: put the files of
a CheckpointSaved event into the folder, `adopt` them, and the trainer resumes there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from speech.config import Settings
from speech.errors import BadCheckpoint, BadConfig
from speech.events import CheckpointSaved, Event, Warned
from speech.files import sha256_of, write_text_atomic

LIST_NAME = "checkpoints.json"
TOLD_NAME = "told"  # holds the step of the newest checkpoint whose event has gone out
FORMAT = 1
DISTORTION = "mcd"  # among an acoustic model's losses: of held-out sentences that it reads freely, dB
AS_NEAR = 0.1  # dB of it: two readings of one voice were up to 0.07 apart


@dataclass(frozen=True)
class StoredFile(Settings):
    """One file of the folder."""

    name: str
    sha256: str
    size: int  # bytes

    @classmethod
    def measure(cls, path: Path) -> Self:
        return cls(path.name, sha256_of(path), path.stat().st_size)


@dataclass(frozen=True)
class Entry(Settings):
    """One checkpoint: what it sounds like (`weights`), and what only a resumed run needs (`resume`)."""

    step: int
    weights: StoredFile
    resume: StoredFile
    losses: dict[str, float] = field(default_factory=dict)  # held out; empty where it was not measured
    best: bool = False
    turned: bool | None = None  # whether it had learned by the later loss, see `record`; None: an older list's
    nearest: float | None = None  # the least distortion of its kind that was measured up to it

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        files = {name: StoredFile.from_json(data[name]) for name in ("weights", "resume")}
        return super().from_json({**data, **files})


def weights_name(step: int) -> str:
    return f"step-{step:08d}.safetensors"


def resume_name(step: int) -> str:
    return f"step-{step:08d}.resume.safetensors"


def entries(folder: Path) -> list[Entry]:
    """The folder's checkpoints, oldest first; none where there is no list. Raises BadCheckpoint for a broken list."""
    path = folder / LIST_NAME
    if not path.exists():
        return []
    try:
        return [Entry.from_json(entry) for entry in json.loads(path.read_bytes())["checkpoints"]]
    except (ValueError, KeyError, TypeError, BadConfig) as error:
        raise BadCheckpoint(
            f"{path} cannot be read ({error}). Mend it, or move {folder} away to begin anew.",
            code="damaged_list",
            path=str(path),
        ) from error


def record(folder: Path, entry: Entry, *, keep: int, turn: int = 0) -> Entry:
    """Add a checkpoint to the list and remove what is neither among the last `keep` nor the best.

    Entries from `entry.step` on belong to a way that was left (a roll-back, a damaged file) and go as well. Behind the
    step `turn` the run learns by another loss: those up to it are no rivals of later ones. An entry keeps what it was,
    also where a run that goes on turns later.
    Returns the entry with `best` filled in.
    """
    earlier = entries(folder)
    before = [_turned(one, turn) for one in earlier if one.step < entry.step]
    listed = _mark_best([*before, _with_nearest(_turned(entry, turn), before)])
    kept = [one for number, one in enumerate(listed) if one.best or number >= len(listed) - max(1, keep)]
    _write_list(folder, kept)
    names = {file.name for one in kept for file in (one.weights, one.resume)}
    for one in (*earlier, *listed):
        for file in (one.weights, one.resume):
            if file.name not in names:
                (folder / file.name).unlink(missing_ok=True)
    return next(one for one in kept if one.step == entry.step)


def tell(folder: Path, step: int) -> None:
    """Write down that the checkpoint of `step` was told of; 0: that a run began here and there is none yet."""
    write_text_atomic(folder / TOLD_NAME, str(step))


def untold(folder: Path, entry: Entry) -> bool:
    """Whether a process ended between listing a checkpoint and telling of it. One that was brought here was told."""
    try:
        return int((folder / TOLD_NAME).read_text()) < entry.step
    except (OSError, ValueError):
        return False


def sweep(folder: Path, keep: Iterable[Path] = ()) -> None:
    """Remove checkpoints that no list names: what a process left that was killed while it saved one, or removed one.

    Only for the one process that owns the folder. Where there is no list, nothing is known and all stays; `keep` stays.
    Raises BadCheckpoint for a broken list.
    """
    if not (listed := entries(folder)):
        return
    named = {folder / file.name for one in listed for file in (one.weights, one.resume)}
    kept = {path.resolve() for path in (*named, *keep)}
    for path in folder.glob("step-*.safetensors"):
        if path.resolve() not in kept:
            path.unlink(missing_ok=True)


def adopt(folder: Path, saved: CheckpointSaved, best: CheckpointSaved | None = None) -> Entry:
    """List a checkpoint whose two files were brought here, under the names that the trainer gave them.

    `best`: the run's best one before it, whose files may stay elsewhere; what comes must be better to take its place.
    Raises BadCheckpoint when the files are not what the event says.
    """
    entry = _entry(saved)
    if wrong := _fault(folder, entry):
        raise BadCheckpoint(f"The checkpoint of step {entry.step} cannot be taken over: {wrong}.", code="damaged")
    earlier = [_entry(best)] if best is not None and best.step < saved.step else []
    listed = {one.step: one for one in (*earlier, *entries(folder), entry)}
    marked = max((one.step for one in listed.values() if one.best), default=None)  # the trainer knew at each save
    _write_list(folder, [replace(listed[step], best=step == marked) for step in sorted(listed)])
    return entry


def _entry(saved: CheckpointSaved) -> Entry:
    return Entry(
        step=saved.step,
        weights=StoredFile(weights_name(saved.step), saved.sha256, saved.size),
        resume=StoredFile(resume_name(saved.step), saved.resume_sha256, saved.resume_size),
        losses=saved.losses,
        best=saved.best,
    )


def latest_good(folder: Path, on_event: Callable[[Event], None] = lambda _: None) -> Entry | None:
    """The newest checkpoint whose files are what was written, or None where none was ever saved.

    A damaged one is passed over with a Warned. Raises BadCheckpoint when all are damaged: starting over in
    silence would throw the run away.
    """
    listed = entries(folder)
    for entry in reversed(listed):
        wrong = _fault(folder, entry)
        if not wrong:
            return entry
        on_event(
            Warned(
                "damaged_checkpoint",
                f"The checkpoint of step {entry.step} is damaged ({wrong}); the one before is taken.",
                {"step": entry.step, "path": str(folder / entry.weights.name)},
            )
        )
    if listed:
        raise BadCheckpoint(
            f"All {len(listed)} checkpoints in {folder} are damaged. Restore them from a copy, or move the folder "
            "away to begin anew.",
            code="all_damaged",
            folder=str(folder),
        )
    return None


def _fault(folder: Path, entry: Entry) -> str:
    for file in (entry.weights, entry.resume):
        path = folder / file.name
        if not path.is_file():
            return f"{file.name} is missing"
        if path.stat().st_size != file.size:
            return f"{file.name} has {path.stat().st_size} bytes instead of {file.size}"
        if sha256_of(path) != file.sha256:
            return f"{file.name} has another SHA-256 than when it was written"
    return ""


def _turned(entry: Entry, turn: int) -> Entry:
    return entry if entry.turned is not None else replace(entry, turned=0 < turn < entry.step)


def _with_nearest(entry: Entry, before: Iterable[Entry]) -> Entry:
    """The nearest is carried along, since its checkpoint may be gone: else each new best could lie a little further."""
    if DISTORTION not in entry.losses:
        return entry
    rivals = [one for one in before if one.turned == entry.turned and DISTORTION in one.losses]
    return replace(entry, nearest=min(map(_nearest, [*rivals, entry])))


def _nearest(entry: Entry) -> float:
    distance = entry.losses[DISTORTION] if entry.nearest is None else entry.nearest
    return math.inf if math.isnan(distance) else distance


def _mark_best(listed: list[Entry]) -> list[Entry]:
    """By how it sounds where all tell that, else by the held-out loss.

    With few clips that loss rises for hundreds of steps in which what is read freely still comes nearer. Of those that
    lie as near as two readings of one voice it is the newest, which learned longer and at a lower rate.
    """
    measured = [entry for entry in listed if "loss" in entry.losses]
    rivals = [entry for entry in measured if entry.turned] or measured
    if all(DISTORTION in one.losses for one in measured):
        limit = min(map(_nearest, rivals), default=0.0) + AS_NEAR
        near = [one for one in rivals if one.losses[DISTORTION] <= limit]
    else:
        limit = min((one.losses["loss"] for one in rivals), default=0.0)
        near = [one for one in rivals if one.losses["loss"] <= limit]
    best = max((one.step for one in near), default=None)
    return [replace(entry, best=entry.step == best) for entry in listed]


def _write_list(folder: Path, listed: Iterable[Entry]) -> None:
    data = {"format": FORMAT, "checkpoints": [entry.to_json() for entry in listed]}
    write_text_atomic(folder / LIST_NAME, json.dumps(data, indent=1))
