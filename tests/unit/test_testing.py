"""The assertions for sites' tests: what passes, what fails, and what a failure tells."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import TestCase
from django.utils import timezone
from django.utils.functional import lazystr
from pytest_django import DjangoAssertNumQueries

from notifications import Level, anotify, broadcast, mark_all_read, notify, order_broadcast, segment, take_step
from notifications.broadcasts.states import Step
from notifications.models import Broadcast, Inbox
from notifications.models.broadcast import BroadcastState
from notifications.testing import assert_not_notified, assert_notified, inbox_of, send_due_broadcasts

pytestmark = pytest.mark.django_db


def test_what_was_told_is_returned(user: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """The newest notification that says this, with one query; by a user or by their key."""
    notify(user, title="Order placed", url="/orders/1/")
    newest = notify(user, title="Order placed", url="/orders/2/", level=Level.SUCCESS, data={"order": 2})
    with django_assert_num_queries(1):
        assert assert_notified(user, title="Order placed") == newest
    assert assert_notified(user.pk, level="success", data={"order": 2}, body="") == newest
    assert assert_notified(user, title=mock.ANY, url=mock.ANY) == newest
    assert assert_notified(user, title=str(lazystr("Order placed"))) == newest
    assert assert_notified(user) == newest


def test_what_was_read_was_told(user: User) -> None:
    """Whether somebody has read or archived it makes no difference."""
    notify(user, title="Order placed").archive()
    assert_notified(user, title="Order placed", times=1)


def test_a_failure_shows_what_differs(user: User, other_user: User) -> None:
    """Each of the latest notifications, and in it each field that is not as expected."""
    notify(user, title="Order placed", url="/orders/1/")
    notify(user, title="Order shipped", url="/orders/1/")
    with pytest.raises(AssertionError) as failure:
        assert_notified(user, title="Order shipped", url="/orders/2/")
    assert str(failure.value) == (
        f"user1 ({user.pk}) was not told title='Order shipped', url='/orders/2/'. They have 2 notifications, newest first:\n"
        "  'Order shipped': url is '/orders/1/', not '/orders/2/'\n"
        "  'Order placed': title is 'Order placed', not 'Order shipped'; url is '/orders/1/', not '/orders/2/'"
    )


def test_a_failure_says_that_there_is_nothing(user: User) -> None:
    """Where the user has none at all."""
    with pytest.raises(AssertionError, match=r"^user1 \(\d+\) was not told anything\. They have no notifications\.$"):
        assert_notified(user)


def test_a_failure_stays_short(user: User) -> None:
    """Five notifications are shown, and the first 300 characters of a value."""
    for number in range(7):
        notify(user, title=f"News {number}", body="x" * 4000)
    with pytest.raises(AssertionError) as failure:
        assert_notified(user, title="Else", body="")
    lines = str(failure.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        *(f"'News {number}'" for number in (6, 5, 4, 3, 2)),
        "… and 2 more",
    ]
    assert max(map(len, lines)) < 400


def test_a_failure_names_who_was_told_instead(user: User, other_user: User) -> None:
    """The commonest fault is the wrong recipient."""
    notify(other_user, title="Order placed")
    with pytest.raises(
        AssertionError, match=rf"They have no notifications\.\nuser2 \({other_user.pk}\) was told this\.$"
    ):
        assert_notified(user, title="Order placed")


def test_a_failure_tells_of_work_put_off(user: User) -> None:
    """Code that notifies after the commit does nothing in a TestCase; our own callbacks are no reason to say so."""
    notify(user, title="Something else")
    with pytest.raises(AssertionError) as failure:
        assert_notified(user, title="Order placed")
    assert "captureOnCommitCallbacks" not in str(failure.value)
    transaction.on_commit(partial(notify, user, title="Order placed"))
    with pytest.raises(AssertionError) as failure:
        assert_notified(user, title="Order shipped")
    assert "captureOnCommitCallbacks" not in str(failure.value)
    transaction.on_commit(lambda: print("put off"))
    with pytest.raises(AssertionError, match=r"captureOnCommitCallbacks\(execute=True\)"):
        assert_notified(user, title="Order placed")


def test_a_number_of_times_is_exact(user: User) -> None:
    """Once means once; none at all is another assertion's."""
    for _ in range(2):
        notify(user, title="Order placed")
    assert_notified(user, title="Order placed", times=2)
    with pytest.raises(
        AssertionError,
        match=r"^user1 \(\d+\) was told title='Order placed' 2 times, not 1:\n  'Order placed'\n  'Order placed'$",
    ):
        assert_notified(user, title="Order placed", times=1)
    with pytest.raises(ValueError, match=r"times=0 is no number .* use assert_not_notified\(\)"):
        assert_notified(user, title="Order placed", times=0)


def test_not_told_is_not_told_this(user: User, other_user: User) -> None:
    """With content it is about that content, without it is about anything; another user's are no concern."""
    notify(user, title="Order placed")
    assert_not_notified(user, title="Order shipped")
    assert_not_notified(other_user)
    with pytest.raises(
        AssertionError, match=r"^user1 \(\d+\) was told anything, and should not have been:\n  'Order pl"
    ):
        assert_not_notified(user)
    with pytest.raises(AssertionError, match=r"was told title='Order placed', and should not have been"):
        assert_not_notified(user, title="Order placed")


