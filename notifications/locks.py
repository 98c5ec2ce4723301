"""Step 2c, the locks of a write: one row for each user, taken in the order of their keys.

Whoever changes a user's notifications holds that user's `Inbox` row from before it reads until it commits. Taken in one
order everywhere, the locks cannot deadlock within one write (a transaction that writes to user 7 and later to user 3
still can: use `notify_many()` for both).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Count, F, Max, Q
from django.utils.translation import gettext as _

from . import models

if TYPE_CHECKING:
    from .models import Inbox

__all__ = ["chunks", "key_of", "lock_inboxes", "make_inboxes"]

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


def lock_inboxes(using: str, user_ids: list[Any]) -> dict[Any, Inbox]:
    """Return the inboxes that exist of these sorted users, locked in that order."""
    connection = connections[using]
    inboxes: dict[Any, Inbox] = {}
    for chunk in chunks(user_ids):
        rows = models.Inbox.objects.using(using).filter(pk__in=chunk)
        if not connection.features.has_select_for_update and not begins_with_lock(connection):
            rows.update(modseq=F("modseq"))  # a write takes SQLite's lock before anything is read
        rows = rows.order_by("pk") if len(chunk) > 1 else models.Inbox.objects.using(using).filter(pk=chunk[0])
        inboxes.update((inbox.pk, inbox) for inbox in rows.select_for_update())
    return inboxes


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
