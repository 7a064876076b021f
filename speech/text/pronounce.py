"""Hangul spelling → standard pronunciation (표준 발음법, articles 5 to 30), syllable for syllable.

A word is first respelled where only a dictionary knows better (speech.text.respell: articles 24 to 30 and exceptions).
Then each pair of neighbouring syllables goes through the articles that rules can decide. Words apart by a space are
linked only where the standard's own examples are one phrase; a mark between them parts them.
"""

from __future__ import annotations

import re
from itertools import pairwise

from speech.text.articles import (
    LAX,
    TENSED,
    article_5_1,
    article_5_3,
    article_8,
    article_11_before_g,
    article_12,
    article_17,
    articles_13_14,
    articles_18_19_20,
    tenses_after,
)
from speech.text.hangul import join_syllable, split_syllable
from speech.text.phrase import Link, in_phrase, link_between
from speech.text.respell import respell

_WORD = re.compile(r"[가-힣]+")

_NULL = 11  # lead ㅇ


def pronounce(text: str) -> str:
    """How `text` sounds, in Hangul; as long as `text`, character for character, all but syllables as they were."""
    matches = list(_WORD.finditer(text))
    if not matches:
        return text
    sounded = list(text)
    words = [match.group() for match in matches]
    spelled = [respell(word) for word in words]
    joined = [text[match.end() : behind.start()] == " " for match, behind in pairwise(matches)] + [False]
    group: list[tuple[int, str, Link]] = []  # start in text, respelled word, link to the word behind
    for index, match in enumerate(matches):
        word = words[index]
        before = words[index - 1] if index and joined[index - 1] else ""
        behind = words[index + 1] if joined[index] else ""
        spelled[index] = in_phrase(before, word, behind, spelled[index])
        link = Link.NONE
        if joined[index]:
            spelled[index], spelled[index + 1], link = link_between(
                word, words[index + 1], spelled[index], spelled[index + 1]
            )
        group.append((match.start(), spelled[index], link))
        if link is Link.NONE:
            _sound(group, sounded)
            group = []
    return "".join(sounded)


def _sound(group: list[tuple[int, str, Link]], sounded: list[str]) -> None:
    """Write the sound of words that are linked into their places."""
    leads: list[int] = []
    vowels: list[int] = []
    tails: list[int] = []
    places: list[int] = []
    links: list[Link] = []  # of each syllable to the one behind
    for start, word, link in group:
        for offset, syllable in enumerate(word):
            lead, vowel, tail = split_syllable(syllable)
            leads.append(lead)
            vowels.append(article_5_3(lead, vowel))
            tails.append(tail)
            places.append(start + offset)
            links.append(Link.TIGHT)
        links[-1] = link
    last = len(leads) - 1
    for index in range(last):
        tail = tails[index]
        if tail:
            tails[index], leads[index + 1] = _junction(tail, leads[index + 1], vowels[index + 1], links[index])
    tails[last] = article_8(tails[last])
    for index, place in enumerate(places):
        sounded[place] = join_syllable(leads[index], article_5_1(leads[index], vowels[index]), tails[index])


def _junction(tail: int, lead: int, vowel: int, link: Link) -> tuple[int, int]:
    """What becomes of a tail and the lead behind it."""
    if link is not Link.TIGHT:
        tail = article_8(tail)
        if lead == _NULL and link is Link.LOOSE:
            return tail, lead
    if lead == _NULL:
        palatal = article_17(tail, vowel) if link is Link.TIGHT else None
        return palatal or articles_13_14(tail)
    aspirated = article_12(tail, lead, vowel, tight=link is Link.TIGHT)
    if aspirated:
        return aspirated
    if lead in LAX and tenses_after(tail):
        lead = TENSED[lead]
    return articles_18_19_20(article_11_before_g(tail, lead), lead, tight=link is not Link.LOOSE)
