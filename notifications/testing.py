"""Say in the tests of a site what a user was told, and what not.

    from notifications.testing import assert_notified

    class Orders(TestCase):
        def test_an_order_notifies(self):
            place_order(self.user)
            assert_notified(self.user, title="Order placed")

Receives users as `notify()` does. Guarantees that each call asks the database, so what it says is never an older answer;
and that nothing else is needed: no Redis, no server, no worker, no waiting, no commit. So a plain `TestCase` will do, and
the fixtures of `pytest_plugin.py`. All of them block; in an `async def` test call them through `sync_to_async`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, Final, Unpack

from django.contrib.auth import get_user_model
from django.db import connections, router
from django.test.utils import override_settings

from .broadcasts.states import AT_WORK
from .broadcasts.transitions import work_available
from .broadcasts.worker import Worker, begin_due
from .log.keys import UserOrKey, key_of
from .models import Inbox, Notification
from .models.broadcast import Broadcast, broadcasts
from .sending.publish import Content

__all__ = ["Expected", "assert_not_notified", "assert_notified", "inbox_of", "send_due_broadcasts"]

__unittest = True  # unittest leaves out the frames of a module that says so: a failure points at the test

SHOWN: Final = 5  # notifications in a message
LONGEST_CHARS: Final = 300  # of a value in a message
LOOKED_AT: Final = 100  # latest notifications of others, when somebody else may have been told instead


class Expected(Content, total=False):
    """What a test may ask for: the fields of a notification's content. What is left out may be anything."""

    title: str


def assert_notified(user: UserOrKey, *, times: int | None = None, **content: Unpack[Expected]) -> Notification:
    """Fail unless a user was told this. 1 query.

    Whether the user has read or archived it since makes no difference.

    Args:
        user: a saved user, or a user's primary key.
        times: how often exactly; None: at least once.
        content: `title`, `body`, `url`, `level`, `category`, `actor`, `topic`, `data`, compared by `==`, so `ANY` will do.

    Returns:
        The newest notification that says this.

    Raises:
        AssertionError: there is none, or not so many. The message shows what there is, and what differs.
        TypeError: there is no such content.
        ValueError: there is no such user, or `times` is below 1.
    """
    __tracebackhide__ = True
    if times is not None and times < 1:
        raise ValueError(f"times={times!r} is no number of notifications to expect; use assert_not_notified().")
    refuse_unknown(content)
    rows = notifications_of(user)
    matching = [row for row in rows if matches(row, content)]
    if not matching:
        raise AssertionError(describe_absence(user, content, rows))
    if times is not None and len(matching) != times:
        raise AssertionError(
            f"{name_of(user)} was told {spell(content)} {count(len(matching), 'time')}, not {times}:{lines_of(matching)}"
        )
    return matching[0]


def assert_not_notified(user: UserOrKey, **content: Unpack[Expected]) -> None:
    """Fail if a user was told this; without content, if they were told anything. 1 query.

    Args:
        user: a saved user, or a user's primary key.
        content: as in `assert_notified()`.

    Raises:
        AssertionError: there is such a notification. The message shows it.
        TypeError: there is no such content.
        ValueError: there is no such user.
        ValidationError: this cannot be the key of one.
    """
    __tracebackhide__ = True
    refuse_unknown(content)
    matching = [row for row in notifications_of(user) if matches(row, content)]
    if matching:
        raise AssertionError(
            f"{name_of(user)} was told {spell(content)}, and should not have been:{lines_of(matching)}"
        )


def inbox_of(user: UserOrKey) -> Inbox:
    """Return a user's inbox as it is now, with its counters `unread` and `unseen`. 1 query.

    `user.notification_inbox` is what Django remembers of it, and raises before the first notification.

    Args:
        user: a saved user, or a user's primary key.

    Returns:
        The inbox; before the first notification one that is not saved, with counters of 0.

    Raises:
        ValueError: there is no such user.
        ValidationError: this cannot be the key of one.
    """
    key = key_of(user)
    inbox = Inbox.objects.using(router.db_for_write(Inbox)).filter(pk=key).first()
    if inbox is None:
        find_user(user)
        inbox = Inbox(pk=key)
    return inbox


def send_due_broadcasts(*, at: dt.datetime | None = None) -> list[Broadcast]:
    """Do now what a worker would do by and by: send what was ordered, take back what was retracted or has expired.

    For `order_broadcast()` and the admin. `broadcast()` and `notify_many()` write at once and need nothing.

    Args:
        at: the moment that it is, for a broadcast that is sent or expires later; None: now.

    Returns:
        The broadcasts that there was something to do for, as they are then: `written` says how many users were told.

    Raises:
        AssertionError: one of them could not go on; the message says why.
    """
    __tracebackhide__ = True
    begin_due(at)
    due = list(broadcasts().filter(state__in=AT_WORK).values_list("pk", flat=True))
    worker = Worker()
    with override_settings(NOTIFICATIONS_SEND_USERS_PER_SECOND=0):  # a test waits for no rate
        while worker.work():
            refuse_problems(due)
    return list(broadcasts().filter(pk__in=due).order_by("pk"))


