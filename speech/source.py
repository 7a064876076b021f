"""What a folder of clips and texts holds, whoever recorded it: `speech.corpora` knows the lists, this the files."""

from __future__ import annotations

import codecs
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from speech.corpora import FORMATS, SOUND_SUFFIXES, Format, Row, columns, parse, readable, recognise
from speech.errors import BadDataset

SOUND_FOLDERS = ("wavs", "wav", "flac", ".", "kss", "audio")
TEXT_LISTS: tuple[Format, ...] = ("kss", "mimic", "filelist")  # what a .txt may be
MIMIC_LIST = "-metadata.txt"
SPEAKERS_NAMED = 10


@dataclass(frozen=True)
class SourceClip:
    """One sound and what is said in it; `reading` (Hangul) replaces `text` for the symbols, `trim` is in seconds."""

    id: str
    audio: Path
    text: str
    reading: str = ""
    trim: tuple[float, float] | None = None
    line: str = ""  # where it stands: list:number
    room_dbfs: float | None = None  # the noise floor of its room, where that was measured


@dataclass(frozen=True)
class Skipped:
    """A clip that is not used, and why, in words and as a code."""

    id: str
    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "code": self.code, "message": self.message}


@dataclass
class Corpus:
    """A corpus as it was found: what it is, by which lists, its clips in their order, and the rows that are none."""

    format: Format
    folder: Path
    lists: list[Path]
    clips: list[SourceClip] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def read_source(folder: Path) -> tuple[list[SourceClip], list[Skipped]]:
    """The clips of a folder in their own order, and the rows that are no clips. Raises BadDataset as `read_corpus`."""
    corpus = read_corpus(folder)
    return corpus.clips, corpus.skipped


def read_corpus(path: Path, *, format: Format | None = None, speaker: str = "") -> Corpus:
    """A corpus in any of the forms of `speech.corpora`; `path` is its folder, or its list.

    Our own list comes before those of others where a folder has several; `format` asks for one. `speaker`: the one to
    take of a corpus of several. Bad rows are in `skipped`, each with its line. Raises BadDataset: no_clips, not_utf8,
    unreadable (a damaged database), many_speakers, no_speaker.
    """
    found, lists = _lists(path, format)
    folder = path if path.is_dir() else path.parent
    corpus = Corpus(found, folder, lists)
    if lists[0].suffix == ".db":
        corpus.folder = folder = _database_folder(lists[0])
        rows = list(_database_rows(lists[0]))
    else:
        rows = [row for each in lists for row in _list_rows(each, found, corpus.skipped)]
    rows = _of_one_speaker(rows, speaker)
    sounds = _Sounds(folder)
    clips: dict[str, SourceClip] = {}
    taken: dict[Path, str] = {}
    for where, row in rows:
        try:
            audio = sounds.exactly(row.sound) if found == "moksori" else sounds.find(row.sound)
        except ValueError as error:
            corpus.skipped.append(_bad_row(where, error))
            continue
        if row.id in clips and found != "mimic":  # mimic writes a line for each take, over one file: the last is true
            corpus.skipped.append(_again(where, row.id))
        elif found != "moksori" and taken.setdefault(audio, row.id) != row.id:
            corpus.skipped.append(_again(where, audio.name))
        else:
            clips[row.id] = SourceClip(row.id, audio, row.text, row.reading, row.trim, where, row.room_dbfs)
    corpus.clips = list(clips.values())
    return corpus


def _lists(path: Path, wanted: Format | None) -> tuple[Format, list[Path]]:
    """What a corpus is, and the files that name its clips."""
    choices = [(path,)] if path.is_file() else _candidates(path)
    for files in choices:
        if files[0].suffix == ".db":
            kinds = {files[0]: "mimic" if _is_database(files[0]) else None}
        else:
            kinds = {each: _kind(each, wanted) for each in files}
        kind = next((kind for kind in kinds.values() if kind), None)
        if kind and wanted in (None, kind):
            return kind, [each for each, its in kinds.items() if its == kind]  # type: ignore[return-value]
    raise BadDataset(
        f"{path} has neither clips.jsonl nor metadata.csv, and no other list that names sounds and their texts"
        + (f" as {wanted} does; leave the format out to have it recognised." if wanted else "."),
        code="no_clips", folder=str(path),
    )  # fmt: skip


