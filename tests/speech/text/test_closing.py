"""The mark that an utterance is closed with."""

from __future__ import annotations

import pytest

from speech.config import TextConfig
from speech.text import encode, read
from speech.text.closing import closing_mark
from speech.text.symbols import END_ID, SYMBOLS


@pytest.mark.parametrize("text", ["네.", "정말요?", "아!", "그리고,", "네. "])
def test_what_is_closed_stays(text: str) -> None:
    assert closing_mark(text) == ""


@pytest.mark.parametrize("text", ["안녕하세요", "여기까지", "아까", "비가 오니까", "그러니까요", "봐요", "까", ""])
def test_a_statement_gets_a_full_stop(text: str) -> None:
    assert closing_mark(text) == "."


@pytest.mark.parametrize("text", ["어디입니까", "시작할까요", "갈까", "괜찮습니까 "])
def test_an_ending_that_only_asks_gets_a_question_mark(text: str) -> None:
    assert closing_mark(text) == "?"


@pytest.mark.parametrize("text", ["날이 좋아서", "갈까"])
def test_a_clause_that_goes_on_gets_a_comma(text: str) -> None:
    assert closing_mark(text, continues=True) == ","


def names(text: str, config: TextConfig = TextConfig(), **how: bool) -> str:  # noqa: B008 - it is frozen
    return "".join(SYMBOLS[number] for number in encode(text, config, **how))


def test_symbols_are_closed_behind_the_last_sound() -> None:
    assert names("안녕하세요") == names("안녕하세요.")
    assert names("안녕하세요 ") == names("안녕하세요.")
    assert names("비가 와서", continues=True).endswith(",~")
    assert names("갈까?", continues=True).endswith("?~")


def test_how_it_is_spelled_decides_and_not_how_it_sounds() -> None:
    assert read("할까요").pronunciation == "할까요"
    assert names("먹을까요").endswith("?~")
    assert names("옵니까", TextConfig(mode="spelling")).endswith("?~")


def test_marks_can_be_left_as_they_are() -> None:
    plain = encode("네", TextConfig(closing_mark=False))
    assert [SYMBOLS[number] for number in plain] == ["\u1102", "\u1166", "~"]
    assert plain[-1] == END_ID
