"""Fixtures that every test may ask for. Servers are real ones and start once a session, when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen

import hypothesis
import pytest
from django.conf import settings
from django.utils import translation

from tests import pace, servers

# No test asserts a time, nor how fast an example is drawn.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

SLOW = {"config", "integration", "training", "test_finetune.py"}  # folders and files of tests that start processes


def pytest_configure() -> None:
    pace.begin()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """On a starved machine, how much is not known."""
    skipped = terminalreporter.stats.get("skipped", [])
    if pace.starved() and (count := sum(pace.reason() in str(report.longrepr) for report in skipped)):
        terminalreporter.section("not all was tested", yellow=True)
        terminalreporter.line(f"{pace.reason()}: {count} tests were left out; TESTS_HALTED=0 runs all (tests/pace.py).")


def pytest_runtest_setup(item: pytest.Item) -> None:
    translation.deactivate()  # a page that an earlier test asked for in English leaves its language behind
    if pace.time_is_up() or (item.get_closest_marker("realtime") and pace.starved()):
        pytest.skip(pace.reason())
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that drive browsers, which mostly wait, among those that compute.

    Processes take files from the front. In the order of their names all of them would begin with a browser, and the
    cores would first have too much to do and then too little. What starts workers and trainers comes first, so that no
    process is left alone with one of these files at the end. A starved machine begins with what costs least.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [part for part in files.values() if part[0].get_closest_marker("e2e")]
    computing = [part for part in files.values() if not part[0].get_closest_marker("e2e")]
    if pace.starved():
        computing.sort(key=lambda part: (_slow(part[0].path), part[0].path.parent.name != "text"))
        items[:] = [item for part in [*computing, *waiting] for item in part]
        return
    computing.sort(key=lambda part: not _slow(part[0].path))
    # The last of them begins when half of the others have, so that no process ends on a long one alone.
    places = [index * len(computing) // (2 * len(waiting)) for index in range(len(waiting))]
    for place, part in zip(reversed(places), reversed(waiting), strict=True):
        computing.insert(place, part)
    items[:] = [item for part in computing for item in part]


def _slow(path: Path) -> bool:
    return not SLOW.isdisjoint((path.name, path.parent.name))


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Each xdist worker has a data folder of its own (tests/settings.py), so the database needs no suffix."""


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A running Redis: the one that the settings' channel layer and Celery's broker point to (tests/settings.py)."""
    with servers.redis_server(Path(settings.DATA_DIR) / "redis") as url:
        assert url == os.environ["REDIS_URL"]
        yield url


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DATABASE_URL of a PostgreSQL server; the test is skipped where PostgreSQL is not installed."""
    if servers.postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with servers.postgres_server(tmp_path_factory.mktemp("postgres") / "cluster") as url:
        yield url


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3Server]:
    """An S3 server with one bucket; `s3.environment` leads a child process there."""
    with servers.s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def celery_worker(redis_url: str, transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Popen[bytes]]]:
    """Start real Celery workers on the test's own database, files and Redis: `celery_worker("train")`."""
    with ExitStack() as stack:

        def start(queue: str, **environment: str) -> Popen[bytes]:
            log = tmp_path / f"{queue}.log"
            return stack.enter_context(servers.celery_worker(queue, log=log, env={**os.environ, **environment}))

        yield start
