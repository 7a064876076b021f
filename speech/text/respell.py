"""Respelling of words whose sound no rule knows: the exception lexicon and the articles that ask what kind of word it is.

A respelling keeps the tails that go over to a particle: 꽃잎 → 꽃닢, so that 꽃잎이 becomes 꼰니피 by the other articles.
"""

from __future__ import annotations

from functools import cache, lru_cache

from speech.text.hangul import join_syllable, split_syllable
from speech.text.lexicon import groups, rows

_LAX_LEADS = frozenset({0, 3, 7, 9, 12})


def tense_first(word: str) -> str:
    """The word with its first lead tense, where that is ㄱㄷㅂㅅㅈ."""
    lead, vowel, tail = split_syllable(word[0])
    return join_syllable(lead + 1, vowel, tail) + word[1:] if lead in _LAX_LEADS else word


def is_adnominal(left: str, right: str) -> bool:
    """Article 27: whether `left` in ㄹ is an adnominal before `right`: 할 것을, 만날 사람."""
    if not right.startswith(tuple(groups("phrases")["bound"])):
        return False
    return left not in groups("phrases")["noun"]


@cache
def _entries() -> dict[str, tuple[tuple[str, str, bool, bool], ...]]:
    """First syllable → (surface, respelling, only at the start, only at the end), longest first.

    In the table `^` in front means only where a word begins, `-` in front only inside a word, `$` behind only at its end.
    """
    table: dict[str, list[tuple[str, str, bool, bool]]] = {}
    for row in rows("exceptions"):
        surface, respelled = row[0], row[1]
        only_start = surface.startswith("^")
        only_end = surface.endswith("$")
        surface = surface.strip("^$")
        table.setdefault(surface[0], []).append((surface, respelled, only_start, only_end))
    return {first: tuple(sorted(entries, key=lambda entry: -len(entry[0]))) for first, entries in table.items()}


@lru_cache(maxsize=4096)
def respell(word: str) -> str:
    """The word as it would be spelled if it were regular."""
    entries = _entries()
    pieces: list[str] = []
    position = 0
    while position < len(word):
        for surface, respelled, only_start, only_end in entries.get(word[position], ()):
            if not word.startswith(surface, position) or (only_start and position):
                continue
            if only_end and position + len(surface) != len(word):
                continue
            pieces.append(respelled)
            position += len(surface)
            break
        else:
            pieces.append(word[position])
            position += 1
    return "".join(pieces)