def _candidates(folder: Path) -> list[tuple[Path, ...]]:
    """Files that may be the list of a folder, those of one corpus together."""
    named = [(folder / name,) for name in ("clips.jsonl", "metadata.csv") if (folder / name).is_file()]
    texts = tuple(sorted(folder.glob("*.txt"))) or tuple(sorted(folder.glob(f"*/*{MIMIC_LIST}")))
    bases = [folder / "mimicstudio.db", folder / "db/mimicstudio.db", folder / "backend/db/mimicstudio.db"]
    return [*named, *((texts,) if texts else ()), *((base,) for base in bases if base.is_file())]


def _kind(path: Path, wanted: Format | None) -> Format | None:
    lines = [line for _number, line in _read_lines(path, []) if line.strip()]
    if path.suffix == ".jsonl":
        return "moksori"
    if wanted:
        return wanted if any(readable(wanted, line) for line in lines) else None
    if path.suffix == ".txt":
        return recognise(lines, TEXT_LISTS)
    found = recognise(lines, [name for name in FORMATS if name != "moksori"])
    return _of_alike(lines) if found in {"piper", "ljspeech", "filelist", None} else found


def _of_alike(lines: Sequence[str]) -> Format:
    """Three forms read `id|text`. A third column is a second text, or the name or number of a speaker beside one."""
    rows = [columns(line) for line in lines]
    thirds = [cells for cells in rows if len(cells) == 3]
    names = {cells[1] for cells in thirds}
    if thirds and all(cells[1].isdecimal() or cells[2].isdecimal() for cells in thirds):
        return "filelist"
    if thirds:  # few names, and no spaces in them
        named = 2 * len(names) <= len(thirds) and not any(" " in name for name in names)
        return "piper" if named and all(cells[1] != cells[2] for cells in thirds) else "ljspeech"
    with_suffix = any(PurePosixPath(cells[0]).suffix.lower() in SOUND_SUFFIXES for cells in rows)
    return "piper" if with_suffix else "ljspeech"


