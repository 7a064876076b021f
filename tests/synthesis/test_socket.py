"""The socket of an utterance, through the whole ASGI application and a real Redis and worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from config.asgi import application
from studio.live import GONE
from synthesis import services, speaker
from synthesis.models import Utterance, Voice
from tests import pace
from tests.studio.sockets import refusal

pytestmark = pytest.mark.usefixtures("redis_url")


class Socket(ApplicationCommunicator):
    """A browser's side of the socket (Channels' own needs daphne)."""

    def __init__(self, client: Client, utterance: Utterance) -> None:
        headers = {
            "cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()),
            "origin": "http://localhost",
            "host": "localhost",
        }
        scope = {
            "type": "websocket",
            "path": f"/ws/utterances/{utterance.pk}/",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "subprotocols": [],
        }
        super().__init__(application, scope)

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output(timeout=pace.patient(5)))["type"] == "websocket.accept"

    async def ask(self, after: int) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps({"after": after})})

    async def events(self) -> list[dict]:
        """All events up to the end of the utterance."""
        events: list[dict] = []
        while not events or events[-1]["kind"] != "end":
            message = json.loads((await self.receive_output(timeout=pace.patient(20)))["text"])
            if message["type"] == "events":
                events += message["events"]
        return events

    async def snapshot(self) -> dict:
        """What comes next, which is to be a snapshot; soon, not with the clock's next beat."""
        message = json.loads((await self.receive_output(timeout=pace.patient(5)))["text"])
        assert message["type"] == "snapshot"
        return message["snapshot"]

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait()


async def test_sentences_arrive_while_they_are_made(voice: Voice, listener: User, signed_in: Callable) -> None:
    client = await sync_to_async(signed_in)(listener)
    text = "하나예요. 둘이에요. 셋이에요."
    utterance = await sync_to_async(services.utterance_request)(voice=voice, text=text, requested_by=listener)
    socket = Socket(client, utterance)
    assert await socket.connect()
    await socket.ask(after=0)
    working = asyncio.create_task(sync_to_async(speaker.utterance_speak, thread_sensitive=False)(utterance.pk))
    events = await socket.events()
    await working
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5]
    assert events[-1]["data"]["state"] == "done"
    await socket.leave()


async def test_a_reload_gets_what_it_lacks(voice: Voice, listener: User, signed_in: Callable) -> None:
    client = await sync_to_async(signed_in)(listener)
    utterance = await sync_to_async(services.utterance_request)(
        voice=voice, text="하나예요. 둘이에요.", requested_by=listener
    )
    await sync_to_async(speaker.utterance_speak, thread_sensitive=False)(utterance.pk)
    socket = Socket(client, utterance)
    assert await socket.connect()
    await socket.ask(after=2)
    assert [event["seq"] for event in await socket.events()] == [3, 4]
    await socket.leave()


async def test_why_a_text_failed_is_told_in_the_language_of_the_page(
    voice: Voice, listener: User, signed_in: Callable
) -> None:
    client = await sync_to_async(signed_in)(listener)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    utterance = await sync_to_async(services.utterance_request)(voice=voice, text="안녕.", requested_by=listener)
    socket = Socket(client, utterance)
    assert await socket.connect()
    await socket.ask(after=0)
    assert (await socket.snapshot())["state"] == "queued"
    await Voice.objects.aupdate(withheld_at=timezone.now())
    await sync_to_async(speaker.utterance_speak, thread_sensitive=False)(utterance.pk)
    told = (await socket.events())[-1]["data"]["error"]["message"]
    assert told.startswith("The owner of this voice has taken the consent back")
    await socket.ask(after=1)
    assert (await socket.snapshot())["error"]["message"] == told
    await socket.leave()


async def test_nobody_else_listens_in(voice: Voice, listener: User, admin: User, signed_in: Callable) -> None:
    client = await sync_to_async(signed_in)(admin)
    utterance = await sync_to_async(services.utterance_request)(voice=voice, text="비밀이에요.", requested_by=listener)
    assert await refusal(Socket(client, utterance), says={"after": 0}) == GONE


def test_a_celery_worker_speaks_what_is_asked_for(voice: Voice, listener: User, celery_worker: Callable) -> None:
    from tests.servers import wait_until

    celery_worker("speak")
    utterance = services.utterance_request(voice=voice, text="안녕하세요. 반가워요.", requested_by=listener)

    def done() -> bool:
        utterance.refresh_from_db()
        return utterance.state == Utterance.State.DONE

    wait_until(done, "the utterance")
    assert utterance.sentences.count() == 2


async def test_a_page_hears_at_once_that_a_text_starts_again(voice: Voice, listener: User, signed_in: Callable) -> None:
    client = await sync_to_async(signed_in)(listener)
    utterance = await sync_to_async(services.utterance_request)(voice=voice, text="안녕.", requested_by=listener)
    await sync_to_async(speaker.claim)(utterance.pk)
    socket = Socket(client, utterance)
    assert await socket.connect()
    await socket.ask(after=0)
    assert (await socket.snapshot())["state"] == "speaking"
    await Utterance.objects.aupdate(lease_until=timezone.now() - timedelta(seconds=1))
    await sync_to_async(services.utterances_reconcile)()
    again = await socket.snapshot()
    assert (again["state"], again["failures"]) == ("queued", 1)
    await socket.leave()
