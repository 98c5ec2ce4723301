"""The tests of broadcasts once more, on a real PostgreSQL, where workers skip what another has locked."""

import os
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.postgres import Postgres
from tests.support.processes import Process

RUN_SECONDS = 500.0


def test_broadcasts_hold_on_postgresql() -> None:
    """Every test in `tests/unit/broadcasts` and of their admin passes there too."""
    with Postgres() as postgres:
        paths = ["tests/unit/broadcasts", "tests/unit/admin/test_broadcasts.py"]
        command = [sys.executable, "-m", "pytest", *paths, "-q", "-p", "no:cacheprovider"]
        env = {**os.environ, "DATABASE_URL": postgres.url}
        with Process(command, name="pytest on PostgreSQL", env=env, cwd=Path(settings.BASE_DIR)) as run:
            if run.wait(seconds=RUN_SECONDS):
                pytest.fail(run.log, pytrace=False)
