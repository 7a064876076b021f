"""Sends again what was lost: queued rows whose message never arrived, rows whose owner is silent (training.watch).

Once a day it also sweeps away stored files that no row refers to, and sessions that are over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections, connection

import synthesis.services
import training.services
from studio import sweep
from training.watch import LeaseWatch

logger = logging.getLogger(__name__)

EVERY_SECONDS = 3.0  # somebody may be waiting for a sentence
FIRST_SWEEP_SECONDS = 60.0  # after the start, which has enough to do
SWEEP_SECONDS = 24 * 3600.0
_runs, _utterances = LeaseWatch(), LeaseWatch()


def runs_reconcile() -> int:
    return training.services.runs_reconcile(_runs)


def utterances_reconcile() -> int:
    return synthesis.services.utterances_reconcile(_utterances)


def reconcile() -> None:
    """One round. A failure (a database that restarts, a Redis that is away) is logged: the next round tries again."""
    close_old_connections()
    for step in (runs_reconcile, utterances_reconcile):
        try:
            step()
        except Exception:
            logger.exception("reconciling failed in %s; the next round tries again", step.__name__)
    close_old_connections()


def mark() -> None:
    """Tell the container's health check that a round has come to its end."""
    Path(settings.DATA_DIR, "reconciled").touch()


def sweep_all() -> None:
    """What nobody needs any more. A failure is logged."""
    close_old_connections()
    for step in (sweep.files_sweep_unwatched, SessionStore.clear_expired):
        try:
            step()
        except Exception:
            logger.exception("sweeping failed in %s; tomorrow tries again", step.__name__)
    connection.close()


def sweep_until(stop: threading.Event) -> None:
    """A sweep soon after the start and then every day, until `stop` is set."""
    pause = FIRST_SWEEP_SECONDS
    while not stop.wait(pause):
        pause = SWEEP_SECONDS
        sweep_all()


def reconcile_until(stop: threading.Event, after: Callable[[], object] = lambda: None) -> None:
    """A round every three seconds until `stop` is set, and `after` each one what is asked for.

    Beside it the daily sweep, which a slow storage may hold up.
    """
    threading.Thread(target=sweep_until, args=(stop,), name="sweep", daemon=True).start()
    while not stop.wait(EVERY_SECONDS):
        reconcile()
        after()
