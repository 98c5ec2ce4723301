"""A host project with users of its own, keyed by UUID: in processes of their own, for a process has one user model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.support.postgres import Postgres

SECONDS = 60.0


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """Where the file layer writes what it was sent."""
    return tmp_path / "sent.jsonl"


def drive(what: str, sent: Path, layer: str, *, database_url: str = "") -> Any:
    """Run a part of `tests.uuid_project.drive` on a new database, SQLite unless named; warnings are errors there too."""
    env = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "UUID_PROJECT_DATABASE": database_url or f"sqlite:///{sent.with_name('db.sqlite3')}",
        "UUID_PROJECT_LAYER": layer,
        "UUID_PROJECT_SENT": str(sent),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.uuid_project.drive", what],
        cwd=settings.BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_uuid_users_are_notified(sent: Path) -> None:
    """Migrations, every form of naming a user, states and counters work with keys that are no numbers.

    Regression: `broadcast()` filtered by `is_active`, which these users have no column for.
    """
    found = drive("write", sent, "channels.layers.InMemoryChannelLayer")
    assert found == {"counters": [[2, 0, 8], [0, 0, 6]], "is_uuid": True}


def test_uuid_users_are_notified_on_postgresql(sent: Path) -> None:
    """So they are there, where the keys of many users go into a statement as one array."""
    with Postgres() as postgres:
        found = drive("write", sent, "channels.layers.InMemoryChannelLayer", database_url=postgres.url)
    assert found == {"counters": [[2, 0, 8], [0, 0, 6]], "is_uuid": True}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_uuid_users_get_broadcasts(sent: Path, database: str) -> None:
    """Chosen, told, followed and taken back; a site without groups and staff refuses them by name."""
    with Postgres() if database == "postgresql" else nullcontext() as postgres:
        url = postgres.url if postgres else ""
        found = drive("announce", sent, "channels.layers.InMemoryChannelLayer", database_url=url)
    assert found == {
        "told": True,
        "left": 0,
        "seen": ["Retracted: for three"] * 2,
        "refused": [
            "This site’s user model has no staff; choose another audience.",
            "This site’s user model has no groups; choose another audience.",
            "There is no group 'editors'.",
        ],
    }


def test_uuid_users_follow_their_stream(sent: Path) -> None:
    """The doorbell finds the streams of such a user, and the other user hears nothing of it."""
    found = drive("stream", sent, "channels.layers.InMemoryChannelLayer")
    assert found["mine"].count("event: change") == found["others"].count("event: change") == 1
    assert "only for two" not in found["mine"]
    assert "only for one" not in found["others"]


def test_the_last_doorbell_of_a_process_is_sent(sent: Path) -> None:
    """A command that notifies and ends at once still rings, from the thread that dies with it."""
    user = drive("tell", sent, "tests.uuid_project.layers.FileLayer")["user"]
    (line,) = sent.read_text().splitlines()
    (change,) = json.loads(line)["changes"]
    assert (change["user"], change["prev"], change["modseq"]) == (user, 1, 2)
    assert "last words" in change["data"]
