"""Count how many have read a broadcast whose rows are gone, so that its total of readers stays right.

Receives rows that are deleted, by their recipients or by upkeep, or that come back. Guarantees that this locks no broadcast
while inboxes are locked: workers lock them the other way round. So the broadcast is updated after commit; a process that
dies in between loses the number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, F
from django.db.models.functions import Greatest

from . import tables

if TYPE_CHECKING:
    from .queryset import NotificationQuerySet

__all__ = ["add_readers_after_commit", "count_reader", "count_readers"]


def count_reader(state: Mapping[str, Any]) -> Counter[int]:
    """Return the broadcast that one row (its `broadcast_id` and `read_at`) shows as read, counted once."""
    broadcast_id = state["broadcast_id"]
    return Counter() if broadcast_id is None or state["read_at"] is None else Counter([broadcast_id])


def count_readers(rows: NotificationQuerySet) -> Counter[int]:
    """Return how many of these rows show each broadcast as read. 1 query."""
    read = rows.filter(broadcast__isnull=False, read_at__isnull=False).order_by()
    return Counter(dict(read.values_list("broadcast_id").annotate(Count("pk"))))


def add_readers_after_commit(gone: Mapping[int, int], *, using: str) -> None:
    """After commit, note at each broadcast how many who read it no longer have it. A number below 0: they have it again."""
    if gone:
        transaction.on_commit(lambda: add_readers(gone, using), using=using, robust=True)


def add_readers(gone: Mapping[int, int], using: str) -> None:
    broadcasts = tables.Broadcast.objects.using(using)
    for pk in sorted(gone):
        broadcasts.filter(pk=pk).update(read_removed=Greatest(F("read_removed") + gone[pk], 0))
