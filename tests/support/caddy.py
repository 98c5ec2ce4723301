"""A real Caddy with the site file of `docs/recipes`, in front of workers of a test's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from .fronts import RECIPES, SBIN, Front, replaced
from .processes import Process, find_program, free_port

__all__ = ["Caddy"]

# What would be the machine's: ports, the address of its administration, where it keeps what it keeps.
MAIN: Final = """
{{
	admin 127.0.0.1:{admin_port}
	default_bind 127.0.0.1
	http_port {plain_port}
	https_port {port}
	storage file_system {folder}/storage
}}
import {folder}/site.caddy
"""


class Caddy(Front):
    """A Caddy; no authority gives a certificate to 127.0.0.1.

    Args:
        folder: where a folder for its files goes.
        workers: the two ports of 127.0.0.1 that it shares requests out to.
        static: STATIC_ROOT.
        changes: lines of the recipe and what somebody has written there instead.
    """

    def __init__(
        self, folder: Path, workers: Sequence[int], *, static: Path, changes: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(folder)
        first, second = workers
        site = replaced(
            (RECIPES / "Caddyfile").read_text(),
            {
                "example.com {": f"127.0.0.1 {{\n\ttls {self.folder}/fullchain.pem {self.folder}/privkey.pem",
                "example.com": "127.0.0.1",
                "127.0.0.1:8001 127.0.0.1:8002": f"127.0.0.1:{first} 127.0.0.1:{second}",
                "/srv/notifyproj/staticfiles": str(static),
                **(changes or {}),
            },
        )
        (self.folder / "site.caddy").write_text(site)
        ports = {"port": self.port, "plain_port": self.plain_port, "admin_port": free_port()}
        main = MAIN.format(**ports, folder=self.folder)
        (self.folder / "Caddyfile").write_text(main)
        self.start()

    def launch(self) -> Process:
        return self._call("run")

    def reload(self) -> None:
        """Have it read its files again, as `systemctl reload caddy` does."""
        with self._call("reload", "--force") as reloading:
            assert reloading.wait() == 0, reloading.tail

    def _call(self, *words: str) -> Process:
        home = {"HOME": str(self.folder)}  # where it would keep its last configuration
        program = find_program("caddy", folders=SBIN)
        config: list[str | Path] = ["--config", self.folder / "Caddyfile", "--adapter", "caddyfile"]
        return Process([program, *words, *config], env=home, cwd=self.folder)
