"""The locks of a write: one row for each user, taken in the order of their keys.

Whoever changes a user's notifications holds that user's `Inbox` row from before it reads until it commits. Taken in one
order everywhere, the locks cannot deadlock within one write (a transaction that writes to user 7 and later to user 3
still can: use `notify_many()` for both, or `lock_inbox(3, 7)` before).

# Note [The order of locks]

    the row of a broadcast → of a running job → inboxes, by key → their notifications

The rows of users are not among them. Notifications have no foreign key to users in the database: its check would lock the
user's row at the end of each transaction that inserts one, after the inbox, while a site that does
`User.objects.select_for_update()` and then `notify()` locks the two the other way round. The inbox has one, and no row is
written without holding its inbox, so the check would say nothing new. Only who makes an inbox locks the user, before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connections, router, transaction
from django.db.models import Count, F, Max, Q
from django.utils.translation import gettext as _

from . import tables
from .keys import UserKey, UserOrKey, chunks, key_of
from .transactions import is_manual

__all__ = [
    "LockedInbox",
    "build_user_condition",
    "lock_inbox",
    "lock_inboxes",
    "make_inboxes",
    "move_inboxes",
    "quote_inbox",
]

# Parts of SQL by kind of database, made once: making them anew was 3 % of the time of notify(), by cProfile.
_columns: dict[tuple[str, bool], str] = {}
_quoted: dict[tuple[str, str | None], str] = {}

FIELDS: Final = ("user", "epoch", "modseq", "floor", "unread", "unseen", "seen_upto")


@dataclass(slots=True)
class LockedInbox:
    """An inbox as it stands under our lock: the columns that a write looks at or moves."""

    pk: Any
    epoch: int
    modseq: int
    floor: int
    unread: int
    unseen: int
    seen_upto: int
    newest: int | None = None  # the highest `modseq` of its rows, where that was looked at


def lock_inbox(*users: UserOrKey, using: str | None = None) -> None:
    """Lock the inboxes of these users until the transaction ends; a user without one gets one. 1 query where all have one.

    Call it first in a transaction that locks rows of the site as well, where another one locks them after it notified:
    then both have one order. Several users are locked in the order of their keys. Waits for whoever holds one of them.

    Args:
        users: saved users, or primary keys.
        using: the database; None: where notifications are written.

    Raises:
        TransactionManagementError: no transaction is open.
        ValidationError: a user does not exist.
    """
    using = using or router.db_for_write(tables.Notification)
    if not connections[using].in_atomic_block:
        raise transaction.TransactionManagementError(
            "lock_inbox() was called outside a transaction; its lock lasts until the transaction ends, so call it in "
            "transaction.atomic()."
        )
    user_ids = sorted(set(map(key_of, users)))
    if len(user_ids) > 1:
        make_inboxes(using, user_ids)  # before one is held
    while len(lock_inboxes(using, user_ids)) < len(user_ids):
        make_inboxes(using, user_ids)


def lock_inboxes(using: str, user_ids: list[UserKey]) -> dict[Any, LockedInbox]:
    """Return the inboxes that exist of these sorted users, locked in that order. 1 query for each 500.

    Where it is one user's, its newest row is looked at as well: one look-up in the log's index, too dear for 500.

    Past the ORM: making instances and compiling long lists of keys took longer than the query (15 of 20 µs a user).
    """
    connection = connections[using]
    takes_row_locks = connection.features.has_select_for_update
    columns = build_columns(connection, with_newest=len(user_ids) == 1)
    key: Any = tables.Inbox._meta.pk
    locked: dict[Any, LockedInbox] = {}
    for chunk in chunks(user_ids):
        if not takes_row_locks and (is_manual(connection) or not begins_with_lock(connection)):
            # a write takes SQLite's lock before anything is read; where a site commits by hand, the driver begins the
            # transaction, and only with the first write
            tables.Inbox.objects.using(using).filter(pk__in=chunk).update(modseq=F("modseq"))
        where, parameters = build_user_condition(connection, chunk)
        sql = (
            f"SELECT {columns} FROM {quote_inbox(connection)} WHERE {where} ORDER BY {quote_inbox(connection, 'user')}"  # noqa: S608
        )
        with connection.cursor() as cursor:
            cursor.execute(sql + (" FOR UPDATE" if takes_row_locks else ""), parameters)
            for user_id, *numbers in cursor.fetchall():
                user_id = key.to_python(user_id)
                locked[user_id] = LockedInbox(user_id, *numbers)
    return locked


def build_columns(connection: Any, *, with_newest: bool) -> str:
    """Return the SQL for the columns of a `LockedInbox`, with that of `newest` where it is asked for."""
    columns = _columns.get((connection.vendor, with_newest))
    if columns is None:
        columns = ", ".join(quote_inbox(connection, name) for name in FIELDS)
        if with_newest:
            columns += f", {build_newest_modseq(connection)}"
        _columns[connection.vendor, with_newest] = columns
    return columns


def build_newest_modseq(connection: Any) -> str:
    """Return the SQL for the highest `modseq` among the rows of the inbox that is selected."""
    meta: Any = tables.Notification._meta
    quote = connection.ops.quote_name
    rows, recipient, modseq = (
        quote(name) for name in (meta.db_table, meta.get_field("recipient").column, meta.get_field("modseq").column)
    )
    mine = f"{rows}.{recipient} = {quote_inbox(connection)}.{quote_inbox(connection, 'user')}"
    return f"(SELECT MAX({rows}.{modseq}) FROM {rows} WHERE {mine})"  # noqa: S608


def move_inboxes(
    using: str,
    user_ids: list[UserKey],
    moves: Mapping[str, int],
    values: Mapping[str, int],
    *,
    raises_floor: bool = False,
) -> None:
    """Add `moves` to columns of these users' locked inboxes, set `values` there, raise the floor to the new head.

    1 query for each 500.
    """
    connection = connections[using]
    moves = {name: by for name, by in moves.items() if name not in values}
    sets, numbers = [], []
    if raises_floor:  # first, of the modseq before: MySQL and MariaDB put in what stands to the left of it already
        sets.append(f"{quote_inbox(connection, 'floor')} = {quote_inbox(connection, 'modseq')} + %s")
        numbers.append(moves.get("modseq", 0))
    sets += [f"{quote_inbox(connection, name)} = {quote_inbox(connection, name)} + %s" for name in moves]
    sets += [f"{quote_inbox(connection, name)} = %s" for name in values]
    numbers += [*moves.values(), *values.values()]
    for chunk in chunks(user_ids if sets else []):
        where, parameters = build_user_condition(connection, chunk)
        sql = f"UPDATE {quote_inbox(connection)} SET {', '.join(sets)} WHERE {where}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [*numbers, *parameters])


def quote_inbox(connection: Any, field_name: str | None = None) -> str:
    """Return the name of the inbox table, or of a field's column. Only these go into SQL; every value is a parameter."""
    quoted = _quoted.get((connection.vendor, field_name))
    if quoted is None:
        meta: Any = tables.Inbox._meta
        name = meta.db_table if field_name is None else meta.get_field(field_name).column
        quoted = _quoted[connection.vendor, field_name] = str(connection.ops.quote_name(name))
    return quoted


