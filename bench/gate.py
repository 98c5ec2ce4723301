"""The gate for speed: six central figures in a few minutes, of this tree and of another commit in turn.

make bench ARGS=gate                        this tree alone
make bench ARGS='gate --against main~5'     beside another commit, in a git worktree of its own

Each round measures every side, the sides in another order each time, so that what the machine does meanwhile meets all. CPU
seconds rather than wall time, ratios to something that does not change rather than seconds: nchan, a bare loop of `send()`,
raw SQL, COPY. A figure has moved when the ratios new : old of all rounds lie on one side of 1, and their median by more than
MOVED from it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bench import fanout, load, machine, senders, servers
from bench.client import Client
from bench.report import Table, figure
from bench.servers import ROOT, Server, Site
from bench.targets import FRAME_BYTES, peer_server

Of = TypeVar("Of")
LISTENERS = 1000
STREAMS = 500
GROUPS = 10
SINGLES = 300
BULK_USERS = 3000
ROUNDS = 5
MOVED = 0.02  # less than that nobody notices, and the compiler of the day moves it
PAUSE_SECONDS = 0.5
RACE = ROOT / "bench" / "site" / "race.py"  # this tree's, for both sides
HERE = "this tree"
# What each figure is, smaller is better.
NAMES = {
    "fan-out : nchan": "CPU of a delivery, beside nchan's",
    "fan-out : send()": "CPU of a delivery, beside a bare loop of send()",
    "notify() : SQL": "CPU of notify(), beside the same row changes in raw SQL (SQLite)",
    "connect CPU ms": "CPU of an opening",
    "KiB/stream": "memory of an idle stream",
    "replay CPU ms": "CPU of a client that comes back in a storm, one change behind",
    "bulk : COPY": "CPU of a row of notify_many(), beside COPY of it (PostgreSQL)",
}


@dataclass
class Side:
    """A tree of the project that is measured, and what each round gave."""

    name: str
    root: Path
    figures: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, value: float) -> None:
        """Keep what a round gave."""
        self.figures.setdefault(name, []).append(value)


def gate(options: argparse.Namespace, tables: list[Table]) -> None:
    """Measure, add a table, and say what moved."""
    began = time.monotonic()
    table = Table(
        "gate",
        "The gate for speed",
        f"uvicorn; {options.rounds} rounds, the sides in turn. {LISTENERS} streams of one user for fan-out, {STREAMS} "
        "streams of as many users otherwise. Median, least and most of the rounds; smaller is better. "
        + "; ".join(f"“{name}”: {what}" for name, what in NAMES.items())
        + ".",
        options={"rounds": options.rounds},
    )
    tables.append(table)
    with ExitStack() as stack:
        sides = [Side(HERE, ROOT)]
        if options.against:
            sides.append(Side(options.against, stack.enter_context(checked_out(options.against))))
        for measure in (deliveries, writes, streams, bulk):
            measure(sides, options.rounds)
            print(f"  {measure.__name__}: {time.monotonic() - began:.0f} s since the beginning", flush=True)
    for name in NAMES:
        table.add(name, row_of(name, sides))
    print("\n" + "\n".join(verdicts(sides)), flush=True)


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """Give a worktree of another commit; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", tree, revision], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True)


def turns(sides: list[Of], number: int) -> list[Of]:
    """Return the sides in the order of a round: there and back again, so that a drift meets both."""
    return sides if number % 2 == 0 else sides[::-1]


# --- the six


def deliveries(sides: list[Side], rounds: int) -> None:
    """Fan-out of each side, of nchan and of the bare loop, one after the other in each round."""
    with ExitStack() as stack:
        ours = [stack.enter_context(listening(side)) for side in sides]
        peers = {name: stack.enter_context(listening_at(name)) for name in ("nchan", "bare send()")}
        for number in range(rounds):
            floors = {name: cost_of(*each) for name, each in peers.items()}
            for side, each in turns(list(zip(sides, ours, strict=True)), number):
                cost = cost_of(*each)
                side.note("fan-out : nchan", cost / floors["nchan"])
                side.note("fan-out : send()", cost / floors["bare send()"])


Listening = tuple[Server, Client, senders.Sender, dict[str, Any]]


@contextmanager
def listening(side: Side) -> Iterator[Listening]:
    """Run a side's site with all streams of one user open."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site = servers.seeded(Path(folder), users=1, root=side.root)
        with servers.site_server("uvicorn", site, Path(folder)) as server:
            client = Client(server.port, window=200)
            client.open_all(load.requests_of(site.people * LISTENERS, server.port))
            yield server, client, senders.inside(server), {"users": [site.people[0]["user"]]}
            client.close()


@contextmanager
def listening_at(name: str) -> Iterator[Listening]:
    """Run a peer with as many streams of one channel."""
    with peer_server(name) as (peer, server):
        client = Client(server.port, ready=peer.ready, window=200)
        client.open_all([peer.request("bench", server.port)] * LISTENERS)
        yield server, client, senders.to_peer(server, size=FRAME_BYTES), {"ids": ["bench"]}
        client.close()


def cost_of(server: Server, client: Client, send: senders.Sender, to: dict[str, Any]) -> float:
    """Return the CPU microseconds of a delivery."""
    figures = fanout.fan_out(server, client, send, groups=GROUPS, burst=1, extra=to)
    if figures["lost"]:
        raise RuntimeError(f"{server.name} lost {figures['lost']:.0f} events.")
    return figures["CPU µs/delivery"]


def writes(sides: list[Side], rounds: int) -> None:
    """notify() beside raw SQL, on SQLite."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sites = {side.name: seeded_in(Path(folder) / str(place), side, 50) for place, side in enumerate(sides)}
        for number in range(rounds):
            for side in turns(sides, number):
                figures = race(sites[side.name], "single", SINGLES)
                side.note("notify() : SQL", figures["ours"] / figures["by hand"])


