"""The web server as it is run: what it refuses before Django sees it, and what every answer carries."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pace
from tests.servers import ROOT, free_port, port_answers, program, wait_until
from tests.studio_server import environment, manage

LIMIT = 8 * 2**20


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the web process says."""
    return tmp_path_factory.mktemp("web") / "web.log"


@pytest.fixture(scope="module")
def port(log: Path) -> Iterator[int]:
    """A web process on a prepared data folder, without Redis and workers."""
    folder = log.parent
    env = environment(folder / "var")
    manage(env, "setup")
    number = free_port()
    command = [sys.executable, "-m", "config.web", "--port", str(number)]
    with program(command, log=log, env=env) as process:
        wait_until(lambda: port_answers(number), "the web process", process=process)
        yield number


@pytest.fixture
def web(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=pace.patient(60))
    yield connection
    connection.close()


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(web: http.client.HTTPConnection) -> None:
    web.putrequest("POST", "/clips/")
    web.putheader("Content-Length", str(LIMIT + 1))
    web.endheaders()
    answer = web.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["code"] == "too_large"


def test_a_body_that_hides_its_length_is_counted(web: http.client.HTTPConnection) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(LIMIT // 2**20 + 1):
            yield bytes(2**20)

    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused while the rest was on its way
        web.request("POST", "/clips/", body(), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert web.getresponse().status == 413


def test_a_body_within_the_limit_reaches_the_view(web: http.client.HTTPConnection) -> None:
    web.request("POST", "/clips/", bytes(LIMIT), headers={"Content-Type": "audio/wav"})
    assert web.getresponse().status == 403  # no session, no CSRF token


def test_every_page_says_what_it_may_load_and_who_may_use_the_microphone(web: http.client.HTTPConnection) -> None:
    web.request("GET", "/sign-in/")
    answer = web.getresponse()
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert answer.headers["Permissions-Policy"].startswith("microphone=(self)")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Server" not in answer.headers


def test_static_files_are_hashed_compressed_and_kept(web: http.client.HTTPConnection) -> None:
    web.request("GET", "/sign-in/")
    found = re.search(rb'href="(/static/css/[^"]+\.css)"', web.getresponse().read())
    assert found and re.search(rb"\.[0-9a-f]{12}\.css$", found[1])
    web.request("GET", found[1].decode(), headers={"Accept-Encoding": "gzip"})
    answer = web.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]


def test_relative_imports_between_our_scripts_are_hashed_too() -> None:
    """Django rewrites a relative import only where it ends in a semicolon: one that does not would load twice."""
    loose = [
        f"{script.relative_to(ROOT)}: {line.strip()}"
        for script in sorted((ROOT / "static" / "js").rglob("*.js"))
        for line in script.read_text().splitlines()
        if re.match(r"""\s*(import|export)\b.*["']\.{1,2}/[^"']+["'](?!;)""", line)
    ]
    assert loose == []


def test_a_name_that_is_not_ours_is_refused_with_a_page_that_says_what_to_look_at(
    web: http.client.HTTPConnection,
) -> None:
    web.request("GET", "/sign-in/", headers={"Host": "elsewhere.example"})
    answer = web.getresponse()
    page = answer.read().decode()
    assert answer.status == 400
    assert "이 요청은 받을 수 없어요" in page and "MOKSORI_HOSTS" in page and "elsewhere" not in page


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_a_link_that_signs_somebody_in_stays_out_of_the_log(
    method: str, web: http.client.HTTPConnection, log: Path
) -> None:
    """A chat's preview and a browser without cookies leave the link as good as it was."""
    token = f"secret-of-{method}"
    web.request(method, f"/enter/{token}/")
    assert web.getresponse().status in {403, 405, 410}
    assert "/enter/…/" in log.read_text()
    assert "secret-of-" not in log.read_text()


def test_the_web_process_ends_when_asked(tmp_path: Path) -> None:
    number = free_port()
    command = [sys.executable, "-m", "config.web", "--port", str(number)]
    with program(command, log=tmp_path / "web.log", env=environment(tmp_path / "var")) as process:
        wait_until(lambda: port_answers(number), "the web process", process=process)
        process.terminate()
        assert process.wait(30) in {0, -15}
