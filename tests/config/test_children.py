"""Children of one parent: logs put aside while they are written, and a growing wait before a new start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.children import Child, Children, rotate
from tests.servers import wait_until


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def children(lines: list[str]) -> Iterator[Children]:
    family = Children(lambda korean, english: lines.append(f"{korean} · {english}"))
    yield family
    family.stop()


def child(tmp_path: Path, code: str) -> Child:
    return Child("child", "아이", "child", [sys.executable, "-c", code], tmp_path / "child.log")


def test_a_log_is_put_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        for generation in range(6):
            writer.write(b"%d" % generation * 100)
            rotate(log, limit=50)
        writer.write(b"last")
    assert log.read_bytes() == b"last"
    older = [log.with_name(f"web.log.{number}").read_bytes() for number in (1, 2, 3)]
    assert older == [b"5" * 100, b"4" * 100, b"3" * 100]
    assert not log.with_name("web.log.4").exists()


def test_a_small_or_missing_log_is_left_alone(tmp_path: Path) -> None:
    rotate(tmp_path / "none.log")
    (tmp_path / "small.log").write_text("a line\n")
    rotate(tmp_path / "small.log")
    assert [path.name for path in tmp_path.iterdir()] == ["small.log"]


def test_one_that_dies_again_and_again_is_started_after_longer_and_longer_waits(
    children: Children, lines: list[str], tmp_path: Path
) -> None:
    failing = child(tmp_path, "raise SystemExit(3)")
    waits = []
    for _ in range(4):
        process = children.start(failing)
        process.wait()
        children.watch()
        waits.append(failing.wait)
    assert waits == [1, 2, 4, 8]
    assert "exit 3" in lines[0] and "starting again in 1 s" in lines[0]


def test_one_that_ran_for_long_starts_again_at_once(children: Children, lines: list[str], tmp_path: Path) -> None:
    steady = child(tmp_path, "import time; time.sleep(600)")
    first = children.start(steady)
    steady.started -= 3600
    first.kill()
    first.wait()
    children.watch()
    assert steady.running and steady.process is not first
    assert "signal 9" in lines[0]


def test_one_that_will_not_go_is_killed_after_its_grace(tmp_path: Path) -> None:
    children = Children(lambda korean, english: None)
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    deaf = child(tmp_path, f"{ignore}; print('deaf', flush=True); time.sleep(600)")
    deaf.stop_seconds = 0.2
    process = children.start(deaf)
    wait_until(lambda: "deaf" in deaf.log.read_text(), "the child")
    children.stop()
    assert process.returncode == -9


def test_what_a_dead_child_started_itself_ends_with_it(children: Children, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)\n"
        "time.sleep(600)"
    )
    parent = child(tmp_path, code)
    process = children.start(parent)
    wait_until(lambda: parent.log.exists() and parent.log.read_text().strip() != "", "the grandchild")
    grandchild = int(parent.log.read_text().split()[0])
    process.kill()
    process.wait()
    children.watch()
    wait_until(lambda: not alive(grandchild), "the grandchild's end")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
