"""The trail: what the database itself says was committed, written by triggers that share nothing with the app.

Receives the address of a migrated database. Guarantees that every row of a notification that is inserted, updated or
deleted, and every state of an inbox, leaves an entry with the transaction that wrote it; what is rolled back, wholly or
to a savepoint, leaves none. Who commits is told apart by the ids that PostgreSQL and MariaDB give transactions (MariaDB in
tables with system versioning). SQLite has none, so there each connection of the site names its transactions
(`name_transactions()`, which `site_settings.py` connects).
"""

from __future__ import annotations

import importlib
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import psycopg

__all__ = ["Entry", "Trail", "name_transactions"]

INBOX: Final = ("epoch", "modseq", "floor", "unread", "unseen", "seen_upto")
ROW: Final = (
    *("id", "modseq", "category", "level", "title", "body", "url", "actor", "topic", "data"),
    *("created_at", "read_at", "archived_at"),
)


class Entry(NamedTuple):
    """One write, or a mark of the oracle's own: `INSERT INTO oracle_marks (user_id, what)`, see `history.py`."""

    seq: int
    tx: int
    at: float  # when its transaction committed; in SQLite, when it was written
    kind: str  # inbox, row, mark
    op: str  # I, U, D; of a mark: what it is
    user: int
    row: int
    data: dict[str, Any]


class Trail:
    """Reads and writes beside the app, by SQL alone."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self._dialect = next(each for scheme, each in DIALECTS.items() if url.startswith(scheme))

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """Yield a cursor in autocommit; SQL takes `?` in SQLite and `%s` elsewhere."""
        with closing(self._dialect.connect(self.url)) as connection:
            yield connection.cursor()

    def install(self) -> None:
        """Create the trail; whatever was written before is unknown to it."""
        with self.connect() as cursor:
            for statement in self._dialect.schema:
                cursor.execute(statement)

    def read(self) -> list[Entry]:
        """Return all entries in the order in which they were written. Writers must be done."""
        at = self._dialect.committed_at
        with self.connect() as cursor:
            cursor.execute(f"SELECT seq, tx, {at}, kind, op, user_id, row_id, data FROM oracle_trail ORDER BY seq")  # noqa: S608
            return [
                Entry(seq, tx, float(at), kind, op, user, row, json.loads(data))
                for seq, tx, at, kind, op, user, row, data in cursor
            ]

    def clear(self) -> None:
        """Forget what was written so far."""
        self.execute("DELETE FROM oracle_trail")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run one statement; `%s` stands for a value in each database. Return what it finds."""
        with self.connect() as cursor:
            cursor.execute(sql.replace("%s", "?") if self.is_sqlite else sql, values)
            return list(cursor) if cursor.description else []

    def heads(self) -> dict[int, dict[str, int]]:
        """Return every inbox as it is."""
        found = self.execute(f"SELECT user_id, {', '.join(INBOX)} FROM live_notifications_inbox")  # noqa: S608
        return {user: dict(zip(INBOX, values, strict=True)) for user, *values in found}

    def rows(self) -> list[tuple[int, dict[str, Any]]]:
        """Return every notification as it is, with its recipient."""
        found = self.execute(f"SELECT recipient_id, {', '.join(ROW)} FROM live_notifications_notification")  # noqa: S608
        return [(user, dict(zip(ROW, values, strict=True))) for user, *values in found]


