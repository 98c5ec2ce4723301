"""Read which users are online, and since when, from the records of all processes.

Receives what each hub's `presence_tracker.py` writes. Guarantees that whoever has a stream open in any process is
online, exact to one sweep, without Redis; that a process which dies takes its users offline within three sweeps; and
that an idle stream costs no write.

    is_online(user)   online_users().filter(is_staff=True)   online_since(user)

# Note [A lease for each process]

A user may be held by several processes. With one lease on the user's inbox, the process that loses the user's last stream
cannot know whether another still has one: it would end the lease of both, or of neither. And 9,000 idle users would be
9,000 rows to write again and again, each of them the row that every `notify()` locks. So each process has a row with one
lease, which it renews in each sweep (one UPDATE of one row), and each user has a row for each process, which is inserted
and deleted as the user comes and goes. Each process touches its own rows only, so none can undo what another said.

Times are the database's own, so the clocks of several machines need not agree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import Min, QuerySet
from django.db.models.functions import Now
from django.dispatch import Signal

from ..log.keys import UserKey, UserOrKey
from ..log.threads import on_thread
from ..models.presence import Presence

__all__ = [
    "ais_online",
    "connected",
    "disconnected",
    "is_online",
    "online_now",
    "online_since",
    "online_users",
    "since_by_user",
]

connected = Signal()
connected.__doc__ = """Sent with `user_id` when a process gets a user's first stream.

By a thread of the hub's own, at most once, in order for each user and process. A receiver may use the database and be slow.
"""
disconnected = Signal()
disconnected.__doc__ = """Sent with `user_id` when a process has lost a user's last stream for good.

As `connected` is; a process that is killed says no goodbye.
"""


def online_now() -> QuerySet[Presence]:
    """Return the presences that count: their processes are alive. A user may have several."""
    return Presence.objects.using(router.db_for_write(Presence)).filter(process__alive_until__gt=Now())


def is_online(user: UserOrKey) -> bool:
    """Return whether a user has a page open, in any process, exact to one sweep. 1 query.

    Args:
        user: a saved user, or a user's primary key.
    """
    return online_now().filter(user=getattr(user, "pk", user)).exists()


async def ais_online(user: UserOrKey) -> bool:
    """Return whether a user has a stream open in any process, from async code. 1 query, on a thread."""
    return await on_thread(is_online, user)


def online_since(user: UserOrKey) -> dt.datetime | None:
    """Return since when a user is online without a break. 1 query.

    Args:
        user: a saved user, or a user's primary key.

    Returns:
        The time by the database's clock, aware where `USE_TZ` is on; None: the user is not online.
    """
    key: Any = getattr(user, "pk", user)
    return since_by_user([key]).get(key)


def since_by_user(user_ids: Iterable[UserKey]) -> dict[Any, dt.datetime]:
    """Return since when each of up to 500 users is online; users who are not are left out. 1 query."""
    rows = online_now().filter(user__in=list(user_ids)).values_list("user").annotate(begin=Min("since"))
    return dict(rows.order_by())


def online_users() -> QuerySet[Any]:
    """Return the users who are online, as a queryset to be narrowed. No query before it is used, then 1."""
    return get_user_model()._default_manager.filter(pk__in=online_now().values("user"))
