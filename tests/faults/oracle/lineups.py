"""The line-ups: a database, a channel layer and servers, each part of which can be killed and started again.

Receives a folder. Guarantees that every server listens when a method returns, on the same port for its whole life, and
that `close()` ends all that was started.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.support.mariadb import Mariadb
from tests.support.postgres import Postgres
from tests.support.processes import Process, free_port
from tests.support.redis import Redis
from tests.support.servers import ASGI, PYTHON, TROUBLE, Site
from tests.support.shell import ROOT

from .trail import Trail

__all__ = ["LINEUPS", "Lineup", "Node"]

SETTINGS: Final[dict[str, Any]] = {
    "ROOT_URLCONF": "tests.faults.oracle.urls",
    "NOTIFICATIONS_PING_SECONDS": 2.0,  # the judge compares the client's position with each ping
    "NOTIFICATIONS_ROTATE_SECONDS": 25.0,
    "NOTIFICATIONS_REJOIN_SECONDS": 2.0,
    "NOTIFICATIONS_DRAIN_SECONDS": 1.0,
    "NOTIFICATIONS_SEND_POLL_SECONDS": 0.5,
    "NOTIFICATIONS_STREAMS_PER_USER": 100,  # who comes back at once is there twice for a moment
    "NOTIFICATIONS_API_REQUESTS_PER_MINUTE": 100_000,
}
# As docs/howto/databases.md tells a site to ("Let PostgreSQL fail fast"), only with less patience.
FAIL_FAST: Final = {"OPTIONS": {"options": "-c statement_timeout=4000"}}
STOP_SECONDS: Final = 20.0
READY_SECONDS: Final = 90.0  # a start takes 3 s on an idle machine
READY: Final = "Application startup complete"
WORKER: Final = re.compile(r"Started server process \[(\d+)\]")
# What differs between two lines that say the same.
TIME: Final = re.compile(r"^[\d-]+ [\d:,]+ ")
TASK: Final = re.compile(r" name='Task-\d+'|0x[0-9a-f]+")


class OracleSite(Site):
    """A site whose database keeps a trail."""

    def __init__(self, *arguments: Any, database: dict[str, Any], **options: Any) -> None:
        self._database = database
        super().__init__(*arguments, **options)
        self.trail = Trail(self.database_url)
        self.trail.install()

    def env(self, **settings: Any) -> dict[str, str]:
        """Return the environment of a process of this site."""
        names = {"DJANGO_SETTINGS_MODULE": "tests.faults.oracle.site_settings"}
        return super().env(**settings) | names | {"ORACLE_DATABASE": json.dumps(self._database)}


class Node:
    """One server, with as many workers as its command says, that can be killed and started again."""

    def __init__(self, site: Site, program: Sequence[str], *, workers: int = 1) -> None:
        self.site = site
        self.port = free_port()
        self.workers = workers
        self._trouble: Counter[str] = Counter()
        self._command = [PYTHON, "-m", *program, "--port", str(self.port), ASGI]
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        name = f"{self._command[2]} {self.port}"
        self.process = Process(self._command, name=name, env=self.site.env(), cwd=ROOT)
        try:
            if self.workers > 1:
                self.process.wait_for_line(
                    READY, count=self.workers, seconds=READY_SECONDS
                )  # its supervisor listens before the workers do
            self.process.wait_for_port(self.port, seconds=READY_SECONDS)
        except BaseException:
            self.process.kill()
            raise

    def stop(self) -> None:
        """Tell it to end (SIGTERM) and wait until it has."""
        process = self.process
        try:
            process.stop(seconds=STOP_SECONDS)
        except TimeoutError:
            self._trouble[f"{self._command[2]} did not end within {STOP_SECONDS} s of SIGTERM"] += 1
        finally:
            self._trouble += trouble_in(process)

    def kill(self) -> None:
        """Kill it with all of its workers."""
        if self.process.is_running:
            self.process.kill()
            self._trouble += trouble_in(self.process)

    def kill_worker(self, rng: random.Random) -> None:
        """Kill one worker; its supervisor, or this method where there is none, starts another one."""
        if self.workers == 1:
            self.kill()
            self.start()
            return
        count = self.process.log.count(READY)
        pids = [int(pid) for pid in WORKER.findall(self.process.log)]
        os.kill(rng.choice([pid for pid in pids if parent_of(pid) == self.process.pid]), signal.SIGKILL)
        self.process.wait_for_line(READY, count=count + 1, seconds=READY_SECONDS)

    @property
    def trouble(self) -> Counter[str]:
        """What the logs hold and should not, of this process and the ones before it."""
        return self._trouble + (trouble_in(self.process) if self.process.is_running else Counter())


def trouble_in(process: Process) -> Counter[str]:
    """Return each line that nobody wants to see, without its time, and the line that says what it was."""
    found: Counter[str] = Counter()
    lines = process.log.splitlines()
    for number, line in enumerate(lines):
        if TROUBLE.search(line):
            rest = (later for later in lines[number + 1 :] if later and not later.startswith(" "))
            found[f"{TIME.sub('', line)} … {TASK.sub('', next(rest, ''))}"[:300]] += 1
    return found


def parent_of(pid: int) -> int:
    """Return the parent's id of a process; 0 where it has ended."""
    with suppress(OSError):
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[:2]
        return 0 if state == "Z" else int(parent)
    return 0


