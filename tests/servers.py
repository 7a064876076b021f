"""Real servers for tests: Redis, PostgreSQL, an S3 server and Celery workers, each in a folder of its own."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.redis_server import RedisServer
from config.worker import worker_command
from tests import pace

ROOT = Path(__file__).resolve().parent.parent
BOUND = ROOT / "config" / "bound.py"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(
    holds: Callable[[], bool], what: str, *, seconds: float = 60.0, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Poll until `holds()`; fail by naming `what`, at once when `process` has ended."""
    seconds = pace.patient(seconds)
    end = time.monotonic() + seconds
    while not holds():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what}: the process ended with {process.returncode}")
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


@contextmanager
def program(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
    stop_seconds: float = 20.0,
    as_user: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own that dies with the test; its output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if as_user is None:
        bound: list[str | Path] = [sys.executable, "-I", "-S", BOUND, str(os.getpid()), *command]
    else:  # that user may not be allowed to run this Python, and a change of user takes Linux' death signal away
        group = grp.getgrgid(pwd.getpwnam(as_user).pw_gid).gr_name
        bound = ["setpriv", f"--reuid={as_user}", f"--regid={group}", "--clear-groups", "--pdeathsig=INT", *command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            bound,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT if as_user is None else "/",
            env=dict(os.environ if env is None else env),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(pace.patient(stop_seconds))
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A redis-server on a Unix socket in `folder`; yields its REDIS_URL."""
    server = RedisServer(folder, folder / "redis.sock")
    with program(server.command(), log=server.log) as process:
        server.wait(process)
        yield server.url


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's own programs (Debian keeps them off the path), or None when it is not installed."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name.split(".")[0])
    )
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """A PostgreSQL server in `folder`, for the length of a test; yields its DATABASE_URL.

    PostgreSQL refuses to run as root: it then runs as the user `postgres` that its Debian package makes, or `nobody`.
    """
    programs = postgres_programs()
    assert programs is not None, "PostgreSQL is not installed: apt-get install postgresql"
    user = None
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        shutil.chown(folder, user)
        for parent in [folder, *folder.parents]:  # a private temporary folder above would shut that user out
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "moksori", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
        check=True, capture_output=True, user=user, cwd="/",
    )  # fmt: skip
    port = free_port()
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "max_connections": "60"}
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    command: list[str | Path] = [programs / "postgres", "-D", data, "-p", str(port), *arguments]
    with program(command, log=folder.parent / f"{folder.name}.log", as_user=user, stop=signal.SIGINT) as process:
        ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-d", "postgres"]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL", process=process)
        yield f"postgres://moksori@127.0.0.1:{port}/postgres"


@dataclass(frozen=True)
class S3Server:
    """Where moto's server listens, and the environment that leads the project there."""

    endpoint: str
    bucket: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "S3_BUCKET": self.bucket,
            "S3_ENDPOINT": self.endpoint,
            "S3_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests-secret",
        }


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """An S3 server (moto's) in a process of its own with one empty bucket."""
    import boto3

    port = free_port()
    server = S3Server(f"http://127.0.0.1:{port}", "moksori")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with program(command, log=folder / "s3.log") as process:
        wait_until(lambda: port_answers(port), "the S3 server", process=process)
        client = boto3.client(
            "s3", endpoint_url=server.endpoint, region_name="us-east-1",
            aws_access_key_id="tests", aws_secret_access_key="tests-secret",
        )  # fmt: skip
        client.create_bucket(Bucket=server.bucket)
        client.close()
        yield server


def port_answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def celery_worker(queue: str, *, log: Path, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker (prefork, one process) for one queue, as `manage.py up` starts it."""
    before = log.stat().st_size if log.exists() else 0
    environment = {**(os.environ if env is None else env), "DJANGO_SETTINGS_MODULE": "config.settings"}
    with program(worker_command(queue), log=log, env=environment) as process:
        wait_until(lambda: b" ready." in log.read_bytes()[before:], f"the {queue} worker ({log})", process=process)
        yield process
