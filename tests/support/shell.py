"""Run Python in another process that has the site's database: what a command, a worker or a colleague would do there.

As a program (`python -m tests.support.shell`) it reads one JSON line for each call and answers with one:

    {"code": "notify(user, title=title).pk", "names": {"user": 7, "title": "Hello"}}
    {"value": 12}        or        {"error": "Traceback …"}
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

__all__ = ["Shell", "ShellError"]

ROOT: Final = Path(__file__).resolve().parents[2]
ANSWER: Final = "=> "  # other lines on standard output are the code's own prints
# What every call may use without an import.
PRELUDE: Final = """
from django.contrib.auth.models import User
from django.db import connection, transaction
from notifications import broadcast, log, mark_all_read, mark_seen, mark_topic_read, notify, notify_many
from notifications.models import Inbox, Notification
"""


class ShellError(AssertionError):
    """The code of a call raised; the message is its traceback."""


class Shell:
    """A process that lives until `close()` and runs one call after the other. Threads may share it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._guard = threading.Lock()
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.support.shell"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def call(self, code: str, **names: Any) -> Any:
        """Run code with these names; return the value of its last line if that is an expression, as JSON carries it.

        Blocks until the code has run.

        Raises:
            ShellError: the code raised, or the process has ended.
        """
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        with self._guard:
            with suppress(BrokenPipeError):
                self._popen.stdin.write(json.dumps({"code": code, "names": names}) + "\n")
                self._popen.stdin.flush()
            for line in self._popen.stdout:
                if line.startswith(ANSWER):
                    answer = json.loads(line.removeprefix(ANSWER))
                    if "error" in answer:
                        raise ShellError(answer["error"])
                    return answer["value"]
        raise ShellError(f"The shell ended with {self._popen.wait()} while it ran:\n{code}")

    def kill(self) -> None:
        """End the process as a crash does: nothing is flushed, nothing rings."""
        self._popen.kill()
        self.close()

    def close(self) -> None:
        """Let the process end; it sends its last doorbells first. Calling it twice is harmless."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        with suppress(BrokenPipeError):
            self._popen.stdin.close()
        self._popen.wait()
        self._popen.stdout.close()


def main() -> None:
    """Answer calls until standard input ends."""
    import django  # only this program needs it

    django.setup()
    prelude: dict[str, Any] = {}
    exec(PRELUDE, prelude)  # noqa: S102 - running code is what this program is for
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"value": evaluate(call["code"], prelude | call["names"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(ANSWER + json.dumps(answer, default=str), flush=True)


def evaluate(code: str, names: dict[str, Any]) -> Any:
    """Run statements; return the value of the last one if it is an expression, else None."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<call>", "exec"), names)  # noqa: S102
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "<call>", "eval"), names)  # noqa: S307


if __name__ == "__main__":
    main()
