"""The tests of the log once more, on a real PostgreSQL, which has row locks where SQLite has one lock for all."""

import os
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.postgres import Postgres
from tests.support.processes import Process

RUN_SECONDS = 500.0


STATES = "tests/unit/log/test_states.py"  # as long as the others together
PARTS = {
    "states": [STATES],
    "the others": ["tests/unit/log", "tests/unit/sending/test_publish.py", f"--ignore={STATES}"],
}


@pytest.mark.parametrize("words", PARTS.values(), ids=PARTS)
def test_the_log_holds_on_postgresql(words: list[str]) -> None:
    """Every test in `tests/unit/log` and of `notify()` passes there too, the races and the random programs among them."""
    with Postgres() as postgres:
        command = [sys.executable, "-m", "pytest", *words, "-q", "-p", "no:cacheprovider"]
        env = {**os.environ, "DATABASE_URL": postgres.url}
        with Process(command, name="pytest on PostgreSQL", env=env, cwd=Path(settings.BASE_DIR)) as run:
            if run.wait(seconds=RUN_SECONDS):
                pytest.fail(run.log, pytrace=False)
