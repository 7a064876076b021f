"""This room's part when a speaker is erased: voices made of the speaker, what they said, the speaker's own texts."""

from __future__ import annotations

from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from kombu.exceptions import OperationalError

from studio import files, hints
from studio.erasure import Item, account_of, admin_log_forget
from studio.models import Speaker
from synthesis import selectors, services
from synthesis.models import Utterance, UtteranceSentence
from training.models import Checkpoint
from training.selectors import runs_made_of


def items(speaker: Speaker) -> list[Item]:
    """Voices by their names, and how many texts were spoken."""
    voices = selectors.voices_made_of(speaker)
    labels = tuple(voices.order_by("label").values_list("label", flat=True))
    return [Item("voices", len(labels), labels), Item("utterances", _utterances(speaker).count())]


def check(speaker: Speaker) -> None:
    """Nothing here stands in the way: a text that is being spoken ends with its row."""


def erase(speaker: Speaker) -> None:
    """Sounds and this machine's copies first, then the rows: voices hold their checkpoints until then."""
    utterances = _utterances(speaker)
    utterances.update(state=Utterance.State.STOPPED, attempt=F("attempt") + 1)  # whoever speaks them writes no more
    for key in UtteranceSentence.objects.filter(utterance__in=utterances).values_list("file", flat=True):
        files.delete_file(key)
    for pk, key in utterances.values_list("pk", "file"):
        files.delete_file(key)
        files.delete_folder(f"utterances/{pk}")
    for sha256 in Checkpoint.objects.filter(run__in=runs_made_of(speaker)).values_list("sha256", flat=True):
        (Path(settings.WORK_DIR) / "voices" / f"{sha256}.safetensors").unlink(missing_ok=True)
    with transaction.atomic():
        admin_log_forget(_utterances(speaker), selectors.voices_made_of(speaker))
        _utterances(speaker).delete()
        selectors.voices_made_of(speaker).delete()


def tell_worker() -> None:
    """A worker on another machine has copies of its own; without the word they go when it next loads a voice."""
    try:
        current_app.send_task(services.SWEEP_TASK, queue=services.QUEUE)
    except (OperationalError, OSError) as error:
        hints.lost(error, "the speaking worker was not told to remove copies")
        return
    hints.back()


def _utterances(speaker: Speaker) -> QuerySet[Utterance]:
    """What the voices said for anybody, and what the speaker had any voice say, where the account goes as well."""
    said = Q(voice__in=selectors.voices_made_of(speaker))
    account = account_of(speaker)
    return Utterance.objects.filter(said | Q(requested_by=account) if account else said)
