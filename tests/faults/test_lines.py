"""Lines break at every byte, fall silent, or end in a reader that does not read: the client resumes and ends exact."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.faults.trial import Trial, eventually
from tests.support.client import PATH, Client
from tests.support.eventstream import Decoder, Event, read_chunks, read_head
from tests.support.proxy import PIECE_BYTES, Proxy
from tests.support.replica import Replica, truth_of
from tests.support.servers import Server, Site
from tests.support.visit import Visit

SAMPLES: Final = 40
REPLAY_BYTES: Final = 2000  # head and replay of nine changes are a little longer
SEND_TIMEOUT_SECONDS: Final = 1.0
ROTATE_SECONDS: Final = 3.0
SILENCE_SECONDS: Final = 2.0  # of a client that is told to be impatient; a browser's page waits 45 s
# Each makes 280 changes of 12 kB: 3.4 MB. The kernel takes 4 MiB or less for who does not read.
FLOODS: Final = 4
ROWS: Final = """
with transaction.atomic():
    for number in range(280):
        notify(user, title=f"{title} {number}")
"""
FLOOD: Final = """
import time
began = time.monotonic()
for row in Notification.objects.filter(recipient_id=user):
    row.body, row.data = str(count) * 4000, {"filling": "x" * 8000}
    row.save()
[[Inbox.objects.get(pk=user).modseq, began, time.monotonic()]]
"""
# What a short stream holds: changes of one row and of several, a deletion, and a reset in its midst.
STORY: Final = (
    "notify(user, title=title).modseq",
    "with transaction.atomic():\n    [notify(user, title=title) for _ in range(2)]\nInbox.objects.get(pk=user).modseq",
    "Notification.objects.filter(recipient_id=user).first().delete(); Inbox.objects.get(pk=user).modseq",
    "from notifications.operations.repair import renew_epochs; renew_epochs('default', [user]); None",
    "notify(user, title=title + ' ü €').modseq",
)


@pytest.fixture(scope="module")
def uvicorn(site: Site) -> Server:
    """A server that soon loses patience with a reader."""
    return site.uvicorn(NOTIFICATIONS_SEND_TIMEOUT_SECONDS=SEND_TIMEOUT_SECONDS)


@pytest.fixture(scope="module")
def daphne(site: Site) -> Server:
    """The same on Daphne."""
    return site.daphne(NOTIFICATIONS_SEND_TIMEOUT_SECONDS=SEND_TIMEOUT_SECONDS)


@pytest.fixture(params=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of them in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found


@asynccontextmanager
async def opened(server: Server, cookie: str, *, last_event_id: str = "") -> AsyncIterator[asyncio.StreamReader]:
    """Ask for a stream as a browser does and yield what reads its body."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        lines = [f"GET {PATH} HTTP/1.1", f"Host: {address.netloc}", f"Cookie: {cookie}"]
        lines += [f"Last-Event-ID: {last_event_id}"] if last_event_id else []
        writer.write("\r\n".join([*lines, "", ""]).encode())
        assert (await read_head(reader))[0] == 200
        yield reader
    finally:
        writer.transport.abort()


async def body_up_to(reader: asyncio.StreamReader, position: str) -> bytes:
    """Return the bytes of a stream up to the event that takes its client to a position."""
    decoder, body = Decoder(), b""
    async with asyncio.timeout(15):
        async for chunk in read_chunks(reader):
            body += chunk
            if any(event.last_event_id == position for event in decoder.feed(chunk)):
                return body
    raise AssertionError(f"The stream ended before {position}: {body!r}")


async def record(trial: Trial, server: Server, cookie: str) -> bytes:
    """Return a short stream as it was told live, one frame after the other."""
    async with opened(server, cookie) as reader:
        stream = b""
        for number, code in enumerate(("0", *STORY)):
            await trial.order(server, "run", code=code, user=trial.user.pk, title=f"{trial.word} {number}")
            stream += await body_up_to(reader, await head_of(trial))
    return stream


async def head_of(trial: Trial) -> str:
    """Return the position at which the user's log ends."""
    position: str = await trial.site.acall("Inbox.objects.get(pk=user).position", user=trial.user.pk)
    return position


async def test_cut_at_every_byte(trial: Trial, server: Server) -> None:
    """Whatever part of a stream has arrived, what the server tells to the position held then completes it exactly."""
    await trial.follow(server)
    async with Visit(server.url) as visit:
        await visit.login(trial.user)
        cookie = visit.cookie
    stream = await record(trial, server, cookie)
    names = [event.name for event in Decoder().feed(stream)]
    assert names.count("reset") == 2
    assert names.count("change") == 4
    truth = await asyncio.to_thread(truth_of, trial.site, trial.user.pk)
    head = await head_of(trial)
    rests: dict[str, bytes] = {}
    for offset in range(len(stream) + 1):
        decoder, replica = Decoder(), Replica()
        take(replica, decoder.feed(stream[:offset]))
        decoder.reset()
        here = decoder.last_event_id
        if here not in rests:
            async with opened(server, cookie, last_event_id=here) as reader:
                rests[here] = await body_up_to(reader, head)
        take(replica, decoder.feed(rests[here]))
        wrong = [*replica.problems, *replica.differences(truth)]
        assert not wrong, f"Cut after {offset} bytes, at {here}: {wrong}"
    assert len(rests) == len(names) - names.count("ping") + 1  # nothing, or the position of one of the frames
    parts = "uvicorn, Daphne; each prefix of a stream, then the server's real answer"
    await trial.settle("Line cut at every byte", parts, changes=len(STORY), note=f"{len(stream):,} cuts")


