"""Django's own lists, where they name what other tables hold."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from studio.models import Speaker
from synthesis.models import Voice
from training.models import Checkpoint, TrainingRun

LISTS = ("studio/speaker", "training/checkpoint", "synthesis/voice")


def add(number: int) -> None:
    """A speaker with an account, a run, its checkpoint and a voice."""
    name = f"speaker-{number}"
    speaker = Speaker.objects.create(name=name, label=name, user=User.objects.create_user(name))
    run = TrainingRun.objects.create(speaker=speaker, queued_at=timezone.now(), state=TrainingRun.State.FINISHED)
    checkpoint = Checkpoint.objects.create(run=run, kind="acoustic", model="tacotron2", file=name, size=1)
    Voice.objects.create(name=name, label=name, speaker=speaker, acoustic=checkpoint)


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_list_asks_the_database_no_more_often(path: str, client: Client, db: None) -> None:
    client.force_login(User.objects.create_superuser("boss"), backend="django.contrib.auth.backends.ModelBackend")

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/admin/{path}/").status_code == 200
        return len(queries)

    add(1)
    asked()  # what is asked once a process
    few = asked()
    for number in range(2, 6):
        add(number)
    assert asked() == few
