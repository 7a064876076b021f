"""What the environment decides: values that cannot be used are named, and the docs tell of all that is read."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest

from config.env import BadEnvironment
from tests.servers import ROOT

DOCS = (ROOT / "docs" / "operations.md").read_text()
NOT_OURS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TORCH"}  # botocore's, and tools/install.py's


def settings_with(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> dict[str, Any]:
    monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "config" / "settings.py"))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("DATABASE_URL", "mysql://me:s3cret@db.example/moksori", "mysql://me:***@db.example/moksori"),
        ("DATABASE_URL", "postgres://me:s3/cr@t@db.example/moksori", "postgres://me:***@db.example/moksori"),
        ("DATABASE_URL", "postgres://me@db.example/moksori?password=s3cret&ssl=on", "moksori?password=***&ssl=on"),
        ("REDIS_URL", "http://:s3cret@cache.example", "http://:***@cache.example"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, shown: str
) -> None:
    with pytest.raises(BadEnvironment) as caught:
        settings_with(monkeypatch, name, value)
    assert shown in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://someone@db.example/moksori"),
        ("DATABASE_URL", "postgres://someone:secret/with-a-slash@db.example/moksori"),
        ("DATABASE_URL", "postgres://someone@db.example:5432"),
        ("DATABASE_URL", "postgres://someone@db.example/moksori?ssl=yes"),
        ("MOKSORI_HOSTS", "https://studio.example"),
        ("MOKSORI_HOSTS", "localhost,studio.example:8000"),
        ("MOKSORI_HTTPS", "2"),
        ("MOKSORI_LOG_LEVEL", "LOUD"),
        ("MOKSORI_MIN_FREE_MIB", "-1"),
        ("MOKSORI_ORIGINS", "studio.example"),
        ("MOKSORI_ORIGINS", "https://studio.example/enter"),
        ("MOKSORI_RUN_LEASE_SECONDS", "0"),
        ("MOKSORI_RUN_LEASE_SECONDS", "a minute"),
        ("MOKSORI_TIME_ZONE", "Asia/Soul"),
        ("MOKSORI_TIME_ZONE", "Asia"),
        ("REDIS_URL", "localhost:6379"),
        ("S3_ENDPOINT", "storage.example:8333"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(BadEnvironment, match=rf"^{name}='.+': write "):
        settings_with(monkeypatch, name, value)


@pytest.mark.parametrize(
    ("name", "value", "setting", "taken"),
    [
        ("MOKSORI_HOSTS", "studio.example, [::1],*", "ALLOWED_HOSTS", ["studio.example", "[::1]", "*"]),
        ("MOKSORI_ORIGINS", "https://studio.example/", "CSRF_TRUSTED_ORIGINS", ["https://studio.example"]),
        ("MOKSORI_TIME_ZONE", "Europe/Berlin", "TIME_ZONE", "Europe/Berlin"),
    ],
)
def test_values_as_people_write_them_are_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, setting: str, taken: object
) -> None:
    assert settings_with(monkeypatch, name, value)[setting] == taken


def test_what_stands_behind_the_name_of_a_database_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgres://someone@db.example/moksori?sslmode=verify-full&sslrootcert=/etc/ca%20file.pem"
    database = settings_with(monkeypatch, "DATABASE_URL", url)["DATABASES"]["default"]
    assert database["NAME"] == "moksori"
    assert database["OPTIONS"] == {"sslmode": "verify-full", "sslrootcert": "/etc/ca file.pem"}


def test_a_log_level_may_be_in_small_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_with(monkeypatch, "MOKSORI_LOG_LEVEL", "debug")["LOGGING"]["root"]["level"] == "DEBUG"


def test_the_docs_list_every_variable_that_is_read_and_no_other() -> None:
    table = DOCS.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = set(re.findall(r"`([A-Z0-9_]+)`", " ".join(rows)))
    code = "".join(path.read_text() for path in (ROOT / "config").glob("*.py"))
    read = set(re.findall(r'"((?:MOKSORI|DATABASE|REDIS|S3)_[A-Z_]+)"', code))
    composed = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert told == read | composed | NOT_OURS
