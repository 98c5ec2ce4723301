"""What the app does when other models change, or a session ends: receivers, connected in `apps.py`."""

from __future__ import annotations

from typing import Any

from .edge.publishing import end_session
from .log.locks import lock_inboxes

__all__ = ["end_session_of", "lock_inbox_of"]


def end_session_of(request: Any = None, **_: Any) -> None:
    """Have the edge end what a session that is being logged out holds open there. Does nothing without an edge."""
    session_key = getattr(getattr(request, "session", None), "session_key", None)
    if session_key:
        end_session(session_key)


def lock_inbox_of(instance: Any, using: str, **_: Any) -> None:
    """Lock the inbox of a user who is being deleted, before Django deletes the notifications.

    Every write locks the inbox first and touches the rows after. Django deletes the rows first; without this lock the two
    orders could meet in a deadlock. 1 query.
    """
    lock_inboxes(using, [instance.pk])
