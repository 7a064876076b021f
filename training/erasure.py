"""This room's part when a speaker is erased: runs with the voice in them, with checkpoints, pictures and samples.

In them are the runs of others that started from a checkpoint of the voice: what they learned is made of it as well.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from studio import files, hints
from studio.erasure import Item, admin_log_forget
from studio.errors import Refused
from studio.models import Speaker
from training import selectors, services, shelf
from training.models import Checkpoint, TrainingRun


def items(speaker: Speaker) -> list[Item]:
    """Runs and checkpoints that go; the runs of others by whose they are."""
    runs = TrainingRun.objects.filter(pk__in=selectors.runs_made_of(speaker))
    others = runs.exclude(speaker=speaker).order_by("speaker__label").values_list("speaker__label", flat=True)
    return [
        Item("runs", runs.count(), tuple(others.distinct())),
        Item("checkpoints", Checkpoint.objects.filter(run__in=runs).count()),
    ]


def check(speaker: Speaker) -> None:
    """Raises Refused (409) while a run with the voice in it waits or trains: its worker holds what would be erased."""
    runs = TrainingRun.objects.filter(pk__in=selectors.runs_made_of(speaker), state__in=TrainingRun.ACTIVE)
    if run := runs.select_related("speaker").first():
        words = _("%(speaker)s 학습이 아직 끝나지 않았어요. 먼저 멈추고, 멈춘 뒤에 지워 주세요.")
        raise Refused("stop_run_first", words % {"speaker": run.speaker.label}, 409, run=str(run.pk))


def erase(speaker: Speaker) -> None:
    """Files first, then all rows at once: the way from run to run is needed until the last file is gone."""
    runs = selectors.runs_made_of(speaker)
    for row in Checkpoint.objects.filter(run__in=runs):
        for key in (row.file, row.resume_file, row.picture, row.sample):
            files.delete_file(key)
        (Path(settings.WORK_DIR) / "bases" / f"{row.sha256}.safetensors").unlink(missing_ok=True)
    for run in runs:
        files.delete_folder(f"runs/{run}")
        shutil.rmtree(shelf.run_work_folder(run), ignore_errors=True)
    admin_log_forget(TrainingRun.objects.filter(pk__in=runs), Checkpoint.objects.filter(run__in=runs))
    TrainingRun.objects.filter(pk__in=runs).delete()


def tell_worker() -> None:
    """A worker on another machine has copies of its own; without the word it removes them when it next takes a run."""
    try:
        current_app.send_task(services.SWEEP_TASK, queue=services.QUEUE)
    except (OperationalError, OSError) as error:
        hints.lost(error, "the training worker was not told to remove copies")
        return
    hints.back()
