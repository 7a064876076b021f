"""Arithmetic of Hangul syllables: 19 leads, 21 vowels, 27 tails or none."""

from __future__ import annotations

import jamo

LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
TAILS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"

FIRST_SYLLABLE = 0xAC00
LAST_SYLLABLE = 0xD7A3
FIRST_LEAD = 0x1100
FIRST_VOWEL = 0x1161
FIRST_TAIL = 0x11A7  # one before the first tail, so that tail 0 means none


def is_syllable(character: str) -> bool:
    """Whether `character` is one of the 11,172 composed syllables."""
    return "가" <= character <= "힣"


def is_jamo(character: str) -> bool:
    """Whether `character` is a modern compatibility jamo (ㄱ-ㅣ), as people type it on its own."""
    return "ㄱ" <= character <= "ㅣ"


def split_syllable(syllable: str) -> tuple[int, int, int]:
    """The numbers of lead, vowel and tail (0: none) of one syllable."""
    lead, rest = divmod(ord(syllable) - FIRST_SYLLABLE, 588)
    vowel, tail = divmod(rest, 28)
    return lead, vowel, tail


def join_syllable(lead: int, vowel: int, tail: int = 0) -> str:
    """The syllable of these numbers; the inverse of split_syllable."""
    return chr(FIRST_SYLLABLE + lead * 588 + vowel * 28 + tail)


def tail_of(syllable: str) -> int:
    """The number of the tail of `syllable`; 0 where it has none, or is no syllable."""
    return (ord(syllable) - FIRST_SYLLABLE) % 28 if is_syllable(syllable) else 0


def h2j(text: str) -> str:
    """Hangul syllables as positional jamo (U+1100-11C2); all else stays. Equal to NFD for syllables."""
    return str(jamo.h2j(text))


def j2h(jamo: str) -> str:
    """Positional jamo as syllables: the inverse of h2j; jamo that form no syllable stay as they are."""
    result: list[str] = []
    position = 0
    while position < len(jamo):
        lead = ord(jamo[position]) - FIRST_LEAD
        vowel = ord(jamo[position + 1]) - FIRST_VOWEL if position + 1 < len(jamo) else -1
        if not (0 <= lead < 19 and 0 <= vowel < 21):
            result.append(jamo[position])
            position += 1
            continue
        tail = ord(jamo[position + 2]) - FIRST_TAIL if position + 2 < len(jamo) else -1
        if not 0 < tail < 28:
            tail = 0
        result.append(join_syllable(lead, vowel, tail))
        position += 3 if tail else 2
    return "".join(result)
