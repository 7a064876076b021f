"""The web process while Redis goes and comes back: one line in its log for each, and no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from config.redis_server import RedisServer
from studio.live import TRY_AGAIN
from tests import pace, servers
from tests.studio_server import environment, manage

pytestmark = pytest.mark.servers
PREPARE = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.utils import timezone
from studio.models import Speaker
from training.models import TrainingRun
boss = User.objects.create_superuser("boss")
run = TrainingRun.objects.create(speaker=Speaker.objects.create(name="mina"), queued_at=timezone.now())
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(boss.pk), boss.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session.save()
print(run.pk, session.session_key)
"""


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Callable[[bool], str]]:
    """`switch(True)` starts a Redis, `switch(False)` kills it; its URL."""
    server = RedisServer(tmp_path / "redis", tmp_path / "redis" / "redis.sock")
    running: list[AbstractContextManager[subprocess.Popen[bytes]]] = []

    def turn(on: bool) -> str:
        if on:
            running.append(servers.program(server.command(), log=server.log, stop=signal.SIGKILL))
            server.wait(running[-1].__enter__())
        else:
            running.pop().__exit__(None, None, None)
        return server.url

    yield turn
    while running:
        turn(False)


def test_a_lost_redis_is_one_line_in_the_log_and_its_return_another(
    tmp_path: Path, switch: Callable[[bool], str]
) -> None:
    env = environment(tmp_path / "data", {"REDIS_URL": switch(True)})
    manage(env, "migrate")
    run, session = manage(env, "shell", "--no-imports", "-c", PREPARE).stdout.split()
    port, log = servers.free_port(), tmp_path / "web.log"
    address = f"127.0.0.1:{port}"

    @contextmanager
    def page() -> Iterator[ClientConnection]:
        """The socket of an open page, with its first snapshot."""
        cookie = {"Cookie": f"moksori_session={session}"}
        url, origin = f"ws://{address}/ws/runs/{run}/", Origin(f"http://{address}")
        with connect(url, origin=origin, additional_headers=cookie) as socket:
            socket.send('{"after": 0}')
            socket.recv(timeout=pace.patient(10))
            yield socket

    def refused() -> bool:
        try:
            with page():
                return False
        except (InvalidStatus, ConnectionClosed, TimeoutError):
            return True

    command = [sys.executable, "-m", "config.web", "--port", str(port)]
    with servers.program(command, log=log, env=env) as process:
        servers.wait_until(lambda: _answers(address), "the web process", process=process)
        with page() as socket:
            switch(False)
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    socket.recv(timeout=pace.patient(20))
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == TRY_AGAIN
        for _ in range(3):
            assert refused()
            assert _answers(address)
            time.sleep(0.2)
        switch(True)
        servers.wait_until(lambda: not refused(), "the socket to work again", seconds=20, process=process)
        switch(False)
        assert refused()
    said = log.read_text()
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if " WARNING " in line or " ERROR " in line]
    away, back = " WARNING studio.hints: Redis is away", " WARNING studio.hints: Redis is back."
    assert all((back if number % 2 else away) in line for number, line in enumerate(lines)), said
    # A connection of before that is met only after the return may add one pair.
    assert len(lines) in (3, 5)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/healthz", timeout=pace.patient(5)).ok
    except requests.RequestException:
        return False
