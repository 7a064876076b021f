"""How a text will be read, in which sentences: for the pages. A worker splits alike (`Synthesizer.plan`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from speech import text as front_end
from speech.config import TextConfig
from speech.errors import BadText
from speech.text.dictionary import occurring
from speech.text.hangul import is_syllable
from speech.text.learned import differences
from speech.text.split import longest_at
from studio.dictionary import dictionary_for
from studio.errors import Refused
from synthesis.models import Voice
from synthesis.words import READING_WORDS


def dictionary_of(voice: Voice | None, text: str, choices: Mapping[str, str] | None = None) -> dict[str, str]:
    """The own readings that `text` can depend on: chosen for it, before the voice's speaker's, before the project's."""
    return occurring(dictionary_for(voice.speaker if voice else None) | dict(choices or {}), text)


def check(text: str, dictionary: Mapping[str, str] | None = None) -> None:
    """Raises BadText for what cannot be read, and Refused empty_text or text_too_long."""
    if not text.strip():
        raise Refused("empty_text", _("읽을 글을 적어 주세요."))
    check_length(text)
    if not plan(text, dictionary):
        raise BadText("There is nothing in the text that can be read aloud.", code="nothing_to_read", text=text[:80])


def check_length(text: str) -> None:
    """Raises Refused text_too_long."""
    values = {"length": len(text), "limit": settings.SPEAK_TEXT_LIMIT}
    if values["length"] > values["limit"]:
        message = _("글이 %(length)d자예요. 한 번에 %(limit)d자까지 읽을 수 있어요.") % values
        raise Refused("text_too_long", message, **values)


def plan(text: str, dictionary: Mapping[str, str] | None = None, voice: Voice | None = None) -> list[str]:
    """The sentences that will be spoken, at the pace of `voice`; a line of emoji is none. Raises BadText."""
    return [sentence for sentence in _split(text, voice) if is_sayable(sentence, dictionary)]


def is_sayable(sentence: str, dictionary: Mapping[str, str] | None = None) -> bool:
    """Whether anything of it is read aloud. Raises BadText."""
    return any(map(is_syllable, front_end.read(sentence, dictionary=dictionary).reading))


def readings(
    text: str, dictionary: Mapping[str, str] | None = None, voice: Voice | None = None
) -> list[dict[str, Any]]:
    """The reading of every sentence as `voice` will get it, also of those with nothing to say.

    Raises BadText, and Refused text_too_long.
    """
    check_length(text)
    mode = _learned(voice).get("mode") or TextConfig().mode
    return [front_end.read(one, dictionary=dictionary, mode=mode).to_json() for one in _split(text, voice)]


def warn(voices: Iterable[Voice]) -> list[Voice]:
    """The voices, each with `reading_warnings`: sentences on what is read to it otherwise than it learned to read."""
    own: dict[UUID | None, dict[str, str]] = {}
    known = list(voices)
    for voice in known:
        learned = voice.acoustic.front_end
        if learned is None:  # kept before rows told
            continue
        if voice.speaker_id not in own:
            own[voice.speaker_id] = dictionary_for(voice.speaker)
        found = differences(learned, own[voice.speaker_id])
        voice.reading_warnings = [str(READING_WORDS[warning.code]) for warning in found]
    return known


def _learned(voice: Voice | None) -> dict[str, Any]:
    return (voice.acoustic.front_end if voice else None) or {}


def _split(text: str, voice: Voice | None) -> list[str]:
    return front_end.split(text, longest=longest_at(voice.acoustic.pace if voice else 0.0))
