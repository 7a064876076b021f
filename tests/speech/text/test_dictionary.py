"""The person's own readings."""

from __future__ import annotations

import pytest

from speech.errors import BadText
from speech.text import read
from speech.text.dictionary import parse_tsv, sha256, to_tsv


def test_the_longest_entry_wins() -> None:
    entries = {"목소리": "목소리", "목소리 앱": "목소리 애플리케이션"}
    assert read("목소리 앱을 켠다", dictionary=entries).reading == "목소리 애플리케이션을 켠다"


def test_an_entry_is_found_in_front_of_a_particle_but_not_inside_another_word() -> None:
    entries = {"가나": "하나"}
    assert read("가나를 가나무", dictionary=entries).reading == "하나를 가나무"


def test_an_entry_of_latin_letters_does_not_cut_a_longer_word() -> None:
    assert read("APIS", dictionary={"API": "에이피아이"}).reading == read("APIS").reading


def test_an_entry_may_hold_figures_and_comes_before_the_rules() -> None:
    assert read("3번 버스", dictionary={"3번": "세 번"}).reading == "세 번 버스"


def test_a_table_goes_out_and_comes_back() -> None:
    entries = {"KBS": "한국방송", "3M": "쓰리엠"}
    assert parse_tsv(to_tsv(entries)) == entries


def test_a_bad_row_is_named_by_its_line() -> None:
    with pytest.raises(BadText, match="Line 2"):
        parse_tsv("가\t나\n다\n")
    with pytest.raises(BadText, match="Line 1") as error:
        parse_tsv("API\tapi\n")
    assert error.value.params["line"] == 1


def test_the_hash_does_not_depend_on_the_order_and_changes_with_the_entries() -> None:
    assert sha256({"가": "나", "다": "라"}) == sha256({"다": "라", "가": "나"})
    assert sha256({"가": "나"}) != sha256({})
    assert sha256(None) == sha256({})
