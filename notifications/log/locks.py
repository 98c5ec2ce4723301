"""Step 2c, the locks of a write: one row for each user, taken in the order of their keys.

Whoever changes a user's notifications holds that user's `Inbox` row from before it reads until it commits. Taken in one
order everywhere, the locks cannot deadlock within one write (a transaction that writes to user 7 and later to user 3
still can: use `notify_many()` for both).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Count, F, Max, Q
from django.utils.translation import gettext as _

from .. import models
from .transactions import is_manual

__all__ = ["LockedInbox", "are_of", "chunks", "key_of", "lock_inboxes", "make_inboxes", "move_inboxes", "quoted"]

FIELDS: Final = ("user", "epoch", "modseq", "floor", "unread", "unseen", "seen_upto")
CHUNK: Final = 500  # user ids in one query: SQLite takes at least 999 parameters


def key_of(user: Any) -> Any:
    """Return the primary key of a user given as an instance or as the key itself, also as text.

    Raises:
        ValueError: the instance was never saved.
        ValidationError: the key cannot be one, such as "x" where keys are numbers.
    """
    if user is None or (hasattr(user, "pk") and user.pk is None):
        raise ValueError(f"{user!r} is no saved user; pass a user from the database or a primary key.")
    key = getattr(user, "pk", user)
    try:
        return models.Inbox._meta.get_field("user").to_python(key)
    except ValidationError:
        raise ValidationError(
            {"recipient": _("%(key)r is no user's key; pass a user from the database.") % {"key": key}}, code="unknown"
        ) from None


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


def lock_inboxes(using: str, user_ids: list[Any]) -> dict[Any, LockedInbox]:
    """Return the inboxes that exist of these sorted users, locked in that order. 1 query for each 500.

    Past the ORM: making instances and compiling long lists of keys took longer than the query (15 of 20 µs a user).
    """
    connection = connections[using]
    takes_row_locks = connection.features.has_select_for_update
    columns = ", ".join(quoted(connection, name) for name in FIELDS)
    key: Any = models.Inbox._meta.pk
    locked: dict[Any, LockedInbox] = {}
    for chunk in chunks(user_ids):
        if not takes_row_locks and (is_manual(connection) or not begins_with_lock(connection)):
            # a write takes SQLite's lock before anything is read; where a site commits by hand, the driver begins the
            # transaction, and only with the first write
            models.Inbox.objects.using(using).filter(pk__in=chunk).update(modseq=F("modseq"))
        where, parameters = are_of(connection, chunk)
        sql = f"SELECT {columns} FROM {quoted(connection)} WHERE {where} ORDER BY {quoted(connection, 'user')}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql + (" FOR UPDATE" if takes_row_locks else ""), parameters)
            for user_id, *numbers in cursor.fetchall():
                user_id = key.to_python(user_id)
                locked[user_id] = LockedInbox(user_id, *numbers)
    return locked


def move_inboxes(
    using: str, user_ids: list[Any], moves: Mapping[str, int], values: Mapping[str, int], *, raises_floor: bool = False
) -> None:
    """Add `moves` to columns of these users' locked inboxes, set `values` there, raise the floor to the new head.

    1 query for each 500.
    """
    connection = connections[using]
    moves = {name: by for name, by in moves.items() if name not in values}
    sets = [f"{quoted(connection, name)} = {quoted(connection, name)} + %s" for name in moves]
    sets += [f"{quoted(connection, name)} = %s" for name in values]
    numbers = [*moves.values(), *values.values()]
    if raises_floor:
        sets.append(f"{quoted(connection, 'floor')} = {quoted(connection, 'modseq')} + %s")  # of the modseq before
        numbers.append(moves.get("modseq", 0))
    for chunk in chunks(user_ids if sets else []):
        where, parameters = are_of(connection, chunk)
        sql = f"UPDATE {quoted(connection)} SET {', '.join(sets)} WHERE {where}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [*numbers, *parameters])


def quoted(connection: Any, field_name: str | None = None) -> str:
    """Return the name of the inbox table, or of a field's column. Only these go into SQL; every value is a parameter."""
    meta: Any = models.Inbox._meta
    name = meta.db_table if field_name is None else meta.get_field(field_name).column
    return str(connection.ops.quote_name(name))


def are_of(connection: Any, user_ids: list[Any]) -> tuple[str, list[Any]]:
    """Return the condition "the user is one of these" and its parameters.

    PostgreSQL takes all keys as one array: finding 500 placeholders in a statement and filling them takes psycopg 1.6 ms.
    """
    key: Any = models.Inbox._meta.pk
    parameters = [key.get_db_prep_value(user_id, connection) for user_id in user_ids]
    if connection.vendor == "postgresql":
        return f"{quoted(connection, 'user')} = ANY(%s)", [parameters]
    return f"{quoted(connection, 'user')} IN ({', '.join(['%s'] * len(parameters))})", parameters


def begins_with_lock(connection: Any) -> bool:
    """Return whether SQLite's transactions take the write lock when they begin (`transaction_mode`)."""
    return str(getattr(connection, "transaction_mode", "")).upper() in ("IMMEDIATE", "EXCLUSIVE")


def make_inboxes(using: str, user_ids: list[Any]) -> None:
    """Create the inboxes that these users lack, in key order.

    Raises:
        ValidationError: a user does not exist; nothing was made for that chunk.
    """
    inboxes = models.Inbox.objects.using(using)
    users = models.Inbox._meta.get_field("user").related_model._default_manager.using(using)
    for chunk in chunks(user_ids):
        present = set(inboxes.filter(pk__in=chunk).values_list("pk", flat=True))
        missing = [user_id for user_id in chunk if user_id not in present]
        if not missing:
            continue
        unknown = set(missing) - set(users.filter(pk__in=missing).values_list("pk", flat=True))
        if unknown:
            raise ValidationError(
                {"recipient": _("No user has the key %(key)s; send to users that exist.") % {"key": min(unknown)}},
                code="unknown",
            )
        stands = where_rows_stand(using, missing)
        made = [models.Inbox(pk=user_id, **stands.get(user_id, {})) for user_id in missing]
        inboxes.bulk_create(made, ignore_conflicts=True)


def where_rows_stand(using: str, user_ids: list[Any]) -> dict[Any, dict[str, int]]:
    """Return what an inbox must say beside rows that are there already, as after one was deleted or not restored."""
    is_unread = Q(read_at=None, archived_at=None)
    rows = models.Notification.objects.using(using).filter(recipient_id__in=user_ids).order_by()
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


def chunks(user_ids: list[Any]) -> Iterator[list[Any]]:
    """Yield user ids in portions that fit into one query."""
    for start in range(0, len(user_ids), CHUNK):
        yield user_ids[start : start + CHUNK]
