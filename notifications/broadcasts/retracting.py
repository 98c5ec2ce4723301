"""Retracting: remove the rows of a broadcast from every inbox, chunk by chunk.

Receives a broadcast whose lease the caller holds, in the state retracting or expiring. A chunk is one change of the log
of each user in it: counters move, floors rise, open pages hear which id is gone (`log/bulk_delete.py`). Killed at any
moment, the next worker goes on; at the end it looks once more from the beginning, for rows that were locked or came
back by an undo.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F

from ..log.bulk_delete import delete_batch
from ..log.bulk_update import rows_of
from ..models.broadcast import Broadcast, BroadcastState
from .leases import Lease
from .states import Step
from .throttle import Throttle
from .transitions import take_step

__all__ = ["retract"]

ROWS_PER_READ: Final = 10_000


def retract(lease: Lease, throttle: Throttle) -> Iterator[Broadcast]:
    """Remove chunk after chunk, and yield the broadcast after each; at the end it is retracted, or expired.

    Raises:
        LeaseLost: the lease ended. Nothing was removed since the last chunk.
    """
    broadcast = lease.broadcast
    while True:
        found = read_next_rows(broadcast, lease.using)
        for chunk in throttle.chunks(found):
            began = time.monotonic()
            broadcast = remove_chunk(lease, chunk)
            throttle.rest(lease.using, count=len(chunk), held_seconds=time.monotonic() - began)
            yield broadcast
        if not found and not broadcast.cursor:
            break
        if not found:
            broadcast = lease.keep(broadcast, cursor="")  # once more, from the beginning
    step = Step.RETRACTED if broadcast.state == BroadcastState.RETRACTING else Step.EXPIRED
    yield take_step(broadcast, step, only=lease.mine)


def read_next_rows(broadcast: Broadcast, using: str) -> list[tuple[Any, int]]:
    """Return (user, row) keys behind the cursor, in the order of the index of recipients."""
    rows = rows_of(using).filter(broadcast=broadcast)
    if broadcast.cursor:
        rows = rows.filter(recipient_id__gt=get_user_model()._meta.pk.to_python(broadcast.cursor))
    return list(rows.order_by("recipient_id").values_list("recipient_id", "pk")[:ROWS_PER_READ])


def remove_chunk(lease: Lease, found: Sequence[tuple[Any, int]]) -> Broadcast:
    """Remove these rows and move the cursor behind their users. 8 queries."""
    with transaction.atomic(using=lease.using):
        broadcast = lease.hold(BroadcastState.RETRACTING, BroadcastState.EXPIRING)
        rows = rows_of(lease.using).filter(broadcast=broadcast)
        batch = delete_batch(rows, {user_id: [pk] for user_id, pk in found}, using=lease.using)
        return lease.keep(
            broadcast,
            cursor=str(found[-1][0]),
            removed=F("removed") + batch.deleted,
            read_removed=F("read_removed") + sum(batch.readers.values()),
        )
