"""`drain_streams` over a real Redis. For other layers: `unit/management/commands/test_drain_streams.py`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from channels_redis.pubsub import RedisPubSubChannelLayer

from notifications.hub import shutdown
from notifications.log.seals import is_genuine
from tests.support.redis import Redis
from tests.unit.management.commands.test_drain_streams import refusal_of, run


async def test_redis_carries_the_order(tmp_path: Path) -> None:
    """A worker that joined the group hears it; when Redis is frozen or gone, the command says so within its time."""
    with Redis(tmp_path) as redis:
        worker = RedisPubSubChannelLayer(hosts=[redis.url])
        channel = await worker.new_channel()
        await worker.group_add("notifications", channel)
        await asyncio.to_thread(run, RedisPubSubChannelLayer(hosts=[redis.url]), seconds=3)
        async with asyncio.timeout(10):
            heard = await worker.receive(channel)
        assert (heard["type"], heard["seconds"], is_genuine(heard)) == (shutdown.DRAIN_TYPE, 3.0, True)
        await worker.flush()
        redis.freeze()
        words = await asyncio.to_thread(refusal_of, RedisPubSubChannelLayer(hosts=[redis.url]), timeout=0.3)
        assert "did not take the order within 0.3 s" in words
        redis.thaw()
        redis.kill()
        words = await asyncio.to_thread(refusal_of, RedisPubSubChannelLayer(hosts=[redis.url]))
        assert "no stream was asked to go" in words
