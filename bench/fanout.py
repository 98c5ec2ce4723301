"""One change to many streams: how many deliveries a server makes for each second of its CPU, and whether all arrive."""

from __future__ import annotations

import time
from typing import Any

from bench import senders
from bench.client import Client
from bench.load import Figures, next_number, quantile
from bench.servers import Server

CALM = 1.3  # groups of events follow each other after this × what one takes, so that no server is ever behind
LEAST_SECONDS = 0.05  # … and not closer than this
MOST_SECONDS = 12.0  # a slow server gets fewer groups, so that a round stays short


def fan_out(
    server: Server, client: Client, send: senders.Sender, *, groups: int, burst: int, extra: dict[str, Any]
) -> Figures:
    """Send groups of events that every open stream gets; one group more goes first, to warm up and to set the pace.

    `extra` completes the plan: to whom.
    """
    listeners = [stream for stream in client.streams if stream.sock is not None]
    first = next_number()
    began = time.monotonic()
    send_and_wait(client, send, {"first": first, "count": burst, "rate": 1e9, "burst": burst} | extra, len(listeners))
    pace = max(LEAST_SECONDS, CALM * (time.monotonic() - began))
    groups = max(2, min(groups, int(MOST_SECONDS / pace)))
    first, count = next_number(), groups * burst
    plan = {"first": first, "count": count, "rate": burst / pace, "burst": burst, "delay": 0.1} | extra
    cpu = server.cpu_seconds()
    sending = send_and_wait(client, send, plan, len(listeners))
    cpu = server.cpu_seconds() - cpu
    last = dict(client.arrivals)  # the latest one of each
    spans = sorted((now - sending.committed[number]) * 1000 for number, now in last.items())
    wanted = list(range(first, first + count))
    return {
        "deliveries/CPU s": count * len(listeners) / cpu,
        "CPU µs/delivery": cpu * 1e6 / count / len(listeners),
        "ms to the last stream": quantile(spans, 0.5),
        "lost": count * len(listeners) - len(client.arrivals),
        "streams out of order": sum(
            [number for number in stream.marks if number >= first] != wanted for stream in listeners
        ),
    }


def send_and_wait(client: Client, send: senders.Sender, plan: dict[str, Any], listeners: int) -> senders.Sending:
    """Carry a plan out and wait until each listener has all of it, or nothing comes any more."""
    client.arrivals.clear()
    sending = send(client, plan)
    senders.await_arrivals(client, plan["count"] * listeners)
    return sending
