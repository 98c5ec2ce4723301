"""The tests of the log once more, on a real MariaDB: it sets columns from left to right, and has no conditional indexes."""

import os
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.mariadb import Mariadb
from tests.support.processes import Process

RUN_SECONDS = 500.0  # the longest part takes two minutes on two cores that others use as well
UNIT = "tests/unit"
STATES = f"{UNIT}/log/test_states.py"  # as long as the others together
PARTS = {
    "log": ("log", "sending/test_publish.py", f"--ignore={STATES}"),
    "states": ("log/test_states.py",),
    "broadcasts": ("broadcasts", "admin/test_broadcasts.py"),
    "jobs and commands": (
        "sending/test_jobs.py",
        "operations/test_prune.py",
        "operations/test_repair.py",
        "operations/test_repair_epochs.py",
    ),
    "readers": ("reading/test_actions.py", "api/test_api.py"),
}


@pytest.mark.parametrize("part", PARTS)
def test_the_log_holds_on_mariadb(part: str) -> None:
    """Every test of the log passes there too, as does what stands on it: broadcasts, jobs, undo, pruning, repair, the API.

    Regression: whatever deleted was refused, because `floor` was set from the `modseq` that had just been raised.
    """
    paths = [name if name.startswith("--") else f"{UNIT}/{name}" for name in PARTS[part]]
    with Mariadb() as mariadb:
        # how many queries it takes is counted on SQLite
        command = [sys.executable, "-m", "pytest", *paths, "-k", "not fixed_number", "-q", "-p", "no:cacheprovider"]
        env = {**os.environ, "DATABASE_URL": mariadb.url}
        with Process(command, name="pytest on MariaDB", env=env, cwd=Path(settings.BASE_DIR)) as run:
            if run.wait(seconds=RUN_SECONDS):
                pytest.fail(run.log, pytrace=False)
