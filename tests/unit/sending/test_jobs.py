"""Jobs that report progress: one notification, written seldom, and its end told whatever happens."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import threading
import time
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from django.utils import timezone

from notifications import JobFailed, notify
from notifications.log.replay import inbox_of
from notifications.models import Inbox, Notification
from notifications.models.job import RunningJob
from notifications.reading.actions import apply_action
from notifications.reading.undo import undo_action
from notifications.sending import jobs
from notifications.sending.job_watchdog import mark_stalled
from notifications.sending.jobs import WRITE_SECONDS, Job, track
from tests.support.asgi import Site
from tests.support.browser import DEADLINE_SECONDS
from tests.support.model import follow, in_database

pytestmark = pytest.mark.django_db(transaction=True)


def shown(user: User) -> Notification:
    """Return the one notification that a user has."""
    return Notification.objects.get(recipient=user)


def wait_until(user: User, **wanted: Any) -> Notification:
    """Ask the database until the progress shows this; return the notification."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        row = shown(user)
        if wanted.items() <= row.data["progress"].items():
            return row
    raise AssertionError(f"{row.data} never showed {wanted}")


def test_a_job_is_one_notification_from_beginning_to_end(user: User, other_user: User) -> None:
    """It moves while the job says so, read; at the end it is unread, leads somewhere, and nobody looks after it."""
    with track(user, title="Export", total=1000, data={"kind": "orders"}) as job:
        row = shown(user)
        assert row.pk == job.notification_id
        assert row.data == {"kind": "orders", "progress": {"done": 0, "total": 1000, "state": "running"}}
        assert (row.is_read, inbox_of(user).unread) == (True, 0)
        assert RunningJob.objects.count() == 1
        for _ in range(48):
            job.advance(10)
        wait_until(user, done=480, state="running")
        job.say("Writing the file")
        job.advance(520)
        assert wait_until(user, done=1000).body == "Writing the file"
        job.finish(url="/exports/7/", body="1,000 orders")
    row = shown(user)
    assert row.data == {"kind": "orders", "progress": {"done": 1000, "total": 1000, "state": "success"}}
    assert (row.title, row.url, row.body, row.level) == ("Export", "/exports/7/", "1,000 orders", "success")
    assert (row.is_read, inbox_of(user).unread) == (False, 1)
    assert not RunningJob.objects.exists()
    assert not Notification.objects.filter(recipient=other_user).exists()


class Counter:
    """A number as those of numpy are: an int by its index, and no instance of one."""

    def __index__(self) -> int:
        return 3

    def __float__(self) -> float:
        return 3.0


def test_every_kind_of_number_counts(user: User) -> None:
    """What JSON cannot hold would never be written, so the job would hang as running after it has ended."""
    with track(user, title="Export", total=Decimal(10)) as job:  # type: ignore[arg-type]  # what no type checker saw
        job.advance(Counter())  # type: ignore[arg-type]
        job.advance(Decimal("1.5"))  # type: ignore[arg-type]
        for wrong in (math.nan, math.inf, "1", None):
            with pytest.raises(ValidationError, match="must be a finite number"):
                job.advance(wrong)  # type: ignore[arg-type]
    assert shown(user).data["progress"] == {"done": 4.5, "total": 10.0, "state": "success"}
    for wrong in (math.nan, -1, "10"):
        with pytest.raises(ValidationError, match="must be a finite number"):
            track(user, title="Export", total=wrong)  # type: ignore[arg-type]
    assert Notification.objects.count() == 1


def test_data_that_leaves_no_room_for_the_bar_is_refused(user: User) -> None:
    """At the call that gives it; at the end of the block it would be too late to say so."""
    with track(user, title="Export") as job, pytest.raises(ValidationError, match="8192"):
        job.finish(data={"rows": "x" * (8192 - len('{"rows": ""}'))})
    assert shown(user).data["progress"]["state"] == "success"


def test_what_it_does_last_is_no_news_once_it_is_done(user: User) -> None:
    """The text of its beginning stands at its end, unless the end has a text of its own."""
    with track(user, title="Export", body="Orders of 2026") as job:
        job.say("Reading")
    row = shown(user)
    assert (row.body, row.data["progress"]) == ("Orders of 2026", {"done": 0, "total": None, "state": "success"})


def test_however_often_it_speaks_it_is_written_seldom(user: User) -> None:
    """A job that advances all the time changes its notification at most four times a second, to the latest number."""
    began = time.monotonic()
    with track(user, title="Export", total=10**9) as job:
        while Inbox.objects.get(user=user).modseq < 5:
            for _ in range(1000):
                job.advance()
        elapsed = time.monotonic() - began
        writes = Inbox.objects.get(user=user).modseq - 2
        assert 3 <= writes <= elapsed / WRITE_SECONDS + 1
        said = job.done
    assert shown(user).data["progress"]["done"] == said > 100 * writes


