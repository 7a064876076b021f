"""What a folder of clips and texts holds: our own `clips.jsonl`, or LJSpeech's `metadata.csv`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from speech.errors import BadDataset

SOUND_FOLDERS = ("wavs", "wav", "flac", ".")
SOUND_SUFFIXES = (".wav", ".flac")


@dataclass(frozen=True)
class SourceClip:
    """One sound and what is said in it; `reading` (Hangul) replaces `text` for the symbols, `trim` is in seconds."""

    id: str
    audio: Path
    text: str
    reading: str = ""
    trim: tuple[float, float] | None = None


@dataclass(frozen=True)
class Skipped:
    """A clip that is not used, and why, in words and as a code."""

    id: str
    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "code": self.code, "message": self.message}


def read_source(folder: Path) -> tuple[list[SourceClip], list[Skipped]]:
    """The clips of a folder in their own order, and the rows that are no clips.

    `clips.jsonl` (one JSON object a line: id, audio, text, reading, trim) comes before `metadata.csv`
    (`id|text|what was said`, sounds in wavs/, wav/ or flac/). Raises BadDataset where there is neither.
    """
    if (folder / "clips.jsonl").is_file():
        name, parse = "clips.jsonl", _parse_json
    elif (folder / "metadata.csv").is_file():
        name, parse = "metadata.csv", _parse_row
    else:
        raise BadDataset(
            f"{folder} has neither clips.jsonl nor metadata.csv; one of them must name the clips and their texts.",
            code="no_clips",
            folder=str(folder),
        )
    try:
        content = (folder / name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDataset(f"{name} is not UTF-8: {error}. Save it as UTF-8.", code="not_utf8", name=name) from error
    clips: dict[str, SourceClip] = {}
    skipped: list[Skipped] = []
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            clip = parse(folder, line.rstrip("\r"))
        except ValueError as error:
            skipped.append(Skipped(f"{name}:{number}", "bad_row", f"Line {number} of {name} is no clip: {error}."))
            continue
        if clip.id in clips:
            skipped.append(Skipped(clip.id, "duplicate_id", f"Line {number} of {name} names {clip.id} again."))
        else:
            clips[clip.id] = clip
    return list(clips.values()), skipped


def _parse_json(folder: Path, line: str) -> SourceClip:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("it is not an object")
    values = {name: row.get(name) or "" for name in ("id", "audio", "text", "reading")}
    for name, value in values.items():
        if not isinstance(value, str) or (name != "reading" and not value.strip()):
            raise ValueError(f"its {name!r} is missing or not a text")
    return SourceClip(
        values["id"], _inside(folder, values["audio"]), values["text"], values["reading"], _parse_trim(row.get("trim"))
    )


def _parse_trim(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        raise ValueError("its 'trim' is not [start, end] in seconds")
    start, end = float(value[0]), float(value[1])
    if not 0 <= start < end < float("inf"):
        raise ValueError(f"its 'trim' {start}-{end} s is empty")
    return start, end


def _parse_row(folder: Path, line: str) -> SourceClip:
    columns = [column.strip() for column in line.split("|")]
    if len(columns) not in (2, 3) or not all(columns[:2]):
        raise ValueError(f"it has {len(columns)} columns instead of id|text|what was said")
    identity, text = columns[:2]
    reading = columns[-1] if columns[-1] != text else ""
    for place in SOUND_FOLDERS:
        for suffix in SOUND_SUFFIXES:
            path = _inside(folder, f"{place}/{identity}{suffix}")
            if path.is_file():
                return SourceClip(identity, path, text, reading)
    return SourceClip(identity, folder / "wavs" / f"{identity}.wav", text, reading)  # missing: loading it will say so


def _inside(folder: Path, name: str) -> Path:
    """A path below the folder; one that leads out of it is no clip."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"its sound {name!r} lies outside the folder")
    return folder / relative
