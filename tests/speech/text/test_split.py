"""Splitting for speech."""

from __future__ import annotations

import unicodedata

import pytest

from speech.text import read
from speech.text.hangul import is_syllable
from speech.text.split import DECODER_SECONDS, LONGEST, longest_at, longest_for, pause_after, split, syllables


def test_sentences_end_at_their_marks() -> None:
    assert split("안녕하세요. 반갑습니다! 누구세요?") == ["안녕하세요.", "반갑습니다!", "누구세요?"]
    assert split("답은 3! 4가 아니다.") == ["답은 3!", "4가 아니다."]


def test_a_point_in_a_number_a_date_or_an_address_ends_nothing() -> None:
    for text in ("원주율은 3.14이다.", "2026. 11. 20. 회의가 있다.", "www.kbs.co.kr에서 본다.", "버전 3.11.7을 쓴다."):
        assert split(text) == [text]


def test_a_quotation_stays_whole() -> None:
    text = "그는 “왔다. 보았다. 이겼다.”라고 했다."
    assert split(text) == [text]


def test_what_is_reported_behind_a_straight_mark_stays_with_it() -> None:
    assert split("그는 '가자!' 하고 외쳤다. 밤이었다.") == ["그는 '가자!' 하고 외쳤다.", "밤이었다."]
    assert split("'가자.' 그가 말했다.") == ["'가자.'", "그가 말했다."]


def test_a_line_break_parts() -> None:
    assert split("제목\n본문입니다.") == ["제목", "본문입니다."]


def test_a_sentence_without_a_space_behind_its_mark_is_parted_all_the_same() -> None:
    assert split("밥을 먹었다.그리고 잤다.") == ["밥을 먹었다.", "그리고 잤다."]
    assert split("정말?그래!") == ["정말?", "그래!"]


