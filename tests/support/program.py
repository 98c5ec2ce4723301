"""A program of a test's own: it has a folder and a port, answers once it has started, and can be ended and started again.

Receives what a subclass says in `launch()` and `wait_until_ready()`. Guarantees one way to start, freeze, kill and start
again for all of them, the same port after each start, that the end of a `with` block ends it, and that none of them runs as
root which must not.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .processes import Process, find_program, free_port

__all__ = ["Database", "Program"]

INSTALL_SECONDS: Final = 120.0


class Program:
    """Use it in `with`, or call `close()`.

    Attributes:
        folder: where its files go.
        port: where it listens, after each start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process(self) -> Process:
        """What runs since the last start."""
        assert self._process is not None, f"{type(self).__name__} does not run. Start it first."
        return self._process

    def launch(self) -> Process:
        """Start its process, without waiting."""
        raise NotImplementedError

    def wait_until_ready(self) -> None:
        """Wait until it answers: that it takes connections, unless a program has a better sign."""
        self.process.wait_for_port(self.port)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = self.launch()
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill it, as a crash does. Calling it twice is harmless."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Kill it and start it again in its place."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop it (SIGSTOP): connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill it, and remove what it need not leave."""
        self.kill()


class Database(Program):
    """A database's server as a user without rights, reached through a socket in a folder of its own, which goes with it.

    Attributes:
        users: whom root becomes, for the server refuses to run as root: the first of these that there is.
        as_user: the words before each of its commands.
    """

    users: Sequence[str] = ("nobody",)

    def __init__(self) -> None:
        # Short and outside of pytest's folders: a socket's path may have 107 bytes, and another user must reach it.
        super().__init__(Path(tempfile.mkdtemp(prefix="notifications-db-")))
        self.as_user = self._become_user()
        self.install()
        self.start()

    def install(self) -> None:
        """Make the files of an empty database."""
        raise NotImplementedError

    def close(self) -> None:
        """Kill it and remove its data."""
        super().close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str | Path) -> None:
        """Run a program of the server's to its end, as the user it runs as.

        Raises:
            OSError: its exit code was not 0.
        """
        words = [*self.as_user, *map(str, command)]
        done = subprocess.run(
            words, cwd=self.folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode:
            raise OSError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

    def _become_user(self) -> list[str]:
        """Return the words before a command that must not run as root, and give that user the folder."""
        if os.getuid() != 0:
            return []
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        user = next(names[name] for name in self.users if name in names)
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        return [find_program("setpriv"), f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
