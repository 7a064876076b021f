"""What the tags of a morphological analyser ask of the sounds, on tags as Kiwi gives them."""

from __future__ import annotations

from dataclasses import dataclass

from bench import tagger


@dataclass(frozen=True)
class Token:
    form: str
    tag: str
    start: int
    len: int


def test_only_an_adnominal_makes_the_next_word_tense() -> None:
    tokens = [Token("가", "VV", 0, 1), Token("ᆯ", "ETM", 0, 1), Token("사람", "NNG", 2, 2), Token("겨울", "NNG", 5, 2)]
    tokens.append(Token("바다", "NNG", 8, 2))
    assert list(tagger.across("갈 사람 겨울 바다", tokens)) == [(2, True), (8, False)]


def test_endings_are_tense_in_a_word_and_particles_are_not() -> None:
    tokens = [Token("신", "VV", 0, 1), Token("고", "EC", 1, 1), Token("바라", "VV", 3, 2), Token("ᆯ게요", "EF", 4, 3)]
    tokens += [Token("이별", "NNG", 8, 2), Token("도", "JX", 10, 1)]
    assert list(tagger.within("신고 바랄게요 이별도", tokens)) == [(1, True), (5, True), (10, False)]


def test_a_row_that_is_cut_out_of_two_morphemes_is_told() -> None:
    care = [Token("가족", "NNG", 0, 2), Token("돌봄", "NNG", 2, 2), Token("비용", "NNG", 4, 2), Token("은", "JX", 6, 1)]
    assert list(tagger.cut("가족돌봄비용은", care)) == [("봄비", "가족돌봄비용은")]
    assert list(tagger.cut("봄비", [Token("봄비", "NNG", 0, 2)])) == []
