"""The socket of a run: replay from any number, live events after it, and nothing for those who may not look."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from studio.live import GONE, SIGNED_OUT
from studio.models import Speaker
from tests.studio.sockets import refusal
from training.journal import announce, record
from training.models import TrainingRun
from training.routing import websocket_urlpatterns

application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
write = database_sync_to_async


class Socket(ApplicationCommunicator):
    """A browser's WebSocket, as the application sees it."""

    def __init__(self, path: str, cookie: str) -> None:
        headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode())]
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
        super().__init__(application, scope)

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(5))["type"] == "websocket.accept")

    async def ask_after(self, seq: int) -> dict[str, Any]:
        """Say which event was the last; the answer is the snapshot."""
        await self.send_input({"type": "websocket.receive", "text": json.dumps({"after": seq})})
        snapshot = await self.receive()
        assert snapshot["type"] == "snapshot"
        found: dict[str, Any] = snapshot["snapshot"]
        return found

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads((await self.receive_output(5))["text"])
        return message

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)


@pytest.fixture(autouse=True)
def _redis(redis_url: str) -> None:
    """Groups are Redis'."""


@pytest.fixture
def run(speaker: Speaker) -> TrainingRun:
    run = TrainingRun.objects.create(speaker=speaker, acoustic_steps=100, queued_at=timezone.now())
    for step in range(1, 11):
        record(run_pk=run.pk, kind="step_done", data={"part": "acoustic", "step": step, "losses": {"loss": 1 / step}})
    return run


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


def address(run: TrainingRun) -> str:
    return f"/ws/runs/{run.pk}/"


def cookie_of(client: Client | None) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value if client else ""


@asynccontextmanager
async def opened(run: TrainingRun, client: Client | None) -> AsyncIterator[tuple[Socket, bool]]:
    socket = Socket(address(run), cookie_of(client))
    try:
        yield socket, await socket.connect()
    finally:
        await socket.leave()


async def numbers(socket: Socket) -> list[int]:
    while (message := await socket.receive())["type"] != "events":
        pass
    return [event["seq"] for event in message["events"]]


async def test_a_page_gets_the_run_as_it_is_and_every_event_after_its_number(
    run: TrainingRun, admin: User, client_of: Callable[[User], Client]
) -> None:
    client = await sync_to_async(client_of)(admin)
    async with opened(run, client) as (socket, connected):
        assert connected
        snapshot = await socket.ask_after(4)
        assert (snapshot["state"], snapshot["last_seq"]) == ("queued", 10)
        message = await socket.receive()
        assert [event["seq"] for event in message["events"]] == [5, 6, 7, 8, 9, 10]
        assert message["events"][0]["data"]["losses"] == {"loss": 0.2}


async def test_two_browsers_see_the_same_live_events_even_those_whose_message_was_lost(
    run: TrainingRun, admin: User, client_of: Callable[[User], Client]
) -> None:
    client = await sync_to_async(client_of)(admin)
    async with opened(run, client) as (first, _), opened(run, client) as (second, _):
        for socket in (first, second):
            await socket.ask_after(10)
        await write(record)(run_pk=run.pk, kind="warned", data={"code": "x"})  # nobody hears of this one
        told = await write(record)(run_pk=run.pk, kind="warned", data={"code": "y"})
        await sync_to_async(announce)(told)
        assert await numbers(first) == await numbers(second) == [11, 12]


async def test_a_stranger_a_guest_and_a_run_that_is_not_there_are_refused(
    run: TrainingRun, admin: User, client_of: Callable[[User], Client]
) -> None:
    stranger = await write(User.objects.create_user)("stranger")
    clients: list[Client | None] = [None, await sync_to_async(client_of)(stranger)]
    for client, code in zip(clients, (SIGNED_OUT, GONE), strict=True):
        assert await refusal(Socket(address(run), cookie_of(client)), says={"after": 0}) == code
    own = await sync_to_async(client_of)(admin)
    assert await refusal(Socket(address(TrainingRun()), cookie_of(own)), says={"after": 0}) == GONE


async def test_the_socket_of_a_run_that_is_erased_meanwhile_closes_for_good(
    run: TrainingRun, admin: User, client_of: Callable[[User], Client]
) -> None:
    client = await sync_to_async(client_of)(admin)
    async with opened(run, client) as (socket, _):
        await socket.ask_after(10)
        await write(TrainingRun.objects.all().delete)()
        await socket.send_input({"type": "websocket.receive", "text": json.dumps({"after": 10})})
        assert await closing(socket) == GONE


async def test_a_speaker_may_watch_their_own_voice_being_made(
    run: TrainingRun, client_of: Callable[[User], Client]
) -> None:
    user = await write(User.objects.create_user)("bora")
    await write(Speaker.objects.update)(user=user)
    async with opened(run, await sync_to_async(client_of)(user)) as (_, connected):
        assert connected


async def test_the_socket_closes_when_its_person_signs_out(
    run: TrainingRun, admin: User, client_of: Callable[[User], Client]
) -> None:
    client = await sync_to_async(client_of)(admin)
    async with opened(run, client) as (socket, _):
        await socket.ask_after(10)
        await sync_to_async(client.post)("/sign-out/")
        assert await closing(socket) == SIGNED_OUT


async def test_the_socket_of_someone_who_is_no_longer_allowed_closes_by_itself(
    run: TrainingRun, admin: User, client_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = importlib.import_module("studio.live")
    monkeypatch.setattr(live, "SNAPSHOT_SECONDS", 0.1)
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.1)
    client = await sync_to_async(client_of)(admin)
    async with opened(run, client) as (socket, _):
        await write(User.objects.update)(is_staff=False)
        assert await closing(socket) == GONE


async def closing(socket: Socket) -> int:
    """The code that the server closes with, whatever it sends before."""
    while True:
        message = await socket.receive_output(5)
        if message["type"] == "websocket.close":
            return int(message["code"])
