"""Carry out one operation of a writer and say how it went; what it committed is for the database to say."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, TypedDict

from django.db import DatabaseError, connection, transaction

from notifications.models import Notification

from .operations import BARE, OPERATIONS, OWN, Undone

__all__ = ["Record", "perform"]

BARE_SHARE: Final = 0.5  # run without a transaction around it, as most code does
# Whoever opens a transaction has to expect this of a database, and to try again.
RETRIABLE: Final = (
    *("could not serialize", "deadlock detected", "database is locked"),
    *("Deadlock found", "Record has changed", "SAVEPOINT"),  # MariaDB, where a deadlock ends the savepoints as well
)
# What anybody meets: another one was quicker, or the site's own limit of time is over.
ANYWHERE: Final = (
    "is not in the database",
    "was deleted a moment ago",
    "DoesNotExist",
    "timeout",
    "max_statement_time",
)


class Record(TypedDict):
    """One operation."""

    kind: str
    error: str
    is_expected: bool  # another writer was quicker; or it is one that whoever opens a transaction has to expect


def perform(rng: random.Random, users: Sequence[int], without: Sequence[str] = ()) -> Record:
    """Carry out one random operation on some of these users."""
    weights = [0.0 if kind in without else weight for kind, (weight, _most, _act) in OPERATIONS.items()]
    [kind] = rng.choices(list(OPERATIONS), weights)
    _weight, most, act = OPERATIONS[kind]
    # in key order, as whoever writes to several inboxes in one transaction must
    mine = sorted(rng.sample(list(users), rng.randint(1, min(most, len(users)))))
    record = Record(kind=kind, error="", is_expected=True)
    is_bare = kind in BARE or rng.random() < BARE_SHARE
    try:
        if is_bare:
            act(rng, mine)
        else:
            with transaction.atomic():
                act(rng, mine)
    except Undone:
        pass
    except (DatabaseError, Notification.DoesNotExist) as error:
        text = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
        record["error"] = f"{kind}{' (bare)' if is_bare else ''}: {text}"
        is_own = kind in OWN or not is_bare
        record["is_expected"] = any(words in text for words in (*ANYWHERE, *(RETRIABLE if is_own else ())))
        if not connection.get_autocommit():  # it did not get so far as to hand it back
            connection.close()
    return record
