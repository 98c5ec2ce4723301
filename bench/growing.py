"""The scenarios in which the number of streams grows: alone, beside peers, and over several workers."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from bench import fanout, load, senders
from bench.client import Client
from bench.report import Table
from bench.servers import Server
from bench.targets import FRAME_BYTES, own_site, peer_server, reported

SINGLE_EVENTS = 10
OPEN_SECONDS = 180.0  # for 9,000 streams of the slowest peer
PAUSE_SECONDS = 1.0  # for a server to forget the streams that left


def grow(options: argparse.Namespace, tables: list[Table]) -> None:
    """Memory, connecting, idling and fan-out by the number of streams."""
    table = Table(
        "growth",
        "Growth",
        f"Idle streams of as many users: memory, the CPU of connecting, and that of pings and sweeps over "
        f"{options.idle:g} s. Then as many streams of one user (peers: one channel), and {SINGLE_EVENTS} events to all.",
        "at 5,000 streams 14 KiB under uvicorn and 18 KiB under Daphne; at 9,000 at most 5 % of a core",
        grows="streams",
        options={"idle": options.idle},
    )
    tables.append(table)
    for name in options.servers:
        for streams in options.sizes:
            with own_site(name, options.databases[0], users=streams + load.WARM_UP_STREAMS) as (server, site):
                send = senders.inside(server)
                client = load.warmed_up(server, site, send)
                requests = load.requests_of(site.people[:streams], server.port)
                figures = load.idle(server, client, requests, idle_seconds=options.idle)
                client.close()
                one = site.people[:1]
                figures |= to_all(
                    Client(server.port, window=200), server, send, {"users": [one[0]["user"]]},
                    load.requests_of(one * streams, server.port),
                )  # fmt: skip
                table.add(name, figures, size=streams)
    for name in options.peers:
        for streams in options.sizes:
            with reported(name, table), peer_server(name) as (peer, server):
                client = Client(server.port, ready=peer.ready)
                client.open_all([peer.request(f"warm{n}", server.port) for n in range(load.WARM_UP_STREAMS)])
                requests = [peer.request(str(n), server.port) for n in range(streams)]
                figures = load.idle(server, client, requests, idle_seconds=options.idle)
                client.close()
                figures |= to_all(
                    Client(server.port, ready=peer.ready, window=200), server,
                    senders.to_peer(server, size=FRAME_BYTES), {"ids": ["bench"]},
                    [peer.request("bench", server.port)] * streams,
                )  # fmt: skip
                table.add(name, figures, size=streams)


def share(options: argparse.Namespace, tables: list[Table]) -> None:
    """Let one worker and several serve the same streams, over Redis, with a sender outside of them."""
    table = Table(
        "workers",
        "Several workers over Redis",
        "Streams of one user under uvicorn with one worker and with more, and single events to all of them from another "
        "process over Redis pub/sub. CPU and memory are those of all workers and of the process that minds them.",
        grows="streams",
    )
    tables.append(table)
    for workers in options.workers:
        for streams in options.sizes:
            users = 1 + load.WARM_UP_STREAMS
            with own_site("uvicorn", options.databases[0], users=users, has_redis=True, workers=workers) as (
                server,
                site,
            ):
                send = senders.outside(site)
                warm = load.warmed_up(server, site, send)
                client, one = Client(server.port, window=200), site.people[:1]
                requests = load.requests_of(one * streams, server.port)
                figures = load.idle(server, client, requests, idle_seconds=0.5)
                del figures["idle CPU %"]  # of half a second says nothing
                figures |= to_all(client, server, send, {"users": [one[0]["user"]]}, [])
                warm.close()
                table.add(f"{workers} worker{'s' if workers > 1 else ''}", figures, size=streams)


def to_all(
    client: Client, server: Server, send: senders.Sender, to: dict[str, Any], requests: Sequence[bytes]
) -> load.Figures:
    """Open these streams, and send single events to all streams that are open; then close the client."""
    if requests:
        time.sleep(PAUSE_SECONDS)
        client.open_all(requests, seconds=OPEN_SECONDS)
    figures = fanout.fan_out(server, client, send, groups=SINGLE_EVENTS, burst=1, extra=to)
    client.close()
    names = ("deliveries/CPU s", "ms to the last stream", "lost", "streams out of order")
    return {name: figures[name] for name in names}
