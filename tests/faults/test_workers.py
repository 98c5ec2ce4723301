"""Workers go, with and without notice: their clients move to another one and miss nothing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.faults import urls
from tests.faults.trial import ALLOWANCE_SECONDS, Trial
from tests.support.client import Client
from tests.support.proxy import Proxy
from tests.support.redis import Redis
from tests.support.servers import Server, Site
from tests.support.visit import Visit

CLIENTS: Final = 5
MANY: Final = 120  # more than two slices of a drain
DRAIN_SECONDS: Final = 2.0
STOP_SECONDS: Final = DRAIN_SECONDS + 3  # what a service manager waits at least; uvicorn needs no more than the drain
RELOAD_SECONDS: Final = 8.0  # one takes two; a server that waited for its streams would not end at all
ASKED: Final = re.compile(r"Asked (\d+) streams to move on")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """What carries the doorbells between the workers."""
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(scope="module")
def site(
    blank: Path, redis: Redis, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site whose workers come and go."""
    folder = tmp_path_factory.mktemp("site")
    mine = settings | {"NOTIFICATIONS_DRAIN_SECONDS": DRAIN_SECONDS}
    with Site(folder, blank=blank, redis_url=redis.url, settings=mine) as site:
        yield site


@pytest.fixture(scope="module")
def heir(site: Site) -> Server:
    """The worker to which clients move."""
    return site.uvicorn()


def start(site: Site, program: str) -> Server:
    """Start the worker that will go."""
    return site.daphne() if program == "Daphne" else site.uvicorn()


async def test_killed_between_commit_and_doorbell(trial: Trial, site: Site, heir: Server) -> None:
    """A write whose doorbell died with its process arrives by the sweeper, also at the clients of that process."""
    server = await asyncio.to_thread(site.uvicorn)
    async with Proxy(server.port) as proxy:
        await trial.follow(heir)
        [moving] = await trial.follow(proxy.url)
        modseq = moving.replica.modseq
        proxy.target_port = heir.port
        began = time.monotonic()
        with suppress(httpx.RemoteProtocolError, httpx.ReadError):
            await trial.order(server, "die", user=trial.user.pk, title=f"{trial.word} unrung")
        await asyncio.to_thread(server.process.wait)
        trial.expect(modseq + 1, began)
        await moving.until(lambda client: client.connections > 1)
        await trial.settle("Worker killed between commit and doorbell", "two uvicorns, Redis")
    server.process.kill()


@pytest.mark.parametrize("program", ["uvicorn", "Daphne"])
async def test_killed_mid_stream(trial: Trial, site: Site, heir: Server, program: str) -> None:
    """Clients of a worker that is killed while it streams continue at another one where they stood."""
    server = await asyncio.to_thread(start, site, program)
    async with Proxy(server.port) as proxy:
        clients = await trial.follow(*[proxy.url] * CLIENTS)
        writing = asyncio.create_task(trial.write(150))
        await clients[0].until(lambda client: len(client.changes) > 20)
        proxy.target_port = heir.port
        server.process.kill()
        await writing
        for client in clients:
            await client.until(lambda client: len(client.all("hello")) == 2)
        await trial.settle("Worker killed while it streams, clients move", f"{program} → uvicorn, Redis")
        for client in clients:
            assert [entry.data["mode"] for entry in client.all("hello")] == ["reset", "resume"], client.story


@pytest.mark.parametrize("program", ["uvicorn", "Daphne"])
async def test_sigterm_drains(trial: Trial, site: Site, heir: Server, program: str) -> None:
    """At SIGTERM every client hears `bye drain`; the process ends in time; nothing is missed. Slices: test_shutdown.py."""
    server = await asyncio.to_thread(start, site, program)
    async with Proxy(server.port) as proxy, Visit(server.url) as visit:
        await visit.login(trial.user)
        clients = await trial.follow(*[proxy.url] * MANY, cookie=visit.cookie)
        writing = asyncio.create_task(trial.write(60))
        await clients[0].until(lambda client: client.changes)
        proxy.target_port = heir.port  # as a balancer does that takes it out
        began = time.monotonic()
        os.kill(server.process.pid, signal.SIGTERM)
        await asyncio.to_thread(server.process.wait, seconds=STOP_SECONDS + ALLOWANCE_SECONDS)
        stopped = time.monotonic() - began
        await writing
        await goodbyes(clients)
        last = max(client.all("bye")[0].at for client in clients)
        assert last - began < DRAIN_SECONDS + ALLOWANCE_SECONDS
        note = f"{program} ended {stopped:.1f} s after the signal"
        await trial.settle(f"SIGTERM with {MANY} streams, clients move", f"{program} → uvicorn, Redis", note=note)


async def goodbyes(clients: list[Client]) -> None:
    """Wait until every client has heard `bye drain`, once, and goes on elsewhere from its position."""
    for client in clients:
        await client.until(lambda client: len(client.all("hello")) == 2)
        assert [entry.data for entry in client.all("bye")] == [{"reason": "drain"}], client.story
        assert client.all("hello")[1].data["mode"] == "resume", client.story


async def test_ordered_drain_reaches_every_worker(trial: Trial, site: Site) -> None:
    """`manage.py drain_streams` ends the streams of all workers, behind either server, and they come back."""
    servers = await asyncio.to_thread(lambda: [site.uvicorn(workers=2), site.daphne()])
    clients = await trial.follow(*[servers[0]] * 10, *[servers[1]] * 4)
    writing = asyncio.create_task(trial.write(60))
    await clients[0].until(lambda client: client.changes)
    text = await asyncio.to_thread(site.manage, "drain_streams", "--seconds", "0.5")
    assert "Asked every worker" in text
    await writing
    await goodbyes(clients)
    asked = [sum(int(count) for count in ASKED.findall(server.process.log)) for server in servers]
    assert asked == [10, 5]  # the other user follows at Daphne
    for client in trial.bystanders:
        await client.until(lambda client: len(client.all("hello")) == 2)
    await trial.settle("`manage.py drain_streams`", "uvicorn with two workers, Daphne, Redis")
    for server in servers:
        server.process.kill()


async def test_autoreload_is_quick(trial: Trial, site: Site) -> None:
    """`runserver` reloads under open streams as fast as without, and they continue."""
    server = await asyncio.to_thread(site.runserver)
    clients = await trial.follow(*[server] * CLIENTS)
    await trial.write()
    began = time.monotonic()
    os.utime(urls.__file__)  # saved anew, with the same content
    for client in clients:
        await client.until(lambda client: len(client.all("hello")) == 2)
    seconds = max(client.all("hello")[1].at for client in clients) - began
    assert seconds < RELOAD_SECONDS + ALLOWANCE_SECONDS
    await trial.write()
    assert "changed, reloading" in server.process.log
    note = f"reloaded in {seconds:.1f} s"
    await trial.settle("`runserver` reloads under open streams", "Daphne by `manage.py runserver`", note=note)
    server.process.kill()
