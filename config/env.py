"""Everything that the environment decides, read in one place. Safe local defaults: SQLite, files and Redis of our own.

A value that cannot be used is a BadEnvironment when the settings are read: docs/operations.md promises that every
program names it at its start.

| variable | meaning | default |
| --- | --- | --- |
| MOKSORI_DATA | folder of the database, files, logs | var/ beside manage.py |
| MOKSORI_SECRET_KEY | Django's secret key | made once, kept in the data folder (0600) |
| MOKSORI_HOSTS | names that the site is served under, comma-separated | localhost and 127.0.0.1 |
| MOKSORI_ORIGINS | https://… origins behind a proxy, comma-separated | none |
| MOKSORI_DEBUG | 1 shows Django's error pages | 0 |
| MOKSORI_HTTPS | 1: cookies over HTTPS only, HSTS, X-Forwarded-Proto trusted | 0 |
| MOKSORI_PROXY | addresses of the proxy whose X-Forwarded-For is believed; * for all | none |
| DATABASE_URL | postgres://user:password@host:5432/name | SQLite in the data folder |
| REDIS_URL | redis://host:6379/0 or unix:///path | the private socket of `manage.py up`'s own Redis |
| S3_BUCKET, S3_ENDPOINT, S3_REGION | S3-compatible storage (and AWS_ACCESS_KEY_ID, …) | files in the data folder |
| MOKSORI_STATIC | folder where static files lie collected (as in the image) | static/ in the data folder |
| MOKSORI_MIN_FREE_MIB | free space below which uploads answer 507 | 512 |
| MOKSORI_TIME_ZONE | how times are shown; the database keeps UTC | Asia/Seoul |
| MOKSORI_OPERATOR, MOKSORI_CONTACT | who runs the studio, whom to ask to have a voice erased | words that name nobody |
| MOKSORI_RUN_LEASE_SECONDS | how long an unheard worker keeps a run | 60 |
| MOKSORI_LOG_LEVEL | DEBUG, INFO, WARNING … | INFO |
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

LONGEST_SOCKET_PATH = 103  # bytes: macOS takes 103 and a zero, Linux 107
ROOT = Path(__file__).resolve().parent.parent
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


class BadEnvironment(SystemExit):
    """A variable that cannot be used: one line that names it, without a password, and a non-zero exit."""

    def __init__(self, name: str, value: str, mend: str) -> None:
        shown = re.sub(r"(password=)[^&]*", r"\1***", re.sub(r"(://[^:/@]*:).*@", r"\1***@", value))
        super().__init__(f"{name}={shown!r}: {mend}")


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str) -> bool:
    value = text(name, "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no"}:
        raise BadEnvironment(name, value, "write 1 or 0.")
    return value in {"1", "true", "yes"}


def integer(name: str, default: int, *, least: int = 0) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise BadEnvironment(name, value, "write a whole number.") from None
    if number < least:
        raise BadEnvironment(name, value, f"write a number from {least} on.")
    return number


def names(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def hosts() -> list[str]:
    """Django compares them with a request's Host without its port: an address or a port would refuse every page."""
    found = names("MOKSORI_HOSTS", "localhost,127.0.0.1,[::1]")
    for host in found:
        if not re.fullmatch(r"\[[0-9a-fA-F:.]+\]|[^/:\s]+", host):
            raise BadEnvironment("MOKSORI_HOSTS", host, "write a name alone, as studio.example.")
    return found


def origins() -> list[str]:
    """As browsers spell them, without a slash at the end: any other spelling would refuse every form."""
    found = [origin.rstrip("/") for origin in names("MOKSORI_ORIGINS")]
    for origin in found:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            raise BadEnvironment("MOKSORI_ORIGINS", origin, "write https:// and a name, as https://studio.example.")
    return found


def time_zone() -> str:
    name = text("MOKSORI_TIME_ZONE", "Asia/Seoul")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadEnvironment("MOKSORI_TIME_ZONE", name, "write a name of the time zones, as Asia/Seoul.") from None
    return name


def log_level() -> str:
    level = text("MOKSORI_LOG_LEVEL", "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        raise BadEnvironment("MOKSORI_LOG_LEVEL", level, "write DEBUG, INFO, WARNING or ERROR.")
    return level


def data_folder() -> Path:
    return Path(text("MOKSORI_DATA", str(ROOT / "var"))).expanduser().resolve()


def secret_key() -> str:
    """The key from the environment, or one of our own, made once and readable by its owner only."""
    if key := text("MOKSORI_SECRET_KEY"):
        return key
    path = data_folder() / "secret_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=".secret_key.", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(50))
            with contextlib.suppress(FileExistsError):  # another process of the same start made it a moment ago
                os.link(beside, path)
        finally:
            Path(beside).unlink()
    return path.read_text()


def database() -> dict[str, object]:
    """Django's DATABASES["default"]. SQLite as measured: WAL, IMMEDIATE transactions and a wait of 20 s never lock."""
    url = text("DATABASE_URL")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": data_folder() / "moksori.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
            },
        }
    try:
        parts = urlsplit(url)
        port = parts.port
        understood = parts.scheme in {"postgres", "postgresql"} and bool(parts.path.strip("/"))
    except ValueError:  # of brackets, or of a port that is none
        understood = False
    if not understood:
        raise BadEnvironment("DATABASE_URL", url, "write postgres://user:password@host:5432/name, or leave it out.")
    host = parts.hostname or ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(host),
        "PORT": str(port or ""),
        "OPTIONS": _postgres_options(url, parts.query),
        # Under ASGI each request has a thread of its own; what it left open would stay until Python forgot the thread.
        "CONN_MAX_AGE": 0,
    }


def _postgres_options(url: str, query: str) -> dict[str, str]:
    """What follows `?`: connection parameters as libpq knows them. Left out, sslmode=require would go unheeded."""
    if not query:
        return {}
    import psycopg
    from psycopg.conninfo import make_conninfo

    options = dict(parse_qsl(query, keep_blank_values=True))
    try:
        make_conninfo(**options)
    except psycopg.ProgrammingError:
        raise BadEnvironment("DATABASE_URL", url, "write options of libpq behind `?`, as sslmode=require.") from None
    return options


def own_redis_socket() -> Path:
    """Where the Redis of `manage.py up` listens: in the data folder, or in a short one when that path is too long."""
    path = data_folder() / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = f"moksori-{os.getuid()}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"
    return Path(tempfile.gettempdir()) / name / "redis.sock"


def redis_url() -> str:
    url = text("REDIS_URL") or f"unix://{own_redis_socket()}"
    if not url.startswith(REDIS_SCHEMES):
        raise BadEnvironment("REDIS_URL", url, "write redis://:password@host:6379/0 or unix:///path, or leave it out.")
    return url


def celery_broker_url() -> str:
    """Celery's spelling of REDIS_URL: a Unix socket is `redis+socket://` there."""
    url = redis_url()
    return url.replace("unix://", "redis+socket://", 1) if url.startswith("unix://") else url


@dataclass(frozen=True)
class S3:
    """S3-compatible storage; `endpoint` is empty for Amazon's own."""

    bucket: str
    endpoint: str
    region: str


def s3() -> S3 | None:
    bucket, endpoint = text("S3_BUCKET"), text("S3_ENDPOINT")
    if endpoint and not re.match(r"https?://[^/]", endpoint):
        raise BadEnvironment("S3_ENDPOINT", endpoint, "write its address, as https://storage.example:8333.")
    return S3(bucket, endpoint, text("S3_REGION", "us-east-1")) if bucket else None
