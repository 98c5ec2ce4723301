"""Repeat a write that the database rolled back because of another transaction.

Receives a write that opens a transaction of its own. Guarantees that a deadlock or a failed serialization does not reach
the caller, within bounds; where the caller's transaction is open nothing is tried again, for the database has undone what
came before in it as well.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Final, ParamSpec, TypeVar

from django.db import OperationalError, connections, router

from . import tables

__all__ = ["attempt", "repeatable"]

# Of N writers that meet at one inbox with REPEATABLE READ, one gets through in each round.
MAX_ATTEMPTS: Final = 20
# What waited this long has waited for as long as the site allows (a lock time-out, SQLite's `timeout`).
MAX_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 0.1

# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization_failure, deadlock_detected
POSTGRESQL: Final = frozenset({"40001", "40P01"})
# https://mariadb.com/kb/en/mariadb-error-code-reference/: record changed, lock wait time-out, deadlock
MYSQL: Final = frozenset({1020, 1205, 1213})
SQLITE_BUSY: Final = 5  # https://www.sqlite.org/rescode.html#busy; the extended codes have it in their last byte

P = ParamSpec("P")
T = TypeVar("T")


def attempt(using: str, write: Callable[[], T]) -> T:
    """Return what `write` returns, trying it again after a conflict where the transaction is its own."""
    connection = connections[using]
    if connection.in_atomic_block or not connection.get_autocommit():
        return write()
    began = time.monotonic()
    for number in range(1, MAX_ATTEMPTS):
        try:
            return write()
        except OperationalError as error:
            if not is_conflict(connection.vendor, error) or time.monotonic() - began > MAX_SECONDS:
                raise
        time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.002 * 2**number)))  # noqa: S311 — so that two part ways
    return write()


def repeatable(write: Callable[P, T]) -> Callable[P, T]:
    """Have a function try its write again after a conflict. Its database is `using`, or where notifications are written."""

    @wraps(write)
    def write_again(*args: P.args, **kwargs: P.kwargs) -> T:
        using = str(kwargs.get("using") or router.db_for_write(tables.Notification))
        return attempt(using, partial(write, *args, **kwargs))

    return write_again


def is_conflict(vendor: str, error: OperationalError) -> bool:
    """Return whether the database undid a transaction only because of another one."""
    cause: Any = error.__cause__
    if vendor == "postgresql":
        return getattr(cause, "sqlstate", getattr(cause, "pgcode", None)) in POSTGRESQL  # psycopg, psycopg2
    if vendor == "mysql":
        return bool(error.args) and error.args[0] in MYSQL
    return vendor == "sqlite" and getattr(cause, "sqlite_errorcode", 0) & 0xFF == SQLITE_BUSY