def build_user_condition(connection: Any, user_ids: list[UserKey]) -> tuple[str, list[Any]]:
    """Return the condition "the user is one of these" and its parameters.

    PostgreSQL takes all keys as one array: finding 500 placeholders in a statement and filling them takes psycopg 1.6 ms.
    """
    key: Any = tables.Inbox._meta.pk
    parameters = [key.get_db_prep_value(user_id, connection) for user_id in user_ids]
    if connection.vendor == "postgresql":
        return f"{quote_inbox(connection, 'user')} = ANY(%s)", [parameters]
    return f"{quote_inbox(connection, 'user')} IN ({', '.join(['%s'] * len(parameters))})", parameters


def begins_with_lock(connection: Any) -> bool:
    """Return whether SQLite's transactions take the write lock when they begin (`transaction_mode`)."""
    return str(getattr(connection, "transaction_mode", "")).upper() in ("IMMEDIATE", "EXCLUSIVE")


def make_inboxes(using: str, user_ids: list[UserKey]) -> None:
    """Create the inboxes that these users lack, in key order.

    Raises:
        ValidationError: a user does not exist; nothing was made for that chunk.
    """
    inboxes = tables.Inbox.objects.using(using)
    for chunk in chunks(user_ids):
        present = set(inboxes.filter(pk__in=chunk).values_list("pk", flat=True))
        missing = [user_id for user_id in chunk if user_id not in present]
        if not missing:
            continue
        wanted = chunk if connections[using].vendor == "mysql" else missing  # see insert_or_lock()
        with transaction.atomic(using=using, savepoint=False):
            unknown = set(missing) - lock_users(using, wanted)
            if not unknown:
                insert_inboxes(using, wanted, missing)
        if unknown:  # raised outside, so that the caller's transaction is not broken
            raise ValidationError(
                {"recipient": _("No user has the key %(key)s; send to existing users only.") % {"key": min(unknown)}},
                code="unknown",
            )


