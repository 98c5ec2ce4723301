"""What Django tells nobody about a transaction: a rollback or a commit by hand, an error that somebody swallowed.

Receives a connection on which a step was registered (`steps.py`). Guarantees that whoever asks knows whether that step's
transaction is over, and that `on_doubt` is called where part of the transaction may have been undone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

__all__ = ["is_manual", "is_over", "mark_open", "watch"]

# Stands where Django notes a commit as True, so that the note of this transaction's commit can be told from older ones.
# It is true as well: turning autocommit on ends a transaction too, and then Django runs the callbacks.
OPEN: Final = "open"


class Watch:
    """An `execute_wrapper` that stays on a connection until its callbacks have been run or dropped.

    Statements are all that shows these: Django drops callbacks for savepoints of its own only, and PostgreSQL turns the
    commit of a transaction in which a statement failed into a rollback, of which nobody is told.
    """

    def __init__(self, connection: Any, on_doubt: Callable[[], None]) -> None:
        self._connection = connection
        self._on_doubt = on_doubt

    def __call__(self, execute: Callable[..., Any], sql: Any, *arguments: Any) -> Any:
        """Run a statement, and look at what it was and what became of it."""
        if not self._connection.run_on_commit:
            self._connection.execute_wrappers.remove(self)
            return execute(sql, *arguments)
        try:
            found = execute(sql, *arguments)
        except Exception:
            self._on_doubt()
            raise
        if str(sql)[:8].upper() == "ROLLBACK":
            self._on_doubt()
        if is_manual(self._connection) and is_idle(self._connection):  # committed by a statement
            self._connection.run_commit_hooks_on_set_autocommit_on = True
        return found


def watch(connection: Any, on_doubt: Callable[[], None]) -> None:
    """Call `on_doubt` for each failed statement and each rollback on this connection, until the transaction is over."""
    if not any(isinstance(wrapper, Watch) for wrapper in connection.execute_wrappers):
        # in front: who adds a wrapper for a block takes the last one away after it
        connection.execute_wrappers.insert(0, Watch(connection, on_doubt))


def is_manual(connection: Any) -> bool:
    """Return whether the site commits by hand on this connection, so that Django runs no callbacks after it."""
    return not connection.commit_on_exit


def mark_open(connection: Any) -> None:
    """Note that a transaction by hand holds a step from now on."""
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
