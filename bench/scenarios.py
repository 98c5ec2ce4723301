"""The scenarios of `bench/run.py`: each adds a table, a row for each server, a fresh server and database for each row.

A peer that fails is left out and named; we failing ends the run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench import fanout, load, senders, servers, storm
from bench.client import Client
from bench.peers import registry
from bench.report import Table
from bench.servers import Server, Site

Scenario = Callable[[argparse.Namespace, list[Table]], None]
FRAME_BYTES = (
    373  # of data in an event that `site/send.py` causes (423 on the wire); the peers are given as much to send
)
IDLE_SECONDS = 5.0


@contextmanager
def own_site(server: str, database: str, *, users: int, has_redis: bool = False) -> Iterator[tuple[Server, Site]]:
    """Run the site on a fresh database; both are gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        url = stack.enter_context(servers.postgres(folder)) if database == "postgres" else ""
        redis_url = stack.enter_context(servers.redis(folder)) if has_redis else ""
        site = servers.seeded(folder, users=users, database_url=url, redis_url=redis_url)
        yield stack.enter_context(servers.site_server(server, site, folder)), site


@contextmanager
def peer_server(name: str) -> Iterator[tuple[registry.Peer, Server]]:
    """Run a peer."""
    peer = registry.PEERS[name]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, registry.started(peer, Path(folder)) as server:
        yield peer, server


