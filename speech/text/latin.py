"""Latin letters in Hangul: names of letters, words of the lexicon, acronyms, and words by rule."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from speech.text.lexicon import mapping
from speech.text.transliterate import by_rule, romanised

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
_LONGEST_ACRONYM = 5  # capitals beyond that are a word set in capitals
_ENDINGS = (("'s", "스", "즈"), ("s", "스", "즈"))


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
    if word.isupper() and 1 < len(word) <= 3:
        return None
    reading = mapping("english").get(word.lower())
    return (reading, "english.lexicon") if reading else None


def read_word(word: str) -> tuple[str, str]:
    """Reading of one word of Latin letters and the rule that gave it."""
    known = lookup(word)
    if known:
        return known
    if len(word) == 1:
        return letter_name(word), "letter"
    if (word.isupper() and len(word) <= _LONGEST_ACRONYM) or not _VOWEL.search(word):
        return spelled(word), "letters"
    return _compound(word) or _inflected(word.lower()) or _guessed(word)


def _compound(word: str) -> tuple[str, str] | None:
    """`ChatGPT`, `LinkedInPro`: pieces by their capitals; `smartwatch`: two words of the lexicon."""
    pieces = _PIECES.findall(word)
    if len(pieces) > 1 and "".join(pieces) == word and not (len(pieces) == 2 and len(pieces[0]) == 1):
        return "".join(read_word(piece)[0] for piece in pieces), "english.compound"
    lower = word.lower()
    for cut in range(len(lower) - 3, 2, -1):
        left, right = mapping("english").get(lower[:cut]), mapping("english").get(lower[cut:])
        if left and right:
            return left + right, "english.compound"
    return None


def _inflected(word: str) -> tuple[str, str] | None:
    """Plurals, -ed, -ing, -er, -ly of words in the lexicon."""
    table = mapping("english")
    for ending, after_mute, after_voice in _INFLECTIONS:
        if not word.endswith(ending):
            continue
        for stem in _stems(word, ending):
            reading = table.get(stem)
            if reading and len(stem) > 2:
                return reading + (after_mute if stem[-1] in "kptfc" else after_voice), "english.inflected"
    return None


_INFLECTIONS = (
    ("'s", "스", "스"),
    ("s", "스", "스"),
    ("ly", "리", "리"),
    ("less", "리스", "리스"),
    ("ness", "니스", "니스"),
    ("ment", "먼트", "먼트"),
    ("man", "맨", "맨"),
)


def _stems(word: str, ending: str) -> tuple[str, ...]:
    stem = word[: -len(ending)]
    if ending == "s" and word.endswith("ies"):
        return (word[:-3] + "y",)
    if ending == "s" and word.endswith(("ss", "us", "is")):
        return ()
    return (stem,)


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
