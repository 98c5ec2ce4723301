"""A PostgreSQL of the test's own, as a user without rights, reached through a socket in its own folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from .processes import Process, find_program, free_port

__all__ = ["Postgres"]

# Debian keeps the server's programs off the PATH, one folder for each version; the newest first.
FOLDERS: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)
USERS: Final = ("postgres", "nobody")  # whom root becomes: PostgreSQL refuses to run as root
OPTIONS: Final = {
    "fsync": "off",  # what a test writes may be lost in a power cut
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "deadlock_timeout": "200ms",  # so that a test which shows a deadlock shows it soon
    "max_connections": "60",
}
INITDB_SECONDS: Final = 60.0


class Postgres:
    """A server with one empty database, `postgres`. It is gone, data and all, after `kill()` or the `with` block.

    Args:
        options: of the server, such as `track_commit_timestamp="on"`.
    """

    def __init__(self, **options: str) -> None:
        self.options = options
        # Short and outside of pytest's folders: a socket's path may have 107 bytes, and another user must reach it.
        self.folder = Path(tempfile.mkdtemp(prefix="notifications-pg-"))
        self.port = free_port()  # part of the socket's name
        self._as_user = self._become_user()
        self._process: Process | None = None
        self._make_data()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """What goes into DATABASE_URL."""
        return f"postgres://postgres@{quote(str(self.folder), safe='')}:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        places = {"listen_addresses": "", "port": str(self.port), "unix_socket_directories": str(self.folder)}
        words = [
            word for name, value in {**OPTIONS, **self.options, **places}.items() for word in ("-c", f"{name}={value}")
        ]
        program = find_program("postgres", folders=FOLDERS)
        self._process = Process([*self._as_user, program, "-D", self.folder / "data", *words], name="postgres")
        self._process.wait_for_line("ready to accept connections")

    def kill(self) -> None:
        """Kill it and remove its data. Calling it twice is harmless."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _become_user(self) -> list[str]:
        """Return the words before a command that must not run as root, and give that user the folder."""
        if os.getuid() != 0:
            return []
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        user = next(names[name] for name in USERS if name in names)
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        setpriv = find_program("setpriv")
        return [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def _make_data(self) -> None:
        program = find_program("initdb", folders=FOLDERS)
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        done = subprocess.run(
            [*self._as_user, program, "-D", str(self.folder / "data"), *options],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=INITDB_SECONDS,
            check=False,
        )
        if done.returncode:
            raise OSError(f"initdb failed:\n{done.stdout}{done.stderr}")
