"""The whole sound of an utterance in storage: its sentences end to end in one file."""

from __future__ import annotations

import hashlib
import logging

from speech.errors import BadAudio, SpeechError
from studio import files
from studio.errors import Refused
from synthesis.models import Utterance
from synthesis.sound import Mark, pcm_of, wav_of_pcm

logger = logging.getLogger(__name__)


def pcm(key: str) -> tuple[bytes, int]:
    """PCM-16 bytes and sample rate (Hz) of a sentence in storage. Raises BadAudio where it is damaged or gone."""
    try:
        return pcm_of(files.read_bytes(key))
    except FileNotFoundError as error:
        message = f"The spoken sentence {key} is no longer in storage; speak the text again."
        raise BadAudio(message, code="damaged_sound", path=key) from error


def join(utterance: Utterance) -> str:
    """The whole WAV in storage; its key. Empty when nothing is spoken."""
    sentences = [pcm(sentence.file) for sentence in utterance.sentences.order_by("index")]
    if not sentences:
        return ""
    wav = wav_of_pcm(b"".join(sound for sound, _ in sentences), sentences[0][1], Mark(utterance.voice.label))
    key = f"utterances/{utterance.pk}/whole-{hashlib.sha256(wav).hexdigest()[:16]}.wav"
    files.save_bytes(key, wav)
    return key


def drop(utterance: Utterance, key: str) -> None:
    """Remove a sound that came too late, which no row has; of a text that is gone, all that there is."""
    kept = Utterance.objects.filter(pk=utterance.pk).values_list("file", flat=True).first()
    if kept is None:
        files.delete_folder(f"utterances/{utterance.pk}")
    elif kept != key and not utterance.sentences.filter(file=key).exists():  # whoever took it over makes the same sound
        files.delete_file(key)


def keep(utterance: Utterance) -> None:
    """Join what is spoken of an utterance that no worker holds any more. Its sentences are there without."""
    try:
        key = join(utterance)
    except (OSError, SpeechError, Refused) as error:
        logger.warning("What is spoken of utterance %s was not joined: %s", utterance.pk, error)
        return
    if Utterance.objects.filter(pk=utterance.pk).update(file=key):
        utterance.file = key
    else:
        drop(utterance, key)
