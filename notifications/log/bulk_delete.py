"""Deleting many rows of many users: one batch, one transaction, one change of each user's log.

Receives rows that were looked up without a lock. Guarantees that the policy is checked again under
the lock, that counters move with the rows, that floors rise, and that connected clients hear which ids are gone. Unlike
`log.remove()` it does not count the inbox again: the rows of a batch are read, so its cost does not grow with the inbox.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import connections

from .attempts import repeatable
from .broadcast_readers import count_reader
from .bulk_update import COUNTED_FIELDS, rows_of
from .inbox_write import open_inboxes

if TYPE_CHECKING:
    from .queryset import NotificationQuerySet

__all__ = ["Batch", "delete_batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction deleted, how often each broadcast was read in it, and for how long its inboxes were locked."""

    deleted: int
    readers: Mapping[int, int]
    user_ids: frozenset[Any]
    held_seconds: float


@repeatable
def delete_batch(rows: NotificationQuerySet, taken: dict[Any, list[int]], *, using: str) -> Batch:
    """Delete those of the taken rows that may still go, as one change of each user's log. 4 queries and 1 per user."""
    skip_locked = connections[using].features.has_select_for_update_skip_locked
    try:
        with open_inboxes(using, taken) as current:
            began = time.monotonic()
            asked = rows.filter(pk__in=[pk for pks in taken.values() for pk in pks]).order_by()
            # Whoever deletes a user holds rows and comes for the inbox: waiting for these rows would be a deadlock.
            there = list(
                asked.select_for_update(skip_locked=skip_locked).values(
                    "pk", "recipient_id", "broadcast_id", *COUNTED_FIELDS
                )
            )
            for row in there:
                current.put(row["recipient_id"], floor=current.stamp(row["recipient_id"]))
                current.note(row, None, user_id=row["recipient_id"], pk=row["pk"])
            rows_of(using).filter(pk__in=[row["pk"] for row in there]).delete_rows()
    except ValidationError:  # a user was deleted a moment ago, and the rows with it
        alone = [delete_batch(rows, {user_id: taken[user_id]}, using=using) for user_id in taken if len(taken) > 1]
        held_seconds = max((batch.held_seconds for batch in alone), default=0.0)
        deleted, readers = sum(batch.deleted for batch in alone), add_up(batch.readers for batch in alone)
        return Batch(deleted, readers, frozenset().union(*(batch.user_ids for batch in alone)), held_seconds)
    user_ids = frozenset(row["recipient_id"] for row in there)
    return Batch(len(there), add_up(map(count_reader, there)), user_ids, time.monotonic() - began)


def add_up(counts: Iterable[Mapping[int, int]]) -> Counter[int]:
    found: Counter[int] = Counter()
    for count in counts:
        found.update(count)
    return found
