"""Workers: their pace, their loop, the thread in a server's process, the command; and what followers see of them."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import override_settings
from django.utils import timezone

from notifications import Step, StepRefused, order_broadcast, take_step
from notifications.broadcasts import progress, sending, throttle, worker
from notifications.broadcasts.background import BackgroundWorker
from notifications.broadcasts.progress import Progress, build_figures, follow
from notifications.broadcasts.throttle import Throttle
from notifications.broadcasts.transitions import work_available
from notifications.broadcasts.worker import Worker
from notifications.models import Broadcast, Notification
from notifications.models.broadcast import BroadcastState
from notifications.reading.actions import apply_action
from notifications.reading.undo import undo_action
from tests.support.contention import Conflict

Draft = Callable[..., Broadcast]
SECONDS = 10.0


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long a worker rested each time, instead of resting."""
    kept: list[float] = []
    monkeypatch.setattr(throttle, "time", SimpleNamespace(sleep=kept.append))
    return kept


def test_long_locks_make_smaller_chunks(naps: list[float]) -> None:
    """Others wait for at most some 100 ms; where the database is quick again the chunks grow again."""
    mine = Throttle()
    sizes = []
    for held_seconds in (0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.03, 0.001, 0.001):
        mine.rest(connection.alias, count=mine.size, held_seconds=held_seconds)
        sizes.append(mine.size)
    assert sizes == [250, 125, 62, 31, 20, 20, 20, 40, 80]


def test_rate_is_kept(naps: list[float]) -> None:
    """Small chunks at an even rate; a rest is as long as the chunk was too quick."""
    with override_settings(NOTIFICATIONS_SEND_USERS_PER_SECOND=40):
        mine = Throttle()
        assert [len(portion) for portion in mine.chunks(range(25))] == [10, 10, 5]
        mine.rest(connection.alias, count=10, held_seconds=0.05)
    assert naps == [pytest.approx(0.2)]


@pytest.mark.only_on("sqlite")  # PostgreSQL queues writers
def test_sqlite_gets_a_rest(naps: list[float]) -> None:
    """Without a gap the other writers would time out."""
    Throttle().rest(connection.alias, count=500, held_seconds=0.04)
    assert naps == [0.02]


def test_who_is_online_is_counted_with_the_chunk(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """“Delivered live” is how many recipients had a page open when their row was committed."""
    online = User.objects.filter(pk__in=[people[0].pk, people[3].pk])
    monkeypatch.setattr(sending, "online_of", lambda users: users.filter(pk__in=online))
    order_broadcast(broadcast := draft())
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.written, broadcast.live) == (12, 2)


def test_command_does_what_is_due_and_ends(people: list[User], draft: Draft) -> None:
    """`--once`, for a cron job."""
    order_broadcast(due := draft())
    later = draft(send_at=timezone.now() + dt.timedelta(hours=1))
    order_broadcast(later)
    call_command("send_broadcasts", "--once", verbosity=0)
    assert {row.pk: row.state for row in Broadcast.objects.all()} == {due.pk: "sent", later.pk: "scheduled"}


def test_worker_outlives_a_database_that_is_away(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for an outage; then it goes on."""
    mine = Worker()
    errors = [OperationalError("away"), OperationalError("away")]

    def begin_due() -> None:
        if errors:
            raise errors.pop()
        mine.stop()

    monkeypatch.setattr(worker, "begin_due", begin_due)
    order_broadcast(broadcast := draft())
    with override_settings(NOTIFICATIONS_SEND_POLL_SECONDS=0.05):
        mine.run()
    assert [record.getMessage() for record in caplog.records] == ["Broadcasts wait: OperationalError: away"]
    broadcast.refresh_from_db()
    assert (broadcast.written, broadcast.worker) == (12, "")


@pytest.fixture
def background() -> Iterator[BackgroundWorker]:
    """What a process without a thread has, stopped at the end."""
    worker = BackgroundWorker()
    yield worker
    worker.stop(SECONDS)
    assert not worker.is_running


def test_a_deadlock_is_tried_again_at_once(people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunk that a deadlock ended is written again by the same worker, which need not wait for its lease to end.

    Regression: it waited 15 s for a lease of its own.
    """
    write_chunk, failures = sending.write_chunk, [3]

    def sometimes(lease: Any, keys: Any) -> Broadcast:
        if failures[0]:
            failures[0] -= 1
            raise OperationalError(1213, "deadlock detected") from Conflict()  # as MariaDB numbers it
        return write_chunk(lease, keys)

    monkeypatch.setattr(sending, "write_chunk", sometimes)
    order_broadcast(broadcast := draft())
    Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.written, failures) == (BroadcastState.SENT, len(people), [0])