@pytest.mark.parametrize("ask", [assert_notified, assert_not_notified])
def test_an_unknown_field_is_named(user: User, ask: Any) -> None:
    """A field that no notification has would never match, so `assert_not_notified` would pass for ever."""
    with pytest.raises(
        TypeError,
        match=r"^A notification has no 'titel'; ask for any of title, body, url, level, category, actor, topic, data\.$",
    ):
        ask(user, titel="Order placed")


@pytest.mark.parametrize("ask", [assert_notified, assert_not_notified, inbox_of])
def test_a_user_who_does_not_exist_is_refused(user: User, ask: Any) -> None:
    """Nobody was told nothing."""
    with pytest.raises(ValueError, match=r"There is no user 999999999 in the database"):
        ask(999_999_999)
    with pytest.raises(ValidationError, match=rf"{2**70} is not a user’s key"):
        ask(2**70)
    with pytest.raises(ValueError, match="is not a saved user"):
        ask(User(username="unsaved"))


def test_an_inbox_is_always_fresh(user: User) -> None:
    """Before the first notification it has counters of 0; then what the database says, not what Django remembers."""
    assert (inbox_of(user).unread, inbox_of(user).unseen) == (0, 0)
    assert not Inbox.objects.filter(pk=user.pk, unread__gt=0).exists()
    notify(user, title="One")
    assert inbox_of(user).unread == 1
    notify(user, title="Two")
    assert inbox_of(user).unread == 2
    mark_all_read(user)
    assert inbox_of(user.pk).unread == 0


# --- Broadcasts


def test_a_broadcast_needs_no_worker(user: User, other_user: User) -> None:
    """`broadcast()` writes at once."""
    assert broadcast(title="Maintenance at 22:00") == 2
    assert_notified(user, title="Maintenance at 22:00")
    assert_notified(other_user, title="Maintenance at 22:00")


def test_what_is_due_is_sent(user: User, other_user: User) -> None:
    """What was ordered goes out, what was retracted goes; what was done before is not told again."""
    ordered = order_broadcast(Broadcast.objects.create(title="Maintenance at 22:00"))
    assert_not_notified(user)
    [sent] = send_due_broadcasts()
    assert (sent.pk, sent.state, sent.written) == (ordered.pk, BroadcastState.SENT, 2)
    assert_notified(user, title="Maintenance at 22:00", times=1)
    assert send_due_broadcasts() == []
    take_step(sent, Step.RETRACT)
    [gone] = send_due_broadcasts()
    assert gone.state == BroadcastState.RETRACTED
    assert_not_notified(user)


def test_what_is_due_later_is_sent_as_if_it_were_then(user: User) -> None:
    """A broadcast that begins tomorrow and ends the day after: nobody waits for it."""
    now = timezone.now()
    draft = Broadcast(title="Sale", send_at=now + dt.timedelta(days=1), expires_at=now + dt.timedelta(days=2))
    draft.save()
    order_broadcast(draft)
    assert send_due_broadcasts() == []
    assert send_due_broadcasts(at=now + dt.timedelta(hours=23)) == []
    assert [each.state for each in send_due_broadcasts(at=now + dt.timedelta(hours=25))] == [BroadcastState.SENT]
    assert_notified(user, title="Sale")
    assert [each.state for each in send_due_broadcasts(at=now + dt.timedelta(hours=49))] == [BroadcastState.EXPIRED]
    assert_not_notified(user)


def test_a_rate_is_not_kept(user: User, other_user: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the site sets to spare its database would only hold up its tests."""
    settings.NOTIFICATIONS_SEND_USERS_PER_SECOND = 1
    rests: list[float] = []
    monkeypatch.setattr("notifications.broadcasts.throttle.time.sleep", rests.append)
    order_broadcast(Broadcast.objects.create(title="Maintenance at 22:00"))
    [sent] = send_due_broadcasts()
    assert sent.written == 2
    assert sum(rests) < 1


def test_a_broadcast_that_cannot_go_on_fails_the_test(user: User) -> None:
    """A worker would log it and pause the broadcast; a test is told."""
    is_broken = False

    @segment("testing-breaks")
    def breaks() -> Any:
        if is_broken:
            raise LookupError("no such customers")
        return User.objects.all()

    draft = Broadcast.objects.create(title="Sale", audience="segment", chosen=["testing-breaks"])
    ordered = order_broadcast(draft)
    is_broken = True
    with pytest.raises(
        AssertionError, match=rf"The broadcast {ordered.pk} \('Sale'\) cannot go on: .*no such customers"
    ):
        send_due_broadcasts()


# --- In a TestCase


class InATestCase(TestCase):
    """unittest's kind of test, whose transaction never commits."""

    def setUp(self) -> None:
        self.user = User.objects.create_user("ada")

    def test_sync(self) -> None:
        """Plain code."""
        notify(self.user, title="Order placed")
        assert_notified(self.user, title="Order placed")
        assert inbox_of(self.user).unread == 1

    async def test_async(self) -> None:
        """Async code asks on Django's thread."""
        await anotify(self.user, title="Order placed")
        await sync_to_async(assert_notified)(self.user, title="Order placed")

    def test_broadcasts(self) -> None:
        """A broadcast to a group, sent within the test's transaction."""
        group = Group.objects.create(name="Customers")
        group.user_set.add(self.user)
        order_broadcast(Broadcast.objects.create(title="Sale", audience="groups", chosen=[group.pk]))
        [sent] = send_due_broadcasts()
        assert sent.written == 1
        assert_notified(self.user, title="Sale")
