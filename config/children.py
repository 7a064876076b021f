"""The programs that make up a running studio: their command lines, in one place for `up`, Docker and the tests."""

from __future__ import annotations

import sys


def worker_command(queue: str) -> list[str]:
    """A Celery worker of one process for one queue: `train` or `speak`.

    prefork: a task that hangs or runs out of memory takes a pool process with it and not the worker.
    """
    return [
        sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", queue, "-n", f"{queue}@%h",
        "--pool", "prefork", "--concurrency", "1", "--loglevel", "INFO", "--without-gossip", "--without-mingle",
    ]  # fmt: skip


def web_command(descriptor: int) -> list[str]:
    """The web server on a listening socket that the caller has opened."""
    return [sys.executable, "-m", "config.web", "--fd", str(descriptor)]
