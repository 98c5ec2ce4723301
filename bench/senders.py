"""Who sends: a thread of the measured server, or a process of its own. Neither keeps the client from reading."""

from __future__ import annotations

import http.client
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.client import Client
from bench.servers import ROOT, Server, Site

GRACE_SECONDS = 10.0  # for the last events to arrive; the sweeper would need 3


@dataclass(frozen=True, slots=True)
class Sending:
    """What a plan led to: per event when it was called for, committed, done; and what it cost the sender."""

    sent: list[tuple[int, float, float, float]]
    cpu: float

    @property
    def committed(self) -> dict[int, float]:
        """When each event was committed, by its number."""
        return {number: committed for number, _begun, committed, _done in self.sent}


Sender = Callable[[Client, dict[str, Any]], Sending]


def inside(server: Server) -> Sender:
    """Send from a view of the measured server."""

    def send(client: Client, plan: dict[str, Any]) -> Sending:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        connection.request("POST", "/bench/send/", json.dumps(plan))
        client.run(lambda: is_readable(connection.sock), seconds=duration(plan))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(
                f"Sending answered {response.status}; see {server.log}:\n{server.log.read_text()[-2000:]}"
            )
        return Sending(**json.loads(body))

    return send


def outside(site: Site) -> Sender:
    """Send from a program of its own, on the client's core."""
    return lambda client, plan: run_program("bench.site.send", client, plan, site.env)


def to_peer(server: Server, *, size: int) -> Sender:
    """Publish to a peer, `size` bytes at a time, from a program of its own on the client's core."""
    extra = {"port": server.port, "size": size}
    return lambda client, plan: run_program("bench.post", client, plan | extra, {"PYTHONPATH": str(ROOT)})


def run_program(module: str, client: Client, plan: dict[str, Any], env: dict[str, str]) -> Sending:
    """Have a program carry out a plan while the client reads."""
    command = [sys.executable, "-m", module, json.dumps(plan)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE) as process:
        client.run(lambda: is_readable(process.stdout), seconds=duration(plan))
        output = process.stdout.read() if process.stdout else b""
    if process.returncode:
        raise RuntimeError(f"The sender {module} failed with {process.returncode}.")
    return Sending(**json.loads(output))


def is_readable(file: Any) -> bool:
    """Return whether reading would not wait."""
    poll = select.poll()  # select() knows no descriptor past 1023
    poll.register(file, select.POLLIN)
    return bool(poll.poll(0))


def duration(plan: dict[str, Any]) -> float:
    """Return the seconds after which a plan has surely failed."""
    return float(plan["count"] / plan["rate"] * 3 + 60)


def await_arrivals(client: Client, wanted: int) -> int:
    """Wait until that many events have come, or none comes any more; return how many came."""
    came = -1
    while came < len(client.arrivals) < wanted:
        came = len(client.arrivals)
        client.run(lambda: len(client.arrivals) >= wanted, seconds=GRACE_SECONDS)
    return len(client.arrivals)
