"""A speaker's browser without the browser: comes in by a one-time link and sends takes over one kept connection."""

from __future__ import annotations

import http.client
import json
import re
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from tests import pace


class Recorder:
    """One speaker at a real server. Use it in `with`."""

    def __init__(self, link: str) -> None:
        """`link`: a one-time link of an invited speaker who has agreed."""
        address = urlsplit(link)
        self._connection = http.client.HTTPConnection(address.netloc, timeout=pace.patient(120))
        self._cookies: SimpleCookie = SimpleCookie()
        form = self._call("GET", address.path)[1].decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token, form
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Referer": link}
        self._call("POST", address.path, urlencode({"csrfmiddlewaretoken": token[1]}).encode(), kind)
        status, page = self._call("GET", "/record/")
        assert status == 200, page[:500]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def send(self, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """A take as `tests.studio.sounds.upload` makes it: the status, and the server's answer with the verdict."""
        query = urlencode({name: fields[name] for name in ("id", "prompt", "sha256")})
        status, body = self._call("POST", f"/clips/?{query}", fields["data"], {"Content-Type": "audio/wav"})
        return status, json.loads(body)

    def _call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        token = self._cookies["moksori_csrf"].value if "moksori_csrf" in self._cookies else ""
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in self._cookies.items())
        own = {"Cookie": cookie, "X-CSRFToken": token, "Accept": "application/json, text/html"}
        self._connection.request(method, path, body, {**own, **(headers or {})})
        response = self._connection.getresponse()
        content = response.read()
        for line in response.headers.get_all("Set-Cookie") or []:
            self._cookies.load(line)
        return response.status, content
