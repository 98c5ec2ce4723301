"""Pruning: delete old notifications in short transactions, while others go on writing.

Receives a `Policy` from `manage.py prune_notifications`. Guarantees that a batch is one change of the log of each user in
it, as any deletion is (`log/bulk_delete.py`): counters move with the rows, floors rise, connected clients hear which ids are
gone. What is about to go is looked up without a lock; under the lock it is asked again whether it still may, so whatever
was marked unread or unarchived meanwhile stays. A run that is cut off loses nothing but its open batch.

It does not go through `log.remove()`, which counts the whole inbox again after each large deletion: here the rows of a
batch are read, so that the cost of a batch does not grow with the inbox.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from ..broadcasts.throttle import Throttle
from ..log.broadcast_readers import add_readers_after_commit
from ..log.bulk_delete import Batch, delete_batch
from ..log.bulk_update import EVERY, rows_of
from ..log.keys import UserKey

if TYPE_CHECKING:
    from ..log.queryset import NotificationQuerySet

__all__ = ["ARCHIVED", "EVERY", "SETTLED", "Policy", "count_prunable", "prune"]

SETTLED: Final = Q(read_at__isnull=False) | Q(archived_at__isnull=False)  # what no badge counts
ARCHIVED: Final = Q(archived_at__isnull=False)

USERS_PER_LOOK: Final = 100  # users in one query: each may be an OR of two conditions, and SQLite nests at most 1000
USERS_PER_BATCH: Final = 50  # each inbox is an UPDATE of its own, about 0.3 ms on PostgreSQL
ROWS_PER_LOOK: Final = 20_000  # rows found by one query, as three numbers each


@dataclass(frozen=True, slots=True)
class Policy:
    """What may go: rows of this state that were sent `before` a moment, or lie beyond the newest `keep` of an inbox.

    All rows count for `keep`, whatever their state. With both given, either is reason enough.
    """

    before: dt.datetime | None = None
    keep: int | None = None
    state: Q = SETTLED


def count_prunable(policy: Policy, *, using: str, user_ids: Sequence[UserKey] | None = None) -> tuple[int, int]:
    """Return how many rows may go, and of how many users. Locks nothing."""
    counts = [
        dict(rows.order_by().values_list("recipient_id").annotate(Count("pk")))
        for rows in find_prunable(policy, using, user_ids)
    ]
    return sum(sum(by_user.values()) for by_user in counts), sum(map(len, counts))


def prune(
    policy: Policy, *, using: str, user_ids: Sequence[UserKey] | None = None, batch_rows: int = 250
) -> Iterator[Batch]:
    """Delete what may go and yield each batch; stop iterating to stop.

    A batch that held its locks for too long makes the next ones smaller (`broadcasts/throttle.py`).
    """
    throttle = Throttle(most=batch_rows, has_rate=False)
    for rows in find_prunable(policy, using, user_ids):
        for found in read_pages(rows):
            while found:
                batch = delete_batch(rows, pop_batch(found, throttle.size), using=using)
                add_readers_after_commit(batch.readers, using=using)
                yield batch
                throttle.rest(using, count=batch.deleted, held_seconds=batch.held_seconds)


def find_prunable(policy: Policy, using: str, user_ids: Sequence[UserKey] | None) -> Iterator[NotificationQuerySet]:
    """Yield querysets of what may go, of some users each, in the order of their keys."""
    affected = find_affected_users(policy, using, user_ids)
    for start in range(0, len(affected), USERS_PER_LOOK):
        yield prunable_rows(policy, using, affected[start : start + USERS_PER_LOOK])


def find_affected_users(policy: Policy, using: str, user_ids: Sequence[Any] | None) -> list[Any]:
    """Return the users of whose rows some may go, in the order of their keys. At most 2 queries."""
    rows = rows_of(using).order_by()
    if user_ids is not None:
        rows = rows.filter(recipient_id__in=user_ids)
    affected: set[Any] = set()
    if policy.before is not None:
        old = rows.filter(policy.state, created_at__lt=policy.before)
        affected.update(old.values_list("recipient_id", flat=True).distinct())
    if policy.keep is not None:
        counts = rows.values("recipient_id").annotate(count=Count("pk"))
        affected.update(counts.filter(count__gt=policy.keep).values_list("recipient_id", flat=True))
    return sorted(affected)


def prunable_rows(policy: Policy, using: str, user_ids: list[Any]) -> NotificationQuerySet:
    """Return what may go of these users' rows. Which ones are the newest to keep is settled here, in 1 query."""
    mine = rows_of(using).filter(recipient_id__in=user_ids)
    reasons = []
    if policy.before is not None:
        reasons.append(Q(created_at__lt=policy.before))
    if policy.keep is not None:
        place = Window(RowNumber(), partition_by=F("recipient_id"), order_by=F("id").desc())
        oldest_kept = mine.order_by().annotate(place=place).filter(place=policy.keep)
        reasons += [Q(recipient_id=user_id, pk__lt=pk) for user_id, pk in oldest_kept.values_list("recipient_id", "pk")]
    if not reasons:  # an empty OR would mean everything
        return mine.none()
    return mine.filter(policy.state, Q(*reasons, _connector=Q.OR))


def read_pages(rows: NotificationQuerySet) -> Iterator[deque[tuple[Any, int]]]:
    """Yield (user, row) keys by user, those that changed least recently first: the order of the index on the log."""
    ordered = rows.order_by("recipient_id", "modseq", "pk").values_list("recipient_id", "modseq", "pk")
    page = list(ordered[:ROWS_PER_LOOK])
    while page:
        yield deque((user_id, pk) for user_id, _modseq, pk in page)
        if len(page) < ROWS_PER_LOOK:
            return
        user_id, modseq, pk = page[-1]
        later = Q(modseq__gt=modseq) | Q(modseq=modseq, pk__gt=pk)
        page = list(ordered.filter(Q(recipient_id__gt=user_id) | Q(later, recipient_id=user_id))[:ROWS_PER_LOOK])


def pop_batch(found: deque[tuple[Any, int]], size: int) -> dict[Any, list[int]]:
    """Remove the next batch from what was found and return it by user."""
    taken: dict[Any, list[int]] = {}
    for _ in range(min(size, len(found))):
        user_id, pk = found[0]
        if user_id not in taken and len(taken) == USERS_PER_BATCH:
            break
        found.popleft()
        taken.setdefault(user_id, []).append(pk)
    return taken
