"""One state of a log: where it ends and some of its rows, for many users, from one SQL statement.

# Note [One state]

A head and rows that are read one after the other may be two states, and a commit in between is then told wrongly: its
rows are past the head, so they are left to its own frame; and the frame of "mark all as read" carries no rows. So both
come from one statement, which every database answers from one state, whatever the isolation level (and a page's may not
be set: it can run inside `ATOMIC_REQUESTS`). What follows is a change of a state that the client was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final, NamedTuple

from django.db import connections
from django.db.models import Model, QuerySet

from ..protocol.position import Head
from . import tables
from .keys import UserKey
from .salvage import UNREADABLE, is_unreadable, read_alone

__all__ = ["HEAD_FIELDS", "LogState", "read_latest", "read_page", "read_tails"]

POSITIONS_PER_QUERY: Final = (
    100  # positions in one statement: what one user costs is bounded, so this bounds what the others wait
)
HEAD_FIELDS: Final = ("epoch", "modseq", "floor", "unread", "unseen")


class LogState(NamedTuple):
    """One log as one statement saw it."""

    place: int  # which of those that were asked for
    head: Head
    bound: int  # up to which rows were read; of a page the newest id that there is
    rows: list[tables.Notification]


def read_tails(using: str, behind: Sequence[tuple[Any, int]], *, most: int) -> Iterator[LogState]:
    """Yield each log with the rows after a `modseq`, in log order; a user who was deleted is left out. 1 query for each 100.

    A log with more than `most` of them has the bound 0, and no rows: the index says so, nothing is read. Past the ORM,
    which has no words for it. SQLite and MariaDB know no LATERAL; PostgreSQL needs it, for it guesses how many rows lie
    within bounds that it does not know, and may rather read a whole inbox. The inner `LIMIT` keeps all of them from
    merging that part into the outer one, which would ask for the bound anew for each row.
    """
    connection = connections[using]
    which = "n.{n_recipient} = q.{i_user} AND n.{n_modseq} > q.since AND n.{n_modseq} <= q.bound"
    rows = "LEFT JOIN {n} n ON " + which
    if connection.vendor == "postgresql":
        rows = LATERAL.replace("{which}", which)
    template = TAILS.replace("{rows}", rows)
    names = quote_names(connection)
    # MariaDB and MySQL look into an index by a range only where its ends are known beforehand, as they are for one user;
    # for several they would read each one's whole inbox
    reads = 1 if connection.vendor == "mysql" else POSITIONS_PER_QUERY
    for start in range(0, len(behind), reads):
        portion = behind[start : start + reads]
        positions, parameters = build_positions_table(connection, portion)
        sql = partial(template.format, positions=positions, most=most, limit=len(portion))
        for state in fetch_states(using, sql, names, parameters, may_salvage=len(portion) == 1):
            yield state._replace(place=start + state.place)


TAILS: Final = """
    SELECT q.place, q.bound, {heads}, {columns}
    FROM (
        SELECT p.place, p.since, i.*,
            CASE WHEN (
                SELECT m.{n_modseq} FROM {n} m WHERE m.{n_recipient} = i.{i_user} AND m.{n_modseq} > p.since
                ORDER BY m.{n_modseq} LIMIT 1 OFFSET {most}
            ) IS NULL THEN i.{i_modseq} ELSE 0 END AS bound
        FROM {positions} JOIN {i} i ON i.{i_user} = p.user_id
        LIMIT {limit}
    ) q
    {rows}
    ORDER BY q.place, n.{n_modseq}, n.{n_id}
"""
LATERAL: Final = "LEFT JOIN LATERAL (SELECT * FROM {n} n WHERE {which} ORDER BY n.{n_modseq} LIMIT {most}) n ON TRUE"
LATEST: Final = """
    SELECT 0, 0, {heads}, {columns}
    FROM {i} q LEFT JOIN (
        SELECT * FROM {n} m WHERE m.{n_recipient} = %s AND m.{n_archived_at} IS NULL
        ORDER BY m.{n_id} DESC LIMIT {most}
    ) n ON n.{n_recipient} = q.{i_user}
    WHERE q.{i_user} = %s
    ORDER BY n.{n_id} DESC
"""
PAGE: Final = """
    SELECT 0, q.newest, {heads}, {columns}
    FROM ({inbox}) q LEFT JOIN ({rows}) n ON n.{n_recipient} = q.{i_user}
