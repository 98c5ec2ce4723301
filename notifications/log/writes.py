"""The log. The only writer of `modseq`; whatever changes a notification comes through here.

Receives instances or querysets from `models/notification.py`, `log/queryset.py` and `sending/publish.py`. Guarantees, for
each write: it happens in one transaction with the counters; each touched user's `modseq` rises once in that transaction
and is stamped on every touched row; inboxes are locked in `user_id` order; a doorbell rings after commit (`inbox_write.py`).

All rows are validated before the first is written. `ValidationError` is keyed by field.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections, models as db, router, transaction
from django.db.models import Count, Max, Q
from django.db.models.functions import Coalesce
from django.db.models.signals import post_save, pre_save
from django.utils import timezone
from django.utils.translation import gettext as _

from ..exceptions import BypassesLog, InvalidArgument
from ..protocol.payloads import make_copy_encoder
from . import tables
from .attempts import attempt, repeatable
from .broadcast_readers import add_readers_after_commit, count_reader, count_readers
from .bulk_update import COUNTED_FIELDS, EVERY, rewrite, rows_of
from .inbox_write import InboxWrite, open_inboxes
from .keys import UserKey, UserOrKey, key_of
from .raw_insert import insert_from_inboxes, insert_row

if TYPE_CHECKING:
    from ..models import Notification
    from .queryset import NotificationQuerySet

__all__ = [
    "USERS_PER_TRANSACTION",
    "amend",
    "amend_each",
    "append",
    "append_copies",
    "append_valid",
    "archive",
    "clean_values",
    "insert",
    "mark_all_read",
    "mark_seen",
    "mark_topic_read",
    "remove",
    "save_row",
    "validate",
]

# Users in one transaction of a bulk send: enough to be quick, few enough that their inboxes are locked only briefly.
USERS_PER_TRANSACTION: Final = 500
# What may not change after sending: a row belongs to one log and to one broadcast.
FIXED: Final = frozenset({"id", "recipient", "modseq", "broadcast"})


def append(rows: list[Notification], *, using: str, batch_size: int | None = None) -> list[Notification]:
    """Insert new notifications.

    Queries: 3 for one user, 4 for up to 500; SQLite cuts a large insert in several.

    Raises:
        ValidationError: one of them is invalid or its recipient does not exist; none was written.
    """
    for row in rows:
        validate(row)
        pk: Any = row.pk
        if pk is None:  # else it is one that comes back
            row.add_avatar()
    append_valid(rows, using=using, batch_size=batch_size)
    return rows


def append_valid(rows: list[Notification], *, using: str, batch_size: int | None = None) -> None:
    """Insert new notifications that were validated."""
    keys = [row.pk for row in rows]

    def write() -> None:
        with open_inboxes(using, (row.recipient_id for row in rows)) as current:
            for row, pk in zip(rows, keys, strict=True):
                row.pk = pk  # an attempt that was undone gave it another
                row.modseq = current.stamp(row.recipient_id)
            insert(current, rows, batch_size)

    if rows:
        attempt(using, write)


@repeatable
def append_copies(content: Mapping[str, Any], user_ids: list[Any], *, using: str) -> None:
    """Insert the same valid notification for each of these users. Queries: 3 for up to 500 users.

    Where an inbox moved before in this transaction, or the database returns no keys, the rows are made one by one.

    Raises:
        ValidationError: a user does not exist; nothing was written.
    """
    with open_inboxes(using, user_ids) as current:
        stamps = {user_id: current.stamp(user_id) for user_id in user_ids}
        returns_keys = connections[using].features.can_return_rows_from_bulk_insert
        if returns_keys and current.are_new(user_ids):
            insert_copies(current, tables.Notification(recipient_id=user_ids[0], **content), stamps)
            return
        rows = [tables.Notification(recipient_id=key, modseq=stamp, **content) for key, stamp in stamps.items()]
        insert(current, rows)


def insert_copies(current: InboxWrite, row: Notification, stamps: Mapping[Any, int]) -> None:
    """Insert this row for each user at the user's stamp; count and tell it."""
    encode = make_copy_encoder(row)
    for user_id, pk in insert_from_inboxes(row, list(stamps), using=current.using).items():
        stamp = stamps[user_id]
        current.count(user_id, unread=1, unseen=1)  # of a log that moves for the first time in this transaction
        current.pending[user_id].upsert[pk] = encode(pk, stamp)


