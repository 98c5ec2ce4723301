"""The functions that a site calls to notify its users.

Receives users and content; hands validated rows to `log/`. When a function returns outside a transaction, the rows are
committed and the doorbell is ringing; inside one, both happen with its commit.

    notify(user, title="Your export is ready", url="/exports/7/", level="success")
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict, Unpack

from django.db import router
from django.db.models import QuerySet

from .. import log
from ..access.users import active_users
from ..exceptions import UnknownContent
from ..log.keys import UserOrKey, chunks, key_of
from ..log.threads import on_thread
from ..log.writes import USERS_PER_TRANSACTION, append_copies
from ..models import CONTENT_FIELDS, DETAIL_FIELDS, Level, Notification

__all__ = [
    "Content",
    "abroadcast",
    "anotify",
    "anotify_many",
    "broadcast",
    "compose",
    "notify",
    "notify_many",
]


class Content(TypedDict, total=False):
    """What a notification says besides its title. Sizes and forms: the fields of `models.Notification`."""

    body: str
    url: str
    level: str
    category: str
    actor: str
    topic: str
    data: dict[str, Any]


def notify(user: UserOrKey, *, title: str, **content: Unpack[Content]) -> Notification:
    """Tell one user something.

    Written with 3 queries, in a transaction of its own or in yours; the user's open pages show it after the commit.

    Args:
        user: a saved user, or a user's primary key.
        title: what happened, 1 to 200 characters.
        content: `body`, `url`, `level`, `category`, `actor`, `topic`, `data`.

    Returns:
        The notification as it was saved.

    Raises:
        ValidationError: a value is wrong, keyed by field, or the user does not exist; nothing was written.
        InvalidSetting: NOTIFICATIONS_AVATAR_OF returned no address on this site; nothing was written.
        TypeError: there is no such content.
        ValueError: the user was never saved.
    """
    notification = compose(key_of(user), title, content)
    notification.save(force_insert=True)
    return notification


def notify_many(users: Iterable[UserOrKey], *, title: str, **content: Unpack[Content]) -> int:
    """Tell many users the same. A user given twice is told once.

    Writes 500 users to a transaction (3 queries each), in the order of their keys, so other writers wait only
    briefly; an error in a later chunk leaves the earlier ones sent. Call it within `transaction.atomic()` for all or
    nothing. Sends no `post_save`.

    Args:
        users: a queryset of users, or saved users and primary keys in any mixture.
        title: what happened, 1 to 200 characters.
        content: as in `notify()`.

    Returns:
        How many users were told.

    Raises:
        ValidationError: the content is invalid: nothing was written. Or a user does not exist: that chunk was not.
        TypeError: there is no such content.
    """
    using = router.db_for_write(Notification)
    user_ids = users.values_list("pk", flat=True) if isinstance(users, QuerySet) else map(key_of, users)
    keys = sorted(set(user_ids))
    if not keys:
        return 0
    first = compose(keys[0], title, content)
    log.validate(first)
    first.add_avatar()
    cleaned = {name: getattr(first, name) for name in (*CONTENT_FIELDS, *DETAIL_FIELDS)}
    for chunk in chunks(keys, USERS_PER_TRANSACTION):
        append_copies(cleaned, chunk, using=using)
    return len(keys)


def broadcast(*, title: str, audience: QuerySet[Any] | None = None, **content: Unpack[Content]) -> int:
    """Tell every active user, or every user of a queryset, at once: in chunks of 500, as `notify_many()`.

    To watch, pause or retract it, make a `Broadcast` and call `order_broadcast()` instead.

    Args:
        title: what happened, 1 to 200 characters.
        audience: the users; None: all active users.
        content: as in `notify()`.

    Returns:
        How many users were told.

    Raises:
        ValidationError: the content is invalid; nothing was written.
        TypeError: there is no such content.
    """
    if audience is None:
        audience = active_users()
    return notify_many(audience, title=title, **content)


async def anotify(user: UserOrKey, *, title: str, **content: Unpack[Content]) -> Notification:
    """Tell one user something, from async code: as `notify()`, on a thread."""
    return await on_thread(notify, user, title=title, **content)


async def anotify_many(users: Iterable[UserOrKey], *, title: str, **content: Unpack[Content]) -> int:
    """Tell many users the same, from async code: as `notify_many()`, on a thread."""
    return await on_thread(notify_many, users, title=title, **content)


async def abroadcast(*, title: str, audience: QuerySet[Any] | None = None, **content: Unpack[Content]) -> int:
    """Tell every active user, or every user of a queryset, from async code: as `broadcast()`, on a thread."""
    return await on_thread(broadcast, title=title, audience=audience, **content)


def compose(user_id: Any, title: str, content: Content) -> Notification:
    """Return an unsaved notification. Raises `UnknownContent` for a name that is no field of `Content`."""
    unknown = sorted(content.keys() - Content.__annotations__.keys())
    if unknown:
        known = ", ".join(Content.__annotations__)
        raise UnknownContent(f"A notification has no {unknown[0]!r}; give title and any of {known}.")
    values: dict[str, Any] = {"level": Level.INFO, **content}
    if values.get("data") is None:
        values.pop("data", None)
    return Notification(recipient_id=user_id, title=title, **values)
