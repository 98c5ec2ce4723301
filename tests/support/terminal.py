"""A terminal with a shell in it, into which a test types as a person does.

Receives lines. Guarantees that a line's program has ended, or asks something, when `type()` or `see()` return, and that what
still runs ends with the `with` block.
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from select import select
from types import TracebackType
from typing import Final, Self

from . import leash
from .processes import find_program

__all__ = ["Terminal"]

PROMPT: Final = "ready> "
STEP_SECONDS: Final = 1.0
ESCAPES: Final = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]")


class Terminal:
    """One terminal window, with bash, in a folder."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.screen = ""
        self._read_to = 0
        self._end, theirs = pty.openpty()
        command = [find_program("setsid"), "--ctty", find_program("bash"), "--norc", "--noprofile", "-i"]
        self._popen = subprocess.Popen(
            command,
            cwd=folder,
            env={**env, "PS1": PROMPT, "TERM": "dumb"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            close_fds=True,
        )
        leash.hold(self._popen.pid)
        os.close(theirs)

    def __enter__(self) -> Self:
        self.see(re.escape(PROMPT))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._end)  # what runs in it gets SIGHUP, as when a window is closed
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        leash.release(self._popen.pid)

    def type(self, line: str) -> None:
        """Type a line, or the answer to a question."""
        os.write(self._end, f"{line}\n".encode())

    def run(self, line: str, *, seconds: float = 60.0) -> str:
        """Type a line and wait until its program has ended without an error; return what it wrote."""
        self.type(line)
        written = self.see(re.escape(PROMPT), seconds=seconds)
        self.type("echo status: $?")
        ended = self.see(r"status: \d+\s[^$]*" + re.escape(PROMPT))
        assert "status: 0" in ended, written
        return written

    def see(self, pattern: str, *, seconds: float = 60.0) -> str:
        """Wait until something is written that was not yet seen; return what came up to it.

        Raises:
            TimeoutError: it did not come in time.
        """
        deadline = time.monotonic() + seconds
        while not (match := re.compile(pattern).search(self.screen, self._read_to)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{pattern!r} was not written within {seconds} s:\n{self.screen[self._read_to :]}")
            ready, _, _ = select([self._end], [], [], STEP_SECONDS)
            if ready:
                self.screen += ESCAPES.sub("", os.read(self._end, 65536).decode(errors="replace"))
        text = self.screen[self._read_to : match.end()]
        self._read_to = match.end()
        return text
