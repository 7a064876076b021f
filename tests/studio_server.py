"""A whole studio for tests: `manage.py up` as a process of its own, on a free port, in a data folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import pace
from tests.servers import ROOT, wait_until

FOREIGN = ("MOKSORI_", "DATABASE_URL", "REDIS_URL", "S3_", "AWS_", "DJANGO_")


def environment(data: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a person who works in `data` and has set nothing else."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**own, "MOKSORI_DATA": str(data), "PYTHONUNBUFFERED": "1", **(more or {})}


def manage(env: Mapping[str, str], *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `manage.py …` in the environment `env` to its end; with `check` it has to come to a good one."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(env), capture_output=True, text=True, timeout=pace.patient(120), check=False
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@dataclass
class Studio:
    """A running `manage.py up`."""

    process: subprocess.Popen[bytes]
    data: Path
    output: Path
    env: dict[str, str]

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def address(self) -> str:
        """http://127.0.0.1:PORT, without a slash."""
        found = re.search(r"Moksori is on: (\S+)", self.said)
        assert found, self.said
        return found[1]

    @property
    def admin_link(self) -> str:
        """The first admin's one-time sign-in link."""
        found = re.search(r"^\s+(http\S+/enter/\S+)$", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `manage.py …` beside it, as an admin would in a second terminal."""
        return manage(self.env, *arguments, check=check)

    def python(self, code: str) -> str:
        """Run code with Django set up in the studio's own environment; returns what it printed."""
        return self.manage("shell", "--no-imports", "-c", code).stdout.strip()

    def sign_in_link(self, username: str, *, admin: bool = False) -> str:
        """A one-time sign-in link for a person of that name, who is made when there is none."""
        code = (
            "from django.contrib.auth.models import User; from config.preparation import sign_in_address\n"
            f"user, _ = User.objects.get_or_create(username={username!r})\n"
            f"User.objects.filter(pk=user.pk).update(is_staff={admin}, is_superuser={admin})\n"
            f"print(sign_in_address(user, {self.address!r}))"
        )
        return self.python(code)

    def family(self) -> dict[str, list[int]]:
        """Living processes of this studio by what they are: redis, web, train, speak, keeper."""
        marks = {"redis": "redis-server", "web": "config.web", "train": "-Q train", "speak": "-Q speak"}
        living: dict[str, list[int]] = {}
        for pid, line in processes_of(self.data).items():
            for name, mark in marks.items():
                if mark in line:
                    living.setdefault(name, []).append(pid)
        return living

    def pid(self, name: str) -> int:
        """The oldest process of that name: the worker itself and not its pool."""
        return min(self.family()[name])


def processes_of(data: Path) -> dict[int, str]:
    """Command lines by pid of every living process that has MOKSORI_DATA set to `data`. Linux only.

    Redis writes its title over its environment, but names its socket there, which lies in `data`.
    """
    mark = f"MOKSORI_DATA={data}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if mark in (folder / "environ").read_bytes().split(b"\0") or f"unixsocket:{data}/" in line:
                found[int(folder.name)] = line
        except OSError:
            continue
    return {pid: line for pid, line in found.items() if line}  # a zombie has no command line


@contextmanager
def studio(data: Path, *arguments: str, more: Mapping[str, str] | None = None) -> Iterator[Studio]:
    """Start `manage.py up --port 0` and wait until it is on; afterwards end it and everything of it."""
    data.mkdir(parents=True, exist_ok=True)
    output = data.with_name(f"{data.name}.up.txt")
    env = environment(data, more)
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", "0", *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Studio(process, data, output, env)
    try:
        wait_until(lambda: "Moksori is on" in running.said, f"up ({output})", process=process)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            for pid in processes_of(data):
                os.kill(pid, signal.SIGKILL)


def try_up(data: Path, *arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a `manage.py up` that is expected to give up by itself."""
    return manage(environment(data, more), "up", *arguments, check=False)