def test_an_exception_is_a_failure_and_goes_on(user: User) -> None:
    """The user learns that it failed and of what kind, not what the message said; the caller gets the exception."""

    def export() -> None:
        with track(user, title="Export", total=10) as job:
            job.advance(3)
            job.finish(url="/exports/7/", level="success")
            raise ZeroDivisionError("secret://password")

    with pytest.raises(ZeroDivisionError):
        export()
    row = shown(user)
    assert row.url == ""
    assert row.data["progress"] == {"done": 3, "total": 10, "state": "failure"}
    assert (row.level, row.body) == ("error", "It stopped with an error (ZeroDivisionError).")
    assert not row.is_read
    assert not RunningJob.objects.exists()


@pytest.mark.parametrize("raises", [True, False], ids=["raised", "said"])
def test_a_failure_has_its_reason(user: User, raises: bool) -> None:
    """What the job itself gives as the reason is shown."""
    reason = "The file grew beyond 100 MB."
    if raises:
        with pytest.raises(JobFailed), track(user, title="Export"):
            raise JobFailed(reason)
    else:
        with track(user, title="Export") as job:
            job.fail(reason)
    row = shown(user)
    assert (row.level, row.body, row.data["progress"]["state"]) == ("error", reason, "failure")


async def test_async_code_reports_without_waiting(site: Site, user: User, other_user: User) -> None:
    """In async code a job says the same, and its user's open page follows it live to the end; nobody else's does."""
    browser, client = await follow(site, user)
    other, _ = await follow(site, other_user)
    states = []
    async with track(user, title="Export", total=4) as job:
        for _ in range(4):
            job.advance()
            event = await browser.next("change")
            client.apply(event)
            states.append(event.data["upsert"][0]["data"]["progress"])
    while states[-1]["state"] == "running":
        event = await browser.next("change")
        client.apply(event)
        states.append(event.data["upsert"][0]["data"]["progress"])
    assert [state["done"] for state in states] == sorted(state["done"] for state in states)
    assert states[-1] == {"done": 4, "total": 4, "state": "success"}
    assert client.state == await site.do(in_database, user)
    assert other.unseen_events == []


async def test_a_cancelled_task_is_a_failure(user: User) -> None:
    """Who cancels the task that works ends the job, and the task."""
    has_begun = asyncio.Event()

    async def work() -> None:
        async with track(user, title="Export"):
            has_begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    row = await Notification.objects.aget(recipient=user)
    assert (row.body, row.data["progress"]["state"]) == ("It was cancelled.", "failure")


def test_within_a_transaction_the_caller_writes(user: User) -> None:
    """There is no thread that waits for the lock; what is rolled back never was, what is committed is all there."""

    def lose() -> None:
        with transaction.atomic(), track(user, title="Lost") as job:
            assert job._thread is None
            raise RuntimeError

    with pytest.raises(RuntimeError):
        lose()
    assert not Notification.objects.exists()
    assert not RunningJob.objects.exists()
    with transaction.atomic(), track(user, title="Kept", total=2) as job:
        job._written_at = 0
        job.advance()
        assert shown(user).data["progress"]["done"] == 1
        job.advance()
    assert shown(user).data["progress"] == {"done": 2, "total": 2, "state": "success"}


def test_one_that_is_deleted_stays_deleted(user: User) -> None:
    """Who deletes the notification of a running job is rid of it; the job does its work."""
    with track(user, title="Export", total=2) as job:
        shown(user).delete()
        job.advance()
    assert not Notification.objects.exists()
    assert mark_stalled() == 0
    silence(minutes=6)
    assert mark_stalled() == 0
    assert not RunningJob.objects.exists()  # its end was kept while the deletion could be taken back


@pytest.mark.parametrize("fails", [False, True])
def test_one_that_returns_after_its_end_shows_it(user: User, other_user: User, fails: bool) -> None:
    """The reader deletes it while it runs, the job ends, the reader takes the deletion back: it shows how it ended.

    Regression: it returned as running, and nobody ever called it stalled.
    """
    with track(user, title="Export", total=2) as job:
        token = apply_action(user, "delete", [job.notification_id]).token or ""
        job.advance(2)
        job.fail("The disk is full.") if fails else job.finish(url="/exports/7/")
    assert undo_action(user, token).undone == 1
    row = shown(user)
    state = "failure" if fails else "success"
    assert row.data["progress"] == {"done": 2, "total": 2, "state": state}
    assert (row.body, row.url) == (("The disk is full.", "") if fails else ("", "/exports/7/"))
    assert (row.is_read, inbox_of(user).unread) == (False, 1)
    assert not RunningJob.objects.exists()
    assert not Notification.objects.for_user(other_user).exists()


