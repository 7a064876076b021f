"""The port that the studio listens on, and who else holds it."""

from __future__ import annotations

import contextlib
import errno
import shutil
import socket
import subprocess
from pathlib import Path

from config.problems import StartError

LISTENING = "0A"  # the state's number in /proc/net/tcp


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on host:port (0: any free port); StartError names who holds the port, and the mend."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _explain(host, port, error) from error
    return listener


def _explain(host: str, port: int, error: OSError) -> StartError:
    if error.errno == errno.EADDRINUSE:
        who = holder(port)
        return StartError(
            f"{port}번 포트는 이미 쓰이고 있어요: {who or '다른 프로그램'}. "
            f"`--port {port + 1}`(make run PORT={port + 1})처럼 다른 포트를 골라 주세요.",
            f"Port {port} is taken by {who or 'another program'}: choose another one with `--port {port + 1}`.",
        )
    if error.errno == errno.EACCES:
        return StartError(
            f"{port}번 포트는 관리자 권한이 있어야 열 수 있어요. `--port 8000`처럼 1024 이상을 골라 주세요.",
            f"Port {port} needs root: choose one from 1024 on, like `--port 8000`.",
        )
    return StartError(
        f"이 주소는 열 수 없어요: {host}:{port} ({error.strerror}). 이 컴퓨터의 주소인지 확인해 주세요.",
        f"Cannot listen on {host}:{port} ({error.strerror}): choose an address of this machine.",
    )


def holder(port: int) -> str:
    """The program that listens on `port`, like `python3 (pid 123)`; empty when it cannot be found out."""
    return _holder_in_proc(port) if Path("/proc/net/tcp").exists() else _holder_by_lsof(port)


def _holder_in_proc(port: int) -> str:
    rows = [line.split() for table in ("tcp", "tcp6") for line in _lines(Path("/proc/net") / table)[1:]]
    links = {f"socket:[{row[9]}]" for row in rows if row[3] == LISTENING and int(row[1].rsplit(":", 1)[1], 16) == port}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # another user's process, or one that just ended
            if str(descriptor.readlink()) in links:
                process = descriptor.parent.parent
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return ""


def _holder_by_lsof(port: int) -> str:
    program = shutil.which("lsof")
    if program is None:
        return ""
    command = [program, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a number of our own
    fields = {line[0]: line[1:] for line in answer.stdout.splitlines() if line}
    return f"{fields['c']} (pid {fields['p']})" if {"c", "p"} <= fields.keys() else ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
