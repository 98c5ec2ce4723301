"""The scenarios: what is done to a server, and the figures that come of it.

Each returns a flat dict of figures by name, the unit in the name. What repeats is a median over rounds.
"""

from __future__ import annotations

import itertools
import os
import statistics
import time
from collections.abc import Sequence
from typing import Any

from bench import machine, senders
from bench.client import Client, stream_request
from bench.servers import Server, Site

Figures = dict[str, float]

WARM_UP_STREAMS = 50
WEIGHABLE_STREAMS = 500  # what fewer take is lost in what a process takes and gives back by itself
_numbers = itertools.count(1_000_000, 1_000_000)  # each round numbers its events from one of these


def next_number() -> int:
    """Return the first number of a round's events; none was used before."""
    return next(_numbers)


def requests_of(people: Sequence[dict[str, Any]], port: int, *, has_position: bool = True) -> list[bytes]:
    """Return the requests for one stream of each of these people, from where the seed left them."""
    path = "/notifications/stream/"
    return [
        stream_request(f"{path}?since={who['position']}" if has_position else path, port=port, cookie=who["cookie"])
        for who in people
    ]


def warmed_up(server: Server, site: Site, send: senders.Sender) -> Client:
    """Return a client with some streams that were sent to: what a server loads on first use is no stream's memory."""
    client = Client(server.port)
    warm = site.people[-WARM_UP_STREAMS:]
    client.open_all(requests_of(warm, server.port))
    latency(server, client, send, {"users": [who["user"] for who in warm]}, rate=100, seconds=1)
    return client


def idle(server: Server, client: Client, requests: Sequence[bytes], *, idle_seconds: float) -> Figures:
    """Open idle streams; return what they cost, connected and while nothing happens but pings and sweeps."""
    streams = len(requests)
    memory, cpu = server.memory_kib(), server.cpu_seconds()
    client.open_all(requests)
    client.run(lambda: False, seconds=0.5)
    connected = server.cpu_seconds()
    client.run(lambda: False, seconds=idle_seconds)
    waiting = server.cpu_seconds() - connected
    memory = server.memory_kib() - memory
    return ({"KiB/idle stream": memory / streams} if streams >= WEIGHABLE_STREAMS else {}) | {
        "connect CPU ms": (connected - cpu) * 1000 / streams,
        "idle CPU %": waiting / idle_seconds * 100,
    }


def latency(
    server: Server, client: Client, send: senders.Sender, to: dict[str, Any], *, rate: float, seconds: float
) -> Figures:
    """Send to some of `to` at random; return how long each took to the client, and the CPU it cost.

    From the commit, and from the call of `notify()` (for a peer: from the request to publish, both).
    """
    first, count = next_number(), int(rate * seconds)
    client.arrivals.clear()
    cpu, waited, began = server.cpu_seconds(), waits_of(server), time.monotonic()
    plan = {"first": first, "count": count, "rate": rate, "delay": 0.2} | to
    sending = send(client, plan)
    came = senders.await_arrivals(client, count)
    took, cpu = time.monotonic() - began, server.cpu_seconds() - cpu
    spent = [after - before for before, after in zip(waited, waits_of(server), strict=True)]
    committed = sending.committed
    waits = sorted((now - committed[number]) * 1000 for number, now in client.arrivals)
    called = {number: begun for number, begun, _committed, _done in sending.sent}
    totals = sorted((now - called[number]) * 1000 for number, now in client.arrivals)
    writes = sorted((done - begun) * 1000 for _number, begun, _committed, done in sending.sent)
    return {
        "p50 ms": quantile(waits, 0.5),
        "p99 ms": quantile(waits, 0.99),
        "max ms": waits[-1],
        "call p50 ms": quantile(totals, 0.5),
        "call p99 ms": quantile(totals, 0.99),
        "lost": count - len({number for number, _now in client.arrivals}),
        "doubled": came - len({number for number, _now in client.arrivals}),
        "server without a core %": spent[0] / took * 100,
        "client without a core %": spent[1] / took * 100,
        "server CPU %": cpu / took * 100,
        "CPU ms/delivery": cpu / count * 1000,
        "sender CPU ms/notify": sending.cpu / count * 1000,
        "notify p50 ms": quantile(writes, 0.5),
    }


def bare(server: Server, users: list[Any], *, rate: float, seconds: float) -> Figures:
    """Insert and commit bare rows in the server's process; return what each took there."""
    client = Client(server.port)
    plan = {"first": next_number(), "count": int(rate * seconds), "rate": rate, "users": users, "is_bare": True}
    sending = senders.inside(server)(client, plan)
    client.close()
    writes = sorted((done - begun) * 1000 for _number, begun, _committed, done in sending.sent)
    return {
        "call p50 ms": quantile(writes, 0.5),
        "call p99 ms": quantile(writes, 0.99),
        "sender CPU ms/notify": sending.cpu / len(writes) * 1000,
    }


def waits_of(server: Server) -> tuple[float, float]:
    """Return how long the server and this client were ready to run and had to wait, in seconds."""
    return server.waiting_seconds(), machine.waiting_seconds([os.getpid()])


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share of the sorted values lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(rounds: Sequence[Figures]) -> Figures:
    """Return the median of each figure; of what must never happen, the worst."""
    worst = {"lost", "doubled", "max ms", "streams out of order", "refused"}
    return {
        name: (max if name in worst else statistics.median)(figures[name] for figures in rounds) for name in rounds[0]
    }
