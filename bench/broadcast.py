"""One broadcast to very many users on PostgreSQL, while some of them are connected and others are notified.

    bench/run.py broadcast --users 1000000

How long it takes, how large it is, how long a concurrent `notify()` waits for its locks, and how late that shows at the
streams that are open meanwhile. Doorbells go over Redis; worker, sender and server are processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import senders, servers
from bench.client import Client
from bench.load import Figures, next_number, quantile, requests_of
from bench.report import Table
from bench.servers import ROOT, Server, Site

CONNECTED = 1000
COLD_SECONDS = 0.5
RATE = 50.0  # notifications a second to connected users, meanwhile
PLAN_SECONDS = 2.5  # of one program that sends them; the next follows until the broadcast is out and retracted


def broadcast(options: argparse.Namespace, tables: list[Table]) -> None:
    """Send to everyone, and take it back."""
    table = Table(
        "Broadcast",
        f"One broadcast to {options.users:,} users on PostgreSQL, then retracted; {min(CONNECTED, options.users):,} of them "
        f"connected, {RATE:g} notify() a second to these meanwhile, from another process. “notify() max”: from the call to "
        "its return, so the wait for locks is in it; “live”: from the commit to the client.",
        "no notify() waits longer than 100 ms for a lock; nothing lost",
    )
    tables.append(table)
    for name in options.servers:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            url = stack.enter_context(servers.postgres(folder))
            redis_url = stack.enter_context(servers.redis(folder))
            connected = min(CONNECTED, options.users)
            site = servers.seeded(folder, users=connected, database_url=url, redis_url=redis_url)
            run("bench.site.crowd", str(options.users), site)
            server = stack.enter_context(
                servers.site_server(name, site, folder, DJANGO_SETTINGS_MODULE="bench.site.idle_settings")
            )
            table.add(name, measure(server, site, connected))


def measure(server: Server, site: Site, connected: int) -> Figures:
    """Run a worker and a sender at once until the worker is done; return what each saw."""
    client = Client(server.port)
    client.open_all(requests_of(site.people, server.port))
    number = next_number()
    quiet = meanwhile(client, site, lambda: False)
    command = [sys.executable, "-m", "bench.site.announce", str(number)]
    client.arrivals.clear()
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **site.env}, stdout=subprocess.PIPE) as worker:
        busy = meanwhile(client, site, lambda: worker.poll() is None)
        output = worker.stdout.read() if worker.stdout else b""
    if worker.returncode:
        raise RuntimeError(f"The broadcast failed with {worker.returncode}.")
    done = json.loads(output.splitlines()[-1])
    got = [mark for mark, _now in client.arrivals if mark == number]
    sending = [one for one in busy if done["began"] <= one.begun <= done["sent"]]
    retracting = [one for one in busy if done["sent"] < one.begun <= done["ended"]]
    figures: Figures = dict(done["figures"])
    for label, ones in (("quiet", quiet), ("sending", sending), ("retracting", retracting)):
        warm = [one for one in ones if not one.is_cold]
        calls = sorted((one.done - one.begun) * 1000 for one in warm)
        lates = sorted((one.arrived - one.committed) * 1000 for one in warm if one.arrived)
        if calls and lates:
            figures |= {
                f"{label}: notify() max ms": calls[-1],
                f"{label}: live p50 ms": quantile(lates, 0.5),
                f"{label}: live p99 ms": quantile(lates, 0.99),
            }
    figures["lost"] = connected - len(got) + sum(not one.arrived for one in busy) + done["left"]
    client.close()
    return figures


@dataclass(frozen=True, slots=True)
class One:
    """One notification that was sent meanwhile: when it was called for, committed, done, and seen (0: not yet).

    Those of a program's first half second are told apart: it imports, and connects to PostgreSQL and to Redis.
    """

    begun: float
    committed: float
    done: float
    arrived: float
    is_cold: bool


def meanwhile(client: Client, site: Site, is_on: Any) -> list[One]:
    """Notify connected users, at least once and until `is_on()` is over."""
    ones: list[One] = []
    users = [who["user"] for who in site.people]
    while True:
        plan = {"first": next_number(), "count": int(RATE * PLAN_SECONDS), "rate": RATE, "users": users}
        came = len(client.arrivals)
        sending = senders.run_program("bench.site.send", client, plan, site.env)
        client.run(lambda: False, seconds=0.5)  # for the last ones; what takes longer is found in the next round
        arrived = dict(client.arrivals[came:])
        warm_from = sending.sent[0][1] + COLD_SECONDS
        for mark, begun, committed, done in sending.sent:
            ones.append(One(begun, committed, done, arrived.get(mark, 0.0), is_cold=begun < warm_from))
        if not is_on():
            return ones


def run(module: str, argument: str, site: Site) -> None:
    """Run a program of the measured site to its end."""
    command = [sys.executable, "-m", module, argument]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **site.env}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-3000:]}")