def test_a_long_sentence_is_cut_at_commas_into_pieces_that_the_decoder_holds() -> None:
    text = ", ".join(["오늘은 날씨가 맑고 바람이 조금 불겠으며 낮에는 따뜻하겠습니다"] * 6) + "."
    pieces = split(text)
    assert len(pieces) > 1
    assert all(syllables(piece) <= LONGEST for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_long_stretch_without_commas_or_spaces_is_cut_too() -> None:
    pieces = split("가" * 500)
    assert all(syllables(piece) <= LONGEST for piece in pieces)
    assert "".join(pieces) == "가" * 500


def test_what_is_only_too_long_as_a_whole_is_halved_and_nothing_is_lost() -> None:
    assert (syllables("A"), syllables("A A")) == (1, 3)
    assert split("A A", longest=2) == ["A", "A"]


def test_the_limit_can_follow_the_pace_of_a_voice() -> None:
    text = "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열"
    assert all(syllables(piece) <= 8 for piece in split(text, longest=8))


def test_the_longest_piece_of_a_voice_fits_into_the_decoder_at_its_own_pace() -> None:
    for pace in (2.5, 4.0, 6.0, 9.0):
        assert 0.8 * DECODER_SECONDS < longest_at(pace) / pace < DECODER_SECONDS


@pytest.mark.parametrize("pace", [0.0, -3.0, 0.2, 80.0, float("nan"), float("inf")])
def test_what_is_no_pace_of_a_person_leaves_the_usual_limit(pace: float) -> None:
    assert longest_at(pace) == LONGEST


def test_nothing_to_say_gives_no_sentences() -> None:
    assert split("  \n ") == []


def test_marks_alone_join_the_sentence_before_them() -> None:
    assert split("좋다. ...") == ["좋다. ..."]


def test_a_quotation_that_is_too_long_is_parted_between_its_sentences() -> None:
    one = "오늘은 하늘이 맑고 바람이 부드럽게 불어서 모두가 밖으로 나갔다."
    assert split(f"“{one} {one} {one}”") == [f"“{one}", one, f"{one}”"]


def test_the_pause_follows_the_mark_that_closes_the_piece() -> None:
    assert pause_after("갔다.") > pause_after("갔고,") > pause_after("갔는데")
    assert pause_after("“왜?”") == pause_after("왜?")


def test_a_slower_voice_gets_shorter_pieces() -> None:
    assert longest_for(11.6, 4.0) < longest_for(11.6, 6.0)


def test_a_text_without_any_boundary_is_parted_whatever_its_length() -> None:
    text = "가" * 200_000
    assert "".join(split(text)) == text


def test_a_quotation_that_one_piece_holds_stays_whole_in_a_long_sentence() -> None:
    text = (
        "그는 기자들과 만나 “우리는 할 만큼 했고, 이제 결과를 기다릴 뿐”이라고 말한 뒤, "
        "다음 주에 다시 회의를 열어 “모두의 뜻을 모으고, 길을 찾겠다”고 덧붙였다."
    )
    pieces = split(text, longest=25)
    assert "“우리는 할 만큼 했고, 이제 결과를 기다릴 뿐”이라고" in pieces
    assert "“모두의 뜻을 모으고, 길을 찾겠다”고" in pieces


def test_a_number_stays_whole_even_where_it_is_longer_than_a_piece() -> None:
    pieces = split("예산은 1,234,567,890,123,456원이고 물가는 3.14159265358979% 오른다.", longest=12)
    assert "1,234,567,890,123,456" in pieces
    assert "3.14159265358979%" in pieces


def test_a_number_of_a_list_stays_with_its_line() -> None:
    assert split("끝났다. 1. 서론을 쓴다. 2. 본론을 쓴다.") == ["끝났다.", "1. 서론을 쓴다.", "2. 본론을 쓴다."]


def test_a_unit_of_one_character_counts_as_what_it_says() -> None:
    assert syllables("5㎢") > syllables("5") + 4
    pieces = split("㎢ " * 60)
    assert len(pieces) > 4
    assert "".join(pieces).replace(" ", "") == "㎢" * 60


@pytest.mark.parametrize(
    "text",
    [
        "W" * 300, "W " * 100, "W_" * 100, "W7" * 100, "A&B " * 60, "C++ " * 60, "7" * 200, "0." + "7" * 100,
        "-777777 " * 20, "3+4=7 " * 30, "@#$%^&*" * 30, "77/99 " * 30, "1~9999 " * 20, "가W7나" * 60,
    ],
)  # fmt: skip
def test_no_piece_is_longer_read_aloud_than_the_decoder_holds(text: str) -> None:
    pieces = split(text)
    assert max(sum(map(is_syllable, read(piece).reading)) for piece in pieces) <= LONGEST
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_decomposed_syllables_count_as_one_each_and_are_never_taken_apart() -> None:
    text = "안녕하세요반갑습니다" * 15
    pieces = split(unicodedata.normalize("NFD", text))
    assert len(pieces) == 3
    assert "".join(unicodedata.normalize("NFC", piece) for piece in pieces) == text
    for longest in range(5, 30):
        pieces = split(unicodedata.normalize("NFD", text), longest=longest)
        assert "".join(unicodedata.normalize("NFC", piece) for piece in pieces) == text


def test_the_commas_of_a_list_take_time_too_and_those_of_a_number_none() -> None:
    fruits = "사과, 배, 감, 귤, 밤, 대추, 포도, 딸기, 수박, 참외, 자두, 앵두, 살구, 석류, 복숭아, 무화과, 매실을 사요."
    assert len(split(fruits, longest=43)) == 2
    assert syllables("1,234,567") == syllables("1234567")


@pytest.mark.parametrize("text", ["2026", "1234567", "하루 24시간", "ABC", "영하 12도"])
def test_figures_and_letters_take_about_as_long_as_they_are_read(text: str) -> None:
    assert abs(syllables(text) - sum(map(is_syllable, read(text).reading))) <= 2
