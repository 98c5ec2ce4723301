"""Leases: which worker works on which broadcast. A worker that died loses its own after some seconds.

Several workers, in several processes and on several machines, take broadcasts from one table: on PostgreSQL each skips
the rows that another is looking at, elsewhere the compare-and-set decides. Clocks only decide when a lease may be taken
over. That nothing is written twice does not depend on them: each chunk sees, with the broadcast's row locked, that the
lease is still its own.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from django.db import connections, router, transaction
from django.db.models import F, Q
from django.utils import timezone

from ..conf import settings
from ..exceptions import NotificationsError
from ..models.broadcast import Broadcast
from .states import AT_WORK

__all__ = ["Lease", "LeaseLost", "claim_lease"]


class LeaseLost(NotificationsError):
    """The lease is another worker's, or the broadcast is in another state: stop, without having written anything."""

    def __init__(self, broadcast_id: int) -> None:
        super().__init__(
            f"Broadcast {broadcast_id} is another worker's by now, or in another state; nothing was written."
        )


class Lease:
    """A broadcast that one worker may work on, until it is released or not kept in time."""

    def __init__(self, broadcast: Broadcast, *, worker: str, using: str) -> None:
        self.broadcast = broadcast
        self.using = using
        self.mine = Q(worker=worker)
        self._counted_to = time.monotonic()

    def hold(self, *states: str) -> Broadcast:
        """Lock the broadcast's row until the transaction ends; return it. 1 query.

        Raises:
            LeaseLost: it is no longer this worker's, or in none of these states.
        """
        # no_key: each row that is written refers to it, and so locks its key
        rows = self._rows.filter(self.mine, state__in=states).select_for_update(no_key=takes_key_locks(self.using))
        broadcast: Broadcast | None = rows.first()
        if broadcast is None:
            raise LeaseLost(self.broadcast.pk)
        return broadcast

    def keep(self, broadcast: Broadcast, **values: Any) -> Broadcast:
        """Set columns, and keep the lease. Returns the broadcast as it is then. 2 queries."""
        now = time.monotonic()
        values |= {"leased_until": end_of_lease(), "busy_seconds": F("busy_seconds") + now - self._counted_to}
        if not self._rows.filter(self.mine, state=broadcast.state).update(**values):
            raise LeaseLost(self.broadcast.pk)
        self._counted_to = now
        kept: Broadcast = self._rows.get()
        return kept

    def release(self) -> None:
        """Give the broadcast back; the one that waits longest is next. 1 query."""
        busy_seconds = F("busy_seconds") + time.monotonic() - self._counted_to
        self._rows.filter(self.mine).update(worker="", leased_until=None, busy_seconds=busy_seconds)

    @property
    def _rows(self) -> Any:
        return Broadcast.objects.using(self.using).filter(pk=self.broadcast.pk)


def claim_lease(worker: str) -> Lease | None:
    """Take the broadcast that nobody works on and that waits longest; None where there is none. 1 query then, else 4."""
    using = router.db_for_write(Broadcast)
    rows: Any = Broadcast.objects.using(using)
    # what was its own a moment ago it goes on with: the database was away, or another transaction in the way
    free = Q(leased_until=None) | Q(leased_until__lte=timezone.now()) | Q(worker=worker)
    if not rows.filter(free, state__in=AT_WORK).exists():  # mostly so; on SQLite a transaction would take the one lock
        return None
    skips = connections[using].features.has_select_for_update_skip_locked
    with transaction.atomic(using=using):
        waiting = rows.filter(free, state__in=AT_WORK).order_by(F("worked_at").asc(nulls_first=True), "pk")
        found = waiting.select_for_update(skip_locked=skips, no_key=takes_key_locks(using)).first()
        values = {"worker": worker, "leased_until": end_of_lease(), "worked_at": timezone.now()}
        if found is None or not rows.filter(free, pk=found.pk, state=found.state).update(**values):
            return None
        return Lease(rows.get(pk=found.pk), worker=worker, using=using)


def end_of_lease() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=settings.send_lease_seconds)


def takes_key_locks(using: str) -> bool:
    return bool(connections[using].features.has_select_for_no_key_update)
