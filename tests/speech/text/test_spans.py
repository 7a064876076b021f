"""Spans: what a page shows above the text and offers to change."""

from __future__ import annotations

from itertools import product
from string import ascii_lowercase

from speech.text import Span, read


def _span(text: str, surface: str) -> Span:
    return next(span for span in read(text).spans if span.surface == surface)


def test_the_particle_stays_outside_the_span_of_a_number() -> None:
    span = _span("사과 3개를 샀다", "3개")
    assert (span.start, span.end, span.reading, span.kind) == (3, 5, "세 개", "counter")


def test_a_counter_that_takes_both_kinds_of_numbers_is_a_guess_with_the_other_one_to_choose() -> None:
    span = _span("3번 남았다", "3번")
    assert span.guessed
    assert {span.reading, *span.alternatives} >= {"세 번", "삼 번"}


def test_a_fraction_that_may_be_a_date_offers_the_date() -> None:
    span = _span("1/3", "1/3")
    assert (span.reading, span.guessed) == ("삼분의 일", True)
    assert "일월 삼 일" in span.alternatives


def test_an_english_word_that_no_table_knows_is_marked_as_a_guess() -> None:
    span = _span("Blorptang 출시", "Blorptang")
    assert span.guessed
    assert span.rule == "english.by_rule"


def test_every_pair_of_letters_behind_a_syllable_is_read() -> None:
    assert [_span(word, word).reading for word in ("hiccup", "piccolo", "Bacchus")] == ["히컵", "피콜로", "배커스"]
    for pair in product(ascii_lowercase, repeat=2):
        assert read(f"Blorpa{''.join(pair)} 출시").reading.endswith(" 출시")


def test_a_word_of_the_lexicon_is_no_guess() -> None:
    assert not _span("Google 검색", "Google").guessed


def test_places_count_characters_of_the_text_as_it_was_given() -> None:
    text = "\u1112\u1161\u11ab 3\u200b0개"  # decomposed, with an invisible character
    reading = read(text)
    assert "".join(span.surface for span in reading.spans) == text
    assert reading.reading == "한 서른 개"


def test_what_is_not_spoken_is_listed_with_its_place_and_reason() -> None:
    left = read("안녕 😀 하세요\u200b").left_out
    assert [(one.start, one.surface, one.reason) for one in left] == [(3, "😀", "emoji"), (8, "\u200b", "invisible")]


def test_hanja_that_repeats_the_word_before_is_said_once() -> None:
    reading = read("대한민국(大韓民國)은")
    assert reading.reading == "대한민국은"
    assert reading.left_out[0].reason == "repeated"


def test_a_reading_can_be_given_as_json() -> None:
    answer = read("3개").to_json()
    assert answer["reading"] == "세 개"
    assert answer["spans"][0] == {
        "start": 0, "end": 2, "surface": "3개", "reading": "세 개", "pronunciation": "세 개", "kind": "counter",
        "rule": "counter.native", "alternatives": ["삼 개"], "guessed": False,
    }  # fmt: skip
