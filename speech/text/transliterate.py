"""Words of Latin letters that no table knows, by rule: romanised Korean, else English spelling as it is sounded.

The English part guesses sounds from spelling and writes them after 외래어 표기법. It is a guess, and the span says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from speech.text.hangul import LEADS, TAILS, VOWELS, join_syllable
from speech.text.lexicon import rows

_ROMAN_LEADS = {
    "kk": "ㄲ", "tt": "ㄸ", "pp": "ㅃ", "ss": "ㅆ", "jj": "ㅉ", "ch": "ㅊ", "g": "ㄱ", "n": "ㄴ", "d": "ㄷ", "r": "ㄹ",
    "l": "ㄹ", "m": "ㅁ", "b": "ㅂ", "s": "ㅅ", "j": "ㅈ", "k": "ㅋ", "t": "ㅌ", "p": "ㅍ", "h": "ㅎ", "": "ㅇ",
}  # fmt: skip
_ROMAN_VOWELS = {
    "yeo": "ㅕ", "yae": "ㅒ", "wae": "ㅙ", "eo": "ㅓ", "eu": "ㅡ", "ae": "ㅐ", "ya": "ㅑ", "yo": "ㅛ", "yu": "ㅠ",
    "ye": "ㅖ", "wa": "ㅘ", "oe": "ㅚ", "wo": "ㅝ", "we": "ㅞ", "wi": "ㅟ", "ui": "ㅢ", "a": "ㅏ", "e": "ㅔ", "i": "ㅣ",
    "o": "ㅗ", "u": "ㅜ",
}  # fmt: skip
_ROMAN_TAILS = {"ng": "ㅇ", "n": "ㄴ", "k": "ㄱ", "l": "ㄹ", "m": "ㅁ", "p": "ㅂ", "t": "ㅅ", "": " "}
_SYLLABLE = re.compile(
    "({})({})({})(?=$|{})".format(
        "|".join(_ROMAN_LEADS),
        "|".join(_ROMAN_VOWELS),
        "|".join(_ROMAN_TAILS),
        "kk|tt|pp|ss|jj|ch|[gndrlmbsjktph]?[aeiouyw]",
    )
)


def romanised(word: str) -> str:
    """Hangul of a word that is Revised Romanisation through and through (`Gangneung` → 강능), else nothing."""
    word = word.lower()
    if not re.search(r"eo|eu", word) or len(word) < 4:
        return ""
    result, position = "", 0
    while position < len(word):
        match = _SYLLABLE.match(word, position)
        if not match or match.end() == position:
            return ""
        result, position = result + _syllable(match), match.end()
    return result


@cache
def _of_names() -> tuple[dict[str, str], frozenset[str], int]:
    """Syllables of the table `names`, those that are surnames by themselves, and the letters of the longest."""
    table = {row[0]: row[1] for row in rows("names")}
    return table, frozenset(row[0] for row in rows("names") if len(row) > 2), max(map(len, table))


def korean_name(word: str) -> str:
    """Hangul of a Korean name in Latin letters, surname or given name (`jiyoung` → 지영), else nothing."""
    table, surnames, longest = _of_names()
    word, result, position = word.lower(), "", 0
    while position < len(word):
        lengths = range(min(longest, len(word) - position), 1, -1)
        own = next((word[position : position + n] for n in lengths if word[position : position + n] in table), "")
        match = _SYLLABLE.match(word, position)
        if own and (match is None or len(own) >= match.end() - position):
            result, position = result + table[own], position + len(own)
        elif match and match.end() > position:
            result, position = result + _syllable(match), match.end()
        else:
            return ""
    return result if len(result) > 1 or word in surnames else ""


def _syllable(match: re.Match[str]) -> str:
    lead, vowel, tail = _ROMAN_LEADS[match[1]], _ROMAN_VOWELS[match[2]], _ROMAN_TAILS[match[3]]
    return join_syllable(LEADS.index(lead), VOWELS.index(vowel), TAILS.index(tail))


@cache
def _rules() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Spelling → sounds, in the order of the table: consonants in Latin letters, vowels in jamo, `:` for a long one."""
    return tuple((re.compile(row[0]), row[1] if len(row) > 1 else "") for row in rows("spellings"))


_LEAD_OF = {
    "p": "ㅍ", "b": "ㅂ", "t": "ㅌ", "d": "ㄷ", "k": "ㅋ", "g": "ㄱ", "f": "ㅍ", "v": "ㅂ", "th": "ㅅ", "s": "ㅅ",
    "z": "ㅈ", "sh": "ㅅ", "ch": "ㅊ", "j": "ㅈ", "h": "ㅎ", "m": "ㅁ", "n": "ㄴ", "ng": "ㅇ", "l": "ㄹ", "r": "ㄹ",
}  # fmt: skip
_AS_TAIL = {"p": "ㅂ", "t": "ㅅ", "k": "ㄱ", "m": "ㅁ", "n": "ㄴ", "ng": "ㅇ", "l": "ㄹ"}
_GLIDED = {
    "y": {"ㅏ": "ㅑ", "ㅐ": "ㅒ", "ㅓ": "ㅕ", "ㅔ": "ㅖ", "ㅗ": "ㅛ", "ㅜ": "ㅠ", "ㅣ": "ㅣ", "ㅠ": "ㅠ"},
    "w": {"ㅏ": "ㅘ", "ㅐ": "ㅙ", "ㅓ": "ㅝ", "ㅔ": "ㅞ", "ㅗ": "ㅝ", "ㅣ": "ㅟ", "ㅜ": "ㅜ", "ㅠ": "ㅠ"},
}
_SONORANTS = ("m", "n", "l", "r", "ng", "w", "y")


