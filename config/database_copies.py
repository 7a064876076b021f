"""One database as one file and back: SQLite by itself, PostgreSQL by its own pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.db import connection

from config.problems import StartError


def suffix() -> str:
    """How the name of a copy ends."""
    return ".sqlite3" if connection.vendor == "sqlite" else ".dump"


def place() -> Path:
    """Where the SQLite file lies."""
    return Path(str(settings.DATABASES["default"]["NAME"]))


def dump(copy: Path) -> None:
    """The database as it is at one moment, while others write to it. Raises StartError."""
    copy.unlink(missing_ok=True)
    if connection.vendor != "sqlite":
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={copy}", _name())
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    with closing(sqlite3.connect(copy)) as written:
        said = written.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise StartError(f"SQLite 파일이 상했어요({said}).", "The SQLite file is damaged: restore a backup.")


def load(copy: Path) -> None:
    """Fill an empty PostgreSQL database, wholly or not at all. Raises StartError."""
    options = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
    _run("pg_restore", *options, f"--dbname={_name()}", str(copy))


def restorable_check() -> None:
    """StartError when the database here would have to be emptied first, which is for a person to do."""
    if connection.vendor == "sqlite":
        return
    tables = connection.introspection.table_names()
    connection.close()
    if tables:
        raise StartError(
            f"PostgreSQL 데이터베이스 {_name()}에 이미 표가 있어요. 빈 데이터베이스를 만들어(createdb) "
            "DATABASE_URL에 적어 주세요.",
            "The PostgreSQL database has tables: make an empty one (createdb), and name it in DATABASE_URL.",
        )


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _run(program: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise StartError(
            f"PostgreSQL의 프로그램이 없어요: {program}. 설치해 주세요(apt-get install postgresql-client).",
            f"{program} is missing: install PostgreSQL's programs.",
        )
    options = connection.settings_dict
    known = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    own = {variable: str(options[key]) for variable, key in known.items() if options.get(key)}
    own |= {f"PG{name.upper()}": str(value) for name, value in options.get("OPTIONS", {}).items()}  # PGSSLMODE …
    done = subprocess.run(  # noqa: S603
        [path, *arguments], env={**os.environ, **own}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [f"{program}: {done.returncode}"])[0]
        raise StartError(f"PostgreSQL이 해내지 못했어요: {said}", "PostgreSQL's program failed.")
