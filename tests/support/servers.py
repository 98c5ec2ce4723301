"""A site for a test: a database of its own, people in it, and real servers on it.

Receives a folder. Guarantees a migrated database that nobody else uses, servers that listen when a method returns, and
that `close()` ends every process that was started here.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from types import TracebackType
from typing import Any, Final, Self

from .processes import Process, free_port
from .shell import ROOT, Shell

__all__ = ["Person", "Server", "Site"]

PYTHON: Final = sys.executable
ASGI: Final = "notifyproj.asgi:application"
PASSWORD: Final = "demo"
# What our own environment says of these must not reach a site under test.
SITE_VARIABLES: Final = ("ALLOWED_HOSTS", "DATABASE_URL", "DEBUG", "GRIP_URL", "PORT", "REDIS_URL", "SECRET_KEY")
TROUBLE: Final = re.compile(
    r"^Traceback|^\S+ \S+ (?:ERROR|CRITICAL) |Task exception was never|never awaited", re.MULTILINE
)
numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Person:
    """An account of a site."""

    pk: int
    username: str
    password: str = PASSWORD


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves a site at `url`."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def trouble(self) -> list[str]:
        """Lines of the log that nobody wants to see: tracebacks, errors, tasks that died alone."""
        return [match.group() for match in TROUBLE.finditer(self.process.log)]


class Site:
    """A site with a database of its own. The end of a `with` block asserts that no server of its logged an error.

    Args:
        folder: where its SQLite file goes; must exist.
        database_url: another database, which must exist and be empty.
        redis_url: the channel layer between its processes; none means that each has its own.
        blank: a migrated SQLite file to start from, which saves the 2 s of `migrate`.
        settings: Django settings for all of its processes, in values that JSON knows.
        may_log_errors: whether its servers may log errors, for a test that breaks what they need.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str | None = None,
        redis_url: str | None = None,
        blank: Path | None = None,
        settings: dict[str, Any] | None = None,
        may_log_errors: bool = False,
    ) -> None:
        self.folder = folder
        self.database = folder / "site.sqlite3"
        self.database_url = database_url or f"sqlite:///{self.database}"
        self.redis_url = redis_url
        self.settings = settings or {}
        self.may_log_errors = may_log_errors
        self.servers: list[Server] = []
        self.shells: list[Shell] = []
        self._shell: Shell | None = None
        if blank is not None and database_url is None:
            copyfile(blank, self.database)
        else:
            self.manage("migrate", "--verbosity", "0")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None and not self.may_log_errors:
            for server in self.servers:
                assert not server.trouble, server.process.log

    def env(self, **settings: Any) -> dict[str, str]:
        """Return the environment of a process of this site, with these Django settings on top of the site's."""
        env = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
        env |= {
            "DATABASE_URL": self.database_url,
            "DEBUG": "1",  # static files come from the server itself
            "DJANGO_SETTINGS_MODULE": "tests.support.site_settings",
            "NOTIFYPROJ_TEST_SETTINGS": json.dumps(self.settings | settings),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        return env | ({"REDIS_URL": self.redis_url} if self.redis_url else {})

    def manage(self, *arguments: str, **settings: Any) -> str:
        """Run a management command to its end; return what it wrote.

        Raises:
            AssertionError: its exit code was not 0.
        """
        with Process([PYTHON, "manage.py", *arguments], env=self.env(**settings), cwd=ROOT) as process:
            code = process.wait(seconds=60)
            assert code == 0, process.tail
            return process.log

    def command(self, *arguments: str) -> str:
        """Do the same in the process of `call()`, which is there already; raises `ShellError` where the command does."""
        said: str = self.call(
            "import io\nfrom django.core.management import call_command\nout = io.StringIO()\n"
            "call_command(*arguments, stdout=out, stderr=out)\nout.getvalue()",
            arguments=arguments,
        )
        return said

    # --- servers

    def daphne(self, *options: str, **settings: Any) -> Server:
        """Start Daphne with options of its own. Keywords are Django settings, such as `NOTIFICATIONS_SWEEP_SECONDS=60`."""
        port = free_port()
        command = [PYTHON, "-m", "daphne", "--bind", "127.0.0.1", "--port", str(port), *options, ASGI]
        return self._serve(command, port, settings)

    def uvicorn(self, *options: str, workers: int = 1, port: int = 0, **settings: Any) -> Server:
        """Start uvicorn, with its supervisor and `workers` processes where that is more than one."""
        port = port or free_port()
        command = [PYTHON, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
        server = self._serve([*command, *options, "--workers", str(workers), ASGI], port, settings)
        server.process.wait_for_line("Application startup complete", count=workers)  # the supervisor listens before
        return server

    def gunicorn(self, *, port: int = 0, **settings: Any) -> Server:
        """Start gunicorn with two sync workers, which serve one request at a time: WSGI, where nothing can stream."""
        port = port or free_port()
        command = [PYTHON, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--no-control-socket"]
        return self._serve([*command, "tests.support.wsgi:application"], port, settings)

    def runserver(self, **settings: Any) -> Server:
        """Start `manage.py runserver`, with its autoreloader, as a developer does."""
        port = free_port()
        return self._serve([PYTHON, "manage.py", "runserver", f"127.0.0.1:{port}"], port, settings)

    def _serve(self, command: list[str], port: int, settings: dict[str, Any]) -> Server:
        name = f"{command[2]} {port}"
        process = Process(command, name=name, env=self.env(**settings), cwd=ROOT)
        server = Server(process, port)
        self.servers.append(server)
        process.wait_for_port(port)
        return server

    # --- what happens elsewhere

    def shell(self) -> Shell:
        """Start a further process to run code in, such as a writer of its own."""
        shell = Shell(self.env())
        self.shells.append(shell)
        return shell

    def call(self, code: str, **names: Any) -> Any:
        """Run code in another process, always the same one; see `Shell.call()`. Blocks."""
        if self._shell is None:
            self._shell = self.shell()
        return self._shell.call(code, **names)

    async def acall(self, code: str, **names: Any) -> Any:
        """Run code in another process while the test's event loop goes on."""
        return await asyncio.to_thread(self.call, code, **names)

    def add_person(self, name: str = "person", *, is_admin: bool = False) -> Person:
        """Create an account that no test has used yet; its user name begins with `name`."""
        username = f"{name}-{next(numbers)}"
        code = "User.objects.create_user(username, password=password, is_staff=staff, is_superuser=staff).pk"
        return Person(self.call(code, username=username, password=PASSWORD, staff=is_admin), username)

    def close(self) -> None:
        """End every process of this site."""
        for server in self.servers:
            server.process.kill()
        for shell in self.shells:
            with suppress(OSError):
                shell.close()
