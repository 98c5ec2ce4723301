"""A Redis of the test's own, to be killed, restarted, frozen and flushed."""

from __future__ import annotations

from pathlib import Path

from .processes import Process, find_program
from .program import Program

__all__ = ["Redis"]


class Redis(Program):
    """A redis-server that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def launch(self) -> Process:
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self.folder)}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return Process([find_program("redis-server"), *words], name="redis-server")

    def wait_until_ready(self) -> None:
        self.process.wait_for_line("Ready to accept connections")

    def command(self, *words: str) -> str:
        """Run a Redis command, such as `flushall` or `client kill type pubsub`; return the answer. Blocks."""
        with Process([find_program("redis-cli"), "-p", str(self.port), *words], name="redis-cli") as client:
            assert client.wait() == 0, client.tail
            return client.log.strip()
