"""Step 2: the log. The only writer of `modseq`; whatever changes a notification comes through here.

Receives instances or querysets from `models.py`, `querysets.py` and `publish.py`. Guarantees, for each write:
it happens in one transaction with the counters; each touched user's `modseq` rises once in that transaction and is
stamped on every touched row; inboxes are locked in `user_id` order; a doorbell rings after commit (`steps.py`).

All rows are validated before the first is written. `ValidationError` is keyed by field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, router
from django.db import models as db
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from . import models  # the records and their only writer know each other; both use the other's names only when called
from .exceptions import BypassesLog
from .steps import MAX_TOLD_ROWS, Writing, chunks, delta, writing

if TYPE_CHECKING:
    from .models import Notification
    from .querysets import NotificationQuerySet

__all__ = ["amend", "amend_each", "append", "mark_all_read", "mark_seen", "remove", "write"]

# What may change after sending. The recipient may not: a row belongs to one log.
EDITABLE: Final = frozenset(
    {"category", "level", "title", "body", "url", "actor", "topic", "data", "created_at", "read_at", "archived_at"}
)
STATE: Final = ("modseq", "read_at", "archived_at")  # what the counters depend on
EVERY: Final = Q()


def append(
    rows: list[Notification], *, using: str, batch_size: int | None = None, is_valid: bool = False
) -> list[Notification]:
    """Insert new notifications, validating each unless the caller did. Queries: 3 for one user, 4 for up to 500.

    Raises:
        ValidationError: one of them is invalid or its recipient does not exist; none was written.
    """
    if not is_valid:
        for row in rows:
            validate(row)
    if not rows:
        return rows
    with writing(using, (row.recipient_id for row in rows)) as current:
        for row in rows:
            row.modseq = current.stamp(row.recipient_id)
        rows_of(using).insert_rows(rows, batch_size)
        for row in rows:
            note(current, None, row)
    return rows


def write(
    row: Notification,
    *,
    using: str | None,
    force_insert: Any,
    force_update: bool,
    update_fields: set[str] | None,
) -> None:
    """Save one instance, with Django's signals: what `Notification.save()` does. 3 queries to insert, 5 to update."""
    using = using or router.db_for_write(type(row), instance=row)
    save: Callable[..., None] = super(models.Notification, row).save
    if update_fields is not None:
        if not update_fields:
            return  # as in Django: nothing to save, no signals
        refuse_fields(update_fields)
    validate(row)
    old = None
    if row.pk is not None and not force_insert:
        old = rows_of(using).filter(pk=row.pk).values("recipient_id", *STATE).first()
    if old is None and (force_update or update_fields):
        raise DatabaseError(f"Notification {row.pk} is not in the database; save() it without update_fields first.")
    if old is not None and old["recipient_id"] != row.recipient_id:
        raise ValidationError(
            {"recipient": _("Cannot be changed after sending; send a new notification instead.")}, code="sent"
        )
    with writing(using, [row.recipient_id]) as current:
        if old is not None:  # again, now that nobody else can change it
            old = rows_of(using).filter(pk=row.pk).values(*STATE).first()
        row.modseq = current.stamp(row.recipient_id)
        if old is None:
            save(force_insert=force_insert or row.pk is None, using=using)
            note(current, None, row)
        else:
            save(force_update=True, using=using, update_fields=update_fields and update_fields | {"modseq"})
            # what is told is the row as stored: with update_fields the instance may differ from it
            note(current, old, rows_of(using).get(pk=row.pk) if update_fields else row)


def amend(target: NotificationQuerySet, values: Mapping[str, Any], *, only: Q = EVERY) -> int:
    """Set plain values on every row of a queryset that meets `only`; return how many rows that were.

    Queries: 5 while at most 50 rows change; beyond that the counters are counted again in SQL and the doorbell rings
    without content, so memory stays flat.
    """
    refuse_fields(values)
    validate_values(values)

    def update(rows: NotificationQuerySet, current: Writing, user_ids: list[Any]) -> None:
        stamps = [db.When(recipient_id=user_id, then=current.stamp(user_id)) for user_id in user_ids]
        field = db.PositiveBigIntegerField()
        rows.update_rows(**values, modseq=db.Case(*stamps, output_field=field))

    def changed(row: Notification) -> Notification:
        for name, value in values.items():
            setattr(row, name, value)
        return row

    return rewrite(target, only, update, changed)


