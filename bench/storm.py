"""Everybody comes back at once, as after a deploy: what each costs, and how long until all are live again."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from bench.client import Client
from bench.load import Figures, requests_of
from bench.servers import Server

PAUSE_SECONDS = 1.0  # for the server to forget the former clients


def storm(server: Server, people: list[dict[str, Any]]) -> Figures:
    """Open a stream for each of these people at once, from their positions; close them again."""
    client = Client(server.port, window=len(people))
    queries, cpu, began = queries_of(server), server.cpu_seconds(), time.monotonic()
    client.open_all(requests_of(people, server.port))
    took, cpu = time.monotonic() - began, server.cpu_seconds() - cpu
    queries = queries_of(server) - queries
    left = server.cpu_seconds()
    client.close()
    time.sleep(PAUSE_SECONDS)
    return {
        "connect CPU ms": cpu * 1000 / len(people),
        "clients/query": len(people) / max(1, queries),
        "s until all live": took,
        "leave CPU ms": (server.cpu_seconds() - left) * 1000 / len(people),
        "refused": len(client.refusals),
    }


def queries_of(server: Server) -> int:
    """Return how many queries the server's process ran so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/bench/stats/", timeout=30) as response:
        return int(json.load(response)["queries"])
