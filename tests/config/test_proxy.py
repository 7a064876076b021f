"""The proxy for many machines, as it is run: it finds the web processes that there are now."""

from __future__ import annotations

import shutil
import socket
import socketserver
import struct
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT, free_port, port_answers, program, wait_until

pytestmark = [
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed (apt-get install nginx-light)"),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of this machine"),
]
FIRST, SECOND = "127.0.0.2", "127.0.0.3"


class Names(socketserver.ThreadingUDPServer):
    """A name server that knows one name, and says the addresses of the moment."""

    addresses: tuple[str, ...] = ()


class Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        asked, back = self.request
        question = asked[12 : asked.index(b"\0", 12) + 5]
        alias = struct.pack("!HHHIH", 0xC00C, 1, 1, 1, 4)  # the name that was asked for, A, IN, a second, four bytes
        found = [alias + socket.inet_aton(address) for address in self.server.addresses]  # type: ignore[attr-defined]
        head = asked[:2] + struct.pack("!HHHHH", 0x8180, 1, len(found), 0, 0)
        back.sendto(head + question + b"".join(found), self.client_address)


class Web(BaseHTTPRequestHandler):
    """Says at which address it was asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.server.server_address[0]).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_web_processes_are_found_that_came_after_the_proxy_and_left_alone_when_they_go(tmp_path: Path) -> None:
    names, web_port, port = Names(("127.0.0.1", 0), Answer), free_port(), free_port()
    names.addresses = (FIRST,)
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    changes = {
        "127.0.0.11": f"127.0.0.1:{names.server_address[1]}",
        "web:8000": f"web.test:{web_port}",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/tmp/": f"{tmp_path}/",
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "nginx.conf").write_text(text)

    def answers() -> set[str]:
        found = set()
        for _ in range(6):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                    found.add(answer.read().decode())
            except urllib.error.HTTPError as error:
                found.add(str(error.code))
        return found

    first = ThreadingHTTPServer((FIRST, web_port), Web)
    second = ThreadingHTTPServer((SECOND, web_port), Web)
    command: list[str | Path] = ["nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path, "-g", "daemon off;"]
    with serving(names), serving(second), program(command, log=tmp_path / "nginx.log") as nginx:
        with serving(first):
            wait_until(lambda: port_answers(port), "nginx", process=nginx)
            assert answers() == {FIRST}
            names.addresses = (FIRST, SECOND)
            wait_until(lambda: answers() == {FIRST, SECOND}, "the second web process is asked as well")
        names.addresses = (SECOND,)
        wait_until(lambda: answers() == {SECOND}, "the first web process is asked no longer")