# --- What there is


def notifications_of(user: UserOrKey) -> list[Notification]:
    """Return what a user was told, newest first. 1 query, and 1 more where there is nothing.

    Raises:
        ValueError: there is no such user.
        ValidationError: this cannot be the key of one.
    """
    key = key_of(user)
    rows = Notification.objects.using(router.db_for_write(Notification))
    found = list(rows.filter(recipient_id=key).order_by("-pk"))
    if not found:
        find_user(user)
    return found


def find_user(user: UserOrKey) -> Any:
    """Return the user from the database. A test that asks about nobody would pass whatever the site does.

    Raises:
        ValueError: there is no such user.
        ValidationError: this cannot be the key of one.
    """
    key = key_of(user)
    users = get_user_model()._base_manager.using(router.db_for_write(Inbox))
    found = users.filter(pk=key).first()
    if found is None:
        raise ValueError(f"There is no user {key!r} in the database; pass a saved user or the primary key of one.")
    return found


def matches(row: Notification, content: Expected) -> bool:
    return not list(differences(row, content))


def differences(row: Notification, content: Expected) -> Iterator[str]:
    """Yield in which fields a notification differs from what is expected, and how."""
    for name, wanted in content.items():
        found = getattr(row, name)
        if found != wanted:
            yield f"{name} is {shorten(found)}, not {shorten(wanted)}"


def refuse_unknown(content: Expected) -> None:
    """Raise `TypeError` for a name that is no field of a notification's content."""
    known = sorted(Expected.__annotations__, key=lambda name: name != "title")
    unknown = next((name for name in content if name not in known), None)
    if unknown is not None:
        raise TypeError(f"A notification has no {unknown!r}; ask for any of {', '.join(known)}.")


def refuse_problems(keys: Iterable[int]) -> None:
    """Fail where a broadcast could not go on: its worker would pause it, and show staff the reason."""
    stuck = broadcasts().filter(pk__in=keys).exclude(problem="").first()
    if stuck is not None:
        raise AssertionError(f"The broadcast {stuck.pk} ({stuck.title!r}) cannot go on: {stuck.problem}")


# --- What a failure says


def describe_absence(user: UserOrKey, content: Expected, rows: list[Notification]) -> str:
    """Return what there is instead of what was expected, and what may be the reason."""
    parts = [f"{name_of(user)} was not told {spell(content)}. They have {count(len(rows), 'notification')}"]
    parts.append(f", newest first:{lines_of(rows, content)}" if rows else ".")
    using = router.db_for_write(Notification)
    others = Notification.objects.using(using).exclude(recipient_id=key_of(user)).order_by("-pk")[:LOOKED_AT]
    elsewhere = next((row for row in others if matches(row, content)), None)
    if elsewhere is not None:
        parts.append(f"\n{name_of(elsewhere.recipient_id)} was told this.")
    if has_callbacks_of_the_site(using):
        parts.append(
            "\nThe site has put work off to the commit, which never comes in a TestCase: wrap the call in "
            "self.captureOnCommitCallbacks(execute=True); with pytest, in django_capture_on_commit_callbacks(execute=True)."
        )
    return "".join(parts)


def lines_of(rows: list[Notification], content: Expected | None = None) -> str:
    """Return a line for each of the newest notifications: its title, and what differs in it."""
    lines = []
    for row in rows[:SHOWN]:
        wrong = "; ".join(differences(row, content)) if content else ""
        lines.append(f"\n  {shorten(row.title)}" + (f": {wrong}" if wrong else ""))
    rest = len(rows) - SHOWN
    return "".join(lines) + (f"\n  … and {rest} more" if rest > 0 else "")


def name_of(user: UserOrKey) -> str:
    found = find_user(user)
    return f"{found} ({found.pk})"


def spell(content: Expected) -> str:
    return ", ".join(f"{name}={shorten(value)}" for name, value in content.items()) or "anything"


def count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_CHARS else f"{text[:LONGEST_CHARS]}…"


def has_callbacks_of_the_site(using: str) -> bool:
    """Return whether the open transaction holds `on_commit` callbacks that are not this app's own."""
    callbacks = [entry[1] for entry in connections[using].run_on_commit]  # (savepoint ids, callback, robust)
    return any(not is_ours(callback) for callback in callbacks)


def is_ours(callback: Any) -> bool:
    """Return whether this app has registered a callback: a function, a partial of one, or an object that can be called."""
    written_in = getattr(getattr(callback, "func", callback), "__module__", None) or ""
    return callback == work_available.set or str(written_in).startswith(f"{__package__}.")
