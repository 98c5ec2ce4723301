"""Readers who do not read: each costs the server a bounded amount of memory for a bounded time, and nobody else anything."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.trial import Trial, eventually
from tests.support.client import PATH
from tests.support.follower import Follower
from tests.support.memory import memory_of
from tests.support.redis import Redis
from tests.support.servers import Server, Site
from tests.support.socket_client import PATH as SOCKET_PATH
from tests.support.visit import Visit

PUBLIC_PATH: Final = "/events/?channel=public-status"  # the view is django-eventstream's
READERS: Final = 50
ROWS: Final = 10_000
ROWS_PER_COMMIT: Final = 20
PROMISED_BYTES: Final = 64 * 1024  # for each reader
# What a process grows by whatever it does: the allocator keeps what freed frames leave behind, SQLite its page caches.
# Unbounded buffers would take 50 × 7 MB here.
HEAP_BYTES: Final = 8 * 1024 * 1024
SEND_TIMEOUT_SECONDS: Final = 2.0
# ~700 bytes each: 7 MB altogether, more than the kernel takes for who does not read (4 MiB at most)
BURST: Final = """
for _ in range(count):
    Notification.objects.bulk_create([Notification(recipient_id=user, title=title, body="x" * 350) for _ in range(size)])
Inbox.objects.get(pk=user).modseq
"""
PUBLIC_BYTES: Final = 4_300  # of one message
PUBLIC_HISTORY: Final = 20
THREAD_BYTES: Final = 512 * 1024  # Django keeps one for each of its open streams, with a stack and a heap
PUBLIC_BURST: Final = """
from notifications import publish_public
for _ in range(count):
    publish_public("status", title=title, body="x" * 2_000, data={"more": "x" * 2_000})
count
"""
KEY: Final = "AAAAAAAAAAAAAAAAAAAAAA=="  # https://www.rfc-editor.org/rfc/rfc6455#section-4.1: 16 bytes of any kind


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """What rings every one of the changes at both servers."""
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(scope="module")
def site(
    blank: Path, redis: Redis, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site without Django's own memory of queries, which it keeps with DEBUG on."""
    mine = {
        "DEBUG": False,
        "ALLOWED_HOSTS": ["127.0.0.1"],
        "NOTIFICATIONS_SEND_TIMEOUT_SECONDS": SEND_TIMEOUT_SECONDS,
        "NOTIFICATIONS_PUBLIC_STREAMS_PER_ADDRESS": 100,
        "NOTIFICATIONS_PUBLIC_HISTORY": PUBLIC_HISTORY,
    }
    folder = tmp_path_factory.mktemp("site")
    with Site(folder, blank=blank, redis_url=redis.url, settings=settings | mine) as site:
        yield site


class Sample:
    """The most that a server held back so far."""

    def __init__(self, trial: Trial, server: Server) -> None:
        self.most_bytes = 0  # for one stream
        self.usual = 0  # streams of those who read
        self.memory = self.before = memory_of(server)
        self._trial = trial
        self._server = server

    async def look(self) -> int:
        """Look once; return how many streams there are besides the usual ones."""
        found: list[int] = await self._trial.order(self._server, "buffers")
        self.most_bytes = max([self.most_bytes, *found])
        self.memory = max(self.memory, memory_of(self._server))
        return len(found) - self.usual

    async def begin(self) -> None:
        """Note who is there before the fault."""
        self.usual = await self.look()

    async def until(self, frozen: int) -> None:
        """Look until there are so many frozen readers."""

        async def are_there() -> bool:
            return await self.look() == frozen

        await eventually(are_there)


def ask_and_never_read(server: Server, cookie: str, kind: str) -> socket.socket:
    """Open a stream, a WebSocket or the stream of a public topic with the smallest buffer there is, and leave it at that."""
    path, more = PATH, ""
    if kind == "WebSocket":
        path = SOCKET_PATH
        more = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
    elif kind == "public topic":
        path = PUBLIC_PATH
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", server.port))
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n{more}\r\n".encode())
    return line


async def flood(site: Site, names: dict[str, Any], are_gone: asyncio.Event) -> int:
    """Write 10,000 rows, and go on until the frozen are gone; return how many commits that took.

    A server that is behind hears too late and sends snapshots, which are too short to fill anybody's buffers.
    """
    commits = 0
    while commits < ROWS // ROWS_PER_COMMIT or not are_gone.is_set():
        await site.acall(BURST, **names, count=50)
        commits += 50
    return commits


