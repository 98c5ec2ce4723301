"""A real HAProxy with the file of `docs/recipes`, in front of workers of a test's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .fronts import RECIPES, SBIN, Front, replaced
from .processes import Process, find_program

__all__ = ["Haproxy"]


class Haproxy(Front):
    """A HAProxy.

    Args:
        folder: where a folder for its files goes.
        workers: the two ports of 127.0.0.1 that it shares requests out to.
        changes: lines of the recipe and what somebody has written there instead.
    """

    def __init__(self, folder: Path, workers: Sequence[int], *, changes: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        both = self.folder / "both.pem"
        both.write_text("".join((self.folder / name).read_text() for name in ("fullchain.pem", "privkey.pem")))
        first, second = workers
        recipe = replaced(
            (RECIPES / "haproxy.cfg").read_text(),
            {
                "/etc/haproxy/example.com.pem": str(both),
                "example.com": "127.0.0.1",
                "127.0.0.1:8001": f"127.0.0.1:{first}",
                "127.0.0.1:8002": f"127.0.0.1:{second}",
                "maxconn 40000": "maxconn 1000",  # who is not root may not open more files than its limit
                "bind :80\n": f"bind 127.0.0.1:{self.plain_port}\n",  # loopback only
                "bind :443 ": f"bind 127.0.0.1:{self.port} ",
                **(changes or {}),
            },
        )
        (self.folder / "haproxy.cfg").write_text(recipe)
        self.leaving: Process | None = None  # what ends when the last of its connections does
        self.start()

    def reload(self) -> None:
        """Have another process read the files and take over, as `systemctl reload haproxy` does."""
        self.leaving = self.process
        self._process = self._call("-sf", str(self.leaving.pid))
        self.wait_until_ready()
        self.leaving.wait_for_line("Proxy workers stopped")

    def launch(self) -> Process:
        return self._call()

    def _call(self, *words: str) -> Process:
        program = find_program("haproxy", folders=SBIN)
        return Process([program, "-db", "-f", self.folder / "haproxy.cfg", *words])