def test_a_worker_goes_on_with_its_own_lease(people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the database was away; another worker waits until the lease ends."""
    order_broadcast(broadcast := draft())
    mine, other = Worker(), Worker()
    with monkeypatch.context() as patch:
        patch.setattr(worker, "send", lambda *_: (_ for _ in ()).throw(OperationalError("gone")))
        with pytest.raises(OperationalError):
            mine.work()
    assert other.work() is False
    assert mine.work() is True
    broadcast.refresh_from_db()
    assert broadcast.written == len(people)


def test_process_has_one_thread_which_sends(
    people: list[User], draft: Draft, background: BackgroundWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks first starts it; an order wakes it, and nothing needs to be polled."""
    is_sent = threading.Event()
    show = Progress.show

    def shown(self: Progress, broadcast: Broadcast) -> None:
        show(self, broadcast)
        if broadcast.state == BroadcastState.SENT:
            is_sent.set()

    monkeypatch.setattr(Progress, "show", shown)
    with override_settings(NOTIFICATIONS_SEND_IN_PROCESS=True, NOTIFICATIONS_SEND_POLL_SECONDS=3600.0):
        background.ensure_running()
        first = background.thread
        background.ensure_running()
        assert background.thread is first
        order_broadcast(draft())
        assert is_sent.wait(SECONDS)
        background.stop(SECONDS)
        background.ensure_running()
        assert not background.is_running  # a process that leaves starts no other


def test_no_thread_where_a_worker_of_its_own_sends(background: BackgroundWorker) -> None:
    """NOTIFICATIONS_SEND_IN_PROCESS = False leaves it to `send_broadcasts`."""
    with override_settings(NOTIFICATIONS_SEND_IN_PROCESS=False):
        background.ensure_running()
    assert not background.is_running


def test_steps_that_make_work_wake_the_worker(people: list[User], draft: Draft) -> None:
    """Sending, resuming and retracting are heard at once; the rest makes no work."""
    order_broadcast(broadcast := draft())
    woken = []
    for step in (Step.PAUSE, Step.RESUME, Step.CANCEL, Step.RETRACT):
        work_available.clear()
        take_step(broadcast, step)
        woken.append(work_available.is_set())
    assert woken == [False, True, False, True]


def test_followers_are_told_a_few_times_a_second(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many chunks there are. How it ended was told with the step."""
    clock = iter([0.0, 0.1, 0.3, 0.41, 0.42, 0.9])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    told: list[str] = []
    monkeypatch.setattr(progress, "show_followers", lambda broadcast: told.append(broadcast.state))
    mine, broadcast = Progress(), draft(state=BroadcastState.SENDING)
    for _ in range(5):
        mine.show(broadcast)
    assert told == ["sending", "sending"]
    broadcast.state = BroadcastState.SENT
    mine.show(broadcast)
    assert told == ["sending", "sending"]


def test_follower_has_one_row_that_is_amended(people: list[User], draft: Draft) -> None:
    """Following twice is one row; each amendment is one change of the follower's log."""
    broadcast = order_broadcast(draft())
    for _ in range(2):
        follow(broadcast, people[1])
    row = Notification.objects.get()
    assert (row.recipient, row.title, row.is_read) == (people[1], "Sending: Maintenance at 22:00", True)
    Worker().work_off()
    row.refresh_from_db()
    assert not row.is_read  # how it ended is work_available
    assert (row.title, row.level, row.data["progress"]["done"]) == ("Sent: Maintenance at 22:00", "success", 12)


def test_a_follower_who_takes_a_deletion_back_sees_how_it_ended(people: list[User], draft: Draft) -> None:
    """Deleted while it is sent, back when it is out: it shows that, unread.

    Regression: it returned as running, for ever.
    """
    order_broadcast(broadcast := draft())
    broadcast.refresh_from_db()
    follow(broadcast, people[0])
    row = Notification.objects.get(recipient=people[0], topic=progress.topic_of(broadcast))
    assert row.data["progress"]["state"] == "running"
    token = apply_action(people[0], "delete", [row.pk]).token or ""
    Worker().work_off()
    assert undo_action(people[0], token).undone == 1
    row.refresh_from_db()
    assert (row.data["progress"]["state"], row.data["broadcast"]["state"]) == ("success", "sent")
    assert (row.title, row.is_read) == ("Sent: Maintenance at 22:00", False)


def test_steps_are_told_to_followers_at_once(people: list[User], draft: Draft) -> None:
    """Also those that no worker sees, such as a pause; it is no work_available to who did it."""
    broadcast = draft()
    for user in (people[3], people[1]):
        follow(broadcast, user)
    order_broadcast(broadcast, by=people[1])
    for step, state, unread in (
        (Step.PAUSE, "paused", [3]),
        (Step.RESUME, "sending", []),
        (Step.CANCEL, "cancelled", [3]),
    ):
        take_step(broadcast, step, by=people[1])
        rows = Notification.objects.filter(category="broadcasts")
        assert [row.data["broadcast"]["state"] for row in rows] == [state, state]
        assert [row.recipient for row in rows.unread()] == [people[number] for number in unread]


def test_step_and_what_is_told_of_it_are_one(people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies as it says "sent" has not finished: no follower is left with a bar that stands still."""
    broadcast = draft()
    follow(broadcast, people[0])
    order_broadcast(broadcast)

    def die(*_: Any, **__: Any) -> None:
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as patch:
        patch.setattr("notifications.broadcasts.transitions.show_followers", die)
        with pytest.raises(OperationalError):
            Worker().work_off()
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.written) == (BroadcastState.SENDING, 12)
    Broadcast.objects.update(leased_until=timezone.now())  # as time will
    Worker().work_off()
    assert Notification.objects.get(category="broadcasts").title == "Sent: Maintenance at 22:00"


def test_two_who_follow_at_once_both_do(people: list[User], draft: Draft) -> None:
    """Whoever's page is older than another follower adds to them."""
    old, new = draft(), Broadcast.objects.get()
    follow(new, people[0])
    follow(old, people[1])
    assert Broadcast.objects.get().followers == [people[0].pk, people[1].pk]
    Broadcast.objects.all().delete()
    with pytest.raises(StepRefused, match="has been deleted"):
        follow(old, people[2])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"state": "sending", "total": 100, "written": 50, "busy_seconds": 5.0}, (50, 100, 10.0, 5.0)),
        ({"state": "sending", "total": None}, (0, 0, 0.0, None)),
        ({"state": "sent", "total": 100, "written": 110, "busy_seconds": 11.0}, (110, 110, 10.0, 0.0)),
        ({"state": "sent", "total": 100, "written": 90, "busy_seconds": 9.0}, (90, 90, 10.0, 0.0)),
        ({"state": "retracting", "written": 40, "removed": 10, "busy_seconds": 1.0}, (10, 40, 10.0, 3.0)),
        ({"state": "retracted", "written": 40, "removed": 38, "busy_seconds": 4.0}, (40, 40, 10.0, 0.0)),
        ({"state": "expired", "written": 40, "removed": 38, "busy_seconds": 4.0}, (40, 40, 10.0, 0.0)),
    ],
)
def test_figures_of_the_bar(draft: Draft, fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """Done, of how many, at which rate, and how long still; pauses are not counted. What is over is whole."""
    found = build_figures(draft(**fields))
    bar, work = found["progress"], found["broadcast"]
    assert (bar["done"], bar["total"], work["rate"], work["seconds_left"]) == expected
