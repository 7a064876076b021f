"""Korean text → its reading, its pronunciation and the symbols that a voice is trained on. Never imports torch."""

from __future__ import annotations

from collections.abc import Mapping

from speech.config import TextConfig
from speech.errors import BadText
from speech.text import symbols
from speech.text.closing import closing_mark
from speech.text.dictionary import dictionary_of
from speech.text.hangul import is_syllable
from speech.text.normalise import Draft, normalise
from speech.text.pronounce import pronounce
from speech.text.reading import LeftOut, Reading, Span
from speech.text.split import split

__all__ = ["FRONT_END_VERSION", "MODES", "LeftOut", "Reading", "Span", "encode", "generation", "read", "split"]

# Goes up whenever any text may be read or sounded otherwise; a checkpoint keeps it. In front of the point where a voice
# must have learned so, as with the marks that close a text; behind it where single words are read better.
FRONT_END_VERSION = "3.4"
MODES = ("pronunciation", "spelling")
LONGEST_TEXT = 100_000  # characters


def generation(version: object) -> str:
    """The part of a version that a voice must have learned by: `3` of `3` and of `3.1`. A header may hold anything."""
    return str(version).partition(".")[0]


def read(text: str, *, dictionary: Mapping[str, str] | None = None, mode: str = "pronunciation") -> Reading:
    """How a newsreader reads `text`: Hangul with spaces and `! , . ?`, spans that tile the text, and what was left out.

    In mode `spelling` the pronunciation is the reading itself. Raises BadText only: for what is no text, for an unknown
    mode, for more than LONGEST_TEXT characters, for a dictionary that is not read in Hangul.
    """
    _check(text, mode)
    drafts, invisible = normalise(text, dictionary_of(dictionary))
    spelling = "".join(draft.reading for draft in drafts)
    sound = pronounce(spelling) if mode == "pronunciation" else spelling
    spans: list[Span] = []
    position = 0
    for draft in drafts:
        end = position + len(draft.reading)
        surface = text[draft.start : draft.end]
        spans.append(
            Span(
                draft.start, draft.end, surface, draft.reading, sound[position:end], draft.kind, draft.rule,
                tuple(other for other in draft.alternatives if other != draft.reading.strip()),
            )
        )  # fmt: skip
        position = end
    return Reading(text, spelling, sound, tuple(spans), _left_out(text, drafts, invisible), mode)


def _check(text: str, mode: str) -> None:
    if not isinstance(text, str):
        raise BadText(f"{type(text).__name__} is no text; give a string.", code="not_text")
    if mode not in MODES:
        raise BadText(f"There is no mode {mode!r}; there is {' and '.join(MODES)}.", code="unknown_mode", mode=mode)
    if len(text) > LONGEST_TEXT:
        raise BadText(
            f"The text has {len(text):,} characters; at most {LONGEST_TEXT:,} are read at once.",
            code="text_too_long",
            length=len(text),
            limit=LONGEST_TEXT,
        )


def _left_out(text: str, drafts: list[Draft], invisible: tuple[int, ...]) -> tuple[LeftOut, ...]:
    lost = [LeftOut(place, place + 1, text[place], "invisible") for place in invisible]
    for draft in drafts:
        if draft.left_out:
            lost.append(LeftOut(draft.start, draft.end, text[draft.start : draft.end], draft.left_out))
    return tuple(sorted(lost, key=lambda left: (left.start, left.end)))


def encode(text: str | Reading, config: TextConfig, *, continues: bool = False) -> list[int]:
    """The symbol numbers of a text or of its reading, closed as `config` says: by a mark, and by the end symbol.

    `continues`: whether the text is a clause whose sentence goes on in the next one: a mark is a comma then.

    Raises BadText: `nothing_to_read` where no Hangul is left, `unknown_symbol` with the characters that have none.
    """
    reading = text if isinstance(text, Reading) else read(text, mode=config.mode)
    hangul = reading.pronunciation if config.mode == "pronunciation" else reading.reading
    if not any(map(is_syllable, hangul)):
        raise BadText(
            f"There is nothing to read in {reading.text[:40]!r}; write at least one word.",
            code="nothing_to_read",
            text=reading.text[:200],
        )
    if config.closing_mark and (mark := closing_mark(reading.reading, continues=continues)):
        hangul = hangul.rstrip() + mark
    ids = symbols.to_ids(hangul)
    return [*ids, symbols.END_ID] if config.end_symbol else ids
