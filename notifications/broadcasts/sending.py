"""Sending: the rows of a broadcast, chunk by chunk in the order of the users' keys.

Receives a broadcast whose lease the caller holds. A chunk is one transaction: it locks the broadcast's row, sees that the
lease and the state still hold, writes the rows through the log (inboxes locked in `user_id` order, doorbells after commit)
and moves the cursor. So whenever a worker dies, what is written and what the cursor says agree, and the next one goes on
behind it: nobody gets it twice (a constraint says so too), nobody is left out.

# Note [Who belongs to it]

The audience is read as the cursor comes to it, 10,000 keys at a time. A user who joins it before that gets the broadcast. A
user who leaves it, or is deactivated or deleted, does not. At the end the audience is read once more, for users who joined
behind the cursor: a sign-up draws its key before it commits, and random keys (UUIDs) fall anywhere. So everybody who signs
up before the end gets it.

A user who deleted it must not get it again, and no row says which users did. But each deletion raises the floor of the
inbox. So the last look is only for users without an inbox, or with one whose floor never rose. A user who joins behind the
cursor with an older inbox from which something was deleted is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef

from ..log.bulk_update import rows_of
from ..log.writes import append_copies
from ..models import FIRST_MODSEQ, Inbox
from ..models.broadcast import Broadcast, BroadcastState
from .audience import online_of, users_of
from .leases import Lease
from .states import Step
from .throttle import Throttle
from .transitions import take_step

__all__ = ["send"]

KEYS_PER_READ: Final = 10_000  # an audience may be costly to ask; twenty chunks for each time
MAX_REPEATS: Final = 5  # of one chunk, because users in it were deleted at that moment


def send(lease: Lease, throttle: Throttle) -> Iterator[Broadcast]:
    """Write chunk after chunk, and yield the broadcast as it stands after each; at the end it is sent.

    Raises:
        LeaseLost: the lease ended, or the state changed. Nothing was written since the last chunk.
        ValidationError, InvalidSegment: the audience is no longer known.
    """
    broadcast = lease.broadcast
    if broadcast.total is None:
        broadcast = lease.keep(broadcast, total=users_of(broadcast.addressed, are_known=True).count())
    repeats = 0
    while True:
        keys, write = read_next_keys(broadcast), write_chunk
        if not keys:
            keys, write = read_late_keys(broadcast, lease.using), write_late
        if not keys:
            break
        for chunk in throttle.chunks(keys):
            began = time.monotonic()
            try:
                broadcast = write(lease, chunk)
            except (ValidationError, IntegrityError):  # a user was deleted a moment ago: read the users again
                repeats += 1
                if repeats > MAX_REPEATS:
                    raise
                break
            throttle.rest(lease.using, count=len(chunk), held_seconds=time.monotonic() - began)
            repeats = 0
            yield broadcast
    yield take_step(broadcast, Step.FINISH, only=lease.mine)


def read_next_keys(broadcast: Broadcast) -> list[Any]:
    """Return the next keys of the audience behind the cursor. See Note [Who belongs to it]."""
    users = users_of(broadcast.addressed, are_known=True)
    if broadcast.cursor:
        users = users.filter(pk__gt=cursor_key(broadcast))
    return list(users.order_by("pk").values_list("pk", flat=True)[:KEYS_PER_READ])


def read_late_keys(broadcast: Broadcast, using: str) -> list[Any]:
    """Return keys that came up behind the cursor. See Note [Who belongs to it]."""
    if not broadcast.cursor:
        return []
    rows = rows_of(using).filter(broadcast=broadcast, recipient=OuterRef("pk"))
    may_have_deleted_it = Inbox.objects.using(using).filter(pk=OuterRef("pk"), floor__gt=FIRST_MODSEQ)
    users = users_of(broadcast.addressed, are_known=True).filter(pk__lte=cursor_key(broadcast))
    late = users.filter(~Exists(rows), ~Exists(may_have_deleted_it))
    return list(late.order_by("pk").values_list("pk", flat=True)[:KEYS_PER_READ])


def cursor_key(broadcast: Broadcast) -> Any:
    """Return the key at which the cursor stands."""
    return get_user_model()._meta.pk.to_python(broadcast.cursor)


def write_chunk(lease: Lease, keys: Sequence[Any]) -> Broadcast:
    """Write the rows of these users and move the cursor behind them. 8 queries."""
    return write_rows(lease, keys, cursor=str(keys[-1]))


def write_late(lease: Lease, keys: Sequence[Any]) -> Broadcast:
    """Write the rows of users who came up behind the cursor, which stays. 8 queries."""
    return write_rows(lease, keys)


def write_rows(lease: Lease, keys: Sequence[Any], **values: Any) -> Broadcast:
    """Write the rows of these users and what is known of the broadcast then, in one transaction."""
    with transaction.atomic(using=lease.using):
        broadcast = lease.hold(BroadcastState.SENDING)
        append_copies(broadcast.content, list(keys), using=lease.using)
        return lease.keep(
            broadcast,
            written=F("written") + len(keys),
            live=F("live") + len(find_online(keys, lease.using)),
            **values,
        )


def find_online(keys: Sequence[Any], using: str) -> set[Any]:
    """Return which of these users, in order, have a page open now. Asks for a range: few are online, many are told."""
    users = get_user_model()._default_manager.using(using).filter(pk__gte=keys[0], pk__lte=keys[-1])
    return set(online_of(users).values_list("pk", flat=True)).intersection(keys)
