"""Numbered events over a socket: in order, once, whatever gets lost on the way; and only to whom they belong."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.layers import channel_layers, get_channel_layer
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import Http404
from django.test import Client

from studio import hints, live
from studio.access import AnyUser, is_admin
from tests import pace
from tests.studio.sockets import Socket, refusal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url", "fresh_layer")]


class Diary(live.EventConsumer):
    """Events of one object, for admins."""

    rows: ClassVar[list[dict[str, Any]]] = []

    def group(self) -> str:
        return "diary.1"

    def allowed(self, user: AnyUser) -> bool:
        return is_admin(user)

    def events_after(self, seq: int, limit: int) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["seq"] > seq][:limit]

    def snapshot(self) -> dict[str, Any]:
        return {"last_seq": len(self.rows)}


def write(count: int = 1) -> dict[str, Any]:
    """Writes rows and tells nobody; the last one."""
    for _ in range(count):
        Diary.rows.append({"seq": len(Diary.rows) + 1, "kind": "noted", "data": {}, "at": ""})
    return Diary.rows[-1]


@pytest.fixture(autouse=True)
def empty_diary() -> None:
    Diary.rows.clear()


@pytest.fixture
def fresh_layer() -> None:
    """A channel layer belongs to one event loop, and each test has its own."""
    channel_layers.backends.clear()


@asynccontextmanager
async def socket(user: User | None, session: Client | None = None) -> AsyncIterator[Socket]:
    browser = session or Client()
    if user is not None and session is None:
        await sync_to_async(browser.force_login)(user)
    cookie = browser.cookies.get(settings.SESSION_COOKIE_NAME)
    headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie.value}".encode())] if cookie else []
    communicator = Socket(AuthMiddlewareStack(Diary.as_asgi()), "/", headers)
    try:
        yield communicator
    finally:
        await communicator.disconnect()


async def events(communicator: Socket) -> list[int]:
    message = await communicator.receive_json()
    assert message["type"] == "events", message
    return [event["seq"] for event in message["events"]]


async def begin(communicator: Socket, after: int = 0) -> dict[str, Any]:
    """Connects and asks; the snapshot."""
    assert await communicator.connect()
    await communicator.send_json({"after": after})
    message = await communicator.receive_json()
    assert message["type"] == "snapshot"
    return message["snapshot"]  # type: ignore[no-any-return]


async def publish(row: dict[str, Any]) -> None:
    await sync_to_async(live.publish)("diary.1", row["seq"], row)


@pytest.fixture
def boss(transactional_db: None) -> User:
    return User.objects.create_superuser("boss")


async def test_whoever_connects_gets_what_they_lack_and_then_what_happens(boss: User) -> None:
    write(5)
    async with socket(boss) as communicator:
        assert await begin(communicator, after=2) == {"last_seq": 5}
        assert await events(communicator) == [3, 4, 5]
        await publish(write())
        assert await events(communicator) == [6]


async def test_an_event_that_was_lost_comes_with_the_next_one(boss: User) -> None:
    async with socket(boss) as communicator:
        await begin(communicator)
        write(3)
        await publish(write())
        assert await events(communicator) == [1, 2, 3, 4]


async def test_an_event_that_comes_twice_is_sent_once(boss: User) -> None:
    async with socket(boss) as communicator:
        await begin(communicator)
        row = write()
        await publish(row)
        await publish(row)
        assert await events(communicator) == [1]
        assert await communicator.receive_nothing(0.3)


async def test_a_long_diary_comes_whole_and_in_order(boss: User) -> None:
    write(live.ROWS_AT_ONCE * 2 + 7)
    async with socket(boss) as communicator:
        await begin(communicator)
        got: list[int] = []
        while len(got) < len(Diary.rows):
            got += await events(communicator)
        assert got == list(range(1, len(Diary.rows) + 1))


async def test_a_snapshot_with_the_missing_rows_comes_by_itself(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SNAPSHOT_SECONDS", 0.1)
    async with socket(boss) as communicator:
        await begin(communicator)
        write(2)
        snapshots, got = [], []
        while {"last_seq": 2} not in snapshots or not got:
            message = await communicator.receive_json()
            if message["type"] == "snapshot":
                snapshots.append(message["snapshot"])
            else:  # the first look may still be going on, and bring the rows before the snapshot does
                got += [event["seq"] for event in message["events"]]
        assert got == [1, 2]


async def test_rows_that_two_of_us_find_missing_at_once_are_sent_once(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SNAPSHOT_SECONDS", 0.01)
    rows_after, shown = Diary.events_after, Diary.snapshot

    def events_after(self: Diary, seq: int, limit: int) -> list[dict[str, Any]]:
        time.sleep(0.1)  # so that the clock asks before this has answered
        return rows_after(self, seq, limit)

    def snapshot(self: Diary) -> dict[str, Any]:
        time.sleep(0.05)
        return shown(self)

    monkeypatch.setattr(Diary, "events_after", events_after)
    monkeypatch.setattr(Diary, "snapshot", snapshot)
    async with socket(boss) as communicator:
        write(3)
        await communicator.connect()
        await communicator.send_json({"after": 0})
        got = []
        for _ in range(8):
            message = await communicator.receive_json()
            got += [event["seq"] for event in message.get("events", [])]
        assert got == [1, 2, 3]


async def test_nobody_else_gets_in_and_the_page_is_told_why(transactional_db: None) -> None:
    write()
    stranger = await sync_to_async(User.objects.create_user)("stranger")
    for user, code in ((None, live.SIGNED_OUT), (stranger, live.GONE)):
        async with socket(user) as communicator:
            assert await refusal(communicator, says={"after": 0}) == code


async def test_what_was_deleted_meanwhile_closes_the_socket_for_good(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def snapshot(self: Diary) -> dict[str, Any]:
        raise Http404

    monkeypatch.setattr(Diary, "snapshot", snapshot)
    monkeypatch.setattr(live, "SNAPSHOT_SECONDS", 0.05)
    async with socket(boss) as asking:
        assert await asking.connect()
        await asking.send_json({"after": 0})
        assert (await asking.receive_output(timeout=pace.patient(5)))["code"] == live.GONE
    monkeypatch.undo()
    monkeypatch.setattr(live, "SNAPSHOT_SECONDS", 0.05)
    async with socket(boss) as listening:
        await begin(listening)
        monkeypatch.setattr(Diary, "snapshot", snapshot)
        message: dict[str, Any] = {}
        while message.get("type") != "websocket.close":
            message = await listening.receive_output(timeout=pace.patient(5))
        assert message["code"] == live.GONE


async def test_signing_out_closes_the_socket_at_once(boss: User) -> None:
    browser = Client()
    await sync_to_async(browser.force_login)(boss)
    async with socket(boss, browser) as communicator:
        await begin(communicator)
        await sync_to_async(browser.post)("/sign-out/")
        closed = await communicator.receive_output(timeout=pace.patient(5))
        assert (closed["type"], closed["code"]) == ("websocket.close", 4401)


async def test_a_person_who_may_no_longer_look_is_shut_out(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SNAPSHOT_SECONDS", 0.1)
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.1)
    async with socket(boss) as communicator:
        await begin(communicator)
        await sync_to_async(User.objects.filter(pk=boss.pk).update)(is_staff=False)
        message: dict[str, Any] = {}
        while message.get("type") != "websocket.close":
            message = await communicator.receive_output(timeout=pace.patient(5))
        assert message["code"] == live.GONE


async def test_a_session_that_is_over_closes_its_sockets(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SNAPSHOT_SECONDS", 0.1)
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.1)
    async with socket(boss) as communicator:
        await begin(communicator)
        await sync_to_async(Session.objects.all().delete)()
        message: dict[str, Any] = {}
        while message.get("type") != "websocket.close":
            message = await communicator.receive_output(timeout=pace.patient(5))
        assert message["code"] == live.SIGNED_OUT


class Gone(OSError):
    """What a server raises where a browser that has gone is sent something, as ASGI has it."""


async def test_a_browser_that_goes_before_its_answer_leaves_nothing_behind(boss: User) -> None:
    write()
    browser = Client()
    await sync_to_async(browser.force_login)(boss)
    headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={browser.session.session_key}".encode())]
    said = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": '{"after": 0}'}]

    async def receive() -> dict[str, Any]:
        return said.pop(0) if said else {"type": "websocket.disconnect", "code": 1006}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] != "websocket.accept":
            raise Gone

    scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": headers, "subprotocols": []}
    with contextlib.suppress(Gone):
        await AuthMiddlewareStack(Diary.as_asgi())(scope, receive, send)
    layer = get_channel_layer()
    groups = ["diary.1", live.session_group(str(browser.session.session_key))]
    redis = layer.connection(0)
    assert [await redis.zcard(layer._group_key(group)) for group in groups] == [0, 0]
    assert not [task for task in asyncio.all_tasks() if "_tick" in str(task) and not task.cancelling()]


@pytest.mark.parametrize("nonsense", [{}, {"after": -1}, {"after": "1"}, {"after": True}, []])
async def test_a_client_that_asks_for_nonsense_is_closed(boss: User, nonsense: object) -> None:
    async with socket(boss) as communicator:
        await communicator.connect()
        await communicator.send_json(nonsense)
        assert (await communicator.receive_output(timeout=pace.patient(5)))["code"] == 4400


@pytest.fixture
def redis_is_there() -> Iterator[None]:
    """As far as this process knows."""
    hints.back()
    yield
    hints.back()


@pytest.mark.usefixtures("redis_is_there")
def test_a_lost_redis_is_logged_and_never_raised(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    class Lost:
        async def group_send(self, group: str, message: object) -> None:
            raise ConnectionError("gone")

    monkeypatch.setattr(live, "get_channel_layer", Lost)
    live.publish("diary.1", 1, {})
    assert "was not sent" in caplog.text
    live.publish("diary.1", 2, {})
    assert caplog.text.count("was not sent") == 1
    monkeypatch.undo()
    live.publish("diary.1", 3, {})
    live.publish("diary.1", 4, {})
    assert caplog.text.count("Redis is back") == 1


@pytest.mark.usefixtures("redis_is_there")
def test_a_redis_that_hangs_holds_nobody(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    class Hanging:
        async def group_send(self, group: str, message: object) -> None:
            await asyncio.sleep(3600)

    monkeypatch.setattr(live, "get_channel_layer", Hanging)
    monkeypatch.setattr(live, "SEND_SECONDS", 0.05)
    live.publish("diary.1", 1, {})
    assert "was not sent" in caplog.text


async def test_events_of_other_groups_do_not_arrive(boss: User) -> None:
    async with socket(boss) as communicator:
        await begin(communicator)
        await sync_to_async(live.publish)("diary.2", 1, {"seq": 1})
        await asyncio.sleep(0.1)
        assert await communicator.receive_nothing(0.2)
