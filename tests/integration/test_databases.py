"""The tests of the log, and of what stands on it, once more on the databases that sites use.

PostgreSQL has row locks where SQLite has one lock for all. MariaDB has them too, sets columns from left to right, and has no
conditional indexes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.mariadb import Mariadb
from tests.support.postgres import Postgres
from tests.support.processes import Process
from tests.support.shell import ROOT

UNIT: Final = ROOT / "tests" / "unit"
SERVERS: Final = {"PostgreSQL": Postgres, "MariaDB": Mariadb}
RUN_SECONDS: Final = 500.0  # the longest part takes two minutes on two cores that others use as well
CONSISTENT_READS: Final = "log/test_consistent_reads.py"  # as long as the others of the log together
LOG: Final = ("log", "sending/test_publish.py", f"--ignore={UNIT / CONSISTENT_READS}")
BROADCASTS: Final = ("broadcasts", "admin/test_broadcasts.py")
PARTS: Final = {
    "PostgreSQL": {
        "states": (CONSISTENT_READS,),
        "log": LOG,
        "broadcasts": (*BROADCASTS, "admin/test_attempts.py"),
        "upkeep among writers": ("operations/test_repair_concurrent.py",),
    },
    "MariaDB": {
        "states": (CONSISTENT_READS,),
        "log": LOG,
        "broadcasts": BROADCASTS,
        "jobs and upkeep": (
            "sending/test_jobs.py",
            "operations/test_prune.py",
            "operations/test_repair.py",
            "operations/test_repair_epochs.py",
        ),
        "readers": ("reading/test_undo.py", "api/test_api.py"),
    },
}
# How many queries it takes is counted on SQLite; PostgreSQL takes as many.
OPTIONS: Final = {"PostgreSQL": (), "MariaDB": ("-k", "not fixed_number")}
RUNS: Final = [
    pytest.param(name, part, marks=pytest.mark.xdist_group(f"{name}: {part}"), id=f"{name}: {part}")
    for name, parts in PARTS.items()
    for part in parts
]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Postgres | Mariadb]]:
    """The servers that have been started so far, by the name of their database."""
    started: dict[str, Postgres | Mariadb] = {}
    yield started
    for server in started.values():
        server.close()


@pytest.mark.parametrize(("name", "part"), RUNS)
def test_it_holds_on_other_databases(servers: dict[str, Postgres | Mariadb], name: str, part: str) -> None:
    """Every test passes there too, the races and the random programs among them.

    Regression: on MariaDB whatever deleted was refused, because `floor` was set from the `modseq` that had just been raised.
    """
    if name not in servers:
        servers[name] = SERVERS[name]()
    paths = [word if word.startswith("--") else str(UNIT / word) for word in PARTS[name][part]]
    command = [sys.executable, "-m", "pytest", *paths, *OPTIONS[name], "-q", "-p", "no:cacheprovider"]
    env = {**os.environ, "DATABASE_URL": servers[name].url}
    with Process(command, name=f"pytest on {name}", env=env, cwd=ROOT) as run:
        if run.wait(seconds=RUN_SECONDS):
            pytest.fail(run.log, pytrace=False)


@pytest.mark.parametrize("mark", ['not_on("sqlite")', 'only_on("postgresql")'])
def test_what_is_left_out_on_sqlite_runs_here(mark: str) -> None:
    """Each test that SQLite cannot run is of a file that runs on PostgreSQL."""
    paths = [UNIT / word for words in PARTS["PostgreSQL"].values() for word in words if not word.startswith("--")]
    marked = [path for path in UNIT.rglob("test_*.py") if mark in path.read_text()]
    assert marked
    assert [path for path in marked if not any(path.is_relative_to(each) for each in paths)] == []