def insert(current: InboxWrite, rows: list[Notification], batch_size: int | None = None) -> None:
    """Insert valid rows that are stamped; count and tell them.

    Where the database does not say which keys it gave to many (MySQL), the doorbell rings without content.
    """
    if len(rows) > 1 or not insert_row(rows[0], using=current.using):
        rows_of(current.using).insert_rows(rows, batch_size)
    for row in rows:
        pk: Any = row.pk
        if pk is None:
            current.pending[row.recipient_id].drop_content()
        current.note(None, row)


def save_row(
    row: Notification, *, using: str | None, force_insert: bool, force_update: bool, update_fields: set[str] | None
) -> None:
    """Save one instance, with Django's signals: what `Notification.save()` does. 3 queries to insert, 5 to update.

    The signals are sent around the write and not within, so a receiver may write to the same inbox.
    """
    using = using or router.db_for_write(type(row), instance=row)
    if update_fields is None and (deferred := row.get_deferred_fields()):
        update_fields = set(editable_fields()) - deferred  # as in Django: what was not loaded is not saved
    if update_fields is not None:
        if not update_fields:
            return  # as in Django: nothing to save, no signals
        refuse_fields(update_fields)
    arguments = {
        "instance": row,
        "raw": False,
        "using": using,
        "update_fields": update_fields and frozenset(update_fields),
    }
    pre_save.send(sender=type(row), **arguments)
    validate(row)
    is_new = row.pk is None or force_insert or not update_row(row, force_update, update_fields, using=using)
    if is_new:
        row.add_avatar()
        append_valid([row], using=using)
    row._state.adding, row._state.db = False, using
    post_save.send(sender=type(row), created=is_new, **arguments)


@repeatable
def update_row(row: Notification, force_update: bool, update_fields: set[str] | None, *, using: str) -> bool:
    """Write an instance over its row; return False where there is no such row and the instance may be inserted.

    Raises:
        DatabaseError: there is no such row, and it must not be inserted.
        ValidationError: the row is another user's.
    """
    mine = rows_of(using).filter(pk=row.pk)
    recipient_id = mine.values_list("recipient_id", flat=True).first()
    if recipient_id is None:
        if force_update or update_fields:
            raise DatabaseError(f"Notification {row.pk} is not in the database; save() it without update_fields first.")
        return False
    if recipient_id != row.recipient_id:
        raise ValidationError(
            {"recipient": _("Cannot be changed after sending; send a new notification instead.")}, code="sent"
        )
    with open_inboxes(using, [row.recipient_id]) as current:
        old = mine.values(*COUNTED_FIELDS).first()
        if old is None:
            raise DatabaseError(f"Notification {row.pk} was deleted a moment ago, so it was not saved.")
        row.modseq = current.stamp(row.recipient_id)
        mine.update_rows(**{name: getattr(row, name) for name in update_fields or editable_fields()}, modseq=row.modseq)
        # what is told is the row as stored: with update_fields the instance may differ from it
        current.note(old, mine.get() if update_fields else row)
    return True


def amend(target: NotificationQuerySet, values: Mapping[str, Any], *, only: Q = EVERY) -> int:
    """Set plain values on every row of a queryset that meets `only`; return how many rows that were.

    Queries: 5 while at most 50 rows change; beyond that the counters are counted again in SQL and the doorbell rings
    without content, so memory stays flat.
    """
    refuse_fields(values)
    values = clean_values(values)

    def update(rows: NotificationQuerySet, current: InboxWrite, user_ids: list[UserKey]) -> None:
        rows.update_rows(**values, modseq=build_stamps(current, user_ids))

    def changed(row: Notification) -> Notification:
        for name, value in values.items():
            setattr(row, name, value)
        return row

    return attempt(target.write_db, lambda: rewrite(target, only, update, changed))


