"""Two people who put the same word into the dictionary at once, on the database that lets them try: PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests import pace
from tests.servers import ROOT, wait_until
from tests.studio_server import environment, manage

IMPORT = """
import json
from studio.dictionary import entries_import
from studio.errors import Refused
try:
    print(json.dumps({"count": entries_import(data="BTS\\t방탄\\nKBS\\t한국방송\\n".encode())}))
except Refused as refused:
    print(json.dumps({"code": refused.code, "status": refused.status}))
"""
COMMAND = [sys.executable, "manage.py", "shell", "--no-imports", "-c", IMPORT]
ROW = "INSERT INTO studio_dictionaryentry (surface, reading, updated_at) VALUES ('BTS', '방탄소년단', now())"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'race' AND wait_event_type = 'Lock'"


@pytest.fixture
def database(postgres_url: str) -> str:
    """A database of its own, without tables."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS race")
        connection.execute("CREATE DATABASE race")
    return f"{postgres_url.rpartition('/')[0]}/race"


def test_a_word_that_somebody_puts_in_meanwhile_is_an_answer_and_no_crash(database: str, tmp_path: Path) -> None:
    house = environment(tmp_path, {"DATABASE_URL": database})
    manage(house, "migrate")
    with psycopg.connect(database) as other, psycopg.connect(database, autocommit=True) as watch:
        other.execute(ROW)  # not committed yet: the import must wait for it
        importing = subprocess.Popen(COMMAND, cwd=ROOT, env=house, stdout=subprocess.PIPE)
        try:
            wait_until(lambda: watch.execute(WAITING).fetchone() == (1,), "the import waits", process=importing)
            other.commit()
            answer = json.loads(importing.communicate(timeout=pace.patient(60))[0])
        finally:
            importing.kill()
        assert answer == {"code": "entries_changed", "status": 409}
        rows = watch.execute("SELECT surface, reading FROM studio_dictionaryentry").fetchall()
        assert rows == [("BTS", "방탄소년단")]
