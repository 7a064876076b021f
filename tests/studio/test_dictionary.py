"""Own readings: whose come first, what is refused, and TSV in and out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from speech.text import read
from studio import dictionary
from studio.errors import Refused
from studio.models import DictionaryEntry, Speaker

FILE = "# 낱말\t읽기\n목소리\t목쏘리\n\nBTS\t방탄소년단\n"


def refused(code: str, service: Callable, **values: object) -> Refused:
    with pytest.raises(Refused) as refusal:
        service(**values)
    assert refusal.value.code == code
    return refusal.value


def rows(speaker: Speaker | None = None) -> dict[str, str]:
    return dict(dictionary.entries_of(speaker).values_list("surface", "reading"))


def test_a_speakers_row_comes_before_the_projects(speaker: Speaker) -> None:
    dictionary.entry_set(surface="BTS", reading="방탄소년단")
    dictionary.entry_set(surface="목소리", reading="모쏘리")
    dictionary.entry_set(surface="BTS", reading="비티에스", speaker=speaker)
    assert dictionary.dictionary_for(None) == {"BTS": "방탄소년단", "목소리": "모쏘리"}
    assert dictionary.dictionary_for(speaker) == {"BTS": "비티에스", "목소리": "모쏘리"}


def test_a_row_comes_before_what_is_built_in(db: None) -> None:
    dictionary.entry_set(surface="KBS", reading="한국방송")
    assert read("KBS를 본다", dictionary=dictionary.dictionary_for(None)).reading == "한국방송을 본다"


def test_another_speakers_row_does_not_count(make_speaker: Callable[[str], Speaker]) -> None:
    dictionary.entry_set(surface="BTS", reading="비티에스", speaker=make_speaker("bora"))
    assert dictionary.dictionary_for(make_speaker("mina")) == {}


def test_the_same_word_is_read_anew(admin: User) -> None:
    dictionary.entry_set(surface="ＢＴＳ ", reading=" 방탄  소년단")
    dictionary.entry_set(surface="BTS", reading="비티에스", by=admin)
    assert rows() == {"BTS": "비티에스"}
    assert DictionaryEntry.objects.get().created_by == admin


def test_the_database_keeps_one_common_row_of_a_word(db: None) -> None:
    DictionaryEntry.objects.create(surface="BTS", reading="비티에스")
    with pytest.raises(IntegrityError), transaction.atomic():
        DictionaryEntry.objects.create(surface="BTS", reading="방탄")


@pytest.mark.parametrize(
    ("surface", "reading"),
    [("", "가"), (" ", "가"), ("BTS", ""), ("BTS", "BTS"), ("BTS", "비티S"), ("B" * 101, "가"), ("B", "가" * 301)],
)
def test_a_row_that_is_no_word_with_a_hangul_reading_is_refused(db: None, surface: str, reading: str) -> None:
    refused("bad_entry", dictionary.entry_set, surface=surface, reading=reading)
    assert not DictionaryEntry.objects.exists()


def test_a_changed_row_does_not_take_anothers_word(db: None) -> None:
    dictionary.entry_set(surface="BTS", reading="방탄소년단")
    other = dictionary.entry_set(surface="NCT", reading="엔시티")
    refused("entry_taken", dictionary.entry_set, surface="BTS", reading="비티에스", entry=other)
    assert dictionary.entry_set(surface="엔시티", reading="엔씨티", entry=other).pk == other.pk
    assert rows() == {"BTS": "방탄소년단", "엔시티": "엔씨티"}


def test_a_deleted_row_no_longer_counts(db: None) -> None:
    dictionary.entry_delete(entry=dictionary.entry_set(surface="BTS", reading="방탄소년단"))
    assert dictionary.dictionary_for(None) == {}


def test_a_file_comes_in_over_the_rows_that_are_there(speaker: Speaker) -> None:
    dictionary.entry_set(surface="BTS", reading="비티에스", speaker=speaker)
    dictionary.entry_set(surface="NCT", reading="엔시티", speaker=speaker)
    assert dictionary.entries_import(data=FILE.encode("utf-8-sig"), speaker=speaker) == 2
    assert rows(speaker) == {"BTS": "방탄소년단", "NCT": "엔시티", "목소리": "목쏘리"}
    assert rows() == {}


def test_a_file_can_take_the_place_of_all_rows(db: None) -> None:
    dictionary.entry_set(surface="NCT", reading="엔시티")
    dictionary.entries_import(data=FILE.encode(), replace=True)
    assert rows() == {"BTS": "방탄소년단", "목소리": "목쏘리"}


def test_a_file_with_bad_lines_changes_nothing_and_names_them(db: None) -> None:
    dictionary.entry_set(surface="NCT", reading="엔시티")
    data = "BTS\t방탄소년단\n목소리\nNASA\tnasa\n".encode()
    refusal = refused("bad_rows", dictionary.entries_import, data=data, replace=True)
    assert [row["line"] for row in refusal.params["rows"]] == [2, 3]
    assert "NASA" in refusal.params["rows"][1]["why"]
    assert rows() == {"NCT": "엔시티"}


@pytest.mark.parametrize(("surface", "reading"), [("B" * 101, "가"), ("B", "가" * 301)])
def test_a_file_holds_no_longer_rows_than_the_page_takes(db: None, surface: str, reading: str) -> None:
    refusal = refused("bad_rows", dictionary.entries_import, data=f"{surface}\t{reading}\n".encode())
    assert "너무 길어요" in refusal.params["rows"][0]["why"]
    dictionary.entries_import(data=f"{surface[:100]}\t{reading[:300]}\n".encode())
    assert rows() == {surface[:100]: reading[:300]}


def test_a_file_that_is_not_utf8_is_refused(db: None) -> None:
    refused("not_utf8", dictionary.entries_import, data="목소리\t목쏘리".encode("cp949"))


def test_too_large_a_file_is_refused(db: None) -> None:
    refused("file_too_large", dictionary.entries_import, data=b"#" * (dictionary.LARGEST_FILE + 1))


def test_a_scope_does_not_grow_without_end(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionary, "MOST_ENTRIES", 1)
    refused("too_many_entries", dictionary.entries_import, data=FILE.encode())
    dictionary.entry_set(surface="BTS", reading="방탄소년단")
    refused("too_many_entries", dictionary.entry_set, surface="NCT", reading="엔시티")


def test_a_full_scope_still_takes_other_readings_and_another_file(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionary, "MOST_ENTRIES", 2)
    dictionary.entries_import(data=FILE.encode())
    dictionary.entry_set(surface="BTS", reading="비티에스")
    dictionary.entries_import(data=FILE.encode())
    assert rows() == {"BTS": "방탄소년단", "목소리": "목쏘리"}
    dictionary.entries_import(data="NCT\t엔시티\n".encode(), replace=True)
    assert rows() == {"NCT": "엔시티"}


def test_a_file_of_more_than_one_batch_comes_in_over_its_own_rows(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionary, "BATCH", 1)
    for _ in range(2):
        assert dictionary.entries_import(data=FILE.encode()) == 2
    assert rows() == {"BTS": "방탄소년단", "목소리": "목쏘리"}


def test_what_goes_out_comes_in_again(speaker: Speaker) -> None:
    for surface, reading in (("#1", "해시 일"), ("BTS", "방탄소년단"), ("목소리", "목쏘리")):
        dictionary.entry_set(surface=surface, reading=reading)
    dictionary.entries_import(data=dictionary.entries_export().encode(), speaker=speaker)
    assert rows(speaker) == rows()


@pytest.mark.parametrize("given", ["BTS", ["BTS"], {str(number): "일" for number in range(201)}])
def test_choices_that_are_no_small_object_are_refused(given: object) -> None:
    refused("bad_choices", dictionary.choices_checked, given=given)


@pytest.mark.parametrize("given", [{"BTS": "bts"}, {"BTS": 3}, {"": "가"}])
def test_a_choice_that_cannot_be_spoken_is_refused(given: object) -> None:
    refused("bad_entry", dictionary.choices_checked, given=given)