"""


def read_latest(using: str, user_ids: Sequence[UserKey], *, most: int) -> Iterator[LogState]:
    """Yield each log with its latest rows that are not archived, newest first. 1 query for each.

    Not for many at once: asked for an average user, a planner would walk the whole table for a user without notifications.
    """
    connection = connections[using]
    sql = partial(LATEST.format, most=most)
    names = quote_names(connection)
    key: Any = tables.Inbox._meta.pk
    for place, user_id in enumerate(user_ids):
        parameters = [key.get_db_prep_value(user_id, connection)] * 2
        for state in fetch_states(using, sql, names, parameters, may_salvage=True):
            yield state._replace(place=place)


def read_page(using: str, inbox: QuerySet[Any, Any], rows: QuerySet[Any, Any]) -> LogState | None:
    """Return one log with these of its rows, newest first; None: there is no inbox. 1 query.

    Args:
        inbox: one inbox, with `newest`, the bound of what is returned.
        rows: notifications of the same user, in order and cut off by a limit.
    """
    inbox_sql, inbox_parameters = inbox.query.get_compiler(using).as_sql()
    rows_sql, rows_parameters = rows.query.get_compiler(using).as_sql()
    sql = partial(PAGE.format, inbox=inbox_sql, rows=rows_sql)
    parameters = [*inbox_parameters, *rows_parameters]
    for state in fetch_states(using, sql, quote_names(connections[using]), parameters, may_salvage=True):
        # sorted here: the join need not keep the order, and a database would sort again what it took from an index
        return state._replace(rows=sorted(state.rows, key=lambda row: row.pk, reverse=True))
    return None


def fetch_states(
    using: str, sql: Callable[..., str], names: dict[str, str], parameters: list[Any], *, may_salvage: bool
) -> list[LogState]:
    """Return what a statement yields; of one log also where rows of it cannot be read.

    Then the statement says which rows they are, and each is read after it. One that was changed meanwhile is newer than its
    number says, which does no harm: the stream tells that change as well.
    """
    connection = connections[using]
    try:
        return list(build_states(using, run_query(connection, sql(**names), parameters)))
    except UNREADABLE as error:
        if not may_salvage or not is_unreadable(error):
            raise
    keys = f"n.{names['n_id']}, n.{names['n_modseq']}"
    found = run_query(connection, sql(**{**names, "columns": keys}), parameters)
    states: list[LogState] = []
    for (place, bound, *head), group in groupby(found, key=lambda values: values[:-2]):
        rows = []
        for *_, pk, modseq in group:
            if pk is not None and (row := read_alone(using, pk)) is not None:
                row.modseq = modseq
                rows.append(row)
        states.append(LogState(place, Head(*head), bound, rows))
    return states


def run_query(connection: Any, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def build_states(using: str, found: list[tuple[Any, ...]]) -> Iterator[LogState]:
    """Yield the states in the rows of a statement, in their order."""
    first = 2 + len(HEAD_FIELDS)
    fields = tables.Notification._meta.concrete_fields
    names = [field.attname for field in fields]
    compiler = tables.Notification.objects.using(using).query.get_compiler(using)
    table = tables.Notification._meta.db_table
    columns: list[Any] = [None] * first + [field.get_col(table) for field in fields]
    converted: Any = compiler.apply_converters(iter(found), compiler.get_converters(columns))
    is_there = first + next(number for number, field in enumerate(fields) if field.primary_key)
    for (place, bound, *head), group in groupby(converted, key=lambda values: tuple(values[:first])):
        rows = [
            tables.Notification.from_db(using, names, values[first:])
            for values in group
            if values[is_there] is not None
        ]
        yield LogState(place, Head(*head), bound, rows)


def build_positions_table(connection: Any, wanted: Sequence[tuple[Any, int]]) -> tuple[str, list[Any]]:
    """Return a table `p` of users and numbers, as SQL, and its parameters.

    PostgreSQL takes them as arrays: filling hundreds of placeholders takes psycopg milliseconds.
    """
    key: Any = tables.Inbox._meta.pk
    keys = [key.get_db_prep_value(user_id, connection) for user_id, _since in wanted]
    numbers = [since for _user_id, since in wanted]
    if connection.vendor == "postgresql":
        table = f"unnest(%s::{key.db_type(connection)}[], %s::bigint[], %s::bigint[]) AS p(user_id, since, place)"
        return table, [keys, numbers, list(range(len(wanted)))]
    lines = [f"SELECT %s AS user_id, %s AS since, {place} AS place" for place in range(len(wanted))]
    return f"({' UNION ALL '.join(lines)}) p", [value for pair in zip(keys, numbers, strict=True) for value in pair]


def quote_names(connection: Any) -> dict[str, str]:
    """Return the quoted names of the tables and columns, by what a statement here calls them, and lists of columns."""
    quote = connection.ops.quote_name
    both: dict[str, type[Model]] = {"i": tables.Inbox, "n": tables.Notification}
    names = {short: str(quote(model._meta.db_table)) for short, model in both.items()}
    for short, model in both.items():
        names |= {f"{short}_{field.name}": str(quote(field.column)) for field in model._meta.concrete_fields}
    names["heads"] = ", ".join(f"q.{names[f'i_{name}']}" for name in HEAD_FIELDS)
    names["columns"] = ", ".join(f"n.{names[f'n_{field.name}']}" for field in tables.Notification._meta.concrete_fields)
    return names