def test_one_that_returns_while_it_runs_goes_on(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bar catches up by itself, though the job says nothing more."""
    monkeypatch.setattr(jobs, "BEAT_SECONDS", 0.02)
    with track(user, title="Export", total=2) as job:
        token = apply_action(user, "delete", [job.notification_id]).token or ""
        job.advance()
        assert undo_action(user, token).undone == 1
        wait_until(user, done=1, state="running")
    assert shown(user).data["progress"]["state"] == "success"


def test_progress_that_is_no_job_of_ours_returns_as_it_was(user: User) -> None:
    """A site may show a bar of its own by the same words."""
    data = {"progress": {"done": 1, "total": 2, "state": "running"}}
    token = apply_action(user, "delete", [notify(user, title="Own", data=data).pk]).token or ""
    assert undo_action(user, token).undone == 1
    assert shown(user).data == data


def test_a_database_that_is_away_does_not_stop_the_work(user: User, caplog: pytest.LogCaptureFixture) -> None:
    """Progress that cannot be written is left out, and written with the next; the end that cannot be is logged."""
    tried = threading.Event()

    def fails(*args: Any) -> None:
        tried.set()
        raise OperationalError("the database is away")

    with track(user, title="Export", total=2) as job:
        with mock.patch.object(Job, "_amend", fails):
            job.advance()
            assert tried.wait(DEADLINE_SECONDS)
        job.advance()
        wait_until(user, done=2)
    assert shown(user).data["progress"]["state"] == "success"
    with mock.patch.object(Job, "_amend", fails), track(user, title="Other"):
        pass
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert RunningJob.objects.count() == 1  # a hub will call it stalled


def test_bad_words_are_refused(user: User) -> None:
    """At the beginning nothing is written; in the middle the job is told, and fails like by any other exception."""
    with pytest.raises(ValidationError), track(user, title=" "):
        pass
    with pytest.raises(TypeError):
        track(user, title="Export", colour="red")  # type: ignore[call-arg]
    assert not Notification.objects.exists()
    with pytest.raises(ValidationError), track(user, title="Export") as job:
        job.finish(url="javascript:alert(1)")
    assert shown(user).data["progress"]["state"] == "failure"
    assert shown(user).url == ""


# --- jobs that die


def silence(**age: float) -> None:
    """Let every job have been heard of last so long ago."""
    RunningJob.objects.update(beat_at=timezone.now() - dt.timedelta(**age))


def dead_job(user: User) -> Job:
    """Return a job whose process has died in the middle."""
    job = track(user, title="Export", total=10).__enter__()
    job.advance(4)
    wait_until(user, done=4)
    with job._wakeup:
        job._is_over = True
        job._wakeup.notify()
    assert job._thread is not None
    job._thread.join()
    return job


def test_a_job_that_died_is_shown_as_stalled(user: User) -> None:
    """Once it has been silent for long, whoever looks first says so, unread, and only once."""
    dead_job(user)
    silence(seconds=20)
    assert mark_stalled() == 0
    silence(seconds=40)
    assert mark_stalled() == 1
    row = shown(user)
    assert row.data["progress"] == {"done": 4, "total": 10, "state": "stalled"}
    assert (row.level, row.is_read) == ("warning", False)
    assert "not reported" in row.body
    assert mark_stalled() == 0
    assert not RunningJob.objects.exists()


def test_nothing_is_said_of_what_is_gone(user: User) -> None:
    """A dead job whose notification was deleted is forgotten."""
    dead_job(user)
    shown(user).delete()
    silence(minutes=1)
    assert mark_stalled() == 0
    silence(minutes=6)
    assert mark_stalled() == 0
    assert not RunningJob.objects.exists()


def test_one_that_returns_after_its_process_died_is_stalled(user: User) -> None:
    """Whether it was called stalled before it returned or is after that."""
    for is_called_before in (True, False):
        job = dead_job(user)
        token = apply_action(user, "delete", [job.notification_id]).token or ""
        silence(minutes=1)
        if is_called_before:
            assert mark_stalled() == 0
        assert undo_action(user, token).undone == 1
        assert mark_stalled() == (not is_called_before)
        row = shown(user)
        assert row.data["progress"]["state"] == "stalled"
        assert (row.level, row.is_read) == ("warning", False)
        assert not RunningJob.objects.exists()
        row.delete()


def test_a_silent_job_is_heard_of(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that says nothing for long beats, so nobody takes it for dead; its user's log does not move for that."""
    monkeypatch.setattr(jobs, "BEAT_SECONDS", 0.02)
    with track(user, title="Export"):
        silence(minutes=1)
        before = inbox_of(user).modseq
        deadline = time.monotonic() + DEADLINE_SECONDS
        while RunningJob.objects.get().beat_at < timezone.now() - dt.timedelta(seconds=30):
            assert time.monotonic() < deadline
        assert mark_stalled() == 0
        assert inbox_of(user).modseq == before


def test_a_job_that_was_only_frozen_goes_on(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken for dead while its process stood still, it says that it runs, and ends as any other."""
    with track(user, title="Export", total=10, body="Orders") as job:
        with job._wakeup:
            RunningJob.objects.all().delete()
            row = shown(user)
            row.data = {"progress": {"done": 4, "total": 10, "state": "stalled"}}
            row.body, row.level = "not reported", "warning"
            row.save()
            monkeypatch.setattr(jobs, "BEAT_SECONDS", 0.02)
            job._beaten_at = 0.0
            job._wakeup.notify()
        row = wait_until(user, state="running")
        assert (row.body, row.level) == ("Orders", "info")
        assert RunningJob.objects.exists()
    assert (shown(user).level, shown(user).data["progress"]["state"]) == ("success", "success")
