"""A MariaDB of the test's own, as a user without rights, reached through a socket in its own folder."""

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

from .processes import Process, find_program

__all__ = ["Mariadb"]

FOLDERS: Final = [Path("/usr/sbin")]  # where only root's PATH leads
USERS: Final = ("mysql", "nobody")  # whom root becomes: the server refuses to run as root
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
INSTALL_SECONDS: Final = 120.0


class Mariadb:
    """A server with one empty database, `site`. It is gone, data and all, after `kill()` or the `with` block."""

    def __init__(self) -> None:
        # Short and outside of pytest's folders: a socket's path may have 107 bytes, and another user must reach it.
        self.folder = Path(tempfile.mkdtemp(prefix="notifications-my-"))
        self.socket = self.folder / "socket"
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
        return f"mysql://root@{quote(str(self.socket), safe='')}/site"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        first = self.folder / "first.sql"
        first.write_text("CREATE DATABASE IF NOT EXISTS site;\n")
        first.chmod(0o644)
        places = {"datadir": "data", "socket": "socket", "pid-file": "pid", "init-file": "first.sql"}
        words = [f"--tmpdir={self.folder}", *(f"--{name}={self.folder / place}" for name, place in places.items())]
        program = find_program("mariadbd", folders=FOLDERS)
        # no file of the machine's has a say; this must be the first option
        command = [*self._as_user, program, "--no-defaults", *OPTIONS, *words]
        self._process = Process(command, name="mariadbd")
        self._process.wait_for_line("ready for connections")

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
        program = find_program("mariadb-install-db")
        options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", *SMALL]
        # each server removes what it finds of temporary tables as it starts, so it must not find another one's
        places = [f"--datadir={self.folder / 'data'}", f"--tmpdir={self.folder}"]
        done = subprocess.run(
            [*self._as_user, program, *options, *places],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise OSError(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")
