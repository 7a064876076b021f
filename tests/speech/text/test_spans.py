"""Spans: what a page shows above the text and offers to change."""

from __future__ import annotations

import random
import re
import runpy
from itertools import product
from string import ascii_lowercase

import pytest

from speech.text import Span, read
from speech.text.lexicon import mapping, rows
from speech.text.transliterate import by_rule, written
from tests.servers import ROOT

TOOL = runpy.run_path(str(ROOT / "tools/english_sounds.py"))


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


def test_every_spelling_ends_in_sounds_that_can_be_written() -> None:
    for row in rows("spellings"):
        answer = re.sub(r"\\\d", "", row[1] if len(row) > 1 else "")
        assert written(["ㅏ", *answer.split(), "ㅏ"]), row


def test_no_word_of_latin_letters_is_too_strange_to_read() -> None:
    letters = random.Random(3)
    endings = ("ology", "ough", "sure", "tion", "quay", "ngth", "")
    for _ in range(3000):
        word = "".join(letters.choices("aeiouybcdfghjklmnpqrstvwxz", k=letters.randint(4, 9))) + letters.choice(endings)
        assert re.fullmatch("[가-힣]+", by_rule(word)), word


def test_words_by_their_sound_are_common_ones_that_the_lexicon_lacks() -> None:
    table = rows("english_sounds")
    words = [row[0] for row in table]
    assert words == sorted(set(words)) and not set(words) & set(mapping("english"))
    assert all(re.fullmatch("[a-z]{4,24}", word) and re.fullmatch("[가-힣]+", reading) for word, reading in table)


BY_SOUND = {
    "available": ("ɐvˈeɪləbəl", "어베일러블"), "restore": ("ɹɪstˈɔː", "리스토어"), "coast": ("kˈəʊst", "코스트"),
    "wikipedia": ("wˌɪkipˈiːdiə", "위키피디아"), "reached": ("ɹˈiːtʃt", "리치드"), "kids": ("kˈɪdz", "키즈"),
    "garden": ("ɡˈɑːdən", "가든"), "socialism": ("sˈəʊʃəlˌɪzəm", "소셜리즘"), "scenario": ("sənˈɑːɹiˌəʊ", "서나리오"),
    "beautiful": ("bjˈuːtifəl", "뷰티풀"), "biology": ("baɪˈɒlədʒi", "바이올로지"),
}  # fmt: skip


@pytest.mark.parametrize("word", BY_SOUND)
def test_a_word_is_written_by_its_sound_and_some_endings_by_their_letters(word: str) -> None:
    ipa, reading = BY_SOUND[word]
    assert written(TOOL["sounds"](word, ipa)) == reading


def test_the_figure_of_a_footnote_is_listed_and_not_spoken() -> None:
    reading = read("거부했다.³⁾ 그 뒤 x²은")
    assert reading.reading == "거부했다. 그 뒤 엑스 제곱은"
    assert [(one.surface, one.reason) for one in reading.left_out] == [("³⁾", "sign")]


def test_a_comparison_closes_its_clause_and_ties_the_space_in_front() -> None:
    reading = read("x > 3이고 y ≤ 10이면")
    assert reading.reading == "엑스는 삼보다 크고 와이가 십보다 작거나 같으면"
    assert _span("x > 3이고", "> 3이고").rule == "math.relation"


def test_the_number_of_a_case_offers_its_figures_one_by_one() -> None:
    span = _span("헌재 2023헌바12 결정", "2023헌바12")
    assert (span.reading, span.rule) == ("이천이십삼 헌바 십이", "number.case")
    assert "이공이삼 헌바 일이" in span.alternatives
