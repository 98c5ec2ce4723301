"""Forms of the admin that the database undoes because of another transaction: they are tried again, and told of once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from notifications import notify
from notifications.admin.notifications import NotificationAdmin
from notifications.broadcasts import progress
from notifications.log.queryset import NotificationQuerySet
from notifications.models import Broadcast, Notification
from notifications.models.broadcast import BroadcastState
from tests.support.contention import at_level
from tests.support.ledger import assert_exact
from tests.support.staff import ADD, FORM, LIST, said

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db(transaction=True)]

SECONDS: Final = 30.0
LEVELS: Final = ["REPEATABLE READ", "SERIALIZABLE"]
# Has somebody else write to this user once, when a function is called: before it does its work.
Disturb = Callable[[Any, str, User], list[str]]


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    """An isolation level at which a transaction may not write to what was written since it began to read."""
    return str(request.param)


@pytest.fixture
def disturb(monkeypatch: pytest.MonkeyPatch) -> Disturb:
    """Whoever is disturbed has read already, so its transaction is undone. Returns a list of its calls."""

    def write_elsewhere(user: User) -> None:
        try:
            notify(user, title="From somebody else")
        finally:
            connections.close_all()

    def at(owner: Any, name: str, user: User) -> list[str]:
        original, calls = getattr(owner, name), list[str]()

        def disturbed(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == 1:
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(write_elsewhere, user).result(SECONDS)
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, disturbed)
        return calls

    return at


def sent() -> list[str]:
    """Return whom the form's notification was sent to."""
    rows = Notification.objects.filter(title=FORM["title"]).order_by("recipient")
    return list(rows.values_list("recipient__username", flat=True))


@pytest.mark.parametrize("count", [1, 2])
def test_sending_is_tried_again(
    admin_client: Client, user: User, other_user: User, disturb: Disturb, level: str, count: int
) -> None:
    """Each recipient gets it once, it is in the history once, and staff are told once.

    Regression: the transaction is the admin's own, so nobody tried it again, and staff saw an error page.
    """
    people = [user, other_user][:count]
    for each in people:
        notify(each, title="makes the inbox")
    calls = disturb(NotificationAdmin, "save_model", user)
    with at_level(level):
        page = admin_client.post(ADD, {**FORM, "recipients": [each.pk for each in people]}, follow=True)
        assert len(said(page)) == 1
    assert len(calls) == 2
    assert sent() == [each.username for each in people]
    assert LogEntry.objects.count() == count
    assert_exact(*people)


def test_a_correction_is_tried_again(admin_client: Client, user: User, disturb: Disturb, level: str) -> None:
    """What staff corrected stands, and they are told once."""
    row = notify(user, title="Dsik is full", level="warning")
    calls = disturb(NotificationAdmin, "save_model", user)
    with at_level(level):
        page = admin_client.post(f"{LIST}{row.pk}/change/", FORM, follow=True)
        assert len(said(page)) == 1
    assert len(calls) == 2
    row.refresh_from_db()
    assert row.title == FORM["title"]
    assert LogEntry.objects.count() == 1
    assert_exact(user)


def test_a_deletion_is_tried_again(admin_client: Client, user: User, disturb: Disturb, level: str) -> None:
    """The notification is gone, and what came meanwhile is there."""
    row = notify(user, title="Delete me")
    calls = disturb(NotificationAdmin, "delete_model", user)
    with at_level(level):
        page = admin_client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}, follow=True)
        assert len(said(page)) == 1
    assert len(calls) == 2
    assert list(Notification.objects.values_list("title", flat=True)) == ["From somebody else"]
    assert_exact(user)


def test_taking_back_is_tried_again(admin_client: Client, user: User, disturb: Disturb, level: str) -> None:
    """What was just sent is taken back, though its reader got something else at that moment."""
    admin_client.post(ADD, {**FORM, "recipients": [user.pk]})
    calls = disturb(NotificationQuerySet, "delete", user)
    with at_level(level):
        page = admin_client.post(f"{LIST}undo/", follow=True)
        assert said(page)[-1] == "Sending was undone for 1 person."
    assert len(calls) == 2
    assert sent() == []
    assert_exact(user)


def test_ordering_a_broadcast_is_tried_again(
    admin_client: Client, admin_user: User, user: User, disturb: Disturb, level: str
) -> None:
    """A broadcast is sent although who sends it, and follows it, gets a notification at that moment."""
    notify(admin_user, title="makes the inbox")
    draft = Broadcast.objects.create(title="Maintenance")
    calls = disturb(progress, "lock_followers", admin_user)
    step = f"/admin/live_notifications/broadcast/{draft.pk}/step/send/"
    with at_level(level):
        page = admin_client.post(step, {"revision": draft.revision}, follow=True)
        assert said(page) == []
    assert len(calls) >= 2
    draft.refresh_from_db()
    assert draft.state != BroadcastState.DRAFT
    assert_exact(admin_user)
