"""How each kind of corpus writes its list: a line of text → a sound, and what is said in it.

| name     | list                   | a line                                                                        |
| -------- | ---------------------- | ----------------------------------------------------------------------------- |
| moksori  | `clips.jsonl`          | `{"id", "audio", "text", "reading", "trim", "room_dbfs"}`                     |
| kss      | `transcript.v.1.4.txt` | `path|written|spelled out|taken apart|seconds|English`, the last not in all   |
| mimic    | `<user>-metadata.txt`  | `id.wav|text|number of characters`, a text may hold pipes; or a database      |
| piper    | `metadata.csv`         | `id.wav|text` or `id.wav|speaker|text`, quoted as CSV where it must be        |
| ljspeech | `metadata.csv`         | `id|written|spelled out`, never quoted                                        |
| filelist | `*.txt`                | `path|text`, with a number of the speaker behind either of them               |

Read from the publishers' own lists and the programs that write them (mimic-recording-studio's file_system.py and db.py,
piper-recording-studio's export_dataset, NVIDIA/tacotron2's filelists). Files and folders are in `speech.source`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

Format = Literal["moksori", "kss", "mimic", "piper", "ljspeech", "filelist"]
FORMATS: tuple[Format, ...] = get_args(Format)
SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
MOST_DB = 1000.0
SNIFFED = 50  # lines that are looked at to tell what a list is


@dataclass(frozen=True)
class Row:
    """One line of a list. `sound`: the path as the list names it; `speaker`: where a list has several."""

    id: str
    sound: str
    text: str
    reading: str = ""
    speaker: str = ""
    trim: tuple[float, float] | None = None
    room_dbfs: float | None = None  # the noise floor of its room, where that was measured


def parse(name: Format, line: str) -> Row:
    """The row of one line. Raises ValueError with what is wrong with it, to follow "it is no clip: "."""
    try:
        row = _PARSERS[name](line)
    except (RecursionError, OverflowError) as error:
        raise ValueError("it holds a number or a nesting that no clip has") from error
    if any(_unwritable(value) for value in (row.id, row.sound, row.text, row.reading)):
        raise ValueError("it holds characters that no file can be named by or written with")
    if not row.id or not row.sound:
        raise ValueError("it names no sound")
    if not row.text:
        raise ValueError("it has no text")
    return row


def _unwritable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def readable(name: Format, line: str) -> bool:
    """Whether `parse` makes a row of the line."""
    try:
        parse(name, line)
    except ValueError:
        return False
    return True


def recognise(lines: Sequence[str], names: Sequence[Format] = FORMATS) -> Format | None:
    """Which of `names` a list is: what can read most of its first lines, the strictest first. None: no list at all."""
    shown = [line for line in lines if line.strip()][:SNIFFED]
    best, most = None, 0
    for name in names:
        count = sum(_looks_like(name, line) for line in shown)
        if count > most:
            best, most = name, count
    return best


def columns(line: str) -> list[str]:
    """The cells of a line. Quotes are letters of the text, unless the line is what a CSV writer makes of its cells."""
    plain = line.split("|")
    if '"' in line:
        try:
            cells = next(csv.reader([line], delimiter="|"), plain)
        except csv.Error:
            cells = plain
        if cells != plain and line in {_as_csv(cells, csv.QUOTE_MINIMAL), _as_csv(cells, csv.QUOTE_ALL)}:
            plain = cells
    return [cell.strip() for cell in plain]


def _looks_like(name: Format, line: str) -> bool:
    """Only LJSpeech's and our own lists name sounds otherwise than by a file: a README with pipes is no list."""
    if not readable(name, line):
        return False
    return name in {"ljspeech", "moksori"} or PurePosixPath(parse(name, line).sound).suffix.lower() in SOUND_SUFFIXES


def _as_csv(cells: list[str], quoting: Any) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter="|", quoting=quoting, lineterminator="").writerow(cells)
    return written.getvalue()


def _moksori(line: str) -> Row:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("it is not an object")
    values = {name: row.get(name) or "" for name in ("id", "audio", "text", "reading")}
    for name, value in values.items():
        if not isinstance(value, str) or (name != "reading" and not value.strip()):
            raise ValueError(f"its {name!r} is missing or not a text")
    trim, room = _trim(row.get("trim")), row.get("room_dbfs")
    if not isinstance(room, int | float | None) or isinstance(room, bool) or not abs(room or 0) < MOST_DB:
        raise ValueError("its 'room_dbfs' is no number of decibels")
    return Row(values["id"], values["audio"], values["text"], values["reading"], trim=trim, room_dbfs=room)


def _trim(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        raise ValueError("its 'trim' is not [start, end] in seconds")
    start, end = float(value[0]), float(value[1])
    if not 0 <= start < end < float("inf"):
        raise ValueError(f"its 'trim' {start}-{end} s is empty")
    return start, end


def _kss(line: str) -> Row:
    cells = columns(line)
    if len(cells) not in (5, 6):
        raise ValueError(f"it has {len(cells)} columns instead of KSS' six")
    float(cells[4] or "none")  # the seconds: raises ValueError where they are none
    return Row(_stem(cells[0]), cells[0], cells[1], _other(cells[2], cells[1]))


def _mimic(line: str) -> Row:
    sound, _, rest = line.partition("|")
    text, separator, count = rest.rpartition("|")
    if not separator or not count.strip().isdecimal():
        raise ValueError("it is not id.wav|text|number of characters")
    if int(count) != len(text):
        raise ValueError(f"its text has {len(text)} characters and not {count.strip()}, so it is not whole")
    return Row(_stem(sound.strip()), sound.strip(), text.strip())


def _piper(line: str) -> Row:
    cells = columns(line)
    if len(cells) == 2:
        return Row(_stem(cells[0]), cells[0], cells[1])
    if len(cells) == 3:
        return Row(_stem(cells[0]), cells[0], cells[2], speaker=cells[1])
    raise ValueError(f"it has {len(cells)} columns instead of id|text or id|speaker|text")


def _ljspeech(line: str) -> Row:
    cells = columns(line)
    if len(cells) not in (2, 3) or not all(cells[:2]):
        raise ValueError(f"it has {len(cells)} columns instead of id|text|what was said")
    return Row(_stem(cells[0]), cells[0], cells[1], _other(cells[-1], cells[1]))


def _filelist(line: str) -> Row:
    cells = columns(line)
    if len(cells) == 2:
        return Row(_stem(cells[0]), cells[0], cells[1])
    if len(cells) == 3 and cells[2].isdecimal():
        return Row(_stem(cells[0]), cells[0], cells[1], speaker=cells[2])
    if len(cells) == 3 and cells[1].isdecimal():
        return Row(_stem(cells[0]), cells[0], cells[2], speaker=cells[1])
    raise ValueError(f"it has {len(cells)} columns instead of path|text, and no number of a speaker")


def _stem(sound: str) -> str:
    """The name of a sound without what says how it is stored."""
    path = PurePosixPath(sound)
    return str(path.with_suffix("")) if path.suffix.lower() in SOUND_SUFFIXES else sound


def _other(reading: str, text: str) -> str:
    return "" if reading == text else reading


_PARSERS: dict[Format, Callable[[str], Row]] = {
    "moksori": _moksori, "kss": _kss, "mimic": _mimic, "piper": _piper, "ljspeech": _ljspeech, "filelist": _filelist,
}  # fmt: skip
