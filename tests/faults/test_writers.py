"""Writers where one does not expect them, a channel layer that drops, a clock that steps: readers get everything.

# Note [What depends on the wall clock]

Positions are counters, and order is theirs. Pings, sweeps, rotation, send time-outs and the doorbell's patience run on
the event loop's clock, which is monotonic. What remains on the wall clock: `created_at`, `read_at` and `archived_at`,
which are shown and never compared (lists are ordered by id); `prune_notifications`, which asks for an age; the expiry of
sessions, which is Django's rule: a clock that jumps past it logs people out; and a histogram of the metrics page.
"""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from tests.faults.trial import Trial
from tests.support.servers import Server, Site

HOUR_SECONDS: Final = 3600
DROP_SECONDS: Final = 20.0  # one doorbell in ten is dropped, and sixty ring in a moment
DAY_SECONDS: Final = 24 * HOUR_SECONDS
LOST: Final = """
from notifications.hub.counters import counters
from notifications.log.doorbell import ringer
ringer.sent - counters.heard
"""


@pytest.fixture(scope="module")
def servers(site: Site) -> list[Server]:
    """Both servers, each of which hears its own doorbells only."""
    return [site.uvicorn(), site.daphne()]


async def test_foreign_thread(trial: Trial, servers: list[Server]) -> None:
    """A thread that neither Django nor the hub has started may write: its own process is rung, the other one sweeps."""
    await trial.follow(*servers)
    for server in servers:
        await trial.write_in(server, name="foreign-thread")
    await trial.settle("Write from a foreign thread", "uvicorn, Daphne, no Redis")


async def test_other_process_without_redis(trial: Trial, servers: list[Server]) -> None:
    """What a command or a worker writes is found by the sweeper, where nothing can carry its doorbell."""
    await trial.follow(*servers)
    await trial.write(60)
    await trial.settle("Write from another process without Redis", "uvicorn, Daphne, no Redis")


async def test_layer_at_capacity(trial: Trial, site: Site) -> None:
    """A channel layer that holds one message and drops the rest costs latency only."""
    layers = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1}}}
    servers = await asyncio.to_thread(lambda: [start(CHANNEL_LAYERS=layers) for start in (site.uvicorn, site.daphne)])
    clients = await trial.follow(*servers)
    dropped = 0
    for server, client in zip(servers, clients, strict=True):
        lost = 0
        async with asyncio.timeout(DROP_SECONDS):
            while lost <= 0:  # which doorbell finds the channel full is a matter of chance
                await trial.order(server, "noise", seconds=1.0)
                await trial.write_in(server, 60)
                await client.next("ping")  # what is under way has been heard by then
                lost = await trial.order(server, "run", code=LOST)
        dropped += lost
    note = f"{dropped} doorbells dropped"
    await trial.settle("Channel layer at capacity", "uvicorn, Daphne, in-memory layer for one message", note=note)
    for server in servers:
        server.process.kill()


async def test_clock_steps(trial: Trial, servers: list[Server]) -> None:
    """A wall clock that goes back an hour or forth a day moves nothing. See Note [What depends on the wall clock]."""
    clients = await trial.follow(*servers)
    for seconds in (-HOUR_SECONDS, DAY_SECONDS, 0):
        for server in servers:
            await trial.order(server, "clock", seconds=seconds)
            await trial.write_in(server)
        for client in [*clients, *trial.bystanders]:
            await client.next("ping")
    await trial.settle("Wall clock steps back an hour, forth a day, and back", "uvicorn, Daphne")
    assert all(len(client.all("open")) == 1 for client in [*clients, *trial.bystanders])
