"""The database goes and comes back, once as it was, once as it had been: streams outlive both."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.trial import Trial
from tests.support.postgres import FOLDERS, Postgres
from tests.support.processes import find_program
from tests.support.proxy import Proxy
from tests.support.servers import Person, Server, Site

RESTORE_SECONDS: Final = 60.0
# A sweep that met the fault is tried again a second later, which the promised second allows for.
PARTS: Final = {"postgres": "PostgreSQL, uvicorn, Daphne", "sqlite": "SQLite, uvicorn, Daphne"}


class MortalPostgres(Postgres):
    """A PostgreSQL that is brought down as in a crash and keeps its data."""

    def __init__(self) -> None:
        super().__init__()
        # As PostgreSQL does it unless told otherwise, and other tests do tell it. Without, a crash loses commits that
        # clients have been told of, as a backup does that is put back.
        run_on(self, "psql", "--command", "ALTER ROLE postgres SET synchronous_commit = on", "postgres")

    def crash(self) -> None:
        """End it at once: every connection breaks, and the next start recovers from the write-ahead log."""
        self.process.send_signal(signal.SIGQUIT)  # https://www.postgresql.org/docs/current/server-shutdown.html
        self.process.wait()
        self.kill()


class PostgresBackup:
    """A dump of a PostgreSQL database, as `pg_dump` makes it."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._dump = run_on(postgres, "pg_dump", "--clean", "--if-exists", "postgres")

    def put_back(self) -> None:
        """Replace what is there by what was, while servers have it open."""
        options = ["--quiet", "--set", "ON_ERROR_STOP=1", "--single-transaction", "postgres"]
        run_on(self._postgres, "psql", *options, text=self._dump)


def run_on(postgres: Postgres, program: str, *words: str, text: str | None = None) -> str:
    """Run one of PostgreSQL's programs; return what it wrote."""
    where = ["--host", str(postgres.folder), "--port", str(postgres.port), "--username", "postgres"]
    command = [find_program(program, folders=FOLDERS), *where, *words]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=True, timeout=RESTORE_SECONDS
    ).stdout


class SqliteBackup:
    """A copy of an SQLite file, made and put back as `sqlite3`'s `.backup` and `.restore` do it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._copy = file.with_suffix(".backup")
        self._copy.unlink(missing_ok=True)
        self._transfer(file, self._copy)

    def put_back(self) -> None:
        """Replace what is there by what was, while servers have it open."""
        self._transfer(self._copy, self._file)

    def _transfer(self, source: Path, target: Path) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=RESTORE_SECONDS)) as new:
            old.backup(new)


@pytest.fixture(scope="module")
def postgres() -> Iterator[MortalPostgres]:
    """The PostgreSQL of this module; each test leaves it running."""
    with MortalPostgres() as postgres:
        yield postgres


@pytest.fixture(scope="module")
def sites(
    blank: Path, settings: dict[str, Any], postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[Site, list[Server]]]]:
    """A site on either database, with both servers."""
    make = tmp_path_factory.mktemp
    with (
        Site(make("pg"), database_url=postgres.url, settings=settings, may_log_errors=True) as on_postgres,
        Site(make("sqlite"), blank=blank, settings=settings) as on_sqlite,
    ):
        found = {"postgres": on_postgres, "sqlite": on_sqlite}
        yield {name: (site, [site.uvicorn(), site.daphne()]) for name, site in found.items()}


@pytest.fixture(params=["postgres", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database."""
    return str(request.param)


@pytest.fixture
def site(sites: dict[str, tuple[Site, list[Server]]], kind: str) -> Site:
    """The site on it."""
    return sites[kind][0]


@pytest.fixture
def servers(sites: dict[str, tuple[Site, list[Server]]], kind: str) -> list[Server]:
    """The servers of that site."""
    return sites[kind][1]


@pytest.fixture
def backup(kind: str, site: Site, postgres: Postgres, trial: Trial) -> Any:
    """Return a function that makes a backup of it."""
    return (lambda: PostgresBackup(postgres)) if kind == "postgres" else (lambda: SqliteBackup(site.database))


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
async def test_restarted(trial: Trial, servers: list[Server], postgres: MortalPostgres) -> None:
    """Streams stay open while PostgreSQL is down, nobody is logged out, and all goes on with the next sweep."""
    staying, leaving = await trial.follow(*servers), await trial.follow(*servers)
    last = (await trial.write())[-1].modseq
    for client in [*staying, *leaving]:
        await client.until(lambda client: client.replica.modseq == last)
    await asyncio.to_thread(postgres.crash)
    for client in leaving:
        client.cut()  # who comes now is asked to come later
        await client.until(lambda client: client.all("bye"))
        assert client.all("bye")[0].data == {"reason": "overload"}
    for client in staying:
        await client.next("ping")  # an open stream goes on
    await asyncio.to_thread(postgres.start)
    await trial.site.acall("connection.close()")  # the writer's own connection broke as well
    await trial.write()
    await trial.settle("PostgreSQL crashed and restarted under open streams", PARTS["postgres"])
    assert all(len(client.all("open")) == 1 for client in [*staying, *trial.bystanders])


async def test_put_back_and_epochs_renewed(
    trial: Trial, servers: list[Server], kind: str, backup: Any, other: Person
) -> None:
    """After `renew_epochs` every client starts anew, even one that stands just where the new history has come to."""
    async with Proxy(servers[0].port) as proxy:
        clients = await trial.follow(*servers, proxy.url)
        older = await asyncio.to_thread(backup)
        lost = await trial.write(6)
        for client in clients:
            await client.until(lambda client: client.replica.modseq == lost[-1].modseq)
        proxy.accepts = False  # one client is offline while it happens
        clients[-1].cut()
        await asyncio.to_thread(older.put_back)
        await asyncio.to_thread(trial.site.manage, "renew_epochs")
        anew = await trial.write(6)
        assert anew[-1].modseq == lost[-1].modseq  # same number, another history
        proxy.accepts = True
        for client in clients:
            await client.until(lambda client: client.all("reset")[-1].data["reason"] == "epoch")
        fault = "Database put back to an older dump, `manage.py renew_epochs`"
        await trial.settle(fault, PARTS[kind], told_anew=True)


async def test_put_back_without_renewal(trial: Trial, servers: list[Server], kind: str, backup: Any) -> None:
    """Without it, a client ahead of the older history is still found by the sweeper, before as much is written again."""
    clients = await trial.follow(*servers)
    older = await asyncio.to_thread(backup)
    lost = await trial.write(6)
    for client in clients:
        await client.until(lambda client: client.replica.modseq == lost[-1].modseq)
    await asyncio.to_thread(older.put_back)
    trial.mended()
    for client in clients:
        await client.until(lambda client: client.all("reset")[-1].data["reason"] == "ahead")
        assert not client.replica.items
    await trial.write(3)
    await trial.settle("Database put back to an older dump, nothing else done", PARTS[kind])
