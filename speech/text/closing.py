"""The mark that closes an utterance whose text has none.

People type without full stops, and a long sentence is cut between words. But nearly every take that a voice learned
from ends in a mark, and a decoder that never heard an end without one does not stop there: it drones or babbles on to
its limit. So every utterance is closed, alike when a voice learns and when it speaks.
"""

from __future__ import annotations

from speech.text.hangul import tail_of

MARKS = ("!", ",", ".", "?")  # those that a reading has
_L, _B = 8, 17  # tails: ㄹ of 갈까, ㅂ of 갑니까


def closing_mark(reading: str, *, continues: bool = False) -> str:
    """The mark to add behind a reading in Hangul; none where it ends in one.

    `continues`: whether it is a clause whose sentence goes on in the next utterance.
    """
    said = reading.rstrip()
    if said[-1:] in MARKS:
        return ""
    if continues:
        return ","
    return "?" if _asks(said) else "."


def _asks(said: str) -> bool:
    """Whether the ending can only be a question's: -ㅂ니까, -ㄹ까(요); 하니까 gives a reason."""
    said = said.removesuffix("요")
    stem = said.removesuffix("까")
    if stem == said:
        return False
    if stem.endswith("니"):
        return tail_of(stem[-2:-1]) == _B
    return tail_of(stem[-1:]) == _L
