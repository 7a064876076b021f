"""What a web process leaves open at PostgreSQL, which lets in so many and no more."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import requests

from tests import pace, servers
from tests.studio_server import environment, manage

OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'many' AND pid <> pg_backend_pid()"
ASKED, AT_ONCE = 160, 8  # 60 connections are what the server allows
LISTENERS = 6
TOKEN = """
from django.contrib.auth.models import User
from synthesis.services import api_token_create
print(api_token_create(user=User.objects.create_user("listener"), label="waits")[1])
"""

DOWNLOAD = """
from django.contrib.auth.models import User
from django.test import Client
from training.models import Checkpoint
client = Client()
client.force_login(User.objects.create_superuser("admin2"), backend="django.contrib.auth.backends.ModelBackend")
print(client.session.session_key, Checkpoint.objects.order_by("-size")[0].pk)
"""


@pytest.fixture(scope="module")
def env(postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a studio with a database of its own, which is set up."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS many")
        connection.execute("CREATE DATABASE many")
    url = f"{postgres_url.rpartition('/')[0]}/many"
    env = environment(tmp_path_factory.mktemp("many"), {"DATABASE_URL": url, "REDIS_URL": redis_url})
    manage(env, "setup")
    return env


def told(env: dict[str, str], code: str) -> str:
    return manage(env, "shell", "--no-imports", "-c", code).stdout.strip()


@contextmanager
def web(env: dict[str, str], log: Path) -> Iterator[str]:
    """A web process; its address."""
    port = servers.free_port()
    command = [sys.executable, "-m", "config.web", "--port", str(port)]
    with servers.program(command, log=log, env=env) as process:
        servers.wait_until(lambda: servers.port_answers(port), "the web process", process=process)
        yield f"http://127.0.0.1:{port}"


def count(watch: psycopg.Connection, query: str) -> int:
    row = watch.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_requests_leave_no_connection_behind(env: dict[str, str], tmp_path: Path) -> None:
    with (
        web(env, tmp_path / "web.log") as address,
        psycopg.connect(env["DATABASE_URL"], autocommit=True) as watch,
        ThreadPoolExecutor(AT_ONCE) as people,
    ):

        def ask(_: int) -> int:  # what asks the database, and needs no table
            return requests.get(f"{address}/healthz", timeout=pace.patient(30)).status_code

        assert Counter(people.map(ask, range(ASKED))) == {200: ASKED}
        servers.wait_until(lambda: count(watch, OPEN) == 0, "every connection is closed")


def test_listeners_who_wait_for_a_worker_hold_no_connection(env: dict[str, str], tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {told(env, TOKEN)}"}
    with (
        web(env, tmp_path / "web.log") as address,
        psycopg.connect(env["DATABASE_URL"], autocommit=True) as watch,
        ThreadPoolExecutor(LISTENERS) as people,
    ):

        def listen(number: int) -> int:
            text = {"text": f"{number}번이에요.", "voice": "base"}
            return requests.get(
                f"{address}/api/speak", params=text, headers=headers, timeout=pace.patient(100)
            ).status_code

        answers = people.map(listen, range(LISTENERS))
        try:
            waiting = "SELECT count(*) FROM synthesis_utterance WHERE state = 'queued'"
            servers.wait_until(lambda: count(watch, waiting) == LISTENERS, "all wait")
            servers.wait_until(lambda: count(watch, OPEN) == 0, "nobody holds a connection", seconds=20)
        finally:
            watch.execute("UPDATE synthesis_utterance SET state = 'stopped'")
        assert Counter(answers) == {409: LISTENERS}


def test_slow_readers_of_a_large_file_hold_no_connection(env: dict[str, str], tmp_path: Path) -> None:
    key, checkpoint = told(env, DOWNLOAD).split()
    with (
        web(env, tmp_path / "web.log") as address,
        psycopg.connect(env["DATABASE_URL"], autocommit=True) as watch,
        requests.get(
            f"{address}/train/checkpoints/{checkpoint}.safetensors",
            cookies={"moksori_session": key},
            stream=True,
            timeout=pace.patient(30),
        ) as answer,
    ):
        assert answer.status_code == 200
        servers.wait_until(lambda: count(watch, OPEN) == 0, "the reader holds no connection", seconds=20)
        assert len(answer.content) == int(answer.headers["Content-Length"])
