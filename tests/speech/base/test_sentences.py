"""The sentences that the base voice is made of."""

from __future__ import annotations

import itertools

import pytest

from speech.base.sentences import Maker, closed, with_particle


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("책", "을/를", "책을"),
        ("모자", "을/를", "모자를"),
        ("집", "으로/로", "집으로"),
        ("교실", "으로/로", "교실로"),
        ("바다", "으로/로", "바다로"),
        ("물", "과/와", "물과"),
    ],
)
def test_a_particle_follows_the_last_sound(word: str, pair: str, expected: str) -> None:
    assert with_particle(word, pair) == expected


def test_a_closed_syllable_is_one_with_a_final_consonant() -> None:
    assert [closed(word) for word in ("강", "나무", "닭")] == [True, False, True]


def test_no_two_sentences_are_alike_and_a_seed_repeats_them() -> None:
    first = list(itertools.islice(Maker(4).sentences(), 2000))
    assert len(set(first)) == 2000
    assert first == list(itertools.islice(Maker(4).sentences(), 2000))
    assert first != list(itertools.islice(Maker(5).sentences(), 2000))
    assert all(6 <= len(text) <= 40 for text in first)


def test_every_lead_vowel_and_pronounced_tail_occurs() -> None:
    texts = "".join(itertools.islice(Maker(0).sentences(), 2000))
    places = [ord(letter) - 0xAC00 for letter in texts if "가" <= letter <= "힣"]
    assert {place // 28 // 21 for place in places} == set(range(19))
    assert {place // 28 % 21 for place in places} == set(range(21))
    assert {0, 1, 4, 7, 8, 16, 17, 21} <= {place % 28 for place in places}
