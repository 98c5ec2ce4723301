"""Sending: the rows of a broadcast, chunk by chunk in the order of the users' keys.

Receives a broadcast whose lease the caller holds. A chunk is one transaction: it locks the broadcast's row, sees that the
lease and the state still hold, writes the rows through the log (inboxes locked in `user_id` order, doorbells after commit)
and moves the cursor. So whenever a worker dies, what is written and what the cursor says agree, and the next one goes on
behind it: nobody gets it twice (a constraint says so too), nobody is left out.

# Note [Who belongs to it]

The audience is read as the cursor comes to it, 10,000 keys at a time. Who joins it before that with a key behind the
cursor gets the broadcast; who leaves it, or is deactivated, does not. Behind the cursor nobody is added. With keys that
rise (the default) that means: whoever joins before the end gets it; with random ones (UUIDs), as the key falls.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction
from django.db.models import F

from ..alike import append_alike
from ..conf import settings
from .audience import online_of, users_of
from .leases import Lease
from .models import Broadcast
from .moves import take
from .states import State, Step

__all__ = ["send"]

USERS_PER_CHUNK: Final = 500  # as notify_many(): locks are held for some 10 ms
CHUNKS_PER_SECOND: Final = 4  # at a limited rate
KEYS_PER_READ: Final = 10_000  # an audience may be costly to ask; twenty chunks for each time
MAX_REPEATS: Final = 5  # of one chunk, because users in it were deleted at that moment


def send(lease: Lease) -> Iterator[Broadcast]:
    """Write the next chunk at each step; at the end the broadcast is sent. Yields it as it stands after each.

    Raises:
        Lost: the lease ended, or the state changed. Nothing was written since the last step.
        ValidationError, InvalidSegment: the audience is no longer known.
    """
    broadcast = lease.broadcast
    if broadcast.total is None:
        broadcast = lease.keep(broadcast, total=users_of(broadcast.addressed).count())
    repeats = 0
    while keys := next_keys(broadcast):
        size = chunk_size()
        for start in range(0, len(keys), size):
            try:
                broadcast = write_chunk(lease, keys[start : start + size])
            except (ValidationError, IntegrityError):  # a user was deleted a moment ago: read again who is there
                repeats += 1
                if repeats > MAX_REPEATS:
                    raise
                break
            repeats = 0
            yield broadcast
    yield take(broadcast, Step.FINISH, only=lease.mine)


def next_keys(broadcast: Broadcast) -> list[Any]:
    """Return the next keys of the audience behind the cursor. See Note [Who belongs to it]."""
    users = users_of(broadcast.addressed)
    if broadcast.cursor:
        users = users.filter(pk__gt=get_user_model()._meta.pk.to_python(broadcast.cursor))
    return list(users.order_by("pk").values_list("pk", flat=True)[:KEYS_PER_READ])


def write_chunk(lease: Lease, keys: list[Any]) -> Broadcast:
    """Write the rows of these users and move the cursor behind them. 7 queries."""
    began = time.monotonic()
    with transaction.atomic(using=lease.using):
        broadcast = lease.hold(State.SENDING)
        append_alike(broadcast.content, keys, using=lease.using)
        online = online_of(get_user_model()._default_manager.using(lease.using).filter(pk__in=keys)).count()
        moved = lease.keep(broadcast, cursor=str(keys[-1]), written=F("written") + len(keys), live=F("live") + online)
    give_way(lease.using, time.monotonic() - began, len(keys))
    return moved


def chunk_size() -> int:
    """Return how many users go into a chunk: fewer where the site limits the rate, so that it is an even one."""
    rate = settings.send_users_per_second
    return min(USERS_PER_CHUNK, max(1, rate // CHUNKS_PER_SECOND)) if rate else USERS_PER_CHUNK


def give_way(using: str, held_seconds: float, users: int) -> None:
    """Keep to the site's rate; and let other writers in where the database has one lock for all and does not queue them."""
    rate = settings.send_users_per_second
    rest_seconds = users / rate - held_seconds if rate else 0.0
    if not connections[using].features.has_select_for_update:
        rest_seconds = max(rest_seconds, held_seconds / 2)
    time.sleep(max(rest_seconds, 0.0))
