"""The upkeep commands among writers once more, on a PostgreSQL, which has row locks where SQLite has one lock for all."""

import os
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.postgres import Postgres
from tests.support.processes import Process

RUN_SECONDS = 100.0


def test_the_upkeep_commands_hold_on_postgresql() -> None:
    """Every test of upkeep among writers passes there too."""
    with Postgres() as postgres:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "tests/unit/operations/test_repair_concurrent.py",
            "-q",
            "-p",
            "no:cacheprovider",
        ]
        env = {**os.environ, "DATABASE_URL": postgres.url}
        with Process(command, name="pytest on PostgreSQL", env=env, cwd=Path(settings.BASE_DIR)) as run:
            if run.wait(seconds=RUN_SECONDS):
                pytest.fail(run.log, pytrace=False)
