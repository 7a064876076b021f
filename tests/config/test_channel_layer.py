"""The way of events through Redis, with more pages than connections."""

from __future__ import annotations

import asyncio

import pytest
from channels.layers import channel_layers, get_channel_layer

from config.channel_layer import MOST_CONNECTIONS

PAGES = 300


@pytest.mark.usefixtures("redis_url")
async def test_hundreds_of_pages_come_at_once_and_are_told_and_go() -> None:
    channel_layers.backends.clear()  # a layer belongs to one event loop
    layer = get_channel_layer()
    pages = [await layer.new_channel() for _ in range(PAGES)]
    await asyncio.gather(*(layer.group_add("crowd", page) for page in pages))
    await layer.group_send("crowd", {"type": "live.changed"})
    told = await asyncio.gather(*(layer.receive(page) for page in pages))
    await asyncio.gather(*(layer.group_discard("crowd", page) for page in pages))

    assert told == [{"type": "live.changed"}] * PAGES
    redis = layer.connection(0)
    assert await redis.zcard(layer._group_key("crowd")) == 0
    assert len(redis.connection_pool._available_connections) <= MOST_CONNECTIONS
