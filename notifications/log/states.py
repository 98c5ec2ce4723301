"""Step 2e, one state of a log: where it ends and some of its rows, for many users, from one SQL statement.

# Note [One state]

A head and rows that are read one after the other may be two states, and a commit in between is then told wrongly: its
rows are past the head, so they are left to its own frame; and the frame of "mark all as read" carries no rows. So both
come from one statement, which every database answers from one state, whatever the isolation level (and a page's may not
be set: it can run inside `ATOMIC_REQUESTS`). What follows is a change of a state that the client was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

from django.db import connections
from django.db.models import Model

from ..models import Inbox, Notification

__all__ = ["Head", "Position", "State", "latest", "tails"]

READS: Final = 100  # positions in one statement: what one user costs is bounded, so this bounds what the others wait
HEAD: Final = ("epoch", "modseq", "floor", "unread", "unseen")


class Position(NamedTuple):
    """A client's place in the log. `modseq` 0 is below every floor: "I know nothing, send a snapshot"."""

    epoch: int
    modseq: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.modseq}"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a user's log ends, and the counters there."""

    epoch: int
    modseq: int
    floor: int
    unread: int
    unseen: int

    @property
    def position(self) -> Position:
        """The head as a client writes it."""
        return Position(self.epoch, self.modseq)


class State(NamedTuple):
    """One log as one statement saw it."""

    place: int  # which of those that were asked for
    head: Head
    bound: int  # up to which, or from which on, rows were read
    rows: list[Notification]


def tails(using: str, behind: Sequence[tuple[Any, int]], *, most: int) -> Iterator[State]:
    """Yield each log with the rows after a `modseq`, in log order; a user who is gone is left out. 1 query for each 100.

    A log with more than `most` of them has the bound 0, and no rows: the index says so, nothing is read.
    """
    sql = """
        SELECT {columns}
        FROM (
            SELECT p.place, p.since, {heads},
                CASE WHEN (
                    SELECT m.{n_modseq} FROM {n} m WHERE m.{n_recipient} = i.{i_user} AND m.{n_modseq} > p.since
                    ORDER BY m.{n_modseq} LIMIT 1 OFFSET {offset}
                ) IS NULL THEN i.{i_modseq} ELSE 0 END AS bound
            FROM {positions} JOIN {i} i ON i.{i_user} = p.user_id
            LIMIT {limit}
        ) q
        LEFT JOIN {n} n ON n.{n_recipient} = q.{i_user} AND n.{n_modseq} > q.since AND n.{n_modseq} <= q.bound
        ORDER BY q.place, n.{n_modseq}, n.{n_id}
    """
    yield from states(using, sql, behind, offset=most)


def latest(using: str, user_ids: Iterable[Any], *, most: int) -> Iterator[State]:
    """Yield each log with its latest rows that are not archived, newest first. 1 query for each 100."""
    sql = """
        SELECT {columns}
        FROM (
            SELECT p.place, p.since, {heads},
                COALESCE((
                    SELECT m.{n_id} FROM {n} m WHERE m.{n_recipient} = i.{i_user} AND m.{n_archived_at} IS NULL
                    ORDER BY m.{n_id} DESC LIMIT 1 OFFSET {offset}
                ), p.since) AS bound
            FROM {positions} JOIN {i} i ON i.{i_user} = p.user_id
            LIMIT {limit}
        ) q
        LEFT JOIN {n} n ON n.{n_recipient} = q.{i_user} AND n.{n_archived_at} IS NULL AND n.{n_id} >= q.bound
        ORDER BY q.place, n.{n_id} DESC
    """
    yield from states(using, sql, [(user_id, 0) for user_id in user_ids], offset=most - 1)


def states(using: str, template: str, wanted: Sequence[tuple[Any, int]], *, offset: int) -> Iterator[State]:
    """Yield what a statement says of these users, each with the number that it calls `p.since`.

    Past the ORM, which has no words for it, in words that SQLite, PostgreSQL and MariaDB share: what is bounded for each
    user is bounded by a subquery that skips so many entries of an index, for only one of them knows LATERAL. `LIMIT`
    keeps them from merging the inner part into the outer, which would ask that anew for each row.
    """
    connection = connections[using]
    names = {**names_of(connection, "i", Inbox), **names_of(connection, "n", Notification)}
    heads = ", ".join(f"i.{names[f'i_{name}']}" for name in ("user", *HEAD))
    columns = ["q.place", "q.bound", *(f"q.{names[f'i_{name}']}" for name in HEAD)]
    columns += [f"n.{names[f'n_{field.name}']}" for field in Notification._meta.concrete_fields]
    # MariaDB and MySQL look into an index by a range only where its ends are known beforehand, as they are for one user;
    # for several they would read each one's whole inbox
    reads = 1 if connection.vendor == "mysql" else READS
    for start in range(0, len(wanted), reads):
        portion = wanted[start : start + reads]
        positions, parameters = positions_in(connection, portion)
        sql = template.format(
            **names, columns=", ".join(columns), heads=heads, positions=positions, offset=offset, limit=len(portion)
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            found = cursor.fetchall()
        for state in made_of(using, found):
            yield state._replace(place=start + state.place)


def made_of(using: str, found: list[tuple[Any, ...]]) -> Iterator[State]:
    """Yield the states in the rows of a statement, in their order."""
    first = 2 + len(HEAD)
    fields = Notification._meta.concrete_fields
    names = [field.attname for field in fields]
    compiler = Notification.objects.using(using).query.get_compiler(using)
    table = Notification._meta.db_table
    columns: list[Any] = [None] * first + [field.get_col(table) for field in fields]
    converted: Any = compiler.apply_converters(iter(found), compiler.get_converters(columns))
    is_there = first + next(number for number, field in enumerate(fields) if field.primary_key)
    for (place, bound, *head), group in groupby(converted, key=lambda values: tuple(values[:first])):
        rows = [Notification.from_db(using, names, values[first:]) for values in group if values[is_there] is not None]
        yield State(place, Head(*head), bound, rows)


def positions_in(connection: Any, wanted: Sequence[tuple[Any, int]]) -> tuple[str, list[Any]]:
    """Return a table `p` of users and numbers, as SQL, and its parameters.

    PostgreSQL takes them as arrays: filling hundreds of placeholders takes psycopg milliseconds.
    """
    key: Any = Inbox._meta.pk
    keys = [key.get_db_prep_value(user_id, connection) for user_id, _since in wanted]
    numbers = [since for _user_id, since in wanted]
    if connection.vendor == "postgresql":
        table = f"unnest(%s::{key.db_type(connection)}[], %s::bigint[], %s::bigint[]) AS p(user_id, since, place)"
        return table, [keys, numbers, list(range(len(wanted)))]
    lines = [f"SELECT %s AS user_id, %s AS since, {place} AS place" for place in range(len(wanted))]
    return f"({' UNION ALL '.join(lines)}) p", [value for pair in zip(keys, numbers, strict=True) for value in pair]


def names_of(connection: Any, prefix: str, model: type[Model]) -> dict[str, str]:
    """Return the quoted names of a table and its columns, by what a statement here calls them."""
    quote = connection.ops.quote_name
    columns = {f"{prefix}_{field.name}": str(quote(field.column)) for field in model._meta.concrete_fields}
    return {prefix: str(quote(model._meta.db_table)), **columns}
