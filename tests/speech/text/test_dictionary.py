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


@pytest.mark.parametrize(
    ("said", "reading", "expected"),
    [
        ("KBS를 KBS는 KBS가 KBS와", "한국방송", "한국방송을 한국방송은 한국방송이 한국방송과"),
        ("KBS로 KBS로서 KBS나 KBS랑", "한국방송", "한국방송으로 한국방송으로서 한국방송이나 한국방송이랑"),
        (
            "KBS다. KBS였다. KBS였습니다. KBS예요.",
            "한국방송",
            "한국방송이다. 한국방송이었다. 한국방송이었습니다. 한국방송이에요.",
        ),
        ("KBS라는 KBS는커녕 KBS가요 KBS야", "한국방송", "한국방송이라는 한국방송은커녕 한국방송이요 한국방송이야"),
        ("KBS을 KBS은 KBS이 KBS과 KBS으로", "서울 지사", "서울 지사를 서울 지사는 서울 지사가 서울 지사와 서울 지사로"),
        ("KBS로 KBS으로", "서울", "서울로 서울로"),
    ],
)
def test_a_particle_takes_the_form_that_fits_the_reading(said: str, reading: str, expected: str) -> None:
    assert read(said, dictionary={"KBS": reading}).reading == expected


@pytest.mark.parametrize(
    "said", ["KBS가까이", "KBS가량", "KBS에서는", "KBS만큼은", "KBS들이", "KBS까지도", "KBS는커녕이"]
)
def test_what_is_no_particle_of_two_forms_stays(said: str) -> None:
    assert read(said, dictionary={"KBS": "한국방송"}).reading == said.replace("KBS", "한국방송")


def test_a_particle_behind_a_unit_or_letters_fits_their_reading_and_a_word_stays() -> None:
    assert read("5kg를 재고 Apple를 샀다").reading == "오 킬로그램을 재고 애플을 샀다"
    assert read("n가지 방법, IT은행, KTX이용객").reading == "엔가지 방법, 아이티은행, 케이티엑스이용객"


def test_a_copula_behind_a_vowel_stays_as_it_was_written() -> None:
    assert read("MBTI이다. MBTI이고 MBTI이지만", dictionary={"MBTI": "유나"}).reading == "유나이다. 유나이고 유나이지만"


def test_a_refitted_particle_is_a_span_of_its_own_that_keeps_what_was_written() -> None:
    spans = read("KBS를 본다", dictionary={"KBS": "한국방송"}).spans
    assert [(span.surface, span.reading, span.rule) for span in spans[:2]] == [
        ("KBS", "한국방송", "dictionary"), ("를", "을", "particle"),
    ]  # fmt: skip