@dataclass(slots=True)
class _Writer:
    """Syllables so far; the last one may still take a tail."""

    syllables: list[list[str]]
    long: bool = False
    filled: bool = False  # the last syllable's vowel is no sound: the 스 of 코스트

    def open(self) -> bool:
        return bool(self.syllables) and self.syllables[-1][2] == " "

    def add(self, lead: str, vowel: str, *, long: bool = False, filled: bool = False) -> None:
        self.syllables.append([lead, vowel, " "])
        self.long, self.filled = long, filled

    def text(self) -> str:
        return "".join(
            join_syllable(LEADS.index(lead), VOWELS.index(vowel), TAILS.index(tail))
            for lead, vowel, tail in self.syllables
        )


def by_rule(word: str) -> str:
    """Hangul of a word in small letters by its spelling: `blender` → 블렌더. Empty where it has no letters."""
    return written(_sounds(word))


def _sounds(word: str) -> list[str]:
    sounds: list[str] = []
    position = 0
    while position < len(word):
        for pattern, answer in _rules():
            match = pattern.match(word, position)
            if match and match.end() > position:
                sounds.extend(match.expand(answer).split())
                position = match.end()
                break
        else:
            position += 1
    return [sound for sound in sounds if sound]


def _is_vowel(sound: str) -> bool:
    return sound[0] in VOWELS


def written(sounds: list[str]) -> str:
    """Hangul of sounds by 외래어 표기법: consonants in Latin letters, vowels in jamo with `:` for long ones, `ㅡl`."""
    writer = _Writer([])
    index = 0
    while index < len(sounds):
        sound = sounds[index]
        behind = sounds[index + 1] if index + 1 < len(sounds) else ""
        if sound == "ㅡl":
            writer.add("ㅇ", "ㅡ") if not sounds[:index] else None
            _put_l(writer)
        elif _is_vowel(sound):
            writer.add("ㅇ", sound[0], long=sound.endswith(":"))
        elif sound in ("w", "y"):
            index += _glide(writer, sound, behind, "ㅇ")
        elif behind and _is_vowel(behind) and behind != "ㅡl":
            _with_vowel(writer, sound, behind)
            index += 1
        elif behind == "w" and sound in ("k", "g", "h") and index + 2 < len(sounds):
            index += 1 + _glide(writer, "w", sounds[index + 2], _LEAD_OF[sound])
        else:
            _alone(writer, sound.rstrip(":"), behind, force=sound.endswith(":"))
        index += 1
    return writer.text()


def _put_l(writer: _Writer) -> None:
    """The syllabic l of `apple`: 애플, `bottle`: 보틀."""
    if writer.open() and writer.syllables[-1][1] == "ㅡ":
        writer.syllables[-1][2] = "ㄹ"
    else:
        writer.syllables.append(["ㅇ", "ㅡ", "ㄹ"])


def _glide(writer: _Writer, glide: str, vowel: str, lead: str) -> int:
    """A glide with its vowel; how many further sounds that took."""
    glided = _GLIDED[glide].get(vowel[:1]) if vowel else None
    if glided is None:
        writer.add(lead, "ㅜ" if glide == "w" else "ㅣ")
        return 0
    writer.add(lead, glided, long=vowel.endswith(":"))
    return 1


def _with_vowel(writer: _Writer, sound: str, vowel: str) -> None:
    long = vowel.endswith(":")
    jamo = vowel[0]
    if sound == "sh":
        jamo = {"ㅏ": "ㅑ", "ㅐ": "ㅒ", "ㅓ": "ㅕ", "ㅔ": "ㅖ", "ㅗ": "ㅛ", "ㅜ": "ㅠ"}.get(jamo, jamo)
    elif sound in ("ch", "j", "z") and jamo == "ㅠ":
        jamo = "ㅜ"
    if sound == "l" and writer.syllables and writer.open():
        writer.syllables[-1][2] = "ㄹ"
    if sound == "ng" and writer.open():
        writer.syllables[-1][2] = "ㅇ"
    writer.add(_LEAD_OF.get(sound, "ㅇ"), jamo, long=long)


def _alone(writer: _Writer, sound: str, behind: str, *, force: bool = False) -> None:
    """A consonant without a vowel behind it: a tail, or a syllable with 으."""
    if behind == "ㅡl":
        writer.add(_LEAD_OF[sound], "ㅡ")
        return
    tail = _AS_TAIL.get(sound)
    stop = sound in ("p", "t", "k")
    apart = writer.long or writer.filled or force or behind in _SONORANTS
    if tail and writer.open() and not (stop and apart):
        writer.syllables[-1][2] = tail
        return
    if sound == "r":
        return
    if sound in ("sh", "ch", "j"):
        writer.add(_LEAD_OF[sound], "ㅠ" if sound == "sh" and behind else "ㅣ", filled=True)
    elif sound in ("m", "n", "ng"):
        writer.syllables.append(["ㅇ", "ㅡ", _AS_TAIL[sound]]) if sound != "ng" else None
    elif sound == "h":
        return
    else:
        writer.add(_LEAD_OF[sound], "ㅡ", filled=True)
