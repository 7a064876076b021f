"""Which sounds a sentence brings, and an order that brings new ones first."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.text import read
from speech.text.coverage import (
    ENOUGH,
    Heard,
    Sounds,
    common_pairs,
    order,
    pairs_of,
    reached,
    seconds_of,
    sounds_of,
    still_worth,
)

ROOT = Path(__file__).resolve().parents[3]

sentences = st.lists(
    st.builds(
        Sounds,
        st.frozensets(st.sampled_from(sorted(common_pairs())[:12]), max_size=6),
        st.sampled_from(["statement", "question", "exclamation"]),
        st.sampled_from([1.0, 2.0, 5.0]),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def core() -> list[Sounds]:
    """Our own corpus, in the order of its file."""
    with (ROOT / "prompts/ko/core.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [sounds_of(read(row["reading"] or row["text"]).pronunciation, row["kind"]) for row in rows]


def test_a_pair_is_two_jamo_that_follow_one_another_or_a_jamo_where_a_word_begins_or_ends() -> None:
    assert pairs_of("각자.") == [" \u1100", "\u1100\u1161", "\u1161\u11a8", "\u11a8\u110c", "\u110c\u1161", "\u1161 "]


def test_a_mark_and_a_space_part_words_alike_and_what_is_no_hangul_brings_nothing() -> None:
    assert pairs_of("가, 나") == pairs_of(" 가 나! ") == pairs_of("가") + pairs_of("나")
    assert pairs_of("") == pairs_of("?! ") == []


def test_the_common_pairs_are_some_eight_hundred_and_hold_every_initial_medial_and_final_sound() -> None:
    pairs = common_pairs()
    assert 750 <= len(pairs) <= 850 and min(pairs.values()) >= 3
    sounds = set("".join(pairs))
    assert {chr(0x1100 + lead) for lead in range(19)} | {chr(0x1161 + vowel) for vowel in range(21)} <= sounds
    assert {"\u11a8", "\u11ab", "\u11ae", "\u11af", "\u11b7", "\u11b8", "\u11bc"} <= sounds  # the seven that are spoken


def test_a_longer_sentence_takes_longer() -> None:
    assert 0 < seconds_of("네.") < seconds_of("네, 네.") < seconds_of("네, 그러케 하게씀니다.")


def test_the_same_sentence_adds_less_each_time() -> None:
    heard, sounds = Heard(), sounds_of("머글까요?", "question")
    gains = []
    for _ in range(4):
        gains.append(heard.gain(sounds))
        heard.add(sounds)
    assert gains == sorted(gains, reverse=True) and len(set(gains)) == 4


def test_what_was_heard_before_counts_as_what_was_added() -> None:
    first, second = sounds_of("나무가 크다."), sounds_of("나비가 난다.")
    added = Heard()
    added.add(first)
    added.add(second)
    other = sounds_of("바다가 기픈가?", "question")
    assert Heard([first, second]).gain(other) == pytest.approx(added.gain(other))


@given(sentences)
def test_each_sentence_of_the_order_is_the_one_that_adds_most_to_those_before_it(items: list[Sounds]) -> None:
    chosen = order(dict(enumerate(items)))
    assert sorted(chosen) == list(range(len(items)))
    heard, left = Heard(), set(range(len(items)))
    for number in chosen:
        assert heard.gain(items[number]) >= max(heard.gain(items[each]) for each in left) - 1e-8
        heard.add(items[number])
        left.remove(number)


@given(sentences, st.integers(0, 5))
def test_a_part_of_the_order_is_its_beginning(items: list[Sounds], limit: int) -> None:
    assert order(dict(enumerate(items)), limit=limit) == order(dict(enumerate(items)))[:limit]


def test_of_sentences_that_add_the_same_the_earlier_one_comes_first() -> None:
    same = sounds_of("나무")
    assert order({"b": same, "a": same, "c": same}) == ["b", "a", "c"]


def test_the_order_of_our_own_corpus_is_far_ahead_of_its_file(core: list[Sounds]) -> None:
    ordered = [core[place] for place in order(dict(enumerate(core)))]
    hundred_in_file, hundred_in_order = Heard(core[:100]).coverage(), Heard(ordered[:100]).coverage()
    assert hundred_in_file < 0.75 and hundred_in_order > 0.88
    assert (reached(ordered, 0.95) or 0) < 0.25 * (reached(core, 0.95) or 0)
    kinds = [sounds.kind for sounds in ordered[:100]]
    assert kinds.count("question") >= 10 and kinds.count("exclamation") + kinds.count("request") >= 10


def test_what_is_still_worth_recording_shrinks_to_nothing(core: list[Sounds]) -> None:
    ordered = [core[place] for place in order(dict(enumerate(core)))]
    left = [still_worth(ordered[count:], Heard(ordered[:count])) for count in (0, 100, 300, len(ordered))]
    assert left == sorted(left, reverse=True) and left[0] > 0 == left[-1]


def test_a_sentence_whose_pairs_were_all_said_often_enough_is_not_worth_recording() -> None:
    sounds = sounds_of("나무가 크다.")
    heard = Heard([sounds] * (ENOUGH - 1))
    assert still_worth([sounds, sounds], heard) == sounds.seconds
