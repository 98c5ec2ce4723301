"""The scenarios of `bench/run.py`: each adds a table, a row for each server, a fresh server and database for each row.

A peer that fails is left out and named; we failing ends the run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from bench import databases, fanout, gate, growing, load, senders, storm
from bench.broadcast import broadcast
from bench.client import Client
from bench.report import Table
from bench.servers import Server
from bench.targets import FRAME_BYTES, own_site, peer_server, reported

Scenario = Callable[[argparse.Namespace, list[Table]], None]
IDLE_SECONDS = 5.0


def live(options: argparse.Namespace, tables: list[Table]) -> None:
    """Idle streams, and single notifications to random users, from inside the server and from another process."""
    table = Table(
        "live",
        "Idle streams and single notifications",
        f"{options.streams} idle streams of as many users; {options.rate:g} notifications a second to random ones. "
        f"Median of {options.rounds} rounds of {options.seconds:g} s. “inside”: notify() runs in the server's process, and "
        "its CPU counts as the server's; “other process”: over Redis pub/sub. “p50”: from the commit to the client; "
        "“call”: from the call of notify(). “bare INSERT”: one row by the same driver in the same process, committed and "
        "told to nobody, as the floor for a log in a database.",
        "p99 below 10 ms and p50 at most 2 × nchan's, from the call",
        options={"streams": options.streams, "rate": options.rate},
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
        with own_site(options.servers[-1], database, users=options.streams) as (server, site):
            people = [who["user"] for who in site.people]
            table.add(f"bare INSERT, {database}", load.bare(server, people, rate=options.rate, seconds=options.seconds))
    for name in options.peers:
        with reported(name, table), peer_server(name) as (peer, server):
            client = Client(server.port, ready=peer.ready)
            client.open_all([peer.request(f"warm{n}", server.port) for n in range(load.WARM_UP_STREAMS)])
            ids = [str(number) for number in range(options.streams)]
            requests = [peer.request(channel, server.port) for channel in ids]
            send = senders.to_peer(server, size=FRAME_BYTES)
            table.add(name, measure(server, client, send, requests, {"ids": ids}))


def fan_out(options: argparse.Namespace, tables: list[Table]) -> None:
    """One event to every stream, alone and in bursts of ten."""
    table = Table(
        "fanout",
        "One change to many streams",
        f"{options.listeners} streams of one user (peers: one channel), {options.rounds} rounds of 20 single events and of "
        f"5 bursts of ten, about {FRAME_BYTES} bytes each. Medians.",
        "uvicorn 0.8 × nchan for single events and 1.0 × for bursts, Daphne 2.2 × django-eventstream under Daphne",
        options={"listeners": options.listeners},
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
        with reported(name, table), peer_server(name) as (peer, server):
            client = Client(server.port, ready=peer.ready, window=200)
            client.open_all([peer.request("bench", server.port)] * options.listeners, seconds=120)
            table.add(name, measure(server, client, senders.to_peer(server, size=FRAME_BYTES), {"ids": ["bench"]}))


def reconnect(options: argparse.Namespace, tables: list[Table]) -> None:
    """Everybody comes back at once."""
    table = Table(
        "storm",
        "Reconnect storm",
        f"{options.clients} logged-in clients of as many users open a stream at once, each from its position. "
        f"Median of {options.rounds} storms after a first one.",
        "at most 0.7 CPU ms each under uvicorn, at least 20 clients for each query, all live in under 2 s",
        options={"clients": options.clients},
    )
    tables.append(table)
    for database in options.databases:
        for name in options.servers:
            with own_site(name, database, users=options.clients) as (server, site):
                storm.storm(server, site.people)
                rounds = [storm.storm(server, site.people) for _ in range(options.rounds)]
                table.add(f"{name}, {database}", load.median(rounds))


SCENARIOS: dict[str, Scenario] = {
    "live": live,
    "fanout": fan_out,
    "storm": reconnect,
    "growth": growing.grow,
    "workers": growing.share,
    "writes": databases.write,
    "reads": databases.read,
    "profile": databases.profile,
    "broadcast": broadcast,
    "gate": gate.gate,
}
