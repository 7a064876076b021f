"""Speaking one utterance in a worker: claim the row, keep the lease, make sentence after sentence.

Whoever lost the lease can no longer write: every write filters on `attempt`. What is spoken stays, so that the next
attempt, or the next turn of a long text, goes on behind it.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction
from django.db.models import F
from django.utils import timezone

from speech.errors import SpeechError
from speech.wav import to_int16
from studio import files
from studio.errors import Refused
from synthesis import events, selectors, services, voices, whole
from synthesis.models import Utterance, UtteranceSentence, Voice
from synthesis.sound import Mark, marked_wav
from training import drain

if TYPE_CHECKING:
    from speech.synthesizer import Sentence, Synthesizer

logger = logging.getLogger(__name__)

BEAT_SECONDS = services.LEASE.total_seconds() / 5
TURN_SENTENCES = 4  # a long text lets others speak after so many


class LostLease(Exception):
    """Somebody else speaks this utterance now, or it was deleted."""


def utterance_speak(pk: UUID | str) -> None:
    """Speak an utterance that waits; does nothing for one that is taken, ended or gone."""
    utterance = claim(pk)
    if utterance is None:
        return
    try:
        with _heart(utterance):
            _speak(utterance)
    except LostLease:
        logger.info("Utterance %s is no longer ours.", pk)
    except (SpeechError, Refused) as error:
        _end(utterance, Utterance.State.FAILED, error.to_json())
    except (OperationalError, InterfaceError):  # nothing is wrong with the text; what is spoken is in the rows
        logger.exception("Utterance %s waits for its lease to run out: the database was away.", pk)
    except Exception:
        logger.exception("Utterance %s failed.", pk)
        message = "Something went wrong while speaking; the log of the worker says what."
        _end(utterance, Utterance.State.FAILED, {"code": "internal", "message": message, "params": {}})


def voice_preload(pk: UUID | str | None = None) -> None:
    """Load a voice before somebody waits for it; what is wrong with it goes to its row.

    Without `pk` the one that spoke last, else the one that the page offers first.
    """
    found = selectors.voices_in_use()
    voice = found.filter(pk=pk).first() if pk else selectors.voice_default(list(found), Utterance.objects.all())
    if voice is None:
        return
    try:
        _ready(voice)
    except SpeechError as error:
        logger.warning("The voice %s cannot be loaded: %s", voice.name, error)


def _ready(voice: Voice) -> Synthesizer:
    """The loaded voice; a failure is kept in its row, for the admin to see."""
    try:
        synthesizer = voices.get(voice)
    except SpeechError as error:
        Voice.objects.filter(pk=voice.pk).update(error=error.to_json())
        raise
    if voice.error:
        Voice.objects.filter(pk=voice.pk).update(error={})
    return synthesizer


def claim(pk: UUID | str) -> Utterance | None:
    """Take an utterance: of many who try, one gets it. None for the others."""
    taken = Utterance.objects.filter(pk=pk, state=Utterance.State.QUEUED).update(
        state=Utterance.State.SPEAKING, attempt=F("attempt") + 1, lease_until=timezone.now() + services.LEASE
    )
    return Utterance.objects.select_related("voice__acoustic", "voice__vocoder").get(pk=pk) if taken else None


def _speak(utterance: Utterance) -> None:
    if Voice.objects.filter(pk=utterance.voice_id, withheld_at__isnull=False).exists():  # since it was asked for
        raise services.withheld_refusal()
    synthesizer = _ready(utterance.voice)
    own = utterance.dictionary
    if not utterance.plan:
        plan = synthesizer.pieces(utterance.text, own)
        _write(utterance, plan=plan, sentence_count=len(plan))
    total = utterance.sentence_count
    events.send(utterance.pk, events.split_event(utterance))
    spoken = utterance.sentences.count()
    begun = time.monotonic()
    stream = synthesizer.stream(
        utterance.text, seed=utterance.seed, dictionary=own, start=spoken, pieces=utterance.plan
    )
    for done, sentence in enumerate(stream, start=1):
        _keep(utterance, sentence, time.monotonic() - begun)
        begun = time.monotonic()
        if sentence.index + 1 < total and _pause(utterance, done):
            return
    _keep_whole(utterance)
    _end(utterance, Utterance.State.DONE, {})


def _pause(utterance: Utterance, done: int) -> bool:
    """Between two sentences: whether to leave off here, since it was stopped, the worker goes, or others wait."""
    if Utterance.objects.filter(pk=utterance.pk, stop_requested=True).exists():
        _keep_whole(utterance)
        _end(utterance, Utterance.State.STOPPED, {})
        return True
    if drain.requested() or (done >= TURN_SENTENCES and selectors.others_wait(utterance)):
        _write(utterance, state=Utterance.State.QUEUED, lease_until=None, turn_at=timezone.now())
        services.utterance_send(pk=utterance.pk)
        return True
    return False


def _keep(utterance: Utterance, sentence: Sentence, compute_seconds: float) -> None:
    """Sound to storage, then the row, then the word to the pages."""
    samples = sound_of(sentence)
    wav = marked_wav(samples, sentence.sample_rate, Mark(utterance.voice.label))
    seconds = len(samples) / sentence.sample_rate
    key = f"utterances/{utterance.pk}/{sentence.index:04d}-{hashlib.sha256(wav).hexdigest()[:16]}.wav"
    files.free_space_check()
    files.save_bytes(key, wav)
    try:
        with transaction.atomic():
            _write(utterance, seconds=F("seconds") + seconds, failures=0)
            row = UtteranceSentence.objects.create(
                utterance=utterance,
                index=sentence.index,
                text=sentence.text,
                reading=sentence.reading.to_json(),
                file=key,
                seconds=seconds,
                reached_limit=sentence.reached_limit,
                coverage=sentence.coverage,
                compute_seconds=compute_seconds,
            )
    except LostLease:
        whole.drop(utterance, key)
        raise
    events.send(utterance.pk, events.sentence_event(row))


def sound_of(sentence: Sentence) -> npt.NDArray[np.int16]:
    """[S] with the pause behind it, but for the last: put end to end, they are the whole text."""
    from speech.synthesizer import PAUSE_SECONDS

    pause = 0 if sentence.index + 1 == sentence.total else round(PAUSE_SECONDS * sentence.sample_rate)
    return np.pad(to_int16(sentence.samples), (0, pause))


def _keep_whole(utterance: Utterance) -> None:
    key = whole.join(utterance)
    try:
        _write(utterance, file=key)
    except LostLease:
        whole.drop(utterance, key)
        raise


def _end(utterance: Utterance, state: str, error: dict[str, Any]) -> None:
    try:
        _write(utterance, state=state, error=error, ended_at=timezone.now(), lease_until=None)
    except LostLease:
        return
    utterance.refresh_from_db()
    events.send_last(utterance)


def _write(utterance: Utterance, **values: Any) -> None:
    """Write to the row while it is ours. Raises LostLease when it is not."""
    held = Utterance.objects.filter(pk=utterance.pk, state=Utterance.State.SPEAKING, attempt=utterance.attempt)
    if not held.update(**values):
        raise LostLease
    for name, value in values.items():
        if not hasattr(value, "resolve_expression"):
            setattr(utterance, name, value)


@contextmanager
def _heart(utterance: Utterance) -> Iterator[None]:
    """Renews the lease from a thread, while one long sentence is being made."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(utterance.pk, utterance.attempt, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(pk: UUID, attempt: int, over: threading.Event) -> None:
    held = Utterance.objects.filter(pk=pk, state=Utterance.State.SPEAKING, attempt=attempt)
    try:
        while not over.wait(BEAT_SECONDS):
            close_old_connections()
            try:
                held.update(lease_until=timezone.now() + services.LEASE)
            except Exception as error:  # the database may be restarting; the next beat tries again
                logger.warning("The lease of utterance %s was not renewed: %s", pk, error)
    finally:
        connection.close()