def amend_each(rows: Sequence[Notification], fields: set[str], *, using: str) -> int:
    """Write these fields of each instance; return how many. Two queries for each row, in one change for each user."""
    refuse_fields(fields)
    for row in rows:
        validate(row)
    with writing(using, (row.recipient_id for row in rows)) as current:
        count = 0
        for row in sorted(rows, key=lambda row: row.pk):
            old = rows_of(using).filter(pk=row.pk, recipient_id=row.recipient_id).values(*STATE).first()
            if old is not None:
                row.modseq = current.stamp(row.recipient_id)
                values = {name: getattr(row, name) for name in fields}
                rows_of(using).filter(pk=row.pk).update_rows(**values, modseq=row.modseq)
                note(current, old, rows_of(using).get(pk=row.pk))
                count += 1
    return count


def remove(target: NotificationQuerySet) -> tuple[int, dict[str, int]]:
    """Delete every row of a queryset and raise the floor: older positions get a reset. Returns what Django returns."""
    details: dict[str, int] = {}

    def delete(rows: NotificationQuerySet, current: Writing, user_ids: list[Any]) -> None:
        for user_id in user_ids:
            current.put(user_id, floor=current.stamp(user_id))
        for label, count in rows.delete_rows()[1].items():
            details[label] = details.get(label, 0) + count

    rewrite(target, EVERY, delete, lambda row: None)
    return sum(details.values()), details


def mark_all_read(user: Any, *, up_to: int | None = None, using: str | None = None) -> int:
    """Mark as read what a user has seen: unread ones whose `modseq` is at most `up_to` (None: all). Returns how many.

    What arrived after `up_to` stays unread. Queries: 5, however many rows; the frame carries no rows but `read_upto`.
    """
    user_id = getattr(user, "pk", user)
    using = using or router.db_for_write(models.Notification)
    now = timezone.now()
    with writing(using, [user_id]) as current:
        inbox = current.inboxes[user_id]
        up_to = inbox.modseq if up_to is None else min(up_to, inbox.modseq)
        rows = rows_of(using).for_user(user_id).unread().filter(modseq__lte=up_to)
        counts = rows.aggregate(unread=Count("pk"), unseen=Count("pk", filter=Q(modseq__gt=inbox.seen_upto)))
        if counts["unread"]:
            modseq = current.stamp(user_id)
            rows.update_rows(read_at=now, modseq=modseq)
            current.count(user_id, unread=-counts["unread"], unseen=-counts["unseen"])
            entry = current.entries[user_id]
            if entry.upsert or entry.gone or entry.read_upto is not None:
                entry.tell_nothing()  # rows told earlier in this transaction may have been read just now
            entry.read_upto, entry.read_at = up_to, now
    return int(counts["unread"])


def mark_seen(user: Any, *, using: str | None = None) -> bool:
    """Note that the user has looked at the inbox: `unseen` goes to 0. Returns whether it was anything else."""
    user_id = getattr(user, "pk", user)
    using = using or router.db_for_write(models.Notification)
    with writing(using, [user_id]) as current:
        unseen = current.inboxes[user_id].unseen
        if unseen:
            current.put(user_id, seen_upto=current.stamp(user_id))
            current.count(user_id, unseen=-unseen)
    return bool(unseen)


Act = Callable[["NotificationQuerySet", Writing, list[Any]], None]
Changed = Callable[["Notification"], "Notification | None"]


def rewrite(target: NotificationQuerySet, only: Q, act: Act, changed: Changed) -> int:
    """Find a queryset's users, lock them, act on its rows that meet `only`, keep the counters; return how many rows that were.

    `act` writes rows of which at least one belongs to each user given; `changed` says what became of a row read before.
    """
    using = target._db or router.db_for_write(models.Notification)
    keys = target.using(using).values("pk")
    if target.query.is_sliced:  # a slice could mean other rows once some were changed
        keys = [row["pk"] for row in keys]
    found = rows_of(using).filter(only, pk__in=keys)
    user_ids = sorted(set(found.order_by().values_list("recipient_id", flat=True)))
    if not user_ids:
        return 0
    with writing(using, user_ids) as current:
        few = found.order_by("pk")[: MAX_TOLD_ROWS + 1]
        rows = [row for row in few if row.recipient_id in current.inboxes]
        if len(rows) <= MAX_TOLD_ROWS:
            return rewrite_few(rows, act, changed, current)
        return sum(rewrite_many(found, act, current, chunk) for chunk in chunks(user_ids))


