"""Run real programs for a test: each in a process group of its own, awaited by what it does, shown when it fails.

Receives command lines. Guarantees that a program is ready when `wait_*` returns, that only what was started here is
killed, with all of its children, however the run ends, and that a test which failed while it ran prints its log's end.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pytest

from . import leash

__all__ = ["Process", "find_program", "free_port", "running"]

READY_SECONDS: Final = 20.0  # the slowest program is up in 3 s on two idle cores
STOP_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02  # between two attempts to connect; a refused one costs microseconds
SHOWN_LINES: Final = 60
# Below the range from which the kernel takes ports for outgoing connections, so that none of these is in our way.
PORTS: Final = range(20_000, 32_000)
# Where the package is not called as its program.
PACKAGES: Final = {
    "redis-cli": "redis-tools",
    "psql": "postgresql-client",
    "postgres": "postgresql",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "node": "nodejs",
}

running: list[Process] = []


def find_program(name: str, *, folders: Sequence[Path] = ()) -> str:
    """Return the path of a program, or fail the test with the name of the Debian package that brings it."""
    path = shutil.which(name) or next((str(each / name) for each in folders if (each / name).exists()), None)
    if path is None:
        pytest.fail(f"{name} is missing. Install it: apt-get install {PACKAGES.get(name, name)}", pytrace=False)
    return path


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    # not `random` itself: pytest-randomly seeds it alike in all processes of a run, which would meet at one port
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise OSError(f"100 ports between {PORTS.start} and {PORTS.stop} are all in use; end what listens there.")


class Process:
    """A program that runs from the creation of this object until `stop()` or `kill()`; both also end a `with` block."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.command = [str(part) for part in command]
        self.name = name or Path(self.command[0]).name
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._is_silent = False  # its output has ended
        self._popen = subprocess.Popen(
            self.command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, to be killed with its workers and reloaders
        )
        leash.hold(self.pid)
        self._reader = threading.Thread(target=self._read, name=f"log of {self.name}", daemon=True)
        self._reader.start()
        running.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def log(self) -> str:
        """All that the program has written so far."""
        with self._news:
            return "".join(self._lines)

    @property
    def tail(self) -> str:
        """The end of the log, under the command that wrote it."""
        state = "runs" if self._popen.poll() is None else f"ended with {self._popen.returncode}"
        lines = self.log.splitlines()[-SHOWN_LINES:]
        return "\n".join([f"--- {self.name} (pid {self.pid}, {state}): {' '.join(self.command)}", *lines])

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None

    def wait_for_line(self, pattern: str, *, count: int = 1, seconds: float = READY_SECONDS) -> None:
        """Wait until the log holds `pattern`, `count` times.

        Raises:
            TimeoutError: it did not in time; or the program ended: ProcessLookupError.
        """
        found = re.compile(pattern)
        with self._news:
            self._news.wait_for(lambda: self._is_silent or len(found.findall("".join(self._lines))) >= count, seconds)
        if len(found.findall(self.log)) < count:
            error = ProcessLookupError if self._is_silent else TimeoutError
            raise error(f"{self.name} did not write {pattern!r} ×{count} within {seconds} s.\n{self.tail}")

    def wait_for_port(self, port: int, *, seconds: float = READY_SECONDS) -> None:
        """Wait until the program accepts connections on a port of 127.0.0.1. Raises as `wait_for_line()` does."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=POLL_SECONDS).close()
                return
            if not self.is_running:
                raise ProcessLookupError(f"{self.name} ended before it listened on port {port}.\n{self.tail}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} did not listen on port {port} within {seconds} s.\n{self.tail}")
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(POLL_SECONDS)

    def wait(self, *, seconds: float = READY_SECONDS) -> int:
        """Wait until the program has ended by itself; return its exit code."""
        try:
            code = self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} has not ended within {seconds} s.\n{self.tail}") from None
        self._close()
        return code

    def send_signal(self, number: int) -> None:
        """Signal the program and its children: SIGSTOP to freeze them, SIGCONT to let them go on."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self, *, seconds: float = STOP_SECONDS) -> int:
        """Ask the program to end (SIGTERM to it alone, as a service manager does), kill what is left; return its exit code.

        Raises:
            TimeoutError: it had to be killed.
        """
        if self.is_running:
            self._popen.terminate()
        try:
            return self.wait(seconds=seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill the program and its children at once. Calling it twice is harmless."""
        if self in running:
            self.send_signal(signal.SIGKILL)
            self._popen.wait()
            self._close()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            with self._news:
                self._lines.append(line.decode(errors="replace"))
                self._news.notify_all()
        with self._news:
            self._is_silent = True
            self._news.notify_all()

    def _close(self) -> None:
        """Forget a program that has ended, and whatever it left behind."""
        self.send_signal(signal.SIGKILL)
        self._reader.join(STOP_SECONDS)
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        if self in running:
            running.remove(self)
            leash.release(self.pid)
