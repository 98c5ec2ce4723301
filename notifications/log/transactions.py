"""Notice what Django does not report of a transaction: a rollback or commit by hand, an error that was caught.

Receives a connection on which a hook was registered (`inbox_write.py`). Guarantees that whoever asks knows whether that
hook's transaction is over, and that `on_doubt` is called where part of the transaction may have been undone, with the
moment (`next_moment()`) after which all of it was.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

__all__ = ["BEGINNING", "is_manual", "is_over", "mark_open", "next_moment", "watch"]

BEGINNING: Final = 0  # before every moment
_moments: Final = itertools.count(BEGINNING + 1)


def next_moment() -> int:
    """Return a moment: later than each one returned before, in this process."""
    return next(_moments)


# Stands where Django notes a commit as True, so that the note of this transaction's commit can be told from older ones.
# It is true as well: turning autocommit on ends a transaction too, and then Django runs the callbacks.
OPEN: Final = "open"


class Watch:
    """An `execute_wrapper` that stays on a connection until its callbacks have been run or dropped.

    Statements are all that shows these: Django drops callbacks for savepoints of its own only, and PostgreSQL turns the
    commit of a transaction in which a statement failed into a rollback, of which nobody is told.
    """

    def __init__(self, connection: Any, on_doubt: Callable[[int | None], None]) -> None:
        self._connection = connection
        self._on_doubt = on_doubt
        self._savepoints: list[tuple[str, int]] = []  # each name with the moment of its beginning, the newest last

    def __call__(self, execute: Callable[..., Any], sql: Any, *arguments: Any) -> Any:
        """Run a statement, and look at what it was and what became of it."""
        if not self._connection.run_on_commit:
            self._connection.execute_wrappers.remove(self)
            return execute(sql, *arguments)
        try:
            found = execute(sql, *arguments)
        except Exception:
            self._on_doubt(None)
            raise
        self._follow(str(sql))
        # committed by a statement; not every driver says that nothing is open, so its word counts as well
        if is_manual(self._connection) and (is_idle(self._connection) or str(sql)[:6].upper() == "COMMIT"):
            self._connection.run_commit_hooks_on_set_autocommit_on = True
        return found

    def _follow(self, sql: str) -> None:
        """Keep account of the savepoints, and say what a rollback took back."""
        verb = sql[:9].upper()
        if not verb.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            return
        name = sql.rstrip("; ").rpartition(" ")[2].strip('"`').lower()
        opened = [number for number, (each, _moment) in enumerate(self._savepoints) if each == name]
        if verb == "SAVEPOINT":
            self._savepoints.append((name, next_moment()))
        elif verb.startswith("RELEASE"):
            del self._savepoints[opened[-1] if opened else 0 :]
        else:  # to a savepoint that we saw begin, to an older one, or of everything
            self._on_doubt(self._savepoints[opened[-1]][1] if opened else BEGINNING)
            del self._savepoints[opened[-1] + 1 if opened else 0 :]


def watch(connection: Any, on_doubt: Callable[[int | None], None]) -> None:
    """Call `on_doubt` for each failed statement and each rollback on this connection, until the transaction is over.

    It is given the moment after which everything was undone: of a rollback the beginning of its savepoint, `BEGINNING`
    where that was there before us, None for a failed statement, after which nobody can tell.
    """
    if not any(isinstance(wrapper, Watch) for wrapper in connection.execute_wrappers):
        # in front: who adds a wrapper for a block takes the last one away after it
        connection.execute_wrappers.insert(0, Watch(connection, on_doubt))


def is_manual(connection: Any) -> bool:
    """Return whether the site commits by hand on this connection, so that Django runs no callbacks after it."""
    return not connection.commit_on_exit


def mark_open(connection: Any) -> None:
    """Note that a transaction by hand holds a hook from now on."""
    connection.run_commit_hooks_on_set_autocommit_on = OPEN


def is_over(connection: Any) -> bool:
    """Return whether the transaction by hand for which `mark_open()` was called has been committed."""
    return connection.run_commit_hooks_on_set_autocommit_on is True or is_idle(connection)


def is_idle(connection: Any) -> bool:
    """Return whether no transaction is open, as far as the driver says."""
    if connection.vendor == "sqlite":
        return not connection.connection.in_transaction
    return bool(
        connection.vendor == "postgresql" and connection.connection.info.transaction_status == 0
    )  # libpq's IDLE
