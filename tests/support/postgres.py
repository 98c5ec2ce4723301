"""A PostgreSQL of the test's own, as a user without rights, reached through a socket in its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

from .processes import Process, find_program
from .program import Database

__all__ = ["Postgres"]

# Debian keeps the server's programs off the PATH, one folder for each version; the newest first.
FOLDERS: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)
OPTIONS: Final = {
    "fsync": "off",  # what a test writes may be lost in a power cut
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "deadlock_timeout": "200ms",  # so that a test which shows a deadlock shows it soon
    "max_connections": "60",
}


class Postgres(Database):
    """A server with one empty database, `postgres`. It is gone, data and all, after `close()` or the `with` block.

    Args:
        options: of the server, such as `track_commit_timestamp="on"`.
    """

    users = ("postgres", "nobody")

    def __init__(self, **options: str) -> None:
        self.options = options
        super().__init__()

    @property
    def url(self) -> str:
        """What goes into DATABASE_URL. The port is part of the socket's name."""
        return f"postgres://postgres@{quote(str(self.folder), safe='')}:{self.port}/postgres"

    def install(self) -> None:
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self.run(find_program("initdb", folders=FOLDERS), "-D", self.folder / "data", *options)

    def launch(self) -> Process:
        places = {"listen_addresses": "", "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = {**OPTIONS, **self.options, **places}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        program = find_program("postgres", folders=FOLDERS)
        return Process([*self.as_user, program, "-D", self.folder / "data", *words], name="postgres")

    def wait_until_ready(self) -> None:
        self.process.wait_for_line("ready to accept connections")
