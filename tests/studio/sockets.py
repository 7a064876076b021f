"""A WebSocket in a test, without a server: what the ASGI application gets and sends."""

from __future__ import annotations

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator


class Socket(ApplicationCommunicator):  # type: ignore[misc]
    """channels.testing has one as well, but wants daphne, which this project does not use."""

    def __init__(self, application: Any, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
        super().__init__(application, scope)

    async def connect(self) -> bool:
        """Whether the application accepted."""
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(5))["type"] == "websocket.accept")

    async def send_json(self, content: Any) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(content)})

    async def receive_json(self) -> Any:
        message = await self.receive_output(5)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(2)


async def refusal(socket: ApplicationCommunicator, *, says: Any = None) -> int:
    """The code that a new socket is closed with, which gets nothing; `says`: what the page says at once."""
    await socket.send_input({"type": "websocket.connect"})
    if says is not None:
        await socket.send_input({"type": "websocket.receive", "text": json.dumps(says)})
    assert (await socket.receive_output(5))["type"] == "websocket.accept"
    closed = await socket.receive_output(5)
    assert closed["type"] == "websocket.close", closed
    assert await socket.receive_nothing(0.2)
    return int(closed["code"])
