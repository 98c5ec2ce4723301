"""A MariaDB of the test's own, as a user without rights, reached through a socket in its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

from .processes import Process, find_program
from .program import Database

__all__ = ["Mariadb"]

FOLDERS: Final = [Path("/usr/sbin")]  # where only root's PATH leads
SMALL: Final = ("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M")
OPTIONS: Final = (
    *SMALL,
    "--skip-networking",
    "--character-set-server=utf8mb4",
    "--innodb-flush-log-at-trx-commit=0",  # what a test writes may be lost in a power cut
    "--innodb-doublewrite=0",
    "--skip-log-bin",
    "--max-connections=60",
)


class Mariadb(Database):
    """A server with one empty database, `site`. It is gone, data and all, after `close()` or the `with` block."""

    users = ("mysql", "nobody")

    @property
    def url(self) -> str:
        """What goes into DATABASE_URL."""
        return f"mysql://root@{quote(str(self.folder / 'socket'), safe='')}/site"

    def install(self) -> None:
        options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", *SMALL]
        # each server removes what it finds of temporary tables as it starts, so it must not find another one's
        places = [f"--datadir={self.folder / 'data'}", f"--tmpdir={self.folder}"]
        self.run(find_program("mariadb-install-db"), *options, *places)

    def launch(self) -> Process:
        first = self.folder / "first.sql"
        first.write_text("CREATE DATABASE IF NOT EXISTS site;\n")
        first.chmod(0o644)
        places = {"datadir": "data", "socket": "socket", "pid-file": "pid", "init-file": "first.sql"}
        words = [f"--tmpdir={self.folder}", *(f"--{name}={self.folder / place}" for name, place in places.items())]
        program = find_program("mariadbd", folders=FOLDERS)
        # no file of the machine's has a say; this must be the first option
        return Process([*self.as_user, program, "--no-defaults", *OPTIONS, *words], name="mariadbd")

    def wait_until_ready(self) -> None:
        self.process.wait_for_line("ready for connections")
