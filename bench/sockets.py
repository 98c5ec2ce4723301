"""What a WebSocket costs a server, with a client that offers compression as browsers do, and with one that does not.

    .venv/bin/python bench/sockets.py --sockets 300 --servers Daphne,uvicorn,hypercorn

Prints a table: memory of the server's processes for each open socket, after each has had ten changes. `uvicorn` is started
with the guide's command; `uvicorn, its default` without its `--ws-per-message-deflate`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from websockets.asyncio.client import connect

from tests.support.lineup import SERVERS, start
from tests.support.servers import Server, Site
from tests.support.socket_client import PATH

DEFAULT = "uvicorn, its default"
CHANGES = 10
WARM_UP = 20  # what grows with the first sockets has grown
MEMORY = re.compile(r"^Pss_Anon:\s+(\d+) kB", re.MULTILINE)
TOKEN = """
from notifications import make_token
make_token(User.objects.create(username=name), name="bench", scopes=["read"])
"""
SEND = "[notify(User.objects.get(username=name), title='Report ready', body='x' * 100).pk for _ in range(many)]"


def memory_of(server: Server) -> int:
    """Return the memory of a server and its workers, in bytes."""
    said = subprocess.run(["pgrep", "--parent", str(server.process.pid)], capture_output=True, text=True).stdout
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in (server.process.pid, *said.split())]
    return sum(int(found[1]) for text in texts if (found := MEMORY.search(text))) * 1024


async def open_sockets(stack: AsyncExitStack, server: Server, token: str, count: int, compression: Any) -> list[Any]:
    """Open so many sockets of one user and read their first two frames."""
    sockets = []
    for _ in range(count):
        options: Any = {"compression": compression, "proxy": None, "ping_interval": None}
        headers = {"Authorization": f"Bearer {token}"}
        line = connect(server.url.replace("http", "ws") + PATH, additional_headers=headers, **options)
        sockets.append(await stack.enter_async_context(line))
        await sockets[-1].recv()
        await sockets[-1].recv()
    return sockets


async def tell(site: Site, name: str, sockets: list[Any]) -> None:
    """Send the user some changes and read them on each socket."""
    await site.acall(SEND, name=name, many=CHANGES)
    for socket in sockets:
        while f'"unread":{CHANGES}' not in await socket.recv():
            pass


async def cost_of(site: Site, server: Server, name: str, count: int, compression: Any) -> float:
    """Return the KiB of a socket."""
    token = await site.acall(TOKEN, name=name)
    async with AsyncExitStack() as stack:
        first = await open_sockets(stack, server, token, WARM_UP, compression)
        before = memory_of(server)
        sockets = await open_sockets(stack, server, token, count, compression)
        await tell(site, name, [*first, *sockets])
        return (memory_of(server) - before) / count / 1024


async def main(count: int, names: list[str]) -> None:
    """Measure each server."""
    limits = {"NOTIFICATIONS_STREAMS_PER_USER": count + WARM_UP, "NOTIFICATIONS_SEND_IN_PROCESS": False, "DEBUG": False}
    print(f"| {count} sockets | offers compression, KiB | does not, KiB |\n| --- | --- | --- |")
    for name in names:
        figures = []
        for compression in ("deflate", None):
            with tempfile.TemporaryDirectory() as folder, Site(Path(folder), settings=limits) as site:
                if name == DEFAULT:
                    server = await asyncio.to_thread(site.uvicorn)
                else:
                    server = await asyncio.to_thread(start, site, name)
                figures.append(await cost_of(site, server, "reader", count, compression))
        print(f"| {name} | {figures[0]:.0f} | {figures[1]:.0f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=300)
    parser.add_argument("--servers", default=",".join([*SERVERS, DEFAULT]).replace(DEFAULT, "default"))
    given = parser.parse_args()
    wanted = [DEFAULT if name == "default" else name for name in given.servers.split(",")]
    asyncio.run(main(given.sockets, wanted))
