"""A Celery worker for one queue, for `up`, Docker and the tests: `python -m config.worker train` (or `speak`)."""

from __future__ import annotations

import argparse
import os
import sys

QUEUES = ("train", "speak")


def worker_command(queue: str) -> list[str]:
    """The command line of a worker of one process.

    prefork: a task that hangs or runs out of memory takes a pool process with it and not the worker.
    """
    worker = [sys.executable, "-m", "celery", "-A", "config.celery:app", "worker", "-Q", queue, "-n", f"{queue}@%h"]
    return [*worker, "--pool", "prefork", "--concurrency", "1", "--without-gossip", "--without-mingle", "-l", "INFO"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.worker", description=__doc__)
    parser.add_argument("queue", choices=QUEUES)
    command = worker_command(parser.parse_args().queue)
    os.execv(command[0], command)  # noqa: S606 - a command of our own


if __name__ == "__main__":
    main()
