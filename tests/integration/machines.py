"""Several machines on one: processes that share PostgreSQL, Redis and S3, and no folder; and people who visit them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests import pace, servers
from tests.studio_server import environment, manage


@dataclass(frozen=True)
class Machines:
    """The addresses and folders of the machines, and the environment that they have in common."""

    root: Path
    shared: dict[str, str]
    stack: ExitStack

    def folder(self, name: str) -> Path:
        """The disk of the machine `name`: nobody else is given its path."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder

    def environment(self, name: str) -> dict[str, str]:
        return environment(self.folder(name), self.shared)

    def manage(self, name: str, *arguments: str) -> str:
        """Run `manage.py …` on the machine `name`; returns what it said."""
        return manage(self.environment(name), *arguments).stdout.strip()

    def web(self, name: str = "web") -> str:
        """Start a web process; returns its address."""
        port = servers.free_port()
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "config.web", "--port", str(port)]
        log = self.root / f"{name}.log"
        process = self.stack.enter_context(servers.program(command, log=log, env=self.environment(name)))

        def answers() -> bool:
            try:
                health = requests.get(f"{address}/healthz", timeout=pace.patient(2)).json()
                return health == {"database": True, "redis": True}
            except (requests.RequestException, ValueError):
                return False

        servers.wait_until(answers, f"the web process ({log})", process=process)
        return address

    def proxied(self, address: str) -> str:
        """nginx with our own configuration in front of a web process; returns its address, or the process's own.

        Only what belongs to the container is changed: where it listens, whom it asks, where it writes.
        """
        nginx = shutil.which("nginx")
        if nginx is None:
            return address
        port = servers.free_port()
        folder = self.folder("proxy")
        text = (servers.ROOT / "deploy" / "nginx.conf").read_text()
        text = text.replace("web:8000", address.removeprefix("http://"))
        text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")
        user = "user root;\n" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(user + text)
        command = [nginx, "-c", folder / "nginx.conf", "-p", folder, "-g", "daemon off;"]
        log = self.root / "proxy.log"
        process = self.stack.enter_context(servers.program(command, log=log))
        servers.wait_until(lambda: servers.port_answers(port), f"nginx ({log})", process=process)
        return f"http://127.0.0.1:{port}"

    def worker(self, queue: str) -> subprocess.Popen[bytes]:
        """Start a worker for `queue` on a machine of that name."""
        log = self.root / f"{queue}.log"
        return self.stack.enter_context(servers.celery_worker(queue, log=log, env=self.environment(queue)))


@contextmanager
def machines(root: Path, shared: dict[str, str]) -> Iterator[Machines]:
    with ExitStack() as stack:
        yield Machines(root, {"OMP_NUM_THREADS": "1", "MOKSORI_SECRET_KEY": "for-tests-only-" * 4, **shared}, stack)


class Visitor(requests.Session):
    """A person with a browser of their own: keeps cookies, and sends the token that forms carry."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    def request(self, method: str | bytes, url: str | bytes, *arguments: Any, **options: Any) -> requests.Response:
        token = self.cookies.get("moksori_csrf")
        headers = {**(options.pop("headers", None) or {}), **({"X-CSRFToken": token} if token else {})}
        url = url if isinstance(url, str) and url.startswith("http") else f"{self.address}{url!s}"
        return super().request(method, url, *arguments, headers=headers, timeout=pace.patient(120), **options)

    def page(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.text

    def submit(self, path: str, **fields: Any) -> requests.Response:
        """Fill in and send the form at `path`; returns the page that it leads to."""
        self.page(path)
        answer = self.post(path, data=fields)
        assert answer.status_code == 200, (
            path,
            answer.status_code,
            re.findall(r"(?s)class=\"[^\"]*(?:error|bad)[^>]*>(.*?)</", answer.text),
        )
        return answer

    def enter(self, link: str) -> None:
        """Come in by a one-time link."""
        self.submit(link.removeprefix(self.address))


def found(pattern: str, text: str) -> str:
    """What the group of `pattern` matches in a page."""
    match = re.search(pattern, text)
    assert match, f"{pattern!r} is not on the page: {text[:2000]}"
    return match[1]