async def are_broken(lines: list[socket.socket]) -> bool:
    """Return whether the other side has dropped all of these connections."""
    poll = select.poll()
    for line in lines:
        poll.register(line, 0)  # broken lines are told in any case
    return len(poll.poll(0)) == len(lines)


@pytest.mark.parametrize("kind", ["stream", "WebSocket"])
async def test_frozen_readers(trial: Trial, site: Site, kind: str) -> None:
    """50 who never read cost at most 64 KiB each until they are dropped; another user's deliveries go on meanwhile."""
    servers = await asyncio.to_thread(lambda: [site.uvicorn(), site.daphne()])
    flooded = await asyncio.to_thread(site.add_person, "flooded")
    neighbour = await asyncio.to_thread(site.shell)
    await trial.follow(*servers)
    await trial.follow(*servers, person=flooded, journal_size=100)
    await trial.write()
    names = {"user": flooded.pk, "title": f"{trial.word} burst", "size": ROWS_PER_COMMIT}
    await site.acall(BURST, **names, count=20)  # what grows once has grown
    async with Visit(servers[0].url) as visit:
        await visit.login(flooded)
        cookie = visit.cookie
    samples = [Sample(trial, server) for server in servers]
    for sample in samples:
        await sample.begin()
    with ExitStack() as stack:
        lines = [stack.enter_context(ask_and_never_read(each, cookie, kind)) for each in servers * READERS]
        await asyncio.gather(*[sample.until(READERS) for sample in samples])
        are_gone = asyncio.Event()
        burst = asyncio.create_task(flood(site, names, are_gone))
        writing = asyncio.create_task(trial.write(60, shell=neighbour))
        await asyncio.gather(*[sample.until(0) for sample in samples])
        are_gone.set()
        await eventually(lambda: are_broken(lines), seconds=5)
        await writing
    for sample in samples:
        assert sample.most_bytes <= PROMISED_BYTES, f"{sample.most_bytes:,} bytes for one reader"
        assert sample.memory - sample.before <= READERS * PROMISED_BYTES + HEAP_BYTES, (
            f"{sample.memory - sample.before:,}"
        )
    held = ", ".join(
        f"{program} held {sample.most_bytes / 1024:.0f} KiB for one, "
        f"grew by {(sample.memory - sample.before) / 2**20:.1f} MiB"
        for program, sample in zip(("uvicorn", "Daphne"), samples, strict=True)
    )
    fault = f"{READERS} readers of a {kind} at each server freeze while their user gets {ROWS:,} notifications"
    await trial.settle(fault, "uvicorn, Daphne, Redis", note=held, changes=len(trial.commits) + await burst + 20)


async def tell(site: Site, reader: Follower, title: str) -> None:
    """Publish until a reader has it: one that is late by more than what is kept is rightly reset, past it, instead."""
    async with asyncio.timeout(30):
        while not any(title in event.data for event in reader.events):
            await site.acall(PUBLIC_BURST, title=title, count=1)
            with suppress(AssertionError):
                await reader.knows(title, seconds=1)


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
async def test_frozen_readers_of_a_public_topic(site: Site, kind: str) -> None:
    """20 strangers who never read cost one reading each, and are dropped too; who reads is told meanwhile."""
    server: Server = await asyncio.to_thread(getattr(site, kind))
    async with Follower(f"{server.url}{PUBLIC_PATH}") as reader:
        await reader.until(lambda mine: mine.named("stream-open"))
        await site.acall(PUBLIC_BURST, title="burst", count=50)
        await tell(site, reader, "what grows once has grown")
        before = most = memory_of(server)
        with ExitStack() as stack:
            lines = [stack.enter_context(ask_and_never_read(server, "", "public topic")) for _ in range(20)]
            async with asyncio.timeout(60):
                while not await are_broken(lines):
                    await site.acall(PUBLIC_BURST, title="burst", count=50)
                    most = max(most, memory_of(server))
        await tell(site, reader, "afterwards")
    # its view reads all that is kept, up to 100 events, and has it as rows, texts, events, one text and bytes
    promised = 5 * PUBLIC_HISTORY * PUBLIC_BYTES + THREAD_BYTES
    assert most - before <= 20 * promised + HEAP_BYTES, f"{most - before:,}"
