"""The reading of everyday text: what a newsreader says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from speech.config import TextConfig
from speech.errors import BadText
from speech.text import encode, read
from speech.text.hangul import h2j
from speech.text.reading import GUESSES
from speech.text.symbols import END_ID, SYMBOLS, to_ids

DOCS = (Path(__file__).parents[3] / "docs" / "text.md").read_text(encoding="utf-8")
_, _, _TABLE = DOCS.partition("| kind | example | reading |\n| --- | --- | --- |\n")
ROWS = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in _TABLE.partition("\n\n")[0].splitlines()]


def test_a_sentence_with_figures_is_read_as_a_newsreader_reads_it() -> None:
    reading = read("사과 3개와 배 12개를 15,000원에 샀다.")
    assert reading.reading == "사과 세 개와 배 열두 개를 만 오천 원에 샀다."


def test_the_spans_tile_the_text_and_join_to_the_reading() -> None:
    reading = read("회의는 10:30에 302호에서 시작합니다.")
    assert "".join(span.surface for span in reading.spans) == reading.text
    assert "".join(span.reading for span in reading.spans) == reading.reading
    assert len(reading.pronunciation) == len(reading.reading)


def test_encoding_closes_with_the_end_symbol_and_can_leave_it_out() -> None:
    assert encode("가.", TextConfig()) == [SYMBOLS.index(one) for one in ("\u1100", "\u1161", ".")] + [END_ID]
    assert END_ID not in encode("가", TextConfig(end_symbol=False))


def test_spelling_mode_encodes_the_spelling() -> None:
    for mode, said in (("spelling", "국물"), ("pronunciation", "궁물")):
        rows = encode("국물", TextConfig(mode=mode))
        assert [SYMBOLS[row] for row in rows] == [*h2j(said), ".", "~"]


def test_a_text_without_words_is_refused_when_it_is_to_be_encoded() -> None:
    with pytest.raises(BadText) as error:
        encode("😀", TextConfig())
    assert error.value.code == "nothing_to_read"


def test_the_dictionary_of_a_person_comes_before_everything_built_in() -> None:
    assert read("KBS를 본다", dictionary={"KBS": "한국방송"}).reading == "한국방송을 본다"


def test_a_dictionary_row_that_is_not_read_in_hangul_is_refused() -> None:
    with pytest.raises(BadText) as error:
        read("가", dictionary={"API": "api"})
    assert error.value.code == "bad_dictionary"


def test_a_text_that_is_too_long_or_no_text_is_refused() -> None:
    with pytest.raises(BadText) as error:
        read("가" * 100_001)
    assert error.value.code == "text_too_long"
    with pytest.raises(BadText) as error:
        read(None)  # type: ignore[arg-type]
    assert error.value.code == "not_text"


def test_symbols_that_no_voice_knows_are_named() -> None:
    with pytest.raises(BadText, match="U\\+0041") as error:
        to_ids("가A~")
    assert error.value.params["symbols"] == ["A", "~"]


def test_numbers_across_a_long_text_are_read_to_the_end() -> None:
    assert read("3개 " * 2_000).reading.count("세 개") == 2_000


def test_the_number_of_a_seat_is_no_count() -> None:
    assert read("7호차 13번 A석, 3번 창가").reading == "칠 호차 십삼 번 에이석, 삼 번 창가"
    assert read("A팀과 3번 겨뤘다.").reading == "에이팀과 세 번 겨뤘다."


def test_a_bee_stays_lax() -> None:
    assert read("꿀벌이 왔다").pronunciation == "꿀버리 왇따"


@pytest.mark.parametrize(("kind", "examples", "readings"), ROWS, ids=[row[0] for row in ROWS])
def test_the_docs_show_how_things_are_read(kind: str, examples: str, readings: str) -> None:
    said = " / ".join(read(text).reading for text in (examples, *examples.split(", ")))
    for reading in re.findall(r"[가-힣]+(?: [가-힣]+)*", readings):
        assert reading in said, kind


def test_the_docs_name_every_rule_that_guesses() -> None:
    row = next(line for line in DOCS.splitlines() if line.startswith("| `guessed` |"))
    assert set(re.findall(r"`([a-z_]+\.[a-z_]+)`", row)) == GUESSES
