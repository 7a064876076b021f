"""`manage.py up` with real processes: what it starts, what it leaves behind, and what it says when it cannot start."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.servers import ROOT, free_port, wait_until
from tests.studio_server import Studio, environment, processes_of, studio, try_up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio(tmp_path_factory.mktemp("up") / "var") as up:
        yield up


def whole(up: Studio) -> bool:
    return {"redis", "web", "train", "speak"} <= up.family().keys()


def workers_are_ready(up: Studio) -> bool:
    return all("ready." in (up.data / "logs" / f"{name}.log").read_text() for name in ("train", "speak"))


def test_it_serves_pages_and_runs_redis_and_both_workers(running: Studio) -> None:
    wait_until(lambda: whole(running), "all processes")
    with urllib.request.urlopen(f"{running.address}/healthz") as answer:
        assert answer.read() == b'{"database": true, "redis": true}'
    wait_until(lambda: workers_are_ready(running), "workers")


def test_the_first_admin_gets_a_link_on_the_terminal(running: Studio) -> None:
    with urllib.request.urlopen(running.admin_link) as answer:
        assert answer.status == 200


def test_behind_a_proxy_the_link_is_one_that_the_site_answers(tmp_path: Path) -> None:
    site = {"MOKSORI_HOSTS": "studio.example", "MOKSORI_ORIGINS": "https://studio.example", "MOKSORI_HTTPS": "1"}
    with studio(tmp_path / "var", more=site) as up:
        assert up.admin_link.startswith("https://studio.example/enter/")


def test_its_redis_listens_on_a_private_socket_alone_and_keeps_what_it_is_given(running: Studio) -> None:
    path = running.data / "redis" / "redis.sock"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o700
    with redis.Redis(unix_socket_path=str(path)) as client:
        assert client.config_get("port", "appendonly") == {"port": "0", "appendonly": "yes"}


def test_other_commands_reach_the_same_redis_without_any_setting(running: Studio) -> None:
    assert running.python("from config import health; health.ask_redis(); print('reached')") == "reached"


def test_a_second_one_on_the_same_data_is_refused(running: Studio) -> None:
    answer = try_up(running.data, "--port", "0")
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert running.address in answer.stderr


def test_a_worker_that_dies_is_started_again(running: Studio) -> None:
    wait_until(lambda: workers_are_ready(running), "workers")
    before = running.pid("speak")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: "speaking worker ended, starting again" in running.said, "the line")
    wait_until(lambda: min(running.family().get("speak", [before])) != before, "a new worker")


def test_the_redis_that_dies_is_started_again_with_what_it_knew(running: Studio) -> None:
    socket_path = str(running.data / "redis" / "redis.sock")
    with redis.Redis(unix_socket_path=socket_path) as client:
        client.set("known", "before")
    before = running.pid("redis")
    os.kill(before, signal.SIGKILL)

    def knows() -> bool:
        try:
            with redis.Redis(unix_socket_path=socket_path) as client:
                return client.get("known") == b"before"
        except redis.RedisError:
            return False

    wait_until(knows, "Redis with what it knew")
    assert running.pid("redis") != before


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_behind(how: signal.Signals, tmp_path: Path) -> None:
    with studio(tmp_path / "var") as up:
        wait_until(lambda: whole(up) and workers_are_ready(up), "all processes")
        keeper = subprocess.run(["pgrep", "-P", str(up.process.pid), "-f", "keeper"], capture_output=True, text=True)
        up.process.send_signal(how)
        status = up.process.wait(30)
        assert status == (0 if how is not signal.SIGKILL else -signal.SIGKILL)
        wait_until(lambda: not processes_of(up.data), "the end of every process")
        assert keeper.stdout.strip()


def test_without_the_kernels_help_the_keeper_ends_what_is_left(tmp_path: Path) -> None:
    """As on macOS, where no process learns of its parent's death: nobody asked that for the child's own child."""
    code = (
        "import pathlib, sys, time; sys.path.insert(0, '.')\n"
        "from config import children\n"
        "family = children.Children(lambda korean, english: None)\n"
        "command = ['sh', '-c', 'sleep 600 & wait']\n"
        "child = children.Child('sleeper', '', '', command, pathlib.Path(sys.argv[1]))\n"
        "print(family.start(child).pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=environment(tmp_path / "kept"),
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    wait_until(lambda: any("sleep" in line for line in processes_of(tmp_path / "kept").values()), "the sleeper")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not processes_of(tmp_path / "kept"), "the sleeper's end")


def test_a_taken_port_is_named_with_its_holder_and_the_mend(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        answer = try_up(tmp_path, "--port", str(port))
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert f"pid {os.getpid()}" in answer.stderr
    assert f"--port {port + 1}" in answer.stderr


def test_a_redis_that_will_not_start_is_named_with_its_own_words(tmp_path: Path) -> None:
    folder = tmp_path / "redis" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("not a manifest\n")
    answer = try_up(tmp_path, "--port", "0")
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert str(tmp_path / "redis") in answer.stderr
    assert not processes_of(tmp_path)


def test_a_redis_of_ones_own_that_does_not_answer_is_named(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    answer = try_up(tmp_path, "--port", "0", more={"REDIS_URL": url})
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert url in answer.stderr


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    more = {"DATABASE_URL": f"postgres://someone@127.0.0.1:{free_port()}/nowhere"}
    answer = try_up(tmp_path, "--port", "0", more=more)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "DATABASE_URL" in answer.stderr


def test_a_variable_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    answer = try_up(tmp_path, "--port", "0", more={"MOKSORI_DEBUG": "perhaps"})
    assert answer.returncode == 1
    assert answer.stderr.strip().splitlines() == ["MOKSORI_DEBUG='perhaps': write 1 or 0."]


def test_a_missing_environment_names_the_command_that_makes_it(tmp_path: Path) -> None:
    """A Python without our libraries, as on a machine where nobody has run `make` yet."""
    answer = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "manage.py", "up"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "make install" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.fixture(params=["4m", "80m"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A real file system of a few megabytes, filled to the last byte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", folder]
    if os.getuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        with (folder / "filler").open("wb") as filler:
            try:
                while True:
                    filler.write(bytes(2**16))
                    filler.flush()
            except OSError:
                pass
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_named(small_disk: Path) -> None:
    answer = try_up(small_disk, "--port", "0")
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "MOKSORI_DATA" in answer.stderr
    assert "disk is full" in answer.stderr


def test_a_disk_that_fills_up_while_it_starts_is_named(small_disk: Path) -> None:
    (small_disk / "filler").unlink()
    with (small_disk / "filler").open(
        "wb"
    ) as filler:  # a few hundred kilobytes are left: enough for a key, not for tables
        free = shutil.disk_usage(small_disk).free
        filler.write(bytes(free - 200 * 1024))
    answer = try_up(small_disk, "--port", "0")
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "disk is full" in answer.stderr
    assert not processes_of(small_disk)
