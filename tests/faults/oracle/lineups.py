"""The three line-ups: a database, a channel layer and servers, each part of which can be killed and started again.

Receives a folder. Guarantees that every server listens when a method returns, on the same port for its whole life, and
that `close()` ends all that was started.
"""

from __future__ import annotations

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

from tests.support.postgres import Postgres
from tests.support.processes import Process, free_port
from tests.support.redis import Redis
from tests.support.servers import ASGI, PYTHON, TROUBLE, Site
from tests.support.shell import ROOT

__all__ = ["LINEUPS", "Lineup", "Node"]

SETTINGS: Final[dict[str, Any]] = {
    "ROOT_URLCONF": "tests.faults.oracle.urls",
    "NOTIFICATIONS_PING_SECONDS": 2.0,  # a witness compares its position with each ping
    "NOTIFICATIONS_ROTATE_SECONDS": 25.0,
    "NOTIFICATIONS_REJOIN_SECONDS": 2.0,
    "NOTIFICATIONS_DRAIN_SECONDS": 1.0,
}
STOP_SECONDS: Final = 20.0
READY: Final = "Application startup complete"
WORKER: Final = re.compile(r"Started server process \[(\d+)\]")
# What differs between two lines that say the same.
TIME: Final = re.compile(r"^[\d-]+ [\d:,]+ ")
TASK: Final = re.compile(r" name='Task-\d+'|0x[0-9a-f]+")


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
                self.process.wait_for_line(READY, count=self.workers)  # its supervisor listens before the workers do
            self.process.wait_for_port(self.port)
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
        self.process.wait_for_line(READY, count=count + 1)

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

    def __init__(self, name: str, folder: Path, *, has_redis: bool, nodes: Sequence[tuple[list[str], int]]) -> None:
        self.name = name
        self.folder = folder
        self._stack = ExitStack()
        with ExitStack() as stack:
            self.redis = stack.enter_context(Redis(folder)) if has_redis else None
            database = stack.enter_context(Postgres()).url if has_redis else None
            redis_url = self.redis.url if self.redis else None
            self.site = stack.enter_context(Site(folder, database_url=database, redis_url=redis_url, settings=SETTINGS))
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


LINEUPS: Final[dict[str, Callable[[Path], Lineup]]] = {
    # writers in other processes ring nobody here: the sweeper delivers. Those in the server's own ring at once.
    "sqlite-daphne": lambda folder: Lineup(
        "SQLite, in-memory layer, Daphne", folder, has_redis=False, nodes=[(DAPHNE, 1)]
    ),
    "postgres-uvicorn": lambda folder: Lineup(
        "PostgreSQL, Redis, uvicorn with two workers", folder, has_redis=True, nodes=[(UVICORN, 2)]
    ),
    "postgres-daphne": lambda folder: Lineup(
        "PostgreSQL, Redis, two Daphnes", folder, has_redis=True, nodes=[(DAPHNE, 1), (DAPHNE, 1)]
    ),
}
