"""Numbered events over a WebSocket, which survive a reload, a second browser and a lost Redis.

The rows are the truth; what the channel layer carries is a hint that may be lost. A socket joins its group first, then
the client says `{"after": seq}`, gets a snapshot and every row that it lacks, then the live ones. What goes out:

    {"type": "snapshot", "snapshot": {…, "last_seq": n}}          at once, and every 15 s
    {"type": "events", "events": [{"seq", "kind", "data", "at"}]}  in order, without gaps

Whom it shows nothing it still accepts, and closes with a code: a browser tells a page nothing of a refused handshake
(1006, as for a cut line), so that the page would try for ever.

static/js/lib/live.js is the other half.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpRequest
from django.utils import translation
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string
from redis.exceptions import RedisError

from studio import hints
from studio.access import AnyUser

logger = logging.getLogger(__name__)

SNAPSHOT_SECONDS = 15.0
CHECK_SECONDS = 60.0
ROWS_AT_ONCE = 500
SEND_SECONDS = 2.0
TRY_AGAIN = 1013  # of RFC 6455's registry: come again later
SIGNED_OUT = 4401
GONE = 4404  # deleted, or not for this person (any more): as a page answers 404 to both


class EventConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Base of the sockets of runs and utterances. A subclass gives the four methods that raise here.

    To send: write the numbered row, commit, then `publish(group, seq, event)`. Whatever the channel layer loses is read
    from the rows at the next event or snapshot.
    """

    def group(self) -> str:
        """Name of the channel group, e.g. `run.<pk>`; `self.scope["url_route"]["kwargs"]` is at hand."""
        raise NotImplementedError

    def allowed(self, user: AnyUser) -> bool:
        """Whether this person may see the object (which exists). Runs in a thread, may query."""
        raise NotImplementedError

    def events_after(self, seq: int, limit: int) -> list[dict[str, Any]]:
        """The next rows with a higher number, as `{"seq", "kind", "data", "at"}`. Runs in a thread, in their words."""
        raise NotImplementedError

    def snapshot(self) -> dict[str, Any]:
        """What the page shows of the object now, with `last_seq`; Http404 when it was deleted. Runs likewise."""
        raise NotImplementedError

    # From here on nothing is for subclasses.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """A lost Redis closes the socket until it is back; what was deleted closes it for good."""
        self.clock: asyncio.Task[None] | None = None
        self.joined: list[str] = []
        try:
            await super().__call__(scope, receive, send)
        except (RedisError, ConnectionError) as error:
            hints.lost(error, "the sockets of pages are closed")
            with contextlib.suppress(Exception):  # the browser may be gone as well
                await send({"type": "websocket.close", "code": TRY_AGAIN})
        except Http404:
            await self.close(code=GONE)
        finally:  # `disconnect` is not called where sending failed because the browser has gone, nor after any error
            await self._leave()

    async def connect(self) -> None:
        self.sent: int | None = None  # number of the last event sent; None until the client has asked
        self.reading = asyncio.Lock()  # the clock and an event may both find rows missing: they are sent once
        code = await self._why_not(self.scope.get("user") or AnonymousUser())
        if code is not None:
            await self.accept()
            await self.close(code=code)
            raise StopConsumer  # what the page says meanwhile is not answered
        for group in (self.group(), session_group(self._session_key())):
            self.joined.append(group)
            await self.channel_layer.group_add(group, self.channel_name)
        hints.back()
        await self.accept()
        self.clock = asyncio.create_task(self._tick())

    async def _leave(self) -> None:
        """However the socket ended: a channel that stays in its groups is sent events for a day, to nobody."""
        if self.clock is not None:
            self.clock.cancel()
        with contextlib.suppress(Exception):  # Redis may be what was lost; the layer forgets us by itself
            for group in self.joined:
                await self.channel_layer.group_discard(group, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        after = content.get("after") if isinstance(content, dict) else None
        if not isinstance(after, int) or isinstance(after, bool) or after < 0:
            await self.close(code=4400)
            return
        self.sent = after
        await self._send_snapshot()
        await self._catch_up()

    async def live_event(self, message: dict[str, Any]) -> None:
        """From `publish`. An event that is not the very next one brings the rows between along."""
        if self.sent is None or message["seq"] <= self.sent:
            return
        if message["seq"] == self.sent + 1 and message.get("event"):
            self.sent = message["seq"]
            await self.send_json({"type": "events", "events": [message["event"]]})
        else:
            await self._catch_up()

    async def live_changed(self, message: dict[str, Any]) -> None:
        """From `publish_change`."""
        if self.sent is not None:
            await self._send_snapshot()

    async def live_signed_out(self, message: dict[str, Any]) -> None:
        await self.close(code=SIGNED_OUT)

    async def _why_not(self, user: AnyUser) -> int | None:
        """The code to close with; None when this person may look."""
        if not user.is_authenticated:
            return SIGNED_OUT
        return None if await database_sync_to_async(self.allowed)(user) else GONE

    async def _catch_up(self) -> None:
        async with self.reading:
            while self.sent is not None:
                rows = await self._in_their_language(self.events_after, self.sent, ROWS_AT_ONCE)
                if not rows:
                    return
                self.sent = rows[-1]["seq"]
                await self.send_json({"type": "events", "events": rows})
                if len(rows) < ROWS_AT_ONCE:
                    return

    async def _send_snapshot(self) -> None:
        snapshot = await self._in_their_language(self.snapshot)
        await self.send_json({"type": "snapshot", "snapshot": snapshot})

    async def _in_their_language(self, read: Callable[..., Any], *arguments: Any) -> Any:
        """What `read` says, in the language of this person's pages: no middleware sees to it for a socket."""
        request = HttpRequest()
        request.COOKIES = self.scope.get("cookies", {})
        request.META["HTTP_ACCEPT_LANGUAGE"] = (
            dict(self.scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        )

        def read_in_language() -> Any:
            with translation.override(translation.get_language_from_request(request)):
                return read(*arguments)

        return await database_sync_to_async(read_in_language)()

    async def _tick(self) -> None:
        """A fresh snapshot every 15 s, with the rows that the channel layer lost; every minute, may they still look?"""
        try:
            beats = 0
            while True:
                await asyncio.sleep(SNAPSHOT_SECONDS)
                beats += 1
                if beats * SNAPSHOT_SECONDS % CHECK_SECONDS < SNAPSHOT_SECONDS:
                    user = await database_sync_to_async(fresh_user)(self.scope)
                    code = await self._why_not(user)
                    if code is not None:
                        await self.close(code=code)
                        return
                if self.sent is not None:
                    await self._send_snapshot()
                    await self._catch_up()
        except asyncio.CancelledError:
            raise
        except Http404:
            await self.close(code=GONE)
        except OSError as error:  # of whatever kind the server has for a browser that has gone
            logger.debug("The socket of %s is no longer there: %s", self.group(), error)
        except Exception:
            logger.exception("The socket of %s is closed; the page connects again.", self.group())
            await self.close(code=1011)

    def _session_key(self) -> str:
        session = self.scope.get("session")
        return (session.session_key if session is not None else None) or ""


def publish(group: str, seq: int, event: dict[str, Any] | None) -> None:
    """Tells the sockets of `group` of a row that is already committed. A lost Redis is logged, never raised.

    Without the `event`, which everybody would get in one language, each socket reads the rows for its person.
    """
    try:
        async_to_sync(_send)(group, {"type": "live.event", "seq": seq, "event": event})
    except Exception as error:
        hints.lost(error, "event %s of %s was not sent", seq, group)


def publish_change(group: str) -> None:
    """Has the sockets of `group` send a fresh snapshot now, for a change that no row tells of. Never raises."""
    try:
        async_to_sync(_send)(group, {"type": "live.changed"})
    except Exception as error:
        hints.lost(error, "a change of %s was not sent", group)


async def _send(group: str, message: dict[str, Any]) -> None:
    # The layer's connections have no timeout of their own (its blocking reads need none): a Redis that hangs without
    # dying would hold the request for ever.
    await asyncio.wait_for(get_channel_layer().group_send(group, message), SEND_SECONDS)
    hints.back()


def session_group(session_key: str) -> str:
    """The group of all sockets of one browser session; the key itself stays out of Redis."""
    return f"session.{hashlib.sha256(session_key.encode()).hexdigest()[:32]}"


def close_sockets(sender: Any, request: Any, **kwargs: Any) -> None:
    """On `user_logged_out`: what this browser listens to is closed at once."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    if not key:
        return
    try:
        async_to_sync(_send)(session_group(key), {"type": "live.signed_out"})
    except Exception as error:
        hints.lost(error, "sockets of one who signed out stay open for a minute")


def fresh_user(scope: dict[str, Any]) -> AnyUser:
    """Who the socket's session belongs to *now*: nobody, after a sign-out or a changed password."""
    session = scope.get("session")
    key = session.session_key if session is not None else None
    if not key:
        return AnonymousUser()
    store: SessionBase = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(key)
    user_key = store.get(SESSION_KEY)
    user = get_user_model().objects.filter(pk=user_key, is_active=True).first() if user_key else None
    if user is None or not constant_time_compare(store.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return AnonymousUser()
    return user
