"""What a web process leaves open at PostgreSQL, which lets in so many and no more."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import requests

from tests import pace, servers
from tests.studio_server import environment

OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'many' AND pid <> pg_backend_pid()"
ASKED, AT_ONCE = 160, 8  # 60 connections are what the server allows


def test_requests_leave_no_connection_behind(postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS many")
        connection.execute("CREATE DATABASE many")
    url = f"{postgres_url.rpartition('/')[0]}/many"
    port = servers.free_port()
    address = f"http://127.0.0.1:{port}/healthz"  # asks the database, and needs no table
    command = [sys.executable, "-m", "config.web", "--port", str(port)]
    env = environment(tmp_path, {"DATABASE_URL": url, "REDIS_URL": redis_url})
    with servers.program(command, log=tmp_path / "web.log", env=env) as process, psycopg.connect(url) as watch:
        servers.wait_until(lambda: servers.port_answers(port), "the web process", process=process)

        def ask(_: int) -> int:
            return requests.get(address, timeout=pace.patient(30)).status_code

        with ThreadPoolExecutor(AT_ONCE) as people:
            assert Counter(people.map(ask, range(ASKED))) == {200: ASKED}

        def closed() -> bool:
            watch.rollback()
            return watch.execute(OPEN).fetchone() == (0,)

        servers.wait_until(closed, "every connection is closed")
