"""What the app does when other models change, or a login ends: receivers, connected in `apps.py`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from django.db import connections, transaction

from .conf import settings
from .edge.publishing import ask_again, end_session
from .log.locks import lock_inboxes
from .models import Inbox, Notification
from .operations.upkeep import mend_loaded

__all__ = ["Loaded", "ask_about_user", "end_session_of", "lock_inbox_of", "note_loaded"]

LOGIN_FIELDS: Final = frozenset({"last_login"})  # what Django itself saves with each login


def end_session_of(request: Any = None, **_: Any) -> None:
    """Have the edge end what a session that is being logged out holds open there. Does nothing without an edge."""
    session_key = getattr(getattr(request, "session", None), "session_key", None)
    if session_key:
        end_session(session_key)


def ask_about_user(instance: Any, using: str, update_fields: Iterable[str] | None = None, **_: Any) -> None:
    """Have the edge ask about a user's connections who was saved or deleted: they may not be let in any more."""
    if settings.grip_url and (update_fields is None or not set(update_fields) <= LOGIN_FIELDS):
        transaction.on_commit(partial(ask_again, instance.pk), using=using, robust=True)


class Loaded:
    """An `on_commit` callback that mends the inboxes into which a transaction loaded fixtures."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.user_ids: set[Any] = set()
        self.__qualname__ = "notifications.signals.Loaded"  # by which Django names a callback that failed

    def __call__(self) -> None:
        """Mend them, each in a transaction of its own."""
        mend_loaded(self.using, self.user_ids)


def note_loaded(instance: Inbox | Notification, raw: bool, using: str, **_: Any) -> None:
    """Have the inbox mended for which `loaddata` wrote a row past the log."""
    if raw:
        registered: list[Any] = connections[using].run_on_commit  # (savepoint ids, callback, robust)
        loaded = next((callback for _sids, callback, _ in registered if isinstance(callback, Loaded)), None)
        if loaded is None:
            loaded = Loaded(using)
            transaction.on_commit(loaded, using=using, robust=True)
        loaded.user_ids.add(instance.pk if isinstance(instance, Inbox) else instance.recipient_id)


def lock_inbox_of(instance: Any, using: str, **_: Any) -> None:
    """Lock the inbox of a user who is being deleted, before Django deletes the notifications.

    Every write locks the inbox first and touches the rows after. Django deletes the rows first; without this lock the two
    orders could meet in a deadlock. 1 query.
    """
    lock_inboxes(using, [instance.pk])