def streams(sides: list[Side], rounds: int) -> None:
    """Openings, memory and a storm of returns, by a fresh process each time."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        users = STREAMS + load.WARM_UP_STREAMS
        sites = {side.name: seeded_in(Path(folder) / str(place), side, users) for place, side in enumerate(sides)}
        for number in range(rounds):
            for side in turns(sides, number):
                site = sites[side.name]
                with servers.site_server("uvicorn", site, Path(folder) / "logs") as server:
                    measure_streams(side, server, site)


def measure_streams(side: Side, server: Server, site: Site) -> None:
    """Open idle streams; then send everybody one change more than they know of, and have all come back at once."""
    client = load.warmed_up(server, site, senders.inside(server))
    people = site.people[:STREAMS]
    figures = load.idle(server, client, load.requests_of(people, server.port), idle_seconds=0.5)
    side.note("connect CPU ms", figures["connect CPU ms"])
    side.note("KiB/stream", figures["KiB/idle stream"])
    client.close()
    run(site, [sys.executable, "-P", str(RACE), "all", *(str(who["user"]) for who in people)])
    time.sleep(PAUSE_SECONDS)
    client = Client(server.port, ready=b"event: change", window=STREAMS)
    cpu = server.cpu_seconds()
    client.open_all(load.requests_of(people, server.port))
    side.note("replay CPU ms", (server.cpu_seconds() - cpu) * 1000 / STREAMS)
    client.close()
    for who in people:  # what they know of in the next round
        epoch, modseq = who["position"].split(".")
        who["position"] = f"{epoch}.{int(modseq) + 1}"


def bulk(sides: list[Side], rounds: int) -> None:
    """notify_many() beside COPY, on PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, servers.postgres(Path(name)) as url:
        folder, sites = Path(name), {}
        for place, side in enumerate(sides):
            mine = f"{url.rpartition('/')[0]}/side{place}"
            run_sql(url, f"CREATE DATABASE side{place}")
            sites[side.name] = servers.seeded(folder, users=BULK_USERS, database_url=mine, root=side.root)
        for number in range(rounds):
            for side in turns(sides, number):
                figures = race(sites[side.name], "bulk", BULK_USERS)
                side.note("bulk : COPY", figures["ours"] / figures["by hand"])


def run_sql(url: str, statement: str) -> None:
    """Run one statement outside of any transaction."""
    import psycopg  # only this needs it

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def seeded_in(folder: Path, side: Side, users: int) -> Site:
    """Make a database of a side's own."""
    folder.mkdir()
    (folder.parent / "logs").mkdir(exist_ok=True)
    return servers.seeded(folder, users=users, root=side.root)


def race(site: Site, kind: str, count: int) -> dict[str, float]:
    """Run `site/race.py` on the server's core."""
    command = ["taskset", "-c", str(machine.SERVER_CORE), sys.executable, "-P", str(RACE), kind, str(count)]
    figures: dict[str, float] = json.loads(run(site, command))
    return figures


def run(site: Site, command: list[str]) -> str:
    """Run a program of a side's tree to its end; return what it printed."""
    done = subprocess.run(
        command, cwd=site.root, env={**os.environ, **site.env}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[:6]} failed:\n{done.stderr[-3000:]}")
    return done.stdout


# --- what they say


def row_of(name: str, sides: list[Side]) -> dict[str, float]:
    """Return the row of a figure: each side's rounds, and by how much the median of new : old is above 1."""
    row: dict[str, float] = {}
    for side in sides:
        values = side.figures[name]
        prefix = "" if len(sides) == 1 else "new " if side.name == HERE else "old "
        row |= {
            f"{prefix}median": statistics.median(values),
            f"{prefix}least": min(values),
            f"{prefix}most": max(values),
        }
    if len(sides) > 1:
        changes = ratios(*(side.figures[name] for side in sides))
        row |= {f"{word} %": (value - 1) * 100 for word, value in zip(("change", "from", "to"), changes, strict=True)}
    return row


def ratios(new: list[float], old: list[float]) -> tuple[float, float, float]:
    """Return the median, the least and the most of new : old, round by round."""
    each = [one / other for one, other in zip(new, old, strict=True)]
    return statistics.median(each), min(each), max(each)


def has_moved(new: list[float], old: list[float]) -> bool:
    """Return whether a figure moved beyond noise: every round says so in the same direction, and it is worth a word."""
    middle, least, most = ratios(new, old)
    return (least > 1 or most < 1) and abs(middle - 1) > MOVED


def verdicts(sides: list[Side]) -> list[str]:
    """Return a line for each figure that moved, or one that nothing did; nothing where there is one side."""
    if len(sides) < 2:
        return []
    new, old = sides
    lines = []
    for name, what in NAMES.items():
        if has_moved(new.figures[name], old.figures[name]):
            middle, least, most = ratios(new.figures[name], old.figures[name])
            word = "SLOWER" if middle > 1 else "faster"
            lines.append(
                f"{word}: {what}: {figure((middle - 1) * 100)} % ({figure((least - 1) * 100)} to {figure((most - 1) * 100)})"
            )
    return lines or [f"Nothing moved beyond noise against {old.name}."]
