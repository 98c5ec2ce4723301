"""What the app does when other models change, or a login ends: receivers, connected in `apps.py`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from django.db import transaction

from .conf import settings
from .edge.publishing import ask_again, end_session
from .log.locks import lock_inboxes

__all__ = ["ask_about_user", "end_session_of", "lock_inbox_of"]

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


def lock_inbox_of(instance: Any, using: str, **_: Any) -> None:
    """Lock the inbox of a user who is being deleted, before Django deletes the notifications.

    Every write locks the inbox first and touches the rows after. Django deletes the rows first; without this lock the two
    orders could meet in a deadlock. 1 query.
    """
    lock_inboxes(using, [instance.pk])
