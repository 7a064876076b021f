"""Own readings: of the whole project, and of one speaker's voices, whose rows come first. TSV in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from speech.errors import BadText
from speech.text import dictionary
from studio.errors import Refused
from studio.models import DictionaryEntry, Speaker

LONGEST_SURFACE = 100  # characters, as the row has
LONGEST_READING = 300
MOST_ENTRIES = 10_000  # of one scope
MOST_CHOICES = 200  # readings that come with one text
LARGEST_FILE = 2 * 2**20  # bytes
BAD_ROWS_TOLD = 20
BATCH = 500


def entries_of(speaker: Speaker | None) -> QuerySet[DictionaryEntry]:
    """The rows of one scope, by word: a speaker's, or without one the project's."""
    return DictionaryEntry.objects.filter(speaker=speaker)


def dictionary_for(speaker: Speaker | None) -> dict[str, str]:
    """What holds for a voice: the project's rows, and over them those of its speaker."""
    rows = DictionaryEntry.objects.filter(speaker=None).values_list("surface", "reading")
    common = dict(rows)
    if speaker is None:
        return common
    return common | dict(DictionaryEntry.objects.filter(speaker=speaker).values_list("surface", "reading"))


def entry_set(
    *,
    surface: str,
    reading: str,
    speaker: Speaker | None = None,
    by: User | None = None,
    entry: DictionaryEntry | None = None,
) -> DictionaryEntry:
    """Writes a row; the same word of the same scope is read anew. With `entry` that row is changed, its word too.

    Raises Refused: bad_entry, entry_taken (another row has the word), too_many_entries.
    """
    surface, reading = checked(surface, reading)
    if entry is None:
        if not entries_of(speaker).filter(surface=surface).exists():
            _check_count(entries_of(speaker).count() + 1)
        values = {"reading": reading, "created_by": by}
        return DictionaryEntry.objects.update_or_create(speaker=speaker, surface=surface, defaults=values)[0]
    entry.surface, entry.reading = surface, reading
    try:
        with transaction.atomic():
            entry.save(update_fields=["surface", "reading", "updated_at"])
    except IntegrityError:
        message = _("이미 사전에 있는 낱말이에요: %(surface)s") % {"surface": surface}
        raise Refused("entry_taken", message, 409, surface=surface) from None
    return entry


def entry_delete(*, entry: DictionaryEntry) -> None:
    """The word is read as it was before."""
    entry.delete()


def entries_import(
    *, data: bytes, speaker: Speaker | None = None, by: User | None = None, replace: bool = False
) -> int:
    """Takes a TSV in, whole or not at all; how many rows. `replace`: rows that the file does not hold go.

    Raises Refused: file_too_large, not_utf8, bad_rows (with `rows`: line and why), too_many_entries, entries_changed
    (somebody else put one of the words in meanwhile).
    """
    entries = _parsed(data)
    known = {} if replace else dict(entries_of(speaker).values_list("surface", "reading"))
    _check_count(len(known | entries))
    fresh = [
        DictionaryEntry(speaker=speaker, surface=surface, reading=reading, created_by=by)
        for surface, reading in sorted(entries.items())  # in one order, so that two imports never wait for each other
    ]
    try:
        with transaction.atomic():
            scope = entries_of(speaker)
            if replace:
                scope.delete()
            else:
                words = sorted(entries)
                for start in range(0, len(words), BATCH):
                    scope.filter(surface__in=words[start : start + BATCH]).delete()
            DictionaryEntry.objects.bulk_create(fresh, batch_size=BATCH)
    except IntegrityError:
        message = _("그사이에 다른 사람이 같은 낱말을 사전에 넣었어요. 아무것도 넣지 않았으니 한 번 더 넣어 주세요.")
        raise Refused("entries_changed", message, 409) from None
    return len(fresh)


def entries_export(speaker: Speaker | None = None) -> str:
    """One scope as `entries_import` reads it."""
    return dictionary.to_tsv(dict(entries_of(speaker).values_list("surface", "reading")))


def checked(surface: str, reading: str) -> tuple[str, str]:
    """A row as it is kept. Raises Refused bad_entry."""
    try:
        surface, reading = dictionary.entry_of(surface, reading)
    except BadText as error:
        raise Refused("bad_entry", _why(error), **error.params) from None
    if len(surface) > LONGEST_SURFACE or len(reading) > LONGEST_READING:
        values = {"surface": LONGEST_SURFACE, "reading": LONGEST_READING}
        message = _("낱말은 %(surface)d자, 읽기는 %(reading)d자까지 적을 수 있어요.") % values
        raise Refused("bad_entry", message, **values)
    return surface, reading


def choices_checked(given: Any) -> dict[str, str]:
    """Readings that come with one text, as `{word: reading}`. Raises Refused: bad_choices, bad_entry."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or len(given) > MOST_CHOICES:
        message = _("dictionary에는 낱말과 읽기의 JSON 객체를 %(limit)d개까지 보내 주세요.") % {"limit": MOST_CHOICES}
        raise Refused("bad_choices", message, limit=MOST_CHOICES)
    return dict(checked(surface, reading) for surface, reading in given.items())


def _parsed(data: bytes) -> dict[str, str]:
    if len(data) > LARGEST_FILE:
        message = _("파일이 너무 커요. %(limit)d MB까지 넣을 수 있어요.") % {"limit": LARGEST_FILE // 2**20}
        raise Refused("file_too_large", message, 413, limit=LARGEST_FILE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("not_utf8", _("UTF-8 파일이 아니에요. 저장할 때 인코딩을 UTF-8로 골라 주세요.")) from None
    entries, bad = dictionary.parse_rows(text)
    rows = [{"line": error.params["line"], "why": _why(error)} for error in bad]
    for surface, reading in entries.items():
        if len(surface) > LONGEST_SURFACE or len(reading) > LONGEST_READING:
            rows.append({"line": 0, "why": _("너무 길어요: %(surface)s") % {"surface": surface[:40]}})
    if rows:
        message = _("고칠 줄이 %(count)d개 있어서 아무것도 넣지 않았어요.") % {"count": len(rows)}
        raise Refused("bad_rows", message, rows=rows[:BAD_ROWS_TOLD], count=len(rows))
    return entries


def _why(error: BadText) -> str:
    """What is wrong with a row, for people."""
    if "reading" in error.params:
        words = _("‘%(surface)s’의 읽기는 한글과 띄어쓰기, 문장 부호(. , ! ?)로만 적어 주세요.")
        return words % {"surface": str(error.params["surface"])[:40]}
    return _("낱말을 적어 주세요.") if "surface" in error.params else _("낱말, 탭, 한글 읽기의 차례로 적어 주세요.")


def _check_count(count: int) -> None:
    if count > MOST_ENTRIES:
        message = _("사전 하나에는 %(limit)d개까지 넣을 수 있어요.") % {"limit": MOST_ENTRIES}
        raise Refused("too_many_entries", message, limit=MOST_ENTRIES)
