"""Each article of 표준 발음법 from 5 to 30 has its place: a function, a table, or rows of the exception lexicon."""

from __future__ import annotations

import pytest

from speech.text import adnominal, articles, phrase, respell
from speech.text.lexicon import rows
from speech.text.pronounce import pronounce

# 6, 7: length of vowels, which Hangul does not write; 21, 22: what is not said, or only allowed.
_NAMED = {
    5: ("article_5_1", "article_5_3"),
    8: ("article_8",),
    9: ("ARTICLE_9",),
    10: ("ARTICLE_10", "article_10"),
    11: ("ARTICLE_11", "article_11", "article_11_before_g"),
    12: ("article_12", "ARTICLE_12_4", "ARTICLE_12_END"),
    13: ("ARTICLE_13", "articles_13_14"),
    14: ("ARTICLE_14", "articles_13_14"),
    15: ("article_15",),
    17: ("article_17",),
    18: ("ARTICLE_18", "article_18"),
    19: ("article_19",),
    20: ("article_20",),
    23: ("ARTICLE_23",),
    24: ("ARTICLE_24", "article_24"),
    25: ("ARTICLE_25",),
    27: ("article_27", "is_adnominal", "is_joined"),
    29: ("article_29",),
}
_LISTED = (10, 15, 16, 26, 28, 29, 30)  # articles of which the exception lexicon has rows


@pytest.mark.parametrize("article", _NAMED)
def test_an_article_has_a_function_or_a_table_of_its_name(article: int) -> None:
    for name in _NAMED[article]:
        assert any(hasattr(module, name) for module in (adnominal, articles, respell, phrase)), name


@pytest.mark.parametrize("article", _LISTED)
def test_an_article_that_no_rule_knows_has_rows_in_the_exception_lexicon(article: int) -> None:
    assert [row for row in rows("exceptions") if row[2] == str(article)]


def test_every_article_from_5_to_30_has_a_place_or_nothing_to_do() -> None:
    assert {*_NAMED, *_LISTED, 6, 7, 21, 22} == set(range(5, 31))


@pytest.mark.parametrize(
    ("said", "sound"),
    [("져", "저"), ("희", "히"), ("닭", "닥"), ("닭을", "달글"), ("맑게", "말께"), ("담력", "담녁"), ("칼날", "칼랄"),
     ("옷 위", "오 뒤"), ("유월 십 일부터", "유월 시 빌부터"), ("삼 일", "사 밀"), ("그런 일", "그런 닐"),
     ("옷을 입고", "오슬 입꼬"), ("이변을 일으켰다", "이벼늘 이르켣따")],
)  # fmt: skip
def test_an_article_does_what_it_says(said: str, sound: str) -> None:
    assert pronounce(said) == sound
