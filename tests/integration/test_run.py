"""`make run`, as a newcomer runs it, in a scratch database: what is promised on the first page of the README."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.client import follow
from tests.support.processes import Process, find_program, free_port
from tests.support.servers import SITE_VARIABLES, Person, Server
from tests.support.shell import ROOT, Shell
from tests.support.visit import Visit

BADGE = re.compile(r"notification-bell__badge[^>]*>(\d+)<")
PEOPLE = [Person(0, name, "demo") for name in ("admin", "user1", "user2")]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A newcomer's environment, but for the database, which is not the one in the checkout."""
    plain = {name: value for name, value in os.environ.items() if name not in {*SITE_VARIABLES, "MAKEFLAGS"}}
    plain.pop("DJANGO_SETTINGS_MODULE", None)
    return plain | {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "PYTHONUNBUFFERED": "1"}


@contextmanager
def make_run(env: dict[str, str]) -> Iterator[Server]:
    """Run `make run` with the virtual environment of this test run, as far as a server that listens."""
    port = free_port()
    # the environment is there, whatever the stamps say: a test installs nothing
    options = [f"PORT={port}", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/.installed"]
    with Process([find_program("make"), "run", *options], env=env, cwd=ROOT) as process:
        process.wait_for_port(port, seconds=60)
        yield Server(process, port)


@pytest.mark.asyncio(loop_scope="session")
async def test_make_run_serves_the_demo(env: dict[str, str]) -> None:
    """The command says where to go and who to be, and there it works; a second run keeps what was done in the first."""
    with make_run(env) as server:
        for said in (f"{server.url}/", f"{server.url}/admin/", "user1", "user2", "admin", "demo"):
            assert said in server.process.log
        counts = {}
        for person in PEOPLE:
            async with follow(server, person) as client, Visit(server.url) as visit:
                await visit.login(person)
                counts[person.username] = client.replica.unread
                assert client.titles, f"{person.username} has nothing to look at"
                assert BADGE.findall((await visit.http.get("/")).text) == [str(client.replica.unread)]
        user1, user2 = PEOPLE[1:]
        async with follow(server, user1) as mine, follow(server, user2) as theirs, Visit(server.url) as visit:
            await visit.login(user1)
            await visit.do("/notifications/read-all/")
            await mine.until(lambda client: client.replica.unread == 0, seconds=2)
            titles = mine.titles
            assert not theirs.changes
        assert counts["user1"] > 0
        assert not server.trouble, server.process.log
    with make_run(env) as server:
        async with follow(server, user1) as mine, follow(server, user2) as theirs:
            assert (mine.replica.unread, mine.titles) == (0, titles)
            assert theirs.replica.unread == counts["user2"]
    shell = Shell(env | {"DEBUG": "1", "DJANGO_SETTINGS_MODULE": "notifyproj.settings"})
    assert shell.call("User.objects.count()") == len(PEOPLE)
    shell.close()


def test_demo_accounts_are_for_debug_only(env: dict[str, str]) -> None:
    """With DEBUG off the demo command refuses, says why, and creates nobody: its password is known to all."""
    env |= {"DEBUG": "0", "SECRET_KEY": "only-for-this-test-" * 4, "DJANGO_SETTINGS_MODULE": "notifyproj.settings"}
    for command, code in (("migrate", 0), ("create_demo", 1)):
        with Process([sys.executable, "manage.py", command], env=env, cwd=ROOT) as process:
            assert process.wait(seconds=60) == code, process.tail
    assert "DEBUG" in process.log
    assert "Traceback" not in process.log
    shell = Shell(env)
    assert shell.call("User.objects.count()") == 0
    shell.close()
