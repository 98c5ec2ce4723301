"""What the app does when other models change: one receiver, connected in `apps.py`."""

from __future__ import annotations

from typing import Any

from .log.locks import lock_inboxes

__all__ = ["lock_inbox_of"]


def lock_inbox_of(instance: Any, using: str, **_: Any) -> None:
    """Lock the inbox of a user who is being deleted, before Django deletes the notifications.

    Every write locks the inbox first and touches the rows after. Django deletes the rows first; without this lock the two
    orders could meet in a deadlock. 1 query.
    """
    lock_inboxes(using, [instance.pk])
