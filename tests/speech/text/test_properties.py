"""What holds for any text at all."""

from __future__ import annotations

import random
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from speech.config import TextConfig
from speech.errors import BadText
from speech.text import Reading, encode, read, split
from speech.text.hangul import FIRST_SYLLABLE, LAST_SYLLABLE, h2j, is_syllable, j2h
from speech.text.pronounce import pronounce
from speech.text.symbols import END, INDEX, PAD, SYMBOLS

# Characters that the recognisers look for, so that random texts come near the rules.
_TELLING = (
    "0123456789.,:;/-~+%$()[]'\"!?…·=×÷²½①Ⅲ℃㎡㎏₩ㅋㅠㄱㅏ가나월화일개명살시분초원번대점년만억천에서를은 \t\n"
    "\u200b\u00a0aAkKmgBX@#&"
    "韓國年不金😀❤️＃１ａᄒ\u1161\u11abé"
)
_TEXTS = st.one_of(st.text(max_size=60), st.text(alphabet=_TELLING, max_size=40))


def _holds(text: str) -> Reading:
    reading = read(text)
    assert "".join(span.surface for span in reading.spans) == text
    assert "".join(span.reading for span in reading.spans) == reading.reading
    assert "".join(span.pronunciation for span in reading.spans) == reading.pronunciation
    position = 0
    for span in reading.spans:
        assert (span.start, text[span.start : span.end]) == (position, span.surface)
        position = span.end
    assert all(is_syllable(character) or character in " .,!?" for character in reading.reading + reading.pronunciation)
    assert len(reading.reading) == len(reading.pronunciation)
    assert all(text[left.start : left.end] == left.surface for left in reading.left_out)
    return reading


@given(_TEXTS)
@example("\ud800")
@example("𝟛개")
@example("²³")
@example("3개\u0301")
@example("가\u11a8")
@example("~~~~3~~~~")
@example("1" * 500)
@example("1,1,1,1,11:11:11-11-11")
def test_any_text_gives_hangul_and_spans_that_tile_it(text: str) -> None:
    _holds(text)


@given(_TEXTS)
def test_reading_a_reading_changes_nothing(text: str) -> None:
    once = read(text)
    again = read(once.reading)
    assert (again.reading, again.pronunciation) == (once.reading, once.pronunciation)


@given(_TEXTS)
def test_every_character_is_read_or_listed_or_a_mark(text: str) -> None:
    reading = read(text)
    listed = {place for left in reading.left_out for place in range(left.start, left.end)}
    for span in reading.spans:
        if not span.reading.strip() and any(character.isalnum() for character in span.surface):
            missing = [place for place in range(span.start, span.end) if text[place].isalnum()]
            assert listed.issuperset(missing), span


@given(_TEXTS)
def test_what_can_be_encoded_is_in_the_inventory(text: str) -> None:
    for mode in ("pronunciation", "spelling"):
        try:
            ids = encode(text, TextConfig(mode=mode))
        except BadText as error:
            assert error.code == "nothing_to_read"
            continue
        assert all(0 < index < len(SYMBOLS) for index in ids)
        assert ids[-1] == INDEX[END]
        assert INDEX[PAD] not in ids


@given(_TEXTS)
def test_splitting_loses_nothing_but_spaces(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())


_LONG = "9" * 4_400  # more figures than Python turns into a number


@pytest.mark.parametrize(
    "text",
    [f"{_LONG}만", f"{_LONG}분의 1", f"{_LONG}대 {_LONG}", f"2^{_LONG}", "2" + ",302" * 1_500, f"1,234+{_LONG}=3"],
    ids=["만", "분의", "대", "power", "commas", "sum"],
)
def test_a_number_without_a_name_is_read_figure_by_figure(text: str) -> None:
    assert _holds(text).left_out == ()


@pytest.mark.parametrize("text", ["1,2,3," * 5_000, "~" * 30_000], ids=["numbers", "tildes"])
def test_a_long_list_of_numbers_and_a_long_run_of_marks_are_read(text: str) -> None:
    _holds(text)  # a second; each number used to look at all that follow it, which took a minute


def test_syllables_and_jamo_go_back_and_forth() -> None:
    for code in range(FIRST_SYLLABLE, LAST_SYLLABLE + 1):
        syllable = chr(code)
        assert j2h(h2j(syllable)) == syllable
        assert h2j(syllable) == unicodedata.normalize("NFD", syllable)


def test_every_syllable_sounds_as_one_syllable_that_has_symbols() -> None:
    for code in range(FIRST_SYLLABLE, LAST_SYLLABLE + 1):
        sounded = pronounce(chr(code))
        assert len(sounded) == 1
        assert all(symbol in INDEX for symbol in h2j(sounded))


def test_the_pronunciation_of_a_pronunciation_stays_in_the_inventory() -> None:
    text = "값을 깎아 달라고 했더니 닭도 주었다."
    assert all(symbol in INDEX for symbol in h2j(pronounce(pronounce(text))))


@pytest.mark.slow
def test_a_hundred_thousand_random_texts_are_read() -> None:
    chance = random.Random(20_26)
    for number in range(100_000):
        length = chance.randrange(0, 24)
        if number % 2:
            text = "".join(chance.choice(_TELLING) for _ in range(length))
        else:
            text = "".join(chr(chance.randrange(sys.maxunicode + 1)) for _ in range(length))
        _holds(text)
