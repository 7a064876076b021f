"""A corpus that somebody else recorded, taken in clip by clip through the same services as a take of the room."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation import gettext as _

from speech.corpora import Format
from speech.errors import SpeechError
from speech.source import Corpus, SourceClip, read_corpus
from studio import services, takes
from studio.decoding import Decoder
from studio.errors import person_message
from studio.models import Clip, Speaker
from studio.prompts import clips_adopt
from studio.words import reason_words

CONSENT_VERSION = "import"
LONGEST_TEXT, LONGEST_READING, LONGEST_ID = 300, 600, 200  # characters, as the row has


@dataclass
class Imported:
    """What became of a corpus. `left_out`: (clip or line, why)."""

    created: int = 0
    known: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # came in, but the verdict keeps them out of training
    warned: list[tuple[str, str]] = field(default_factory=list)  # came in, and what to know of it
    adopted: int = 0  # of those that are in: sentences that are prompts of the studio


def speaker_for_import(*, name: str, consent: str = "") -> Speaker:
    """The speaker of this name, made if there is none, with the consent that the importer vouches for."""
    speaker = Speaker.objects.filter(name=name).first() or services.speaker_create(label=name, name=name)
    if consent:
        services.consent_give(speaker=speaker, text=consent, version=CONSENT_VERSION)
    return speaker


def corpus_open(*, path: Path, format: Format | None = None, source_speaker: str = "") -> Corpus:
    """What lies at `path`: see `speech.source.read_corpus`, which also says what it raises. Nothing is written."""
    return read_corpus(path, format=format, speaker=source_speaker)


def clips_import(
    *, corpus: Corpus, speaker: Speaker, on_start: Callable[[int], None], on_clip: Callable[[], object]
) -> Imported:
    """Takes every clip of a corpus in that is not in yet; what cannot come in is listed, and the rest goes in.

    `on_start` gets the number of clips, `on_clip` is called after each. Raises Refused (507).
    """
    result = Imported(left_out=[(each.id, each.message) for each in corpus.skipped])
    on_start(len(corpus.clips))
    rows = speaker.clips.values_list("source_id", "text", "sample_rate", "seconds")
    there = {name: (_clean(text), rate, seconds) for name, text, rate, seconds in rows}
    with Decoder() as decoder:
        for source in corpus.clips:
            _import_one(corpus, source, speaker, decoder, there, result)
            on_clip()
    result.adopted = clips_adopt(speaker)
    return result


def _import_one(
    corpus: Corpus, source: SourceClip, speaker: Speaker, decoder: Decoder, there: dict[str, tuple[str, int, float]],
    result: Imported,
) -> None:  # fmt: skip
    """`there`: text, rate and seconds of what the speaker has, by name."""
    text, reading = _clean(source.text), _clean(source.reading)
    if not text:
        result.left_out.append((source.id, _at(source, _("문장이 비어 있어요."))))
        return
    for words, limit in ((text, LONGEST_TEXT), (reading, LONGEST_READING)):
        if len(words) > limit:
            why = _("%(length)d자예요. %(limit)d자까지 넣을 수 있어요.") % {"length": len(words), "limit": limit}
            result.left_out.append((source.id, _at(source, why)))
            return
    try:
        wav, name = decoder.decode(source.audio), _source_id(corpus, source)
        if name in there:
            _look_again(source, there[name] == (text, wav.sample_rate, wav.seconds), result)
            return
        clip, created = takes.clip_import(
            speaker=speaker, source_id=name, text=text, reading=reading, wav=wav, trim=source.trim,
            room_dbfs=source.room_dbfs,
        )  # fmt: skip
    except SpeechError as error:
        result.left_out.append((source.id, _at(source, person_message(error))))
        return
    result.created += created
    result.known += not created
    if created and clip.verdict == Clip.Verdict.WARNED:
        reasons = ", ".join(str(reason_words(reason)["words"]) for reason in clip.reasons)
        result.warned.append((_at(source, source.id), reasons))
    if created and clip.verdict == Clip.Verdict.REFUSED:
        result.refused.append(_at(source, source.id))


def _look_again(source: SourceClip, same: bool, result: Imported) -> None:
    """A name that is in already. The name of a folder is no more than that: another corpus may bear it as well."""
    result.known += same
    if not same:
        why = _("이 이름의 다른 녹음이 이미 있어요. 새 녹음이면 폴더 이름을 바꿔서 다시 가져와 주세요.")
        result.left_out.append((source.id, _at(source, why)))


def _at(source: SourceClip, words: str) -> str:
    return f"{source.line}: {words}"


def _source_id(corpus: Corpus, source: SourceClip) -> str:
    """The clip's name in the corpus, below that of its folder; a longer one than the row holds ends in its hash."""
    name = f"{corpus.folder.resolve().name}/{source.id}"
    if len(name) <= LONGEST_ID:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return f"{name[: LONGEST_ID - len(digest) - 1]}-{digest}"


def _clean(text: str) -> str:
    """What a prompt of the same sentence has: one blank each, and nothing that cannot be seen."""
    seen = (letter for letter in unicodedata.normalize("NFC", text) if letter.isspace() or not _hidden(letter))
    return " ".join("".join(seen).split())


def _hidden(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cf"}
