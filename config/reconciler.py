"""Sends again what was lost: queued rows whose message never arrived, rows whose owner is gone (leases expired)."""

from __future__ import annotations

import logging
import threading

from django.db import close_old_connections

import synthesis.services
import training.services

logger = logging.getLogger(__name__)

EVERY_SECONDS = 10.0


def reconcile() -> None:
    """One round. A failure (a database that restarts, a Redis that is away) is logged: the next round tries again."""
    close_old_connections()
    for step in (training.services.runs_reconcile, synthesis.services.utterances_reconcile):
        try:
            step()
        except Exception:
            logger.exception("reconciling failed in %s; the next round tries again", step.__name__)
    close_old_connections()


def reconcile_until(stop: threading.Event) -> None:
    """A round every ten seconds until `stop` is set."""
    while not stop.wait(EVERY_SECONDS):
        reconcile()
