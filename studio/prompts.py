"""Corpora of sentences: reading a file of them, and taking them in once.

A file is UTF-8, one sentence a line: tab-separated with the sentence in the first column, or comma-separated with a
header that names a column `text`, or nothing but sentences. A header may name `text`, `reading`, `kind` and `set`.
"""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from speech.text import read
from speech.text.coverage import Heard, Sounds, order, sounds_of
from studio.models import Clip, Prompt, Speaker

LONGEST = 300  # characters, as the row has
HEADER = {"text", "sentence", "문장"}
COLUMNS = {"reading", "kind", "set"}
SETS = ("10", "30", "full")  # the minutes that a part of a corpus takes; a larger one holds the smaller ones
BATCH = 500

_LONGEST_ROW = 20  # lines that the quoted cells of one row may span
_LINE_END = re.compile(rb"\r\n|\n|\r")  # a lone \r is what Excel on a Mac calls "CSV (Macintosh)"
_REQUEST = re.compile(r"(세요|십시오|시오|실래요|주라|줘|자|해라)[.!]*$")


@dataclass(frozen=True)
class Sentence:
    """One good line of a file."""

    line: int
    text: str
    reading: str = ""
    kind: str = Prompt.Kind.STATEMENT
    set: str = ""  # of SETS; empty: of every one

    @property
    def pronunciation(self) -> str:
        return read(self.reading or self.text).pronunciation


@dataclass(frozen=True)
class BadRow:
    """A line that is no sentence, and why."""

    line: int
    why: str


@dataclass
class Loaded:
    """What became of a file."""

    created: int = 0
    known: int = 0  # was there before, or stands twice in the file
    bad: list[BadRow] = field(default_factory=list)


def prompts_load(*, path: Path, corpus: str = "", upto: str = "full", keep_order: bool = False) -> Loaded:
    """Takes the sentences of a file in, behind those that are there; the same sentence comes in once.

    They are ordered by what is missing: each adds most sounds, for its length, to all before it. With `keep_order`
    they stay as they stand in the file, and are read in that order. `corpus`: default, the file's name. `upto`: one of
    SETS, for a file that names them. Bad lines are listed and the rest goes in. Raises OSError for the file itself.
    """
    result = Loaded()
    corpus = (corpus or path.stem)[:80]
    with transaction.atomic():
        last = Prompt.objects.aggregate(last=Max("order"))["last"]
        start = last + 1 if last is not None else 0
        fresh = _fresh(path, upto, result)
        sounded = {} if keep_order else {digest: row.pronunciation for digest, row in fresh.items()}
        places = list(fresh) if keep_order else _by_what_is_missing(fresh, sounded)
        rows = [
            Prompt(
                text=fresh[digest].text, text_sha256=digest, reading=fresh[digest].reading, kind=fresh[digest].kind,
                pronunciation=sounded.get(digest, ""), corpus=corpus, order=start + place,
            )
            for place, digest in enumerate(places)
        ]  # fmt: skip
        Prompt.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
        result.created = len(rows)
        clips_adopt()
    return result


def clips_adopt(speaker: Speaker | None = None) -> int:
    """Makes imported clips takes of the prompts whose sentence they say: it is recorded then, and not asked for again.

    Where several say the same, or a take is kept already, one is the prompt's, and the others are trained on as they
    were. `speaker`: default, all. How many were adopted.
    """
    loose = Clip.objects.filter(prompt=None, kept=True, discarded_at=None, source=Clip.Source.IMPORT)
    if speaker is not None:
        loose = loose.filter(speaker=speaker)
    with transaction.atomic():
        owners = Speaker.objects.filter(pk__in=loose.values("speaker"))
        list(owners.select_for_update().values_list("pk", flat=True))  # no take is kept meanwhile
        prompts = dict(Prompt.objects.filter(active=True).values_list("text_sha256", "pk"))
        kept = Clip.objects.filter(speaker__in=owners, kept=True, prompt__isnull=False)
        taken = set(kept.values_list("speaker", "prompt"))
        found: list[Clip] = []
        for clip in loose.only("pk", "speaker_id", "text").order_by("created_at", "id"):
            prompt = prompts.get(hashlib.sha256(clip.text.encode()).hexdigest())
            if prompt is not None and (clip.speaker_id, prompt) not in taken:
                taken.add((clip.speaker_id, prompt))
                clip.prompt_id = prompt
                found.append(clip)
        Clip.objects.bulk_update(found, ["prompt"], batch_size=BATCH)
    return len(found)


def _fresh(path: Path, upto: str, result: Loaded) -> dict[str, Sentence]:
    """The sentences that are not there yet, by their hash; what else there is goes into `result`."""
    wanted = {"", *SETS[: SETS.index(upto) + 1]}
    known = set(Prompt.objects.values_list("text_sha256", flat=True))
    fresh: dict[str, Sentence] = {}
    for row in read_sentences(path):
        if isinstance(row, BadRow):
            result.bad.append(row)
            continue
        if row.set not in wanted:
            continue
        digest = hashlib.sha256(row.text.encode()).hexdigest()
        if digest in known or digest in fresh:
            result.known += 1
        else:
            fresh[digest] = row
    return fresh


