"""A corpus that somebody else recorded, taken in clip by clip through the same services as a take of the room."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from speech.errors import SpeechError
from speech.source import SourceClip, read_source
from studio import services, takes
from studio.decoding import Decoder
from studio.errors import person_message
from studio.models import Clip, Speaker

CONSENT_VERSION = "import"
LONGEST_TEXT, LONGEST_READING = 300, 600  # characters, as the row has


@dataclass
class Imported:
    """What became of a corpus. `left_out`: (clip or line, why)."""

    created: int = 0
    known: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # came in, but the verdict keeps them out of training
    warned: int = 0


def speaker_for_import(*, name: str, consent: str = "") -> Speaker:
    """The speaker of this name, made if there is none, with the consent that the importer vouches for."""
    speaker = Speaker.objects.filter(name=name).first() or services.speaker_create(label=name, name=name)
    if consent:
        services.consent_give(speaker=speaker, text=consent, version=CONSENT_VERSION)
    return speaker


def clips_import(
    *, folder: Path, speaker: Speaker, on_start: Callable[[int], None], on_clip: Callable[[], object]
) -> Imported:
    """Takes every clip of a folder in that is not in yet; what cannot come in is listed, and the rest goes in.

    `on_start` gets the number of clips, `on_clip` is called after each. Raises BadDataset; Refused (507).
    """
    clips, skipped = read_source(folder)
    result = Imported(left_out=[(each.id, each.message) for each in skipped])
    on_start(len(clips))
    known = set(speaker.clips.values_list("source_id", flat=True))
    with Decoder() as decoder:
        for source in clips:
            if _source_id(folder, source) in known:
                result.known += 1
            else:
                _import_one(folder, source, speaker, decoder, result)
            on_clip()
    return result


def _import_one(folder: Path, source: SourceClip, speaker: Speaker, decoder: Decoder, result: Imported) -> None:
    text, reading = _clean(source.text), _clean(source.reading)
    if len(text) > LONGEST_TEXT or len(reading) > LONGEST_READING:
        result.left_out.append((source.id, f"{len(text)} > {LONGEST_TEXT}"))
        return
    try:
        clip, created = takes.clip_import(
            speaker=speaker, source_id=_source_id(folder, source), text=text, reading=reading,
            wav=decoder.decode(source.audio), trim=source.trim,
        )  # fmt: skip
    except SpeechError as error:
        result.left_out.append((source.id, person_message(error)))
        return
    result.created += created
    result.known += not created
    result.warned += created and clip.verdict == Clip.Verdict.WARNED
    if created and clip.verdict == Clip.Verdict.REFUSED:
        result.refused.append(source.id)


def _source_id(folder: Path, source: SourceClip) -> str:
    return f"{folder.resolve().name}/{source.id}"[:200]


def _clean(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