def take(replica: Replica, events: list[Event]) -> None:
    """Have a client take in events."""
    for event in events:
        replica.take(event.name, event.last_event_id, json.loads(event.data))


async def test_cut_by_a_proxy(trial: Trial, server: Server) -> None:
    """Real connections cut after so many bytes, head and chunk sizes included: each client comes back and is exact."""
    await trial.follow(server)
    position = await head_of(trial)
    await trial.write()
    async with Visit(server.url) as visit:
        await visit.login(trial.user)
        cookie = visit.cookie
    truth = await asyncio.to_thread(truth_of, trial.site, trial.user.pk)
    async with asyncio.TaskGroup() as group:
        for offset in random.Random(1).sample(range(1, REPLAY_BYTES), SAMPLES):
            group.create_task(cut_once(server, offset, truth, cookie=cookie, since=position))
    await trial.settle("Line cut by a TCP proxy", "uvicorn, Daphne, a proxy", note=f"{SAMPLES} cuts")


async def cut_once(server: Server, offset: int, truth: dict[str, Any], *, cookie: str, since: str) -> None:
    """Follow through a proxy that cuts the first connection after so many bytes, to the same end as everybody."""
    async with Proxy(server.port) as proxy:
        proxy.cut_after_bytes = offset
        async with Client(proxy.url, cookie, since=since) as client:
            await client.until(lambda client: client.all("end"))
            proxy.cut_after_bytes = None
            await client.until(lambda client: 2 in [entry.connection for entry in client.all("hello")])
            await client.until(lambda client: client.replica.modseq == truth["inbox"]["modseq"])
            assert not client.replica.differences(truth), f"Cut after {offset} bytes:\n{client.story}"


async def test_reader_freezes(trial: Trial, server: Server) -> None:
    """Who stops reading is dropped after the send time-out, and catches up exactly once they read again."""
    frozen, awake = await trial.follow(server, server)
    frozen.freeze()
    await flood(trial, server, awake)
    await dropped(trial, server, left=2)
    assert not frozen.all("end")
    thawed_at = time.monotonic()
    frozen.thaw()
    await frozen.until(lambda client: client.replica.modseq >= trial.commits[-1].modseq)
    note = f"exact {time.monotonic() - thawed_at:.1f} s after it reads again"
    trial.clients.remove((frozen, trial.user))  # it was its own fault
    await frozen.equals_database(trial.site, trial.user.pk)
    await trial.settle("Reader freezes, and reads again", "uvicorn, Daphne, 3 MB at a time", note=note)


async def flood(trial: Trial, server: Server, reader: Client) -> None:
    """Write more than a line holds, each time when someone who reads has what was written before."""
    await trial.order(server, "run", code=ROWS, user=trial.user.pk, title=trial.word)
    for turn in range(FLOODS):
        [commit] = await trial.write_in(server, turn, code=FLOOD)
        await reader.until(lambda client, last=commit: client.replica.modseq == last.modseq)  # type: ignore[misc]


async def dropped(trial: Trial, server: Server, *, left: int) -> None:
    """Wait until so many streams are left at a server."""

    async def are_left() -> bool:
        return len(await trial.order(server, "buffers")) == left

    await eventually(are_left)


class DeadEnd(Proxy):
    """A proxy that, once paused, passes nothing on any more, not even that one side has gone."""

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()
        await self._flows.wait()
        raise ConnectionAbortedError


async def test_peer_vanishes(trial: Trial, server: Server) -> None:
    """A client whose line went dead without a FIN leaves it and misses nothing; a send time-out ends the server's half."""
    async with DeadEnd(server.port) as proxy:
        [vanished, steady] = await trial.follow(proxy.url, server, silence_seconds=SILENCE_SECONDS)
        await lose(trial, proxy, vanished, server)
        await dropped(trial, server, left=4)  # still with the one that leads nowhere
        await flood(trial, server, steady)
        await dropped(trial, server, left=3)
        await trial.settle("Peer vanishes without FIN; send time-out ends its line", "uvicorn, Daphne, a proxy")


async def test_peer_vanishes_in_quiet_times(trial: Trial, site: Site, server: Server) -> None:
    """Where nothing is written that could fill the line, the rotation ends the server's half."""
    start = site.daphne if "daphne" in server.process.name else site.uvicorn
    rotating = await asyncio.to_thread(lambda: start(NOTIFICATIONS_ROTATE_SECONDS=ROTATE_SECONDS))
    async with DeadEnd(rotating.port) as proxy:
        [vanished, _steady] = await trial.follow(proxy.url, server, silence_seconds=SILENCE_SECONDS)
        await lose(trial, proxy, vanished, server)
        await dropped(trial, rotating, left=0)
        await trial.settle("Peer vanishes without FIN; rotation ends its line", "uvicorn, Daphne, a proxy")
    rotating.process.kill()


async def lose(trial: Trial, proxy: Proxy, vanished: Client, server: Server) -> None:
    """Let a client's line go dead, write, and wait until the client has found another way and knows."""
    proxy.pause()
    vanished.url = server.url  # the phone is in another network; nobody tells the old one
    last = (await trial.write())[-1].modseq
    await vanished.until(lambda client: client.replica.modseq == last)
    assert vanished.all("end")[0].data == "silence"