def _by_what_is_missing(fresh: dict[str, Sentence], sounded: dict[str, str]) -> list[str]:
    if not fresh:
        return []
    sounds = {digest: sounds_of(sounded[digest], row.kind) for digest, row in fresh.items()}
    return order(sounds, Heard(prompt_sounds(prompt) for prompt in Prompt.objects.filter(active=True)))


def prompt_sounds(prompt: Prompt) -> Sounds:
    """What a sentence brings; read now where it came in without."""
    return sounds_of(prompt.pronunciation or read(prompt.reading or prompt.text).pronunciation, prompt.kind)


def read_sentences(path: Path) -> Iterator[Sentence | BadRow]:
    """The lines of a file, good and bad, in order; empty lines are none. A quoted cell of a CSV may span several."""
    separator, columns = "", {"text": 0}
    lines = [_decoded(raw, first=not at) for at, raw in enumerate(_LINE_END.split(path.read_bytes()))]
    further = 0  # lines that belong to the row before
    for number, line in enumerate(lines, start=1):
        if further:
            further -= 1
            continue
        if line is None:
            yield BadRow(number, _("UTF-8이 아니에요. 파일을 UTF-8로 저장해 주세요(엑셀에서는 ‘CSV UTF-8’)."))
            continue
        if not line.strip():
            continue
        if not separator:
            separator, header = _layout(line)
            if header is not None:
                columns = header
                continue
        cells, further = _cells(lines[number - 1 : number - 1 + _LONGEST_ROW], separator)
        yield _sentence(number, {name: cells[at] if at < len(cells) else "" for name, at in columns.items()})


def _decoded(raw: bytes, first: bool) -> str | None:
    try:
        return raw.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError:
        return None


def _layout(first: str) -> tuple[str, dict[str, int] | None]:
    """How the file separates, told by its first line, and its header's columns if it has one."""
    for separator in ("\t", ","):
        names = [name.strip().lower() for name in _cells([first], separator)[0]]
        text = next((at for at, name in enumerate(names) if name in HEADER), None)
        if text is not None:
            return separator, {"text": text, **{name: at for at, name in enumerate(names) if name in COLUMNS}}
    return ("\t" if "\t" in first else "\n"), None


def _cells(lines: Sequence[str | None], separator: str) -> tuple[list[str], int]:
    """What stands in the row of the first line, and how many of the further ones belong to it."""
    whole = [line for line in takewhile(lambda line: line is not None, lines) if line is not None]
    if separator != ",":
        return whole[0].split(separator), 0
    try:
        return _row(whole, strict=True)  # a quote that nothing closes takes no other line
    except csv.Error:
        pass
    try:
        return _row(whole[:1], strict=False)[0], 0
    except csv.Error:  # a field that is longer than any sentence
        return whole[:1], 0


def _row(lines: list[str], strict: bool) -> tuple[list[str], int]:
    rows = csv.reader((f"{line}\n" for line in lines), strict=strict)
    return next(rows, [""]), rows.line_num - 1


def _sentence(number: int, cells: dict[str, str]) -> Sentence | BadRow:
    text = " ".join(unicodedata.normalize("NFC", cells["text"]).split())
    reading = " ".join(unicodedata.normalize("NFC", cells.get("reading", "")).split())
    kind = cells.get("kind", "").strip().lower()
    part = cells.get("set", "").strip().lower()
    if not text:
        return BadRow(number, _("문장이 비어 있어요."))
    if len(text) > LONGEST:
        return BadRow(
            number, _("%(length)d자예요. %(limit)d자까지 넣을 수 있어요.") % {"length": len(text), "limit": LONGEST}
        )
    if bad := [letter for letter in text if unicodedata.category(letter) in {"Cc", "Cf", "Co", "Cn", "Cs"}]:
        return BadRow(number, _("읽을 수 없는 글자가 있어요: U+%(code)04X") % {"code": ord(bad[0])})
    if not any(letter.isalnum() for letter in text):
        return BadRow(number, _("읽을 글자가 없어요: %(text)s") % {"text": text})
    if len(reading) > 2 * LONGEST:
        return BadRow(number, _("읽기가 너무 길어요."))
    if kind and kind not in Prompt.Kind.values:
        return BadRow(number, _("모르는 갈래예요: %(kind)s") % {"kind": kind})
    if part and part not in SETS:
        return BadRow(number, _("모르는 묶음이에요: %(set)s") % {"set": part})
    return Sentence(number, text, reading if reading != text else "", kind or guess_kind(text), part)


def guess_kind(text: str) -> str:
    """The kind of a sentence that comes without one, by how it ends."""
    if text.endswith("?"):
        return Prompt.Kind.QUESTION
    if _REQUEST.search(text):
        return Prompt.Kind.REQUEST
    return Prompt.Kind.EXCLAMATION if text.endswith("!") else Prompt.Kind.STATEMENT
