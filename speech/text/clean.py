"""Cleaning: one form for each character, with the way back to where it stood in the text as given."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from speech.text.hangul import FIRST_LEAD, FIRST_TAIL, FIRST_VOWEL, join_syllable

# Signs that only look different. NFKC is not used: it would turn ㅋ into a positional lead and ㄳ into a tail.
_SAME = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width ASCII
    **dict.fromkeys("\u00a0\u1680\u202f\u205f\u3000\t\v\f\u0085" + "".join(map(chr, range(0x2000, 0x200B))), " "),
    **dict.fromkeys("\r\n\u2028\u2029", "\n"),
    **dict.fromkeys("‘’‚‛′＇`´ʼ", "'"),
    **dict.fromkeys("“”„‟″＂〝〞", '"'),
    **dict.fromkeys("‐‑‒﹣⁃", "-"),
    **dict.fromkeys("−", "-"),
    **dict.fromkeys("–—―─ー━", "–"),
    **dict.fromkeys("∼〜～˜⁓", "~"),
    **dict.fromkeys("・‧•∙⋅ᆞㆍ･᛫", "·"),
    **dict.fromkeys("。．｡﹒", "."),
    **dict.fromkeys("、，､﹐", ","),
    **dict.fromkeys("∶：﹕", ":"),
    **dict.fromkeys("／⁄∕", "/"),
    **dict.fromkeys("￦", "₩"),
    **dict.fromkeys("￥", "¥"),
    **dict.fromkeys("￡", "£"),
    **dict.fromkeys("µ", "μ"),
    **dict.fromkeys("﹪", "%"),
    **dict.fromkeys("º˚", "°"),
    **dict.fromkeys("✕✖⨯", "×"),
    **dict.fromkeys("…⋯‥", "…"),
    **dict.fromkeys("‼", "!"),
    **dict.fromkeys("⁈⁉", "?"),
    "℃": "℃",
}
_HALFWIDTH_JAMO = {
    **{chr(0xFFA1 + index): chr(0x3131 + index) for index in range(30)},
    **{chr(0xFFC2 + index): chr(0x314F + index) for index in range(6)},
    **{chr(0xFFCA + index): chr(0x3155 + index) for index in range(6)},
    **{chr(0xFFD2 + index): chr(0x315B + index) for index in range(6)},
    **{chr(0xFFDA + index): chr(0x3161 + index) for index in range(3)},
}
_SAME.update(_HALFWIDTH_JAMO)
_LEAD_ALONE = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_TAIL_ALONE = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"

# Invisible, or marks that change no sound: format and control characters, variation selectors, combining marks.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_PLAIN = re.compile(r"[ -_a-}가-힣]*")  # the usual case: nothing to do


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A cleaned text; character i came from `[offsets[i], offsets[i + 1])` of the text as given.

    Invisible characters belong to the visible one before them; those that lead belong to the first. `invisible` lists
    the places of those that were taken out.
    """

    text: str
    offsets: tuple[int, ...]
    invisible: tuple[int, ...]


def clean(text: str) -> Cleaned:
    """One form per character: full-width to ASCII, conjoining jamo to syllables, one kind of space, none invisible."""
    if _PLAIN.fullmatch(text):
        return Cleaned(text, tuple(range(len(text) + 1)), ())
    characters: list[str] = []
    offsets: list[int] = []
    invisible: list[int] = []
    position = 0
    while position < len(text):
        character = text[position]
        length = 1
        if FIRST_LEAD <= ord(character) <= 0x11FF:
            character, length = _compose(text, position)
        elif _is_invisible(character):
            invisible.append(position)
            position += 1
            continue
        elif unicodedata.combining(character):
            character = _accented(characters, character, invisible, position)
            if not character:
                position += 1
                continue
        characters.append(_one_form(character))
        offsets.append(position)
        position += length
    if offsets:
        offsets[0] = 0
    offsets.append(len(text))
    return Cleaned("".join(characters), tuple(offsets), tuple(invisible))


def _one_form(character: str) -> str:
    if "豈" <= character <= "龎":  # compatibility ideographs: the same Hanja once more
        return unicodedata.normalize("NFC", character)
    figure = unicodedata.decimal(character, None)
    return str(figure) if figure is not None else _SAME.get(character, character)


def _is_invisible(character: str) -> bool:
    if _INVISIBLE.match(character):
        return True
    return unicodedata.category(character) in ("Cc", "Cf") and character not in "\t\n\r\v\f\u0085"


def _accented(characters: list[str], mark: str, invisible: list[int], position: int) -> str:
    """A combining mark joins the letter before it (é) or is left out."""
    if characters:
        joined = unicodedata.normalize("NFC", characters[-1] + mark)
        if len(joined) == 1:
            characters[-1] = joined
            return ""
    invisible.append(position)
    return ""


def _compose(text: str, position: int) -> tuple[str, int]:
    """One syllable of conjoining jamo and how many characters it takes; a lone one as its compatibility jamo."""
    codes = [ord(character) for character in text[position : position + 3]]
    lead = codes[0] - FIRST_LEAD
    if 0 <= lead < 19 and len(codes) > 1 and 0 <= codes[1] - FIRST_VOWEL < 21:
        tail = codes[2] - FIRST_TAIL if len(codes) > 2 else 0
        if 0 < tail < 28:
            return join_syllable(lead, codes[1] - FIRST_VOWEL, tail), 3
        return join_syllable(lead, codes[1] - FIRST_VOWEL), 2
    if 0 <= lead < 19:
        return _LEAD_ALONE[lead], 1
    if 0 <= codes[0] - FIRST_VOWEL < 21:
        return chr(0x314F + codes[0] - FIRST_VOWEL), 1
    if 0 < codes[0] - FIRST_TAIL < 28:
        return _TAIL_ALONE[codes[0] - FIRST_TAIL - 1], 1
    return text[position], 1