def insert_inboxes(using: str, wanted: list[Any], missing: list[Any]) -> None:
    """Insert the inboxes that are missing; their users, and all that are wanted, are locked. 2 queries."""
    stands = find_row_standings(using, missing)
    made = [tables.Inbox(pk=user_id, **stands.get(user_id, {})) for user_id in wanted]
    if connections[using].vendor == "mysql":
        insert_or_lock(using, made)
    else:
        tables.Inbox.objects.using(using).bulk_create(made, ignore_conflicts=True)


def insert_or_lock(using: str, inboxes: list[tables.Inbox]) -> None:
    """Insert those of these inboxes that are missing on MariaDB and MySQL, and lock all of them in their order. 1 query.

    There a row that is not committed yet keeps who wants to lock it waiting, so new ones must not be taken before others.
    And Django's `ignore_conflicts`, which is INSERT IGNORE, takes a shared lock on a row that is there: two transactions
    with one each that go on to lock the inbox wait for each other. For one that is there the foreign key locks the user as
    well, so all of the users are locked before, in their order.
    """
    connection = connections[using]
    fields = tables.Inbox._meta.local_concrete_fields
    columns = ", ".join(quote_inbox(connection, field.name) for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    key = quote_inbox(connection, "user")
    sql = (
        f"INSERT INTO {quote_inbox(connection)} ({columns}) VALUES {', '.join([row] * len(inboxes))} "  # noqa: S608
        f"ON DUPLICATE KEY UPDATE {key} = {key}"
    )
    values = [field.get_db_prep_save(getattr(box, field.attname), connection) for box in inboxes for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def lock_users(using: str, user_ids: list[UserKey]) -> set[Any]:
    """Return which of these users exist, whom nobody deletes until the transaction ends. 1 query.

    It locks what the inbox's foreign key would lock later. See Note [The order of locks].
    """
    connection = connections[using]
    users = tables.Inbox._meta.get_field("user").related_model._default_manager.using(using)
    rows = users.filter(pk__in=user_ids).order_by("pk").values_list("pk")
    sql, parameters = rows.query.get_compiler(using).as_sql()
    table = connection.ops.quote_name(users.model._meta.db_table)
    lock = {"postgresql": f" FOR KEY SHARE OF {table}", "mysql": " LOCK IN SHARE MODE"}.get(connection.vendor, "")
    with connection.cursor() as cursor:
        cursor.execute(sql + lock, parameters)
        return {tables.Inbox._meta.pk.to_python(key) for (key,) in cursor.fetchall()}


def find_row_standings(using: str, user_ids: list[Any]) -> dict[Any, dict[str, int]]:
    """Return what an inbox must say beside rows that are there already, as after one was deleted or not restored."""
    is_unread = Q(read_at=None, archived_at=None)
    rows = tables.Notification.objects.using(using).filter(recipient_id__in=user_ids).order_by()
    counts = rows.values("recipient_id").annotate(top=Max("modseq"), unread=Count("pk", filter=is_unread))
    return {
        row["recipient_id"]: {
            "modseq": row["top"],
            "floor": row["top"],
            "unread": row["unread"],
            "unseen": row["unread"],
        }
        for row in counts
    }