def _read_lines(path: Path, bad: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines of a list with their numbers; those that are not UTF-8 go into `bad`. Raises BadDataset: all are."""
    good = 0
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    for number, raw in enumerate(data.split(b"\n"), start=1):
        try:
            line = raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            bad.append((number, f"it is not UTF-8 ({error.reason})"))
            continue
        good += not line.isascii() or (bool(line.strip()) and not bad)
        yield number, line
    if bad and not good:
        raise BadDataset(f"{path.name} is not UTF-8: {bad[0][1]}. Save it as UTF-8.", code="not_utf8", name=path.name)


def _list_rows(path: Path, name: Format, skipped: list[Skipped]) -> Iterator[tuple[str, Row]]:
    bad: list[tuple[int, str]] = []
    for number, line in _read_lines(path, bad):
        if not line.strip():
            continue
        try:
            row = parse(name, line)
        except ValueError as error:
            skipped.append(_bad_row(f"{path.name}:{number}", error))
            continue
        if name == "mimic" and path.name.endswith(MIMIC_LIST):  # its sounds lie in a folder of the same name
            user = path.name.removesuffix(MIMIC_LIST)
            row = replace(row, sound=f"{user}/{row.sound}", speaker=user)
        yield f"{path.name}:{number}", row
    skipped.extend(_bad_row(f"{path.name}:{number}", why) for number, why in bad)


def _of_one_speaker(rows: list[tuple[str, Row]], speaker: str) -> list[tuple[str, Row]]:
    """The rows of `speaker`, who may be left out where there is only one."""
    names = sorted({row.speaker for _where, row in rows} - {""})
    if speaker:
        chosen = [(where, row) for where, row in rows if speaker in row.speaker.split(" / ")]
        if not chosen:
            raise BadDataset(
                f"The corpus has no speaker {speaker!r}; it has {_some(names) or 'only one, without a name'}.",
                code="no_speaker", speaker=speaker,
            )  # fmt: skip
        return chosen
    if len(names) > 1:
        raise BadDataset(
            f"The corpus has {len(names)} speakers ({_some(names)}); take one of them at a time.",
            code="many_speakers", count=len(names), names=names[:SPEAKERS_NAMED],
        )  # fmt: skip
    return rows


def _some(names: list[str]) -> str:
    return ", ".join(names[:SPEAKERS_NAMED]) + (" …" if len(names) > SPEAKERS_NAMED else "")


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\x00"


def _database_folder(path: Path) -> Path:
    """Where mimic-recording-studio keeps its sounds: `audio_files`, beside the folder of its database."""
    for folder in (path.parent.parent, path.parent):
        if (folder / "audio_files").is_dir():
            return folder / "audio_files"
    return path.parent


def _database_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """mimic-recording-studio's takes, the newest of a prompt last; the speaker is `uuid / name`."""
    query = (
        "SELECT a.id, a.audio_id, a.prompt, a.user_id, COALESCE(u.user_name, '') FROM audiomodel a "
        "LEFT JOIN usermodel u ON u.uuid = a.user_id ORDER BY a.id"
    )
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as base:
            for number, audio, text, user, name in base.execute(query):
                speaker = f"{user} / {name}" if name else str(user)
                yield f"{path.name}:{number}", Row(str(audio), f"{user}/{audio}.wav", str(text), speaker=speaker)
    except sqlite3.Error as error:
        raise BadDataset(f"{path.name} cannot be read: {error}.", code="unreadable", name=path.name) from error


class _Sounds:
    """Finds the sounds of a folder by the names of a list, however a system spells them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listings: dict[Path, dict[str, str]] = {}

    def exactly(self, name: str) -> Path:
        """The path that a list gives. Raises ValueError for one that leads out of the folder."""
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"its sound {name!r} lies outside the folder")
        return self._existing(relative) or self.folder / relative  # missing: loading it will say so

    def find(self, name: str) -> Path:
        """Where the sound lies: lists also name it without its suffix or its folder, or as it lay on another machine.

        A path that is there as it stands comes first, then ever shorter ends of it.
        """
        relative = PurePosixPath(name.replace("\\", "/"))
        if ".." in relative.parts:
            raise ValueError(f"its sound {name!r} lies outside the folder")
        parts = relative.parts[1:] if relative.is_absolute() else relative.parts
        # A .m4a that is there is none that is missing: the decoder says what is wrong with it.
        suffixes = ("",) if relative.suffix.lower() in SOUND_SUFFIXES else (*SOUND_SUFFIXES, "")
        for start in range(len(parts)):
            for place in SOUND_FOLDERS:
                for suffix in suffixes:
                    tail = PurePosixPath(place, *parts[start:])
                    if path := self._existing(tail.with_name(tail.name + suffix)):
                        return path
        return self.folder.joinpath("wavs", *parts[:-1], f"{relative.name}{suffixes[0]}")  # missing, as above

    def _existing(self, relative: PurePosixPath) -> Path | None:
        """The file of this name, be it written in composed or in taken-apart Hangul (macOS) on disk."""
        path = self.folder
        for part in relative.parts:
            name = self._names(path).get(unicodedata.normalize("NFC", part))
            if name is None:
                return None
            path /= name
        return path if path.is_file() else None

    def _names(self, folder: Path) -> dict[str, str]:
        if folder not in self._listings:
            names = (each.name for each in folder.iterdir()) if folder.is_dir() else ()
            self._listings[folder] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._listings[folder]


def _bad_row(where: str, why: object) -> Skipped:
    name, _, number = where.rpartition(":")
    return Skipped(where, "bad_row", f"Line {number} of {name} is no clip: {why}.")


def _again(where: str, what: str) -> Skipped:
    name, _, number = where.rpartition(":")
    return Skipped(what, "duplicate_id", f"Line {number} of {name} names {what} again.")
