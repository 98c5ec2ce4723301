"""Have MariaDB refuse a write that rests on rows as they were.

At REPEATABLE READ it lets a transaction lock an inbox as it is now while it goes on reading rows as they were when it began:
what another one has read or deleted since would be counted a second time. A site needs no such level in its settings for
that: `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ` does it for one transaction, and nobody can ask afterwards. With
`innodb_snapshot_isolation`, which later versions have on, such a write fails as it does in PostgreSQL.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import OperationalError, router

from . import tables

__all__ = ["refuse_old_snapshots"]

UNKNOWN_VARIABLE: Final = 1193  # https://mariadb.com/kb/en/mariadb-error-code-reference/


def refuse_old_snapshots(connection: Any, **_: Any) -> None:
    """Switch that on for each connection to the log's database: a receiver of `connection_created`.

    MySQL and older versions of MariaDB do not have it; the system check E010 speaks of these.
    """
    is_ours = connection.alias == router.db_for_write(tables.Notification)
    if connection.vendor != "mysql" or not is_ours or not connection.mysql_is_mariadb:
        return
    with connection.cursor() as cursor:
        try:
            cursor.execute("SET SESSION innodb_snapshot_isolation = ON")
        except OperationalError as error:
            if error.args[:1] != (UNKNOWN_VARIABLE,):
                raise
