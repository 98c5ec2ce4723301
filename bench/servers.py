"""Start what is measured, on loopback, on cores of their own; and stop it again, by the ids of what was started."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine

ROOT = Path(__file__).resolve().parent.parent
PEERS_PYTHON = Path(__file__).resolve().parent / ".venv" / "bin" / "python"
START_SECONDS = 30.0
STOP_SECONDS = 5.0


@dataclass(slots=True)
class Server:
    """A running program that listens on a port."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pids(self) -> list[int]:
        """The processes whose CPU and memory count: the program and its workers."""
        return [self.process.pid, *machine.children(self.process.pid)]

    def cpu_seconds(self) -> float:
        """Return the CPU time that it used so far."""
        return machine.cpu_seconds(self.pids)

    def waiting_seconds(self) -> float:
        """Return how long it waited for its core so far."""
        return machine.waiting_seconds(self.pids)

    def memory_kib(self) -> float:
        """Return the memory that is its own, and its share of the rest."""
        return machine.memory_kib(self.pids)


@dataclass(frozen=True, slots=True)
class Site:
    """A seeded database, the environment that leads to it, and the people in it."""

    env: dict[str, str]
    people: list[dict[str, Any]]
    root: Path = ROOT  # the tree that is measured


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    port: int,
    folder: Path,
    env: Mapping[str, str] | None = None,
    cores: Iterable[int] = (machine.SERVER_CORE,),
    user: str | None = None,
    root: Path = ROOT,
) -> Iterator[Server]:
    """Run a server until the end of the block.

    Raises:
        RuntimeError: it ended, or does not listen in time; the end of its log is in the message.
    """
    log = folder / f"{name}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=root if user is None else folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=user,
            preexec_fn=lambda: os.sched_setaffinity(0, set(cores)),
        )
    try:
        _wait_for(process, port, log, name)
        yield Server(name, port, process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path, name: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{name} does not listen on port {port}; its log ends:\n{log.read_text()[-2000:]}")


def asgi_command(server: str, application: str, port: int, *, is_peer: bool = False, workers: int = 1) -> list[str]:
    """Return how to run an ASGI application under `daphne`, `uvicorn` or `uvicorn-fast`, without access log.

    `uvicorn` is as the site's requirements give it: h11 and asyncio; `uvicorn-fast` has httptools and uvloop, from the
    peers' virtual environment. Daphne's default backlog of 50 connections would turn a storm of reconnects into a wait
    for TCP's retransmissions.
    """
    python = str(PEERS_PYTHON) if is_peer or server == "uvicorn-fast" else sys.executable
    if server == "daphne":
        endpoint = f"tcp:port={port}:interface=127.0.0.1:backlog=2048"
        return [python, "-m", "daphne", "-v", "0", "-e", endpoint, application]
    kind = ["httptools", "uvloop"] if server == "uvicorn-fast" else ["h11", "asyncio"]
    options = ["--http", kind[0], "--loop", kind[1], "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    if workers > 1:
        options += ["--workers", str(workers)]
    return [python, "-m", "uvicorn", "--log-level", "warning", *options, application]


@contextmanager
def site_server(server: str, site: Site, folder: Path, *, workers: int = 1, **extra: str) -> Iterator[Server]:
    """Run the site under `daphne` or `uvicorn`; only the latter knows workers. Each gets a core while there are some."""
    port = free_port()
    command = asgi_command(server, "bench.site.asgi:application", port, workers=workers)
    cores = machine.server_cores(workers)
    with running(
        server, command, port=port, folder=folder, env=site.env | extra, cores=cores, root=site.root
    ) as started:
        yield started


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a Redis of our own on the client's core; give its URL."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running("redis", command, port=port, folder=folder, cores=[machine.CLIENT_CORE]):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL of our own with its default settings, on the client's core; give its URL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise RuntimeError("PostgreSQL is not installed; run scripts/setup_system.sh postgres, or leave it out.")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    home = folder / "postgres"
    home.mkdir()
    if user:
        folder.chmod(0o755)
        shutil.chown(home, user)
    data = home / "data"
    subprocess.run(
        [found[-1] / "initdb", "-D", data, "-A", "trust", "-U", "bench", "--no-sync", "-E", "UTF8", "--locale=C"],
        check=True, capture_output=True, user=user, cwd=home,
    )  # fmt: skip
    port = free_port()
    command = [str(found[-1] / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(home)]
    with running("postgres", command, port=port, folder=home, cores=[machine.CLIENT_CORE], user=user):
        time.sleep(1)  # it listens a moment before it takes connections
        yield f"postgres://bench@127.0.0.1:{port}/postgres"


def seeded(folder: Path, *, users: int, database_url: str = "", redis_url: str = "", root: Path = ROOT) -> Site:
    """Make a database with users, inboxes and sessions: SQLite in `folder` unless a URL is given. `root`: whose tables."""
    env = {
        "DJANGO_SETTINGS_MODULE": "bench.site.settings",
        "PYTHONPATH": str(root),
        "DEBUG": "0",
        "SECRET_KEY": "bench-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": database_url or f"sqlite:///{folder / 'bench.sqlite3'}",
        "REDIS_URL": redis_url,
    }
    output = folder / "people.json"
    command = [sys.executable, "-m", "bench.site.seed", str(users), str(output)]
    done = subprocess.run(command, cwd=root, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Seeding failed:\n{done.stderr[-3000:]}")
    return Site(env, json.loads(output.read_text()), root)
