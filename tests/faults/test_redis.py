"""Redis breaks under open streams, in each way it can: writes stand at once, the sweeper delivers, the doorbell returns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.trial import Trial, eventually
from tests.support.redis import Redis
from tests.support.servers import Server, Site

PARTS: Final = "uvicorn, Daphne, writers in both and in a shell"
# With Redis away, a write takes what it always takes. 1 s would be one time-out of the doorbell's.
WRITE_SECONDS: Final = 0.8
HEARS_AGAIN_SECONDS: Final = 30.0  # 6 s as a rule: a probe is lost (5 s), then everything is set up anew


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The Redis that breaks. Each test leaves it running."""
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(scope="module")
def site(
    blank: Path, redis: Redis, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site whose processes ring each other."""
    folder = tmp_path_factory.mktemp("site")
    # the layer's own receiver logs an error when its connection is lost
    with Site(folder, blank=blank, redis_url=redis.url, settings=settings, may_log_errors=True) as site:
        yield site


@pytest.fixture(scope="module")
def servers(site: Site) -> list[Server]:
    """Uvicorn and Daphne, which outlive whatever happens to Redis."""
    return [site.uvicorn(), site.daphne()]


async def write_everywhere(trial: Trial, servers: list[Server]) -> None:
    """Write in every process, and see that no write waits for Redis."""
    commits = await trial.write()
    for server in servers:
        commits += await trial.write_in(server)
    taken = sorted(commit.at - commit.began for commit in commits)
    # one may be held up by whatever the machine does; who waits for Redis does so in each of the processes
    assert taken[-2] < WRITE_SECONDS, f"Two writes took {taken[-2]:.2f} s and more."


async def hear_again(trial: Trial, servers: list[Server]) -> None:
    """Wait until each hub has heard itself over Redis, from now on."""
    now = time.monotonic()
    for server in servers:

        async def has_heard(server: Server = server) -> bool:
            return bool(min(await trial.order(server, "probed")) > now)

        await eventually(has_heard, seconds=HEARS_AGAIN_SECONDS)


async def test_killed_and_restarted(trial: Trial, redis: Redis, servers: list[Server]) -> None:
    """A Redis that dies and comes back empty costs nothing but latency, and doorbells are heard again."""
    await trial.follow(*servers)
    redis.kill()
    await write_everywhere(trial, servers)
    redis.start()
    await write_everywhere(trial, servers)
    await hear_again(trial, servers)
    await write_everywhere(trial, servers)
    await trial.settle("Redis killed, and started again empty", PARTS)


async def test_flushed(trial: Trial, redis: Redis, servers: list[Server]) -> None:
    """FLUSHALL takes nothing that matters."""
    await trial.follow(*servers)
    await asyncio.to_thread(redis.command, "flushall")
    await write_everywhere(trial, servers)
    await hear_again(trial, servers)
    await trial.settle("Redis: `FLUSHALL`", PARTS)


async def test_subscribers_killed(trial: Trial, redis: Redis, servers: list[Server]) -> None:
    """Hubs whose connections Redis has closed subscribe again; what rang meanwhile comes with a sweep."""
    await trial.follow(*servers)
    killed = await asyncio.to_thread(redis.command, "client", "kill", "type", "pubsub")
    assert int(killed) >= len(servers)
    await write_everywhere(trial, servers)
    await hear_again(trial, servers)
    await write_everywhere(trial, servers)
    await trial.settle("Redis: `CLIENT KILL TYPE pubsub`", PARTS)


async def test_frozen(trial: Trial, redis: Redis, servers: list[Server]) -> None:
    """A Redis that takes connections and answers nothing delays neither writes nor deliveries, nor who comes anew."""
    clients = await trial.follow(*servers)
    redis.freeze()
    try:
        await write_everywhere(trial, servers)
        clients += await trial.follow(*servers)
        commits = await trial.write()
        for client in clients:  # while it is frozen
            await client.until(lambda client: client.replica.modseq >= commits[-1].modseq)
    finally:
        redis.thaw()
    await write_everywhere(trial, servers)
    await hear_again(trial, servers)
    await trial.settle("Redis frozen (`SIGSTOP`), and let go on", PARTS)


async def test_absent_from_the_start(trial: Trial, site: Site, redis: Redis) -> None:
    """Servers that start without Redis serve all the same, and hear the doorbell once it is there."""
    redis.kill()
    try:
        servers = await asyncio.to_thread(lambda: [site.uvicorn(), site.daphne()])
        await trial.follow(*servers)
        await write_everywhere(trial, servers)
    finally:
        redis.start()
    await hear_again(trial, servers)
    await write_everywhere(trial, servers)
    await trial.settle("Redis absent from the start, and started later", PARTS)
    for server in servers:
        server.process.kill()
