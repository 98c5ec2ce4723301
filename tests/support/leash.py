"""See that nothing outlives a test run that was itself killed: by a time limit, by the kernel, by an impatient person.

As a program it is told which process groups live (`+123`) and which have ended (`-123`), one to a line; when its standard
input ends, which it does with the run however that ends, it kills what still lives.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["hold", "release"]

guard = threading.Lock()
keeper: subprocess.Popen[str] | None = None


def hold(group: int) -> None:
    """Have a process group killed when this process ends without having released it."""
    _tell(f"+{group}")


def release(group: int) -> None:
    """Forget a process group that has ended."""
    _tell(f"-{group}")


def _tell(line: str) -> None:
    with guard:
        global keeper
        if keeper is None:
            command = [sys.executable, "-ES", str(Path(__file__))]
            # a session of its own: what is sent to the run's group must not reach it
            keeper = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
            atexit.register(_let_go, keeper)
        assert keeper.stdin is not None
        keeper.stdin.write(f"{line}\n")
        keeper.stdin.flush()


def _let_go(process: subprocess.Popen[str]) -> None:
    process.communicate()


def main() -> None:
    """Listen until the end, then kill."""
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
