"""A real Pushpin with the configuration of `docs/recipes`, in front of a server of a test's own; to be killed and restarted.

Receives the port of the server. Guarantees that the recipe is what runs, with ports, folders and the key put in.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from . import leash
from .fronts import RECIPES, replaced
from .processes import Process, find_program, free_port
from .program import Program

__all__ = ["Pushpin"]

READY: Final = "/ready-of-the-tests"
READY_SECONDS: Final = 20.0
TRY_SECONDS: Final = 0.3
KEY: Final = "a key+of/tests as long as it should be"


class Pushpin(Program):
    """A Pushpin, in front of nothing until `serve()`.

    Attributes:
        control_port: where it takes what it is to pass on; a test may put a proxy there.
        backend_port: of the server behind it.
    """

    def __init__(self) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="pushpin-")))  # short: a socket's path may have 107 bytes
        self.control_port = free_port()
        self.backend_port = 0
        self._zurl: Process | None = None
        self._services: list[int] = []

    def close(self) -> None:
        """Kill it and remove its files."""
        super().close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """Where clients come."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pids(self) -> list[int]:
        """The process groups that it consists of."""
        return [process.pid for process in (self._process, self._zurl) if process is not None] + self._services

    @property
    def log(self) -> str:
        """All that it and its client of HTTP have written since its start."""
        return "".join(process.log for process in (self._process, self._zurl) if process is not None)

    def grip_url(self, port: int | None = None) -> str:
        """Return what goes into NOTIFICATIONS_GRIP_URL, by another control port if there is a proxy before it."""
        return f"http://127.0.0.1:{port or self.control_port}?key={quote(KEY)}"

    def serve(self, backend_port: int) -> None:
        """Start it in front of a server."""
        self.backend_port = backend_port
        self.start()

    def launch(self) -> Process:
        text = replaced(
            (RECIPES / "pushpin.conf").read_text(),
            {
                "REPLACE-THIS-KEY": KEY,
                "/var/run/pushpin": str(self.folder),
                "logdir=/var/log/pushpin": f"logdir={self.folder}",
                "127.0.0.1:7999": f"127.0.0.1:{self.port}",
                "push_in_http_port=5561": f"push_in_http_port={self.control_port}",
            },
        )
        routes = replaced(
            (RECIPES / "pushpin-routes").read_text(),
            {"127.0.0.1:8001,127.0.0.1:8002": f"127.0.0.1:{self.backend_port}"},
        )
        # Debian's Pushpin asks through zurl, a service of the machine; here it has one of its own
        sockets = {name: f"ipc://{self.folder}/zurl-{name}" for name in ("in", "in-stream", "out", "req")}
        specs = {"zurl_out_specs": "in", "zurl_out_stream_specs": "in-stream", "zurl_in_specs": "out"}
        lines = [f"{spec}={sockets[name]}" for spec, name in specs.items()]
        text = replaced(text, {"[proxy]\n": "\n".join(["[proxy]", *lines, ""])})
        zurl = [f"{name.replace('-', '_')}_spec={address}" for name, address in sockets.items()]
        (self.folder / "zurl.conf").write_text("\n".join(["[General]", "defpolicy=allow", "deny=", *zurl, ""]))
        (self.folder / "pushpin.conf").write_text(text)
        (self.folder / "routes").write_text(f"{routes}*,path_beg={READY},path_rem={len(READY)} test\n")
        self._zurl = Process([find_program("zurl"), f"--config={self.folder / 'zurl.conf'}"], name="zurl")
        words: list[str | Path] = ["--merge-output", "--config", self.folder / "pushpin.conf"]
        return Process([find_program("pushpin"), *words], name="pushpin")

    def wait_until_ready(self) -> None:
        """Wait until it takes connections on both sides, and its parts have found each other."""
        super().wait_until_ready()
        self.process.wait_for_port(self.control_port)
        # it takes connections before its parts have found each other, and forgets them
        for path in (f"{READY}/stream?channel=ready", "/favicon.ico"):
            self._wait_for_answer(path)
        # they lead groups of their own, which outlive the program that started them
        self._services = [int(path.read_text()) for path in self.folder.glob("*.pid")]
        for pid in self._services:
            leash.hold(pid)

    def _wait_for_answer(self, path: str) -> None:
        """Ask until there is an answer: of its own stream for tests, which is held, and of the server behind it."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with (
                suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=TRY_SECONDS) as line,
            ):
                line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                if line.recv(1):
                    return
        raise TimeoutError(f"Pushpin did not answer {path} within {READY_SECONDS} s.\n{self.log}")

    def wait_for_question(self, user_id: int, *, count: int = 1) -> None:
        """Wait until it has asked so often about connections of this user, as it does a second after each has come."""
        self.process.wait_for_line(rf"\[handler\] GET .* code=200 .*#notifications-user-{user_id}=", count=count)

    def kill(self) -> None:
        """Kill it and all of its processes, as a crash does. Calling it twice is harmless."""
        super().kill()
        if self._zurl is not None:
            self._zurl.kill()
            self._zurl = None
        for pid in self._services:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            leash.release(pid)
        self._services = []
        for path in self.folder.glob("*.pid"):
            path.unlink()
