"""One user's inbox, held while something is done to it.

Receives a user. Guarantees that nobody else writes to this user's notifications until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connections, router, transaction

from ..exceptions import HistoryReplaced
from ..log.bulk_update import rows_of
from ..log.keys import UserOrKey, key_of
from ..log.locks import LockedInbox, lock_inboxes, make_inboxes
from ..log.queryset import NotificationQuerySet
from ..models import Broadcast, Inbox, Notification, RunningJob

__all__ = ["OwnInbox", "open_own_inbox"]


@dataclass(frozen=True, slots=True)
class OwnInbox:
    """One user's inbox, locked, and their rows."""

    inbox: LockedInbox
    using: str

    @property
    def rows(self) -> NotificationQuerySet:
        """The user's notifications."""
        return rows_of(self.using).for_user(self.inbox.pk)

    def require_epoch(self, epoch: int | None) -> None:
        """Refuse what was said of another history."""
        if epoch not in (None, self.inbox.epoch):
            raise HistoryReplaced(
                f"The position is of epoch {epoch}, the inbox of {self.inbox.epoch}; load the list again."
            )

    def read_inbox(self) -> Inbox:
        """Return the inbox as it is by now, after what was done. 1 query."""
        return Inbox.objects.using(self.using).get(pk=self.inbox.pk)


@contextmanager
def open_own_inbox(user: UserOrKey, origins: Collection[int] = (), jobs: Collection[int] = ()) -> Iterator[OwnInbox]:
    """Open a transaction in which nobody else writes to this user's notifications, and these broadcasts and jobs stay.

    Queries: 1, 5 at the first call; 1 more for broadcasts, 1 for jobs.
    """
    user_id = key_of(user)
    using = router.db_for_write(Notification)
    with transaction.atomic(using=using):
        for model, keys in ((Broadcast, origins), (RunningJob, jobs)):
            if keys:  # before the inbox, as the workers and the jobs do
                no_key = connections[using].features.has_select_for_no_key_update
                held = model._default_manager.using(using).filter(pk__in=keys).order_by("pk")
                list(held.select_for_update(no_key=no_key).values_list("pk"))
        inboxes = lock_inboxes(using, [user_id])
        if not inboxes:
            make_inboxes(using, [user_id])
            inboxes = lock_inboxes(using, [user_id])
        yield OwnInbox(inboxes[user_id], using)
