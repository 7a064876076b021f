"""An ASGI cap on request bodies: more than the limit is answered 413 before anything is written to disk."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class BodyLimit:
    """Counts what arrives (a Content-Length can be absent or a lie) and stops at UPLOAD_LIMIT_BYTES."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = settings.UPLOAD_LIMIT_BYTES
        headers = dict(scope.get("headers", []))
        try:
            announced = int(headers.get(b"content-length", b"0"))
        except ValueError:
            announced = 0
        if announced > limit:
            await _refuse(send, limit)
            return
        # Django spools a body to disk before any view runs, so a body of unknown length is counted here, in memory,
        # before Django sees it.
        body: list[Mapping[str, Any]] = []
        if b"transfer-encoding" in headers:
            received = 0
            while True:
                message = await receive()
                body.append(message)
                received += len(message.get("body", b""))
                if received > limit:
                    await _refuse(send, limit)
                    return
                if message["type"] != "http.request" or not message.get("more_body"):
                    break

        async def replay() -> Mapping[str, Any]:
            return body.pop(0) if body else await receive()

        await self.application(scope, replay, send)


async def _refuse(send: Send, limit: int) -> None:
    # No language is known this far out, so both are said.
    most = f"{limit // 2**20} MiB"
    message = f"파일이 너무 커요. {most}까지 보낼 수 있어요. · The file is too large; {most} is the most."
    text = {"code": "too_large", "message": message}
    body = json.dumps(text, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
