"""A network of a test's own, in which a recipe's addresses and ports are free as they stand: a namespace of the kernel's.

Needs no root: in a user namespace everybody may make one, and listen on port 80 in it. Nothing in it reaches anything else.
"""

from __future__ import annotations

import ipaddress
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .processes import READY_SECONDS, Process, find_program

__all__ = ["Namespace", "listening"]

LISTEN: Final = "0A"
# Its own loopback interface is down at first. SIOCSIFFLAGS with IFF_UP | IFF_RUNNING (netdevice(7)).
HOLD: Final = """
import fcntl, socket, struct, time
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
print("ready", flush=True)
while True:
    time.sleep(3600)
"""


class Namespace:
    """A network with nothing but a loopback interface, and programs that are started in it. Use it in `with`."""

    def __init__(self) -> None:
        command = [find_program("unshare"), "--user", "--map-root-user", "--net", sys.executable, "-c", HOLD]
        self._holder = Process(command, name="network")
        self._processes: list[Process] = []
        self._holder.wait_for_line("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.kill()
        self._holder.kill()

    def inside(self, *command: str | Path) -> list[str | Path]:
        """Return a command line that runs this one in the namespace."""
        target = ["--target", str(self._holder.pid), "--user", "--preserve-credentials", "--net"]
        return [find_program("nsenter"), *target, "--", *command]

    def start(self, *command: str | Path, port: int) -> Process:
        """Start a program and wait until it listens on a port of this network."""
        process = Process(self.inside(*command), name=Path(command[0]).name)
        self._processes.append(process)
        deadline = time.monotonic() + READY_SECONDS
        while not any(each == port for _address, each in self.listening()):
            assert process.is_running, process.tail
            assert time.monotonic() < deadline, process.tail
        return process

    def call(self, *command: str | Path) -> str:
        """Run a program to its end, whatever it thinks of it; return what it wrote to standard output."""
        done = subprocess.run(self.inside(*command), capture_output=True, text=True, timeout=READY_SECONDS, check=False)
        return done.stdout

    def listening(self) -> set[tuple[str, int]]:
        """Return the addresses and ports of this network on which somebody listens, over TCP."""
        return listening(self._holder.pid)


def listening(pid: int) -> set[tuple[str, int]]:
    """Return the addresses and ports on which somebody listens in the network of a process, over TCP."""
    return {heard for kind in ("tcp", "tcp6") for heard in listening_in(Path(f"/proc/{pid}/net/{kind}").read_text())}


def listening_in(table: str) -> set[tuple[str, int]]:
    """Return the addresses and ports of those rows of /proc/net/tcp that listen: words of 32 bits in the machine's order."""
    found = set()
    for row in table.splitlines()[1:]:
        _number, local, _remote, state = row.split()[:4]
        words, port = local.split(":")
        if state == LISTEN:
            packed = b"".join(struct.pack("=I", int(words[at : at + 8], 16)) for at in range(0, len(words), 8))
            found.add((str(ipaddress.ip_address(packed)), int(port, 16)))
    return found
