"""What is measured: our site on a fresh database, or a peer. Both are gone afterwards.

A peer that fails is left out and named; we failing ends the run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import servers
from bench.peers import registry
from bench.report import Table
from bench.servers import Server, Site

# Of data in an event that `site/send.py` causes (423 on the wire); the peers are given as much to send.
FRAME_BYTES = 373


@contextmanager
def own_database(database: str, *, users: int, has_redis: bool = False) -> Iterator[Site]:
    """Make a fresh database with users in it, and a Redis beside it where wanted; both are gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        url = stack.enter_context(servers.postgres(folder)) if database == "postgres" else ""
        redis_url = stack.enter_context(servers.redis(folder)) if has_redis else ""
        yield servers.seeded(folder, users=users, database_url=url, redis_url=redis_url)


@contextmanager
def own_site(
    server: str, database: str, *, users: int, has_redis: bool = False, workers: int = 1
) -> Iterator[tuple[Server, Site]]:
    """Run the site on a fresh database; both are gone afterwards."""
    with ExitStack() as stack:
        site = stack.enter_context(own_database(database, users=users, has_redis=has_redis))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        yield stack.enter_context(servers.site_server(server, site, folder, workers=workers)), site


@contextmanager
def peer_server(name: str) -> Iterator[tuple[registry.Peer, Server]]:
    """Run a peer."""
    peer = registry.PEERS[name]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, registry.started(peer, Path(folder)) as server:
        yield peer, server


@contextmanager
def reported(name: str, table: Table) -> Iterator[None]:
    """Say that a peer failed, at once and below the table, and go on."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        table.failures.append(f"{name} failed: {error}")
        print(f"  {table.failures[-1]}", flush=True)
