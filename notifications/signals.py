"""What the app does when other models change, or a login ends: receivers, connected in `apps.py`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from django.db import connections, transaction
from django.db.models import QuerySet
from django.db.models.signals import post_delete, pre_delete

from .conf import settings
from .integrations.pushpin.publisher import ask_again, end_session
from .log.bulk_update import rows_of
from .log.keys import UserKey, chunks
from .log.locks import lock_inboxes
from .models import Broadcast, Inbox, Notification
from .operations.repair import mend_loaded

__all__ = ["Loaded", "ask_about_user", "delete_rest", "end_session_of", "lock_what_goes", "note_loaded"]

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
        self.user_ids: set[UserKey] = set()
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


def lock_what_goes(instance: Any, using: str, origin: Any = None, **_: Any) -> None:
    """Lock a user's broadcasts and inbox in the order of the log, before Django deletes the user's rows in another one.

    Django deletes notifications first, then inboxes, and forgets who ordered a broadcast at last. Where a queryset of users
    is deleted, the first of them locks for all. 2 queries, 3 for a queryset.
    """
    ids = [instance.pk]
    if isinstance(origin, QuerySet) and origin.model is type(instance):
        if getattr(origin, "inboxes_are_locked", False):
            return
        origin.inboxes_are_locked = True  # type: ignore[attr-defined]
        ids = sorted({*ids, *origin.using(using).values_list("pk", flat=True)})
    no_key = connections[using].features.has_select_for_no_key_update
    for chunk in chunks(ids):
        ordered = Broadcast.objects.using(using).filter(ordered_by__in=chunk).order_by("pk")
        list(ordered.select_for_update(no_key=no_key).values_list("pk"))
    lock_inboxes(using, ids)


def delete_rest(instance: Any, using: str, **_: Any) -> None:
    """Delete what a deleted user was told between Django's look for it and the lock of the inbox.

    Django looks where the site has receivers for deleted notifications. 1 query there, else none.
    """
    if any(signal.has_listeners(Notification) for signal in (pre_delete, post_delete)):
        rows_of(using).filter(recipient_id=instance.pk).delete_rows()