def archive(target: NotificationQuerySet, *, at: dt.datetime | None = None) -> int:
    """Put away what is not archived, and mark as read what is not, in one change; return how many rows. As `amend()`.

    What is archived is read: its reader is done with it.

    Args:
        at: when it was archived, and read unless that was before; None: now.
    """
    moment = at or timezone.now()
    read_at = Coalesce("read_at", db.Value(moment), output_field=db.DateTimeField())

    def put_away(rows: NotificationQuerySet, current: InboxWrite, user_ids: list[UserKey]) -> None:
        rows.update_rows(archived_at=moment, read_at=read_at, modseq=build_stamps(current, user_ids))

    def changed(row: Notification) -> Notification:
        row.archived_at, row.read_at = moment, row.read_at or moment
        return row

    return attempt(target.write_db, lambda: rewrite(target, Q(archived_at=None), put_away, changed))


def build_stamps(current: InboxWrite, user_ids: Iterable[UserKey]) -> db.Case:
    """Return the expression that gives each of these users' rows the number of the user's change."""
    stamps = [db.When(recipient_id=user_id, then=current.stamp(user_id)) for user_id in user_ids]
    return db.Case(*stamps, output_field=db.PositiveBigIntegerField())


def amend_each(rows: Sequence[Notification], fields: set[str], *, using: str) -> int:
    """Write these fields of each instance; return how many. Three queries for each row, in one change for each user."""
    if not fields:
        raise InvalidArgument("bulk_update() was given no field names; name the fields that changed.")
    if any(row.pk is None for row in rows):
        raise InvalidArgument(
            "bulk_update() was given an instance that was never saved; use bulk_create() for new ones."
        )
    refuse_fields(fields)
    for row in rows:
        validate(row)
    return overwrite(rows, fields, using=using)


@repeatable
def overwrite(rows: Sequence[Notification], fields: set[str], *, using: str) -> int:
    """Write these fields of each valid instance."""
    with open_inboxes(using, (row.recipient_id for row in rows)) as current:
        count = 0
        for _pk, row in sorted({row.pk: row for row in rows}.items()):  # of one given twice, the last
            old = rows_of(using).filter(pk=row.pk, recipient_id=row.recipient_id).values(*COUNTED_FIELDS).first()
            if old is not None:
                row.modseq = current.stamp(row.recipient_id)
                values = {name: getattr(row, name) for name in fields}
                rows_of(using).filter(pk=row.pk).update_rows(**values, modseq=row.modseq)
                current.note(old, rows_of(using).get(pk=row.pk))
                count += 1
    return count


def remove(target: NotificationQuerySet) -> tuple[int, dict[str, int]]:
    """Delete every row of a queryset and raise the floor: older positions get a reset. Returns what Django returns."""
    return attempt(target.write_db, lambda: remove_once(target))


def remove_once(target: NotificationQuerySet) -> tuple[int, dict[str, int]]:
    details: dict[str, int] = {}
    readers: Counter[int] = Counter()

    def delete(rows: NotificationQuerySet, current: InboxWrite, user_ids: list[UserKey]) -> None:
        for user_id in user_ids:
            current.put(user_id, floor=current.stamp(user_id))
        for label, count in rows.delete_rows()[1].items():
            details[label] = details.get(label, 0) + count

    def gone(row: Notification) -> None:
        readers.update(count_reader(vars(row)))

    with transaction.atomic(using=target.write_db, savepoint=False):
        rewrite(target, EVERY, delete, gone, before_many=lambda rows: readers.update(count_readers(rows)))
        add_readers_after_commit(readers, using=target.write_db)
    return sum(details.values()), details


@repeatable
def mark_all_read(
    user: UserOrKey, *, up_to: int | None = None, at: dt.datetime | None = None, using: str | None = None
) -> int:
    """Mark as read what a user has seen; what arrived after it stays unread. 4 queries, however many rows.

    Open pages are told after the commit, with `read_upto` instead of rows.

    Args:
        user: a saved user, or a user's primary key.
        up_to: the highest `modseq` that the user has seen; None: all.
        at: when it was read; None: now.
        using: the database; None: where notifications are written.

    Returns:
        How many notifications were unread.

    Raises:
        ValidationError: the user does not exist.
    """
    user_id = key_of(user)
    using = using or router.db_for_write(tables.Notification)
    now = at or timezone.now()
    with open_inboxes(using, [user_id]) as current:
        inbox = current.inboxes[user_id]
        unread = rows_of(using).for_user(user_id).unread()
        is_meant = EVERY if up_to is None else Q(modseq__lte=up_to)
        counts = count_unread(unread, is_meant, seen_upto=inbox.seen_upto)
        is_misplaced = counts["top"] > inbox.modseq
        if is_misplaced or (counts["all_unread"], counts["all_unseen"]) != (inbox.unread, inbox.unseen):
            current.stamp(user_id)
            current.doubt(user_id, is_misplaced=is_misplaced)
        if counts["unread"]:
            modseq = current.stamp(user_id)
            unread.filter(is_meant).update_rows(read_at=now, modseq=modseq)
            current.count(user_id, unread=-counts["unread"], unseen=-counts["unseen"])
            current.pending[user_id].add_read_upto(inbox.modseq if up_to is None else up_to, at=now)
    return counts["unread"]