@contextmanager
def reported(name: str) -> Iterator[None]:
    """Say that a peer failed and go on."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        print(f"  {name} failed: {error}", flush=True)


def live(options: argparse.Namespace, tables: list[Table]) -> None:
    """Idle streams, and single notifications to random users, from inside the server and from another process."""
    table = Table(
        "Idle streams and single notifications",
        f"{options.streams} idle streams of as many users; {options.rate:g} notifications a second to random ones. "
        f"Median of {options.rounds} rounds of {options.seconds:g} s. “inside”: notify() runs in the server's process, and "
        "its CPU counts as the server's; “other process”: over Redis pub/sub. “p50”: from the commit to the client; "
        "“call”: from the call of notify().",
        "p99 below 50 ms, at most 25 KiB for each idle stream",
    )
    tables.append(table)

    def measure(server: Server, client: Client, send: senders.Sender, requests: list[bytes], to: Any) -> load.Figures:
        figures = load.idle(server, client, requests, idle_seconds=IDLE_SECONDS)
        rounds = [
            load.latency(server, client, send, to, rate=options.rate, seconds=options.seconds)
            for _ in range(options.rounds)
        ]
        client.close()
        return load.median(rounds) | figures

    for database in options.databases:
        for where in ("inside", "other process"):
            for name in options.servers:
                users = options.streams + load.WARM_UP_STREAMS
                with own_site(name, database, users=users, has_redis=where != "inside") as (server, site):
                    send = senders.inside(server) if where == "inside" else senders.outside(site)
                    client = load.warmed_up(server, site, send)
                    people = site.people[: options.streams]
                    requests = load.requests_of(people, server.port)
                    figures = measure(server, client, send, requests, {"users": [who["user"] for who in people]})
                table.add(f"{name}, {database}, {where}", figures)
    for name in options.peers:
        with reported(name), peer_server(name) as (peer, server):
            client = Client(server.port, ready=peer.ready)
            client.open_all([peer.request(f"warm{n}", server.port) for n in range(load.WARM_UP_STREAMS)])
            ids = [str(number) for number in range(options.streams)]
            requests = [peer.request(channel, server.port) for channel in ids]
            send = senders.to_peer(server, size=FRAME_BYTES)
            table.add(name, measure(server, client, send, requests, {"ids": ids}))


def fan_out(options: argparse.Namespace, tables: list[Table]) -> None:
    """One event to every stream, alone and in bursts of ten."""
    table = Table(
        "One change to many streams",
        f"{options.listeners} streams of one user (peers: one channel), {options.rounds} rounds of 20 single events and of "
        f"5 bursts of ten, about {FRAME_BYTES} bytes each. Medians.",
        "uvicorn 0.8 × nchan for single events and 1.0 × for bursts, Daphne 2.2 × django-eventstream under Daphne",
    )
    tables.append(table)

    def measure(server: Server, client: Client, send: senders.Sender, to: dict[str, Any]) -> load.Figures:
        kinds = {"": (20, 1), "burst: ": (5, 10)}
        figures: load.Figures = {}
        for prefix, (groups, burst) in kinds.items():
            rounds = [
                fanout.fan_out(server, client, send, groups=groups, burst=burst, extra=to)
                for _ in range(options.rounds)
            ]
            figures |= {prefix + name: value for name, value in load.median(rounds).items()}
        client.close()
        return figures

    for name in options.servers:
        with own_site(name, options.databases[0], users=1) as (server, site):
            client = Client(server.port, window=200)
            client.open_all(load.requests_of(site.people * options.listeners, server.port))
            table.add(name, measure(server, client, senders.inside(server), {"users": [site.people[0]["user"]]}))
    for name in options.peers:
        with reported(name), peer_server(name) as (peer, server):
            client = Client(server.port, ready=peer.ready, window=200)
            client.open_all([peer.request("bench", server.port)] * options.listeners, seconds=120)
            table.add(name, measure(server, client, senders.to_peer(server, size=FRAME_BYTES), {"ids": ["bench"]}))


def reconnect(options: argparse.Namespace, tables: list[Table]) -> None:
    """Everybody comes back at once."""
    table = Table(
        "Reconnect storm",
        f"{options.clients} logged-in clients of as many users open a stream at once, each from its position. "
        f"Median of {options.rounds} storms after a first one.",
        "at most 0.7 CPU ms each under uvicorn, at least 20 clients for each query, all live in under 2 s",
    )
    tables.append(table)
    for database in options.databases:
        for name in options.servers:
            with own_site(name, database, users=options.clients) as (server, site):
                storm.storm(server, site.people)
                rounds = [storm.storm(server, site.people) for _ in range(options.rounds)]
                table.add(f"{name}, {database}", load.median(rounds))


def grow(options: argparse.Namespace, tables: list[Table]) -> None:
    """Memory and idle CPU by the number of streams."""
    table = Table(
        "Growth",
        f"Idle streams of as many users: memory, the CPU of connecting, and that of pings and sweeps over "
        f"{options.idle:g} s.",
        "at 5,000 streams 14 KiB under uvicorn and 18 KiB under Daphne; at 9,000 at most 5 % of a core",
    )
    tables.append(table)
    for name in options.servers:
        for streams in options.sizes:
            with own_site(name, options.databases[0], users=streams + load.WARM_UP_STREAMS) as (server, site):
                client = load.warmed_up(server, site, senders.inside(server))
                requests = load.requests_of(site.people[:streams], server.port)
                table.add(
                    f"{name}, {streams:,} streams", load.idle(server, client, requests, idle_seconds=options.idle)
                )
                client.close()
    for name in options.peers:
        for streams in options.sizes:
            with reported(name), peer_server(name) as (peer, server):
                client = Client(server.port, ready=peer.ready)
                client.open_all([peer.request(f"warm{n}", server.port) for n in range(load.WARM_UP_STREAMS)])
                requests = [peer.request(str(n), server.port) for n in range(streams)]
                table.add(
                    f"{name}, {streams:,} streams", load.idle(server, client, requests, idle_seconds=options.idle)
                )
                client.close()


def write(options: argparse.Namespace, tables: list[Table]) -> None:
    """Single and bulk writes, doorbells over Redis included, with another writer at work."""
    table = Table(
        "Writes",
        f"1,000 notify(), then notify_many() and broadcast() to {options.users:,} users, doorbells over Redis included.",
        "notify() at most 4 queries; bulk 30,000 rows/s on SQLite, 25,000 on PostgreSQL, no lock longer than 100 ms",
    )
    tables.append(table)
    for database in options.databases:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            url = stack.enter_context(servers.postgres(folder)) if database == "postgres" else ""
            redis_url = stack.enter_context(servers.redis(folder))
            site = servers.seeded(folder, users=options.users, database_url=url, redis_url=redis_url)
            core = ["taskset", "-c", str(servers.machine.SERVER_CORE)]
            command = [*core, sys.executable, "-m", "bench.site.write", str(options.users)]
            done = subprocess.run(
                command,
                cwd=servers.ROOT, env={**os.environ, **site.env}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"Writing failed:\n{done.stderr[-3000:]}")
            table.add(database, json.loads(done.stdout))


SCENARIOS: dict[str, Scenario] = {
    "live": live,
    "fanout": fan_out,
    "storm": reconnect,
    "growth": grow,
    "writes": write,
}
