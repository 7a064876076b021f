"""How a sentence to record is read, word by word, and mending it. The row keeps the reading of the whole sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from speech.text import Span, read
from studio import dictionary
from studio.errors import Refused
from studio.models import Prompt
from studio.prompts import LONGEST


def prompt_reading(prompt: Prompt, own: Mapping[str, str]) -> dict[str, Any]:
    """`speech.text.Reading` as JSON, by the dictionary `own`; each span says in `chosen` whether a person chose it.

    Where the row's reading cannot be laid upon the words, the whole sentence is one span.
    """
    answer = read(prompt.text, dictionary=own)
    said = [span.reading for span in answer.spans]
    chosen = said
    if prompt.reading:
        laid = laid_upon(answer.spans, prompt.reading)
        if laid is None:
            return {"text": prompt.text, "spans": [_whole(prompt)], "left_out": []}
        chosen = laid
    body = answer.to_json()
    for span, before, now in zip(body["spans"], said, chosen, strict=True):
        span["chosen"] = now.strip() != before.strip()
        if span["chosen"]:
            span["alternatives"] = [before.strip(), *(each for each in span["alternatives"] if each != now.strip())]
            span.update(reading=now, pronunciation=now, guessed=False)
    return body


def prompt_reading_set(*, prompt: Prompt, start: int, reading: str | None) -> Prompt:
    """Reads the word at character `start` so, None: as nobody chose; clips recorded from now on are trained on it.

    Raises Refused: no_word, bad_entry, reading_too_long.
    """
    own = dictionary.dictionary_for(None)
    spans = prompt_reading(prompt, own)["spans"]
    at = next((number for number, span in enumerate(spans) if span["start"] == start and span["surface"].strip()), None)
    if at is None:
        raise Refused("no_word", _("그 자리에는 낱말이 없어요. 새로 고친 뒤 다시 해 주세요."), 409)
    natural = read(prompt.text, dictionary=own)
    if reading is None:
        mended = "" if spans[at]["kind"] == "sentence" else natural.spans[at].reading
    else:
        _surface, mended = dictionary.checked(prompt.text[: dictionary.LONGEST_SURFACE], reading)
    whole = "".join(mended if number == at else span["reading"] for number, span in enumerate(spans))
    if len(whole) > 2 * LONGEST:
        raise Refused("reading_too_long", _("읽기가 너무 길어요."))
    prompt.reading = "" if whole.split() == natural.reading.split() else whole.strip()
    if prompt.pronunciation:  # what the order of recording goes by
        prompt.pronunciation = read(prompt.reading or prompt.text).pronunciation
    prompt.save(update_fields=["reading", "pronunciation"])
    return prompt


def laid_upon(spans: Sequence[Span], reading: str) -> list[str] | None:
    """The part of `reading` that belongs to each span; None where it cannot be told."""
    parts: list[str] = []
    rest = reading.strip()
    for number, span in enumerate(spans):
        if not span.reading.strip():
            parts.append(span.reading)
            continue
        known = [each.strip() for each in (span.reading, *span.alternatives)]
        part = max((each for each in known if rest.startswith(each)), key=len, default="")
        if not part and span.kind == "punctuation":
            parts.append("")
            continue
        part = part or _until_next(spans[number + 1 :], rest)
        if not part:
            return None
        gap = span.reading[len(span.reading.rstrip()) :]
        parts.append(part + gap)
        rest = rest[len(part) :].lstrip()
    return None if rest else parts


def _until_next(later: Sequence[Span], rest: str) -> str:
    """What stands before the next word that is read as it is written."""
    following = next((span.reading.strip() for span in later if span.reading.strip()), "")
    if not following:
        return rest
    end = rest.find(following, 1)
    return rest[:end].rstrip() if end > 0 else ""


def _whole(prompt: Prompt) -> dict[str, Any]:
    return {
        "start": 0, "end": len(prompt.text), "surface": prompt.text, "reading": prompt.reading,
        "pronunciation": prompt.reading, "kind": "sentence", "rule": "prompt", "alternatives": [], "guessed": False,
        "chosen": True,
    }  # fmt: skip