def count_unread(unread: NotificationQuerySet, is_meant: Q, *, seen_upto: int) -> dict[str, int]:
    """Return how many unread rows are meant and how many of those are unseen, the same of all, and the last `modseq`."""
    is_unseen = Q(modseq__gt=seen_upto)
    return unread.aggregate(
        unread=Count("pk", filter=is_meant),
        unseen=Count("pk", filter=is_meant & is_unseen),
        all_unread=Count("pk"),
        all_unseen=Count("pk", filter=is_unseen),
        top=Coalesce(Max("modseq"), 0),
    )


def mark_topic_read(user: UserOrKey, topic: str, *, at: dt.datetime | None = None, using: str | None = None) -> int:
    """Mark as read what is about a subject, as when its page is visited. 1 query where nothing is unread, else 5.

    Args:
        user: a saved user, or a user's primary key.
        topic: the subject, as given to `notify()`; an empty one is none.
        at: when it was read; None: now.
        using: the database; None: where notifications are written.

    Returns:
        How many notifications were unread.
    """
    rows = rows_of(using or router.db_for_write(tables.Notification)).for_user(key_of(user)).unread()
    about = rows.filter(topic=topic).exclude(topic="")  # the words of the index on topics
    return amend(about, {"read_at": at or timezone.now()})


@repeatable
def mark_seen(user: UserOrKey, *, using: str | None = None) -> bool:
    """Note that a user has looked at the inbox: `unseen` goes to 0, and `unread` stays.

    Args:
        user: a saved user, or a user's primary key.
        using: the database; None: where notifications are written.

    Returns:
        Whether anything was unseen.

    Raises:
        ValidationError: the user does not exist.
    """
    user_id = key_of(user)
    using = using or router.db_for_write(tables.Notification)
    with open_inboxes(using, [user_id]) as current:
        unseen = current.inboxes[user_id].unseen
        if unseen:
            current.put(user_id, seen_upto=current.stamp(user_id))
            current.count(user_id, unseen=-unseen)
    return bool(unseen)


def validate(row: Notification) -> None:
    """Raise `ValidationError`, keyed by field, unless this row may be written. No query.

    Raises:
        BypassesLog: its model has a table of its own, which the log would not write.
    """
    if row._meta.concrete_model is not tables.Notification:
        raise BypassesLog(
            f"{row._meta.label} has a table of its own beside Notification's, which the log does not write; make it a "
            "proxy and keep additional values in `data`, or point to the notification with a OneToOneField."
        )
    if row.recipient_id is None:
        raise ValidationError({"recipient": _("Is missing; give a saved user.")}, code="required")
    row.recipient_id = key_of(row.recipient_id)
    row.full_clean(exclude={"recipient", "modseq"}, validate_unique=False, validate_constraints=False)


def clean_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for these fields as the model cleans them."""
    row = tables.Notification(**values)
    others = {field.name for field in row._meta.get_fields() if field.name not in values}
    row.clean_fields(exclude=others)
    return {name: getattr(row, name) for name in values}


@cache
def editable_fields() -> frozenset[str]:
    """Return the fields that `save()` and `update()` write: all that are not fixed."""
    return frozenset(field.name for field in tables.Notification._meta.concrete_fields) - FIXED


def refuse_fields(names: Iterable[str]) -> None:
    """Refuse to write what a row may not change after sending, or what is no field."""
    for name in sorted(set(names) - editable_fields()):
        raise BypassesLog(
            f"{name!r} cannot be changed after sending; change one of {', '.join(sorted(editable_fields()))}, "
            "or send a new notification."
        )
