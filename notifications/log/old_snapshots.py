"""Have MariaDB refuse a write that rests on rows as they were.

At REPEATABLE READ it lets a transaction lock an inbox as it is now while it goes on reading rows as they were when it began:
what another one has read or deleted since would be counted a second time. A site needs no such level in its settings for
that: `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ` does it for one transaction, and nobody can ask afterwards. With
`innodb_snapshot_isolation`, which later versions have on, such a write fails as it does in PostgreSQL.

Not on every connection: at READ COMMITTED too it makes an update that scans a small table wait for rows of others, which
can deadlock. So the statement that asks for the level switches it on, for the rest of its connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from django.db import OperationalError, router

from . import tables

__all__ = ["watch_levels"]

OLD_ROWS: Final = re.compile(r"\s*SET\b.*\bREPEATABLE[\s-]+READ\b", re.IGNORECASE | re.DOTALL)
UNKNOWN_VARIABLE: Final = 1193  # https://mariadb.com/kb/en/mariadb-error-code-reference/


def watch_levels(connection: Any, **_: Any) -> None:
    """Follow which isolation levels are asked for on the log's database: a receiver of `connection_created`.

    MySQL and older versions of MariaDB have no such refusal; the system check E010 speaks of these.
    """
    is_ours = connection.alias == router.db_for_write(tables.Notification)
    if connection.vendor != "mysql" or not is_ours or not connection.mysql_is_mariadb:
        return
    if refuse_old_rows not in connection.execute_wrappers:  # they outlive a lost connection
        # in front: who adds a wrapper for a block takes the last one away after it
        connection.execute_wrappers.insert(0, refuse_old_rows)


def refuse_old_rows(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Run a statement; before one that asks for REPEATABLE READ switch the refusal on. An `execute_wrapper`."""
    if OLD_ROWS.match(str(sql)):
        try:
            execute("SET SESSION innodb_snapshot_isolation = ON", None, False, context)
        except OperationalError as error:
            if error.args[:1] != (UNKNOWN_VARIABLE,):
                raise
    return execute(sql, params, many, context)
