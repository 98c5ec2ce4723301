"""What holds for the clients of a site behind a proxy, whatever stands between them and its two workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from .fronts import Front
from .redis import Redis
from .secure import SecureClient, SecureVisit, follow_securely
from .servers import Person, Site

__all__ = [
    "CLIENTS",
    "PING_SECONDS",
    "arrive_at_once",
    "assert_resumed",
    "behind_proxy",
    "several",
    "static_of",
    "streams_become",
    "streams_of",
]

PING_SECONDS: Final = 0.5
ASLEEP_SECONDS: Final = 3600.0
AT_ONCE_SECONDS: Final = 3.0  # the doorbell takes milliseconds, on a busy machine more; the sweepers sleep
LEAVE_SECONDS: Final = 10.0
CLIENTS: Final = 4
FIELDS: Final = {b"event", b"data", b"id", b"retry", b""}


@contextmanager
def behind_proxy(folder: Path, blank: Path) -> Iterator[Site]:
    """Set up a site over Redis whose sweepers come too late to be of help."""
    settings = {
        "NOTIFICATIONS_PING_SECONDS": PING_SECONDS,
        "NOTIFICATIONS_SWEEP_SECONDS": ASLEEP_SECONDS,
        "NOTIFICATIONS_METRICS_ADDRESSES": ["127.0.0.0/8"],
        "ROOT_URLCONF": "tests.support.urls_proxied",
    }
    with Redis(folder) as redis, Site(folder, blank=blank, redis_url=redis.url, settings=settings) as site:
        site.manage("collectstatic", "--noinput", "--verbosity", "0", STATIC_ROOT=str(static_of(site)))
        yield site


def static_of(site: Site) -> Path:
    """Return where nginx finds what it serves itself."""
    return site.folder / "static"


@asynccontextmanager
async def several(
    front: Front, user: Person, other: Person, *, through: Front | None = None
) -> AsyncIterator[list[SecureClient]]:
    """Follow as the user from several devices, half of them in HTTP/2; by least connections each worker has some.

    Their streams, not their login, go `through` another proxy where there is one. The other one follows as well, and must
    have heard nothing at the end.
    """
    async with AsyncExitStack() as stack, SecureVisit(front.url) as visit:
        theirs = await stack.enter_async_context(follow_securely(front.url, other))
        await visit.login(user)
        follow = partial(follow_securely, (through or front).url, user, cookie=visit.cookie)
        yield [await stack.enter_async_context(follow(http2=number % 2 == 0)) for number in range(CLIENTS)]
        await hears_nothing(theirs)


async def arrive_at_once(site: Site, person: Person, *clients: SecureClient) -> None:
    """Send some notifications one after the other; each must have come, in one piece, before the next one is sent."""
    for number in range(3):
        title = f"Event {number} at {time.monotonic()}"
        before = time.monotonic()
        await site.acall("notify(user, title=title).pk", user=person.pk, title=title)
        for client in clients:
            assert await client.knows(title) - before < AT_ONCE_SECONDS
            assert sum(title.encode() in piece for piece in client.pieces) == 1
    for client in clients:
        await client.equals_database(site, person.pk)
        names = {line.partition(b":")[0] for line in b"".join(client.pieces).splitlines()}
        assert names == FIELDS, client.story  # nothing of another layer, such as the sizes of chunks


async def hears_nothing(client: SecureClient) -> None:
    """Check that somebody else's client was told of nothing."""
    await client.next("ping")
    assert not client.changes
    assert not any(b"Event " in piece for piece in client.pieces)


def assert_resumed(clients: list[SecureClient]) -> None:
    """Check that each got a snapshot at its first connection only, and after that what it had missed."""
    for client in clients:
        modes = [entry.data["mode"] for entry in client.all("hello")]
        assert modes == ["reset", *["resume"] * (len(modes) - 1)], client.story


async def streams_of(port: int) -> int:
    """Return how many streams the server on this port has."""
    async with httpx.AsyncClient(trust_env=False) as http:
        count: int = (await http.get(f"http://127.0.0.1:{port}/notifications/health/")).json()["streams"]
        return count


async def streams_become(ports: Iterable[int], count: int) -> None:
    """Wait until the servers on these ports together have so many streams."""
    async with asyncio.timeout(LEAVE_SECONDS):
        while sum([await streams_of(port) for port in ports]) != count:
            pass
