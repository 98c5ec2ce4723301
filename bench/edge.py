"""What the edge spares Django: the same streams held by uvicorn and by Pushpin, the same changes sent to both.

    .venv/bin/python bench/edge.py --streams 500 --seconds 30 --broadcasts 10

Prints a table: connections held, CPU and memory of Django's server, of the proxy, and of the process that writes. Needs
pushpin and redis-server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.pushpin import Pushpin
from tests.support.redis import Redis
from tests.support.servers import Site
from tests.support.shell import Shell

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
OPENING_AT_ONCE = 50
PEOPLE = """
from tests.support.asgi import log_in
users = User.objects.bulk_create(User(username=f"reader-{number}") for number in range(many))
[log_in(user) for user in users]
"""


@dataclass
class Streams:
    """Open connections that only count what they get."""

    address: str
    keys: list[str]
    changes: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    opened: int = 0

    async def open(self) -> None:
        """Open all of them, some at a time; return when each has its first frame."""
        turn = asyncio.Semaphore(OPENING_AT_ONCE)
        ready = [asyncio.Event() for _ in self.keys]
        pairs = zip(self.keys, ready, strict=True)
        self.tasks = [asyncio.create_task(self._follow(key, event, turn)) for key, event in pairs]
        await asyncio.gather(*(event.wait() for event in ready))

    async def _follow(self, key: str, is_ready: asyncio.Event, turn: asyncio.Semaphore) -> None:
        parts = urlsplit(self.address)
        async with turn:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            head = f"GET /notifications/stream/ HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: sessionid={key}\r\n\r\n"
            writer.write(head.encode())
            await reader.readuntil(b"event: reset")
        is_ready.set()
        self.opened += 1
        try:
            while piece := await reader.read(65536):
                self.changes += piece.count(b'"title":"Broadcast')  # cut in two by chance, it counts as missing
        finally:
            self.opened -= 1
            writer.close()

    async def close(self) -> None:
        """End all of them."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def group_of(pid: int) -> list[int]:
    """Return the processes of a process group, such as a program with its workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(path.name)) == pid:
                found.append(int(path.name))
        except ProcessLookupError:
            continue
    return found


def cpu_seconds(*groups: int) -> float:
    """Return what the processes of these groups have used so far."""
    total = 0
    for pid in [pid for group in groups for pid in group_of(group)]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mib(*groups: int) -> float:
    """Return what they hold in memory."""
    pids = [pid for group in groups for pid in group_of(group)]
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * PAGE_BYTES / 2**20


async def measure(
    writer: Shell, address: str, keys: list[str], groups: dict[str, list[int]], args: argparse.Namespace
) -> str:
    """Return a row: what the processes of each group took to open, to be idle, and to pass on broadcasts."""

    def used() -> dict[str, float]:
        return {name: cpu_seconds(*pids) for name, pids in groups.items()}

    streams = Streams(address, keys)
    start = used()
    began = time.monotonic()
    await streams.open()
    opening_seconds = time.monotonic() - began
    # Pushpin asks about each new connection once more, a second after it came, a thousand in a second
    await asyncio.sleep(len(keys) / 1000 + 3)
    opened = used()
    await asyncio.sleep(args.seconds)
    idle = used()
    for number in range(args.broadcasts):
        await asyncio.to_thread(writer.call, "broadcast(title=title)", title=f"Broadcast {number}")
    expected = args.broadcasts * len(keys)
    deadline = time.monotonic() + 60
    while streams.changes < expected and time.monotonic() < deadline:  # noqa: ASYNC110 - an event would cost the client CPU
        await asyncio.sleep(0.05)
    sent = used()
    cells = [f"{streams.opened:,}", f"{opening_seconds:.1f} s"]
    for name in ("django", "edge", "writer"):
        if name in groups:
            cells += [
                f"{opened[name] - start[name]:.2f} s",
                f"{(idle[name] - opened[name]) / args.seconds * 100:.1f} %",
                f"{sent[name] - idle[name]:.2f} s",
                f"{memory_mib(*groups[name]):.0f} MiB",
            ]
        else:
            cells += ["–"] * 4
    cells.append(f"{streams.changes:,} of {expected:,}")
    await streams.close()
    return " | ".join(cells)


async def main() -> None:
    """Measure both, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--broadcasts", type=int, default=10)
    parser.add_argument("--link-seconds", type=float, default=120.0, help="NOTIFICATIONS_GRIP_LINK_SECONDS")
    args = parser.parse_args()
    phases = ("opening", "idle", "broadcasts", "memory")
    columns = [f"{name}: {phase}" for name in ("Django", "edge", "writer") for phase in phases]
    print(" | ".join(["held by", "streams", "opened in", *columns, "delivered"]))
    for held_by in ("uvicorn", "Pushpin"):
        with tempfile.TemporaryDirectory() as name, Redis(Path(name)) as redis, Pushpin() as pushpin:
            settings = {"NOTIFICATIONS_GRIP_URL": pushpin.grip_url() if held_by == "Pushpin" else "", "DEBUG": False}
            settings |= {"ALLOWED_HOSTS": ["127.0.0.1"], "SECURE_SSL_REDIRECT": False}
            settings |= {"NOTIFICATIONS_GRIP_LINK_SECONDS": args.link_seconds}
            with Site(Path(name), redis_url=redis.url, settings=settings) as site:
                keys = site.call(PEOPLE, many=args.streams)
                server = site.uvicorn()
                writer = site.shell()
                involved = {"django": [server.process.pid], "writer": [writer.pid]}
                address = server.url
                if held_by == "Pushpin":
                    pushpin.serve(server.port)
                    await asyncio.sleep(2)  # it loses the first connections while its parts look for each other
                    involved["edge"] = pushpin.pids
                    address = pushpin.url
                print(held_by, await measure(writer, address, keys, involved, args), sep=" | ", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
