"""What Celery runs. A message is a hint that may be lost or come twice; the row decides."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from training import drain, runner, services, shelf  # noqa: F401 - drain: its memory must exist before the pool forks


@shared_task(name=services.EXECUTE_TASK)
def run_execute(run_pk: str) -> None:
    runner.execute(UUID(run_pk))


@shared_task(name=services.SWEEP_TASK)
def work_sweep() -> None:
    shelf.work_sweep()
