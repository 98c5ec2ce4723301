"""Waiting until somebody waits for a lock, so that two transactions meet where a test wants them to."""

from __future__ import annotations

import time
from typing import Final

from django.db import connection

__all__ = ["count_waiting_locks", "wait_for_waiting_locks"]

SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.15  # MariaDB makes this table anew only when nobody has asked for 0.1 s
QUESTIONS: Final = {
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted",
    "mysql": "SELECT count(*) FROM information_schema.innodb_lock_waits",
}


def count_waiting_locks() -> int:
    """Return how many connections wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(QUESTIONS[connection.vendor])
        return int(cursor.fetchone()[0])


def wait_for_waiting_locks(count: int = 1) -> None:
    """Wait until this many other connections wait for a lock."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if count_waiting_locks() >= count:
            return
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{count} did not wait for a lock within {SECONDS} s")