def rewrite_few(rows: list[Notification], act: Act, changed: Changed, current: Writing) -> int:
    """Act on rows that are in memory, moving the counters by what changed and telling each row."""
    if rows:
        keys = [row.pk for row in rows]
        act(rows_of(current.using).filter(pk__in=keys), current, sorted({row.recipient_id for row in rows}))
    for row in rows:
        old, pk = {name: getattr(row, name) for name in STATE}, row.pk
        new = changed(row)
        if new is not None:
            new.modseq = current.stamp(row.recipient_id)
        note(current, old, new, user_id=row.recipient_id, pk=pk)
    return len(rows)


def rewrite_many(found: NotificationQuerySet, act: Act, current: Writing, user_ids: list[Any]) -> int:
    """Act on any number of rows in SQL, then count these users' inboxes again."""
    mine = found.filter(recipient_id__in=user_ids).order_by()
    found_by_user = dict(mine.values_list("recipient_id").annotate(Count("pk")))
    touched = sorted(found_by_user)
    if touched:
        act(mine.filter(recipient_id__in=touched), current, touched)
        recount(current, touched)
    return sum(found_by_user.values())


def recount(current: Writing, user_ids: list[Any]) -> None:
    """Count the unread rows of these users in SQL, and have them read the log instead of a change's content."""
    unread = rows_of(current.using).unread().filter(recipient_id=OuterRef("pk")).order_by().values("recipient_id")
    unseen = unread.filter(modseq__gt=OuterRef("seen_upto"))
    counts = models.Inbox.objects.using(current.using).filter(pk__in=user_ids)
    for user_id, now_unread, now_unseen in counts.values_list(
        "pk",
        Coalesce(Subquery(unread.annotate(n=Count("pk")).values("n")), 0),
        Coalesce(Subquery(unseen.annotate(n=Count("pk")).values("n")), 0),
    ):
        inbox = current.inboxes[user_id]
        current.count(user_id, unread=now_unread - inbox.unread, unseen=now_unseen - inbox.unseen)
        current.entries[user_id].tell_nothing()


def note(
    current: Writing,
    old: Mapping[str, Any] | None,
    new: Notification | None,
    *,
    user_id: Any = None,
    pk: int | None = None,
) -> None:
    """Count and tell that a row went from `old` to `new`; None stands for a row that is not there."""
    user_id = user_id if new is None else new.recipient_id
    current.count(user_id, **delta(current.inboxes[user_id], old, new))
    current.entries[user_id].tell(upsert=[new] if new else [], gone=[pk] if new is None and pk else [])


def rows_of(using: str) -> NotificationQuerySet:
    return models.Notification.objects.using(using)


def validate(row: Notification) -> None:
    if row.recipient_id is None:
        raise ValidationError({"recipient": _("Is missing; give a saved user.")}, code="required")
    row.full_clean(exclude={"recipient", "modseq"}, validate_unique=False, validate_constraints=False)


def validate_values(values: Mapping[str, Any]) -> None:
    errors: dict[str, ValidationError] = {}
    for name, value in values.items():
        field = models.Notification._meta.get_field(name)
        if value in field.empty_values and field.blank:
            continue
        try:
            field.clean(value, None)
        except ValidationError as error:
            errors[name] = error
    if errors:
        raise ValidationError(errors)


def refuse_fields(names: Any) -> None:
    """Refuse to write what a row may not change after sending, or what is no field."""
    for name in sorted(set(names) - EDITABLE):
        raise BypassesLog(
            f"{name!r} cannot be changed after sending; change one of {', '.join(sorted(EDITABLE))}, "
            "or send a new notification."
        )
