"""The scenarios that need no server: writes, and reads. Each is a program of its own, run on the server's core."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from bench import machine
from bench.load import Figures
from bench.report import Table
from bench.servers import ROOT, Site
from bench.targets import own_database

READERS = 100  # users in the database besides the one who reads


def write(options: argparse.Namespace, tables: list[Table]) -> None:
    """Single and bulk writes, doorbells over Redis included, with another writer at work."""
    table = Table(
        "writes",
        "Writes",
        f"1,000 notify(), then notify_many() and broadcast() to {options.users:,} users, until the last doorbell has gone "
        "to Redis. “longest lock”: the longest transaction. “other writer”: the longest notify() of a thread that "
        "writes to one of the same users meanwhile.",
        "notify() at most 4 queries; bulk 30,000 rows/s on SQLite, 25,000 on PostgreSQL, no lock longer than 100 ms",
        options={"users": options.users},
    )
    tables.append(table)
    for database in options.databases:
        with own_database(database, users=options.users, has_redis=True) as site:
            table.add(database, figures_of("bench.site.write", site, options.users))


def read(options: argparse.Namespace, tables: list[Table]) -> None:
    """Badge and pages of small, large and very large inboxes."""
    table = Table(
        "reads",
        "Reads",
        "An inbox of so many notifications, one in five unread, one in ten archived, beside as many of other users: the "
        "badge, the first page, the page after it, a page from the middle, the first page of unread ones. Medians of 200.",
        "each a fixed number of queries, and a time that is flat",
        grows="notifications",
    )
    tables.append(table)
    for database in options.databases:
        for size in options.inboxes:
            with own_database(database, users=READERS) as site:
                table.add(database, figures_of("bench.site.read", site, size), size=size)


def profile(options: argparse.Namespace, tables: list[Table]) -> None:
    """Where a single notify() spends its time."""
    table = Table(
        "profile",
        "Where notify() spends its time",
        "1,000 calls under cProfile, own times by the part of the program. It makes Python's calls dearer than they are and "
        "leaves C as it is, so these are shares, and the database's is larger in truth. “our SQL”: locks, the insert, the "
        "counters, the payload; “doorbell”: waking the thread that rings.",
        "a reason for what is missed",
    )
    tables.append(table)
    for database in options.databases:
        with own_database(database, users=READERS, has_redis=True) as site:
            table.add(database, figures_of("bench.site.profile", site, 1000))


def figures_of(module: str, site: Site, number: int) -> Figures:
    """Run a program against a site's database, on the server's core; return what it prints."""
    command = ["taskset", "-c", str(machine.SERVER_CORE), sys.executable, "-m", module, str(number)]
    env = {**os.environ, **site.env}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-3000:]}")
    figures: Figures = json.loads(done.stdout)
    return figures
