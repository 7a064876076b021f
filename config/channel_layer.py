"""The channel layer: Redis', through few connections that wait for each other."""

from __future__ import annotations

from typing import Any

from channels_redis.core import RedisChannelLayer
from redis.asyncio import BlockingConnectionPool

MOST_CONNECTIONS = 20  # of one process; an order takes a fraction of a millisecond, and one alone listens


class ChannelLayer(RedisChannelLayer):
    """channels_redis', but where hundreds of pages come or go at once each waits for a connection.

    Its own pool opens one for each, keeps it for ever, and refuses the one past a hundred as if Redis were away.
    """

    def create_pool(self, index: int) -> BlockingConnectionPool:
        options: dict[str, Any] = dict(self.hosts[index])
        address = options.pop("address")
        return BlockingConnectionPool.from_url(address, max_connections=MOST_CONNECTIONS, **options)
