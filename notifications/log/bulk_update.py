"""Rewriting what a queryset holds, few rows in memory or any number in SQL.

Receives a queryset and two functions from `log/`: one that writes rows, one that says what became of a row. Guarantees
exact counters and flat memory: up to 50 rows are read, counted and told one by one; beyond that SQL counts the touched
inboxes again and the doorbell rings without content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Q

from . import tables
from .inbox_write import MAX_TOLD_ROWS, InboxWrite, open_inboxes
from .keys import chunks
from .standings import read_standings

if TYPE_CHECKING:
    from ..models import Notification
    from .queryset import NotificationQuerySet

__all__ = ["COUNTED_FIELDS", "EVERY", "rewrite", "rows_of"]

COUNTED_FIELDS: Final = ("modseq", "read_at", "archived_at")  # what the counters depend on
EVERY: Final = Q()

# Writes rows of which at least one belongs to each of the users given.
WriteRows = Callable[["NotificationQuerySet", InboxWrite, list[Any]], None]
# Does in memory to one row what the statement did to all; returns None where it is gone.
ChangeRow = Callable[["Notification"], "Notification | None"]


def rewrite(
    target: NotificationQuerySet,
    only: Q,
    write: WriteRows,
    change: ChangeRow,
    *,
    before_many: Callable[[NotificationQuerySet], None] = lambda rows: None,
) -> int:
    """Lock the inboxes of a queryset's users, write its rows that meet `only`, keep the counters; return how many rows.

    Args:
        write: changes the rows in the database, in one statement.
        change: says what became of each row that was read before, where there are few.
        before_many: is shown the rows before they are written, where there are too many to be read.
    """
    using = target.write_db
    keys: Any = target.using(using).values("pk")
    if target.query.is_sliced:  # a slice could mean other rows once some were changed
        keys = [row["pk"] for row in keys]
    found = rows_of(using).filter(only, pk__in=keys)
    user_ids = sorted(set(found.order_by().values_list("recipient_id", flat=True).distinct()))
    if not user_ids:
        return 0
    with open_inboxes(using, user_ids) as current:
        few = list(found.order_by("pk")[: MAX_TOLD_ROWS + 1])
        if len(few) <= MAX_TOLD_ROWS:
            locked = [row for row in few if row.recipient_id in current.inboxes]  # others came after we looked
            return rewrite_few(locked, write, change, current)
        return sum(rewrite_many(found, write, current, chunk, before_many) for chunk in chunks(user_ids))


def rewrite_few(rows: list[Notification], write: WriteRows, change: ChangeRow, current: InboxWrite) -> int:
    """Write rows that are in memory, moving the counters by what changed and telling each row."""
    if rows:
        keys = [row.pk for row in rows]
        write(rows_of(current.using).filter(pk__in=keys), current, sorted({row.recipient_id for row in rows}))
    for row in rows:
        old, pk = {name: getattr(row, name) for name in COUNTED_FIELDS}, row.pk
        new = change(row)
        if new is not None:
            new.modseq = current.stamp(row.recipient_id)
        current.note(old, new, user_id=row.recipient_id, pk=pk)
    return len(rows)


def rewrite_many(
    found: NotificationQuerySet,
    write: WriteRows,
    current: InboxWrite,
    user_ids: list[Any],
    before: Callable[[NotificationQuerySet], None],
) -> int:
    """Write any number of rows in SQL, then count these users' inboxes again."""
    mine = found.filter(recipient_id__in=user_ids).order_by()
    found_by_user = dict(mine.values_list("recipient_id").annotate(Count("pk")))
    touched = sorted(found_by_user)
    if touched:
        before(mine.filter(recipient_id__in=touched))
        write(mine.filter(recipient_id__in=touched), current, touched)
        recount(current, touched)
    return sum(found_by_user.values())


def recount(current: InboxWrite, user_ids: list[Any]) -> None:
    """Count the unread rows of these users in SQL, and have them read the log instead of a change's content."""
    for now in read_standings(current.using, user_ids):
        current.look_past(now.user_id)
        # against the counters of now: a receiver of Django's signals may have moved them since we locked the inbox
        current.count(now.user_id, unread=now.found_unread - now.unread, unseen=now.found_unseen - now.unseen)
        current.pending[now.user_id].drop_content()
        if now.found_modseq > current.inboxes[now.user_id].modseq:
            current.doubt(now.user_id, is_misplaced=True)


def rows_of(using: str) -> NotificationQuerySet:
    """Return every notification of one database."""
    return tables.Notification.objects.using(using)