class Lineup:
    """A site with its parts. Use it in `with`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        database: str,
        layer: str,
        nodes: Sequence[tuple[list[str], int]],
        options: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self._stack = ExitStack()
        with ExitStack() as stack:
            self.redis = stack.enter_context(Redis(folder)) if layer else None
            url = stack.enter_context(DATABASES[database]()).url if database in DATABASES else None
            redis_url = self.redis.url if self.redis else None
            layers = {"BACKEND": f"channels_redis.{layer}", "CONFIG": {"hosts": [redis_url]}}
            settings = SETTINGS | ({"CHANNEL_LAYERS": {"default": layers}} if layer else {})
            self.site = stack.enter_context(
                OracleSite(folder, database_url=url, redis_url=redis_url, settings=settings, database=options or {})
            )
            self.nodes: list[Node] = []
            for program, workers in nodes:
                self.nodes.append(Node(self.site, [*program, *workers_option(workers)], workers=workers))
                stack.callback(self.nodes[-1].kill)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    @property
    def trouble(self) -> Counter[str]:
        """What the logs of the servers hold and should not."""
        return sum((node.trouble for node in self.nodes), Counter())

    def restart(self) -> None:
        """Stop all servers, as for a release with downtime, and start them again."""
        for node in self.nodes:
            node.stop()
        for node in self.nodes:
            node.start()

    def close(self) -> None:
        """End everything."""
        self._stack.close()


def workers_option(workers: int) -> list[str]:
    return ["--workers", str(workers)] if workers > 1 else []


DAPHNE: Final = ["daphne", "--bind", "127.0.0.1"]
UVICORN: Final = ["uvicorn", "--host", "127.0.0.1", "--no-access-log"]


PUBSUB: Final = "pubsub.RedisPubSubChannelLayer"
CORE: Final = "core.RedisChannelLayer"
DATABASES: Final[dict[str, Callable[[], Any]]] = {
    "postgres": lambda: Postgres(track_commit_timestamp="on"),
    "mariadb": Mariadb,
}


def lineup(name: str, **parts: Any) -> Callable[[Path], Lineup]:
    return lambda folder: Lineup(name, folder, **parts)


LINEUPS: Final[dict[str, Callable[[Path], Lineup]]] = {
    # writers in other processes ring nobody here: the sweeper delivers. Those in the server's own ring at once.
    "sqlite-daphne": lineup("SQLite, in-memory layer, Daphne", database="sqlite", layer="", nodes=[(DAPHNE, 1)]),
    "sqlite-uvicorn": lineup(
        "SQLite, Redis, uvicorn and Daphne", database="sqlite", layer=PUBSUB, nodes=[(UVICORN, 1), (DAPHNE, 1)]
    ),
    "postgres-uvicorn": lineup(
        "PostgreSQL, Redis, uvicorn with two workers",
        database="postgres",
        layer=PUBSUB,
        nodes=[(UVICORN, 2)],
        options=FAIL_FAST,
    ),
    "postgres-daphne": lineup(
        "PostgreSQL, Redis core layer, two Daphnes", database="postgres", layer=CORE, nodes=[(DAPHNE, 1), (DAPHNE, 1)]
    ),
    "mariadb-uvicorn": lineup(
        "MariaDB, Redis, two uvicorns", database="mariadb", layer=PUBSUB, nodes=[(UVICORN, 1), (UVICORN, 1)]
    ),
    "postgres-serializable": lineup(
        "PostgreSQL serializable, Redis, uvicorn",
        database="postgres",
        layer=PUBSUB,
        nodes=[(UVICORN, 1)],
        options={"OPTIONS": {"isolation_level": 4}},  # psycopg.IsolationLevel.SERIALIZABLE
    ),
}
