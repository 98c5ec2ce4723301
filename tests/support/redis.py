"""A Redis of the test's own, to be killed, restarted, frozen and flushed."""

from __future__ import annotations

import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from .processes import Process, find_program, free_port

__all__ = ["Redis"]


class Redis:
    """A redis-server that keeps nothing. Every start listens on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._program = find_program("redis-server")
        self._process: Process | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self.folder)}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = Process([self._program, *words], name="redis-server")
        self._process.wait_for_line("Ready to accept connections")

    def kill(self) -> None:
        """Kill it, as a crash does. Calling it twice is harmless."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Kill it and start an empty one in its place."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop it (SIGSTOP): connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """Run a Redis command, such as `flushall` or `client kill type pubsub`; return the answer. Blocks."""
        with Process([find_program("redis-cli"), "-p", str(self.port), *words], name="redis-cli") as client:
            assert client.wait() == 0, client.tail
            return client.log.strip()