# --- the databases


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to keep a trail in one database."""

    connect: Callable[[str], Any]  # in autocommit
    schema: tuple[str, ...]
    committed_at: str


def connect_sqlite(url: str) -> Any:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
    name_transactions_of(connection)
    return connection


def connect_postgres(url: str) -> Any:
    parts = urlsplit(url)
    host, _colon, port = parts.netloc.rpartition("@")[2].rpartition(":")
    return psycopg.connect(
        dbname=parts.path[1:], user=parts.username, host=unquote(host), port=int(port), autocommit=True
    )


def connect_mariadb(url: str) -> Any:
    MySQLdb = importlib.import_module("MySQLdb")  # noqa: N806 - only where MariaDB runs: it is built from source

    parts = urlsplit(url)
    socket = unquote(parts.netloc.rpartition("@")[2])
    return MySQLdb.connect(
        unix_socket=socket, user=parts.username, database=parts.path[1:], autocommit=True, charset="utf8mb4"
    )


POSTGRES: Final = (
    """CREATE TABLE oracle_trail (seq bigserial PRIMARY KEY, tx bigint NOT NULL DEFAULT txid_current(), kind text NOT NULL,
       op text NOT NULL, user_id bigint NOT NULL, row_id bigint NOT NULL, data text NOT NULL)""",
    "CREATE TABLE oracle_marks (user_id bigint NOT NULL, what text NOT NULL)",
    """CREATE FUNCTION oracle_inbox() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO oracle_trail (kind, op, user_id, row_id, data)
       VALUES ('inbox', left(TG_OP, 1), NEW.user_id, 0, row_to_json(NEW)::text); RETURN NULL; END $$""",
    """CREATE FUNCTION oracle_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF TG_OP = 'DELETE' THEN INSERT INTO oracle_trail (kind, op, user_id, row_id, data)
       VALUES ('row', 'D', OLD.recipient_id, OLD.id, '{}');
       ELSE INSERT INTO oracle_trail (kind, op, user_id, row_id, data)
       VALUES ('row', left(TG_OP, 1), NEW.recipient_id, NEW.id, row_to_json(NEW)::text); END IF; RETURN NULL; END $$""",
    """CREATE FUNCTION oracle_mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO oracle_trail (kind, op, user_id, row_id, data) VALUES ('mark', NEW.what, NEW.user_id, 0, '{}');
       RETURN NULL; END $$""",
    """CREATE TRIGGER oracle_inbox AFTER INSERT OR UPDATE ON live_notifications_inbox
       FOR EACH ROW EXECUTE FUNCTION oracle_inbox()""",
    """CREATE TRIGGER oracle_row AFTER INSERT OR UPDATE OR DELETE ON live_notifications_notification
       FOR EACH ROW EXECUTE FUNCTION oracle_row()""",
    "CREATE TRIGGER oracle_mark AFTER INSERT ON oracle_marks FOR EACH ROW EXECUTE FUNCTION oracle_mark()",
)
SQLITE: Final = (
    """CREATE TABLE oracle_trail (seq integer PRIMARY KEY AUTOINCREMENT, tx integer NOT NULL, at real NOT NULL,
       kind text NOT NULL, op text NOT NULL, user_id integer NOT NULL, row_id integer NOT NULL, data text NOT NULL)""",
    "CREATE TABLE oracle_marks (user_id integer NOT NULL, what text NOT NULL)",
)
MARIADB: Final = (
    """CREATE TABLE oracle_trail (seq bigint AUTO_INCREMENT PRIMARY KEY, kind varchar(10) NOT NULL, op varchar(20) NOT NULL,
       user_id bigint NOT NULL, row_id bigint NOT NULL, data longtext NOT NULL,
       at double NOT NULL DEFAULT (unix_timestamp(sysdate(6))),
       tx bigint unsigned GENERATED ALWAYS AS ROW START, tx_end bigint unsigned GENERATED ALWAYS AS ROW END,
       PERIOD FOR SYSTEM_TIME (tx, tx_end)) ENGINE=InnoDB WITH SYSTEM VERSIONING""",
    "CREATE TABLE oracle_marks (user_id bigint NOT NULL, what varchar(20) NOT NULL) ENGINE=InnoDB",
)


def triggers(columns: str = "", values: str = "", each: str = "") -> Iterator[str]:
    """Yield the triggers of SQLite and MariaDB, with further columns of the trail and their values."""
    for event in ("INSERT", "UPDATE", "DELETE"):
        inbox = f"'inbox', '{event[0]}', NEW.user_id, 0, {json_of(INBOX)}"
        row = f"'row', '{event[0]}', NEW.recipient_id, NEW.id, {json_of(ROW)}"
        gone = "'row', 'D', OLD.recipient_id, OLD.id, '{}'"
        kinds = {
            "inbox": ("live_notifications_inbox", "" if event == "DELETE" else inbox),
            "row": ("live_notifications_notification", gone if event == "DELETE" else row),
            "mark": ("oracle_marks", "'mark', NEW.what, NEW.user_id, 0, '{}'" if event == "INSERT" else ""),
        }
        for kind, (table, told) in kinds.items():
            if told:
                yield (
                    f"CREATE TRIGGER oracle_{kind}_{event.lower()} AFTER {event} ON {table} {each} BEGIN "  # noqa: S608
                    f"INSERT INTO oracle_trail (kind, op, user_id, row_id, data{columns}) VALUES ({told}{values}); END"
                )


def json_of(columns: Sequence[str]) -> str:
    pairs = ", ".join(f"'{name}', NEW.{name}" for name in columns)
    return f"json_object({pairs})"


DIALECTS: Final = {
    "sqlite": Dialect(connect_sqlite, (*SQLITE, *triggers(", tx, at", ", oracle_transaction(), oracle_now()")), "at"),
    "postgres": Dialect(connect_postgres, POSTGRES, "extract(epoch FROM pg_xact_commit_timestamp(tx::text::xid))"),
    "mysql": Dialect(
        connect_mariadb,
        (*MARIADB, *triggers(each="FOR EACH ROW")),
        # the registry leaves out transactions that wrote nothing after they rolled back to a savepoint
        "coalesce((SELECT unix_timestamp(commit_timestamp) FROM mysql.transaction_registry WHERE transaction_id = tx), at)",
    ),
}


# --- SQLite's transactions


def name_transactions(connection: Any, **_kwargs: Any) -> None:
    """Do so on each connection that Django opens: a receiver of `connection_created`."""
    if connection.vendor == "sqlite":
        name_transactions_of(connection.connection)


def name_transactions_of(connection: sqlite3.Connection) -> None:
    """Teach a connection the two functions that the triggers call.

    A transaction begins with the first statement that is run outside of one: the connection says so before it runs it.
    What a trigger runs is told as a comment, and belongs to the statement that set it off.
    """
    name = secrets.randbits(53)

    def look(statement: str) -> None:
        nonlocal name
        if not statement.startswith("--") and not connection.in_transaction:
            name = secrets.randbits(53)

    connection.set_trace_callback(look)
    connection.create_function("oracle_transaction", 0, lambda: name)
    connection.create_function("oracle_now", 0, time.time)
