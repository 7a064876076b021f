"""Latin letters in Hangul: names of letters, words of the lexicon, acronyms, and words by rule."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from speech.text.hangul import LEADS, TAILS, VOWELS, join_syllable, split_syllable, tail_of
from speech.text.lexicon import mapping
from speech.text.transliterate import by_rule, romanised

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
_LONGEST_ACRONYM = 5  # capitals beyond that are a word set in capitals
_LONGEST_WORD = 60  # letters; what is longer is no word
_SHORTEST_WORD = 3  # letters; what is as short and no word of the lexicon is an abbreviation


def letter_name(letter: str) -> str:
    """`w` → 더블유; nothing for what is no letter of the table."""
    return mapping("letters").get(letter.upper(), "")


def spelled(word: str) -> str:
    """Letter by letter: `KBS` → 케이비에스."""
    return "".join(letter_name(letter) for letter in word)


def plain_latin(text: str) -> str:
    """Accents taken off: `café` → cafe, `Ø` → O."""
    text = text.translate(_PLAIN)
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


_PLAIN = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
                        "đ": "d", "Đ": "D", "ð": "th", "þ": "th", "Þ": "Th", "ı": "i", "İ": "I"})  # fmt: skip


def lookup(word: str) -> tuple[str, str] | None:
    """Reading and rule of a word that a table knows, as it is written or in small letters."""
    reading = mapping("acronyms").get(word)
    if reading:
        return reading, "english.acronym"
    if word.isupper() and word.isalpha() and 1 < len(word) <= 3:
        return None
    reading = mapping("english").get(word.lower())
    return (reading, "english.lexicon") if reading else None


def by_sound(word: str) -> str:
    """The reading of a common English word that the lexicon lacks, by its sound; nothing for what may be an acronym."""
    acronym = word.isupper() and len(word) <= _LONGEST_ACRONYM
    return "" if acronym else mapping("english_sounds").get(word.lower(), "")


def read_word(word: str) -> tuple[str, str]:
    """Reading of one word of Latin letters and the rule that gave it."""
    known = lookup(word)
    if known:
        return known
    heard = by_sound(word)
    if heard:
        return heard, "english.sound"
    if len(word) == 1:
        return letter_name(word), "letter"
    if len(word) <= (_LONGEST_ACRONYM if word.isupper() else _SHORTEST_WORD) or not _VOWEL.search(word):
        return spelled(word), "letters"
    if len(word) > _LONGEST_WORD:
        return spelled(word), "letters"
    return _compound(word) or _inflected(word.lower()) or _guessed(word)


def _compound(word: str) -> tuple[str, str] | None:
    """`ChatGPT`, `LinkedInPro`: pieces by their capitals; `smartwatch`: two words of the lexicon."""
    pieces = _PIECES.findall(word)
    if len(pieces) == 2 and len(pieces[0]) == 1 and pieces[1].isupper():  # mRNA, iOS
        return letter_name(pieces[0]) + read_word(pieces[1])[0], "letters"
    if len(pieces) > 1 and "".join(pieces) == word and not (len(pieces) == 2 and len(pieces[0]) == 1):
        return "".join(read_word(piece)[0] for piece in pieces), "english.compound"
    lower = word.lower()
    for cut in range(len(lower) - 3, 2, -1):
        left, right = mapping("english").get(lower[:cut]), mapping("english").get(lower[cut:])
        if left and right:
            return left + right, "english.compound"
    return None


def _inflected(word: str) -> tuple[str, str] | None:
    """Plurals, -ed, -ing, -er and the like of words in the lexicon: `trainings` → 트레이닝스."""
    table = mapping("english")
    for ending, vowel in (("ing", "ㅣ"), ("ers", "ㅓ"), ("er", "ㅓ"), ("ed", ""), ("'s", "s"), ("s", "s")):
        if not word.endswith(ending) or word.endswith(("ss", "us", "is")):
            continue
        for stem in _stems(word[: -len(ending)]):
            reading = table.get(stem)
            if reading and len(stem) > 2 and " " not in reading:
                return _with_ending(reading, stem, ending, vowel), "english.inflected"
    for ending, spoken in _SUFFIXES:
        reading = table.get(word[: -len(ending)]) if word.endswith(ending) else None
        if reading and len(word) > len(ending) + 2:
            return reading + spoken, "english.inflected"
    return None


def _stems(stem: str) -> tuple[str, ...]:
    """What the stem may be in the lexicon: as it is, with a mute e, with y for i, with one consonant for two."""
    single = stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem
    return stem, stem + "e", (stem[:-1] + "y" if stem.endswith("i") else stem), single


def _with_ending(reading: str, stem: str, ending: str, vowel: str) -> str:
    """The reading of a stem with its ending: 스타트 + ing → 스타팅, 트레인 + er → 트레이너, 게임 + s → 게임스."""
    if vowel == "s":
        return reading + ("즈" if stem[-1] in "dgvbry" else "스")
    if ending == "ed":
        return reading + ("티드" if stem[-1] in "td" and tail_of(reading[-1]) else "드" if reading[-1] != "드" else "")
    lead, middle, tail = split_syllable(reading[-1])
    closing = 21 if vowel == "ㅣ" else 0  # ㅇ of -ing
    number = VOWELS.index(vowel)
    plural = "스" if ending == "ers" else ""
    if tail:
        moved = {"ㅂ": "ㅍ", "ㅅ": "ㅌ", "ㄱ": "ㅋ"}.get(TAILS[tail], TAILS[tail])
        keeps = 8 if TAILS[tail] == "ㄹ" else 21 if TAILS[tail] == "ㅇ" else 0
        onset = "ㅇ" if TAILS[tail] == "ㅇ" else moved
        return (
            reading[:-1]
            + join_syllable(lead, middle, keeps)
            + join_syllable(LEADS.index(onset), number, closing)
            + plural
        )
    if VOWELS[middle] == "ㅡ" or (VOWELS[middle] == "ㅣ" and LEADS[lead] in "ㅊㅈ"):
        return reading[:-1] + join_syllable(lead, number, closing) + plural
    return reading + join_syllable(11, number, closing) + plural


_SUFFIXES = (
    ("ly", "리"),
    ("less", "리스"),
    ("ness", "니스"),
    ("ment", "먼트"),
    ("man", "맨"),
    ("men", "멘"),
    ("ful", "풀"),
)


def _guessed(word: str) -> tuple[str, str]:
    korean = romanised(word)
    if korean:
        return korean, "english.romanised"
    return by_rule(word.lower()), "english.by_rule"


@cache
def longest_entry() -> int:
    """Letters of the longest entry of the lexicon that is more than one word."""
    return max(
        (len(word) for table in ("english", "acronyms") for word in mapping(table) if not word.isalpha()), default=0
    )
