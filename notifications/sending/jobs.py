"""Jobs that report progress: one notification with a live bar, from its beginning to success, failure or silence.

    with track(user, title="Export", total=1000) as job:
        for row in rows:
            job.advance()
        job.finish(url="/exports/7/")

Receives what a job says, as often as it likes. Guarantees that the notification changes at most four times a second, that
the last word is always written, and that saying something never waits for the database. In its `data`:

    {"progress": {"done": 480, "total": 1000, "state": "running"}}     state: running, success, failure, stalled

While a job runs, its notification counts as read: nobody needs to look at a bar that moves. When it ends it is unread.

# Note [Who writes]

A thread of the job's own writes what it said and, in silence too, that it is alive: in a row that concerns nobody else
(`RunningJob`), so a quiet job moves nobody's log. A job whose row falls silent has died with its process, and the next
hub to look says so (`sending/job_watchdog.py`). Inside a transaction there is no thread: it could not see the
notification, and nobody could see what it wrote before the commit. Then the caller writes, and the bar stands still
until the end.
"""

from __future__ import annotations

import asyncio
import logging
import math
import operator
import threading
import time
from types import TracebackType
from typing import Any, Final, Literal, Self, SupportsFloat, SupportsIndex, Unpack

from django.core.exceptions import ValidationError
from django.db import connections, router, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import log
from ..exceptions import JobFailed
from ..log.attempts import attempt
from ..log.keys import UserOrKey, key_of
from ..log.threads import on_thread
from ..models import Level, Notification
from ..models.content import MAX_BODY_CHARS
from ..models.job import RunningJob
from .publish import Content, compose

__all__ = ["Job", "JobFailed", "track"]

logger = logging.getLogger("notifications.sending.jobs")

JobState = Literal["running", "success", "failure", "stalled"]

WRITE_SECONDS: Final = 0.25
BEAT_SECONDS: Final = 5.0
JOIN_SECONDS: Final = 10.0  # longest wait for a write under way, before the last word is written


def track(user: UserOrKey, *, title: str, total: float | None = None, **content: Unpack[Content]) -> Job:
    """Show a user how far a job is: one notification with a bar, while the block of a `with` or `async with` runs.

    The notification changes at most four times a second, by a thread of the job's own (5 queries each), and always at
    the end.

    Args:
        user: the user who sees it; a saved user or a primary key.
        total: what `advance()` counts towards; None: nobody knows, so the bar only says that something happens.
        content: as in `notify()`.

    Returns:
        The job, which nobody sees until its block is entered.

    Raises:
        ValidationError: `total` is no finite number from 0; or on entering the block, keyed by field. Nothing was written.
    """
    return Job(user, title, total, content)


class Job:
    """What a job says of itself, made by `track()`.

    May be called from any thread, and from async code: nothing here waits for the database but the block's two ends.
    """

    def __init__(self, user: UserOrKey, title: str, total: float | None, content: Content) -> None:
        self.done: float = 0
        self.total = None if total is None else parse_number("total", total, least=0)
        self.notification_id = 0
        self._row = compose(key_of(user), title, content)
        self._body: str | None = None  # the text while it runs
        self._last_content: dict[str, Any] = {}  # what its end will show
        self._using = router.db_for_write(Notification)
        self._wakeup = threading.Condition()
        self._is_changed = self._is_over = self._has_failed = self._was_stalled = False
        self._is_missing = False  # the reader has deleted the notification
        self._written_at = self._beaten_at = 0.0
        self._thread: threading.Thread | None = None

    # --- what a job says

    def advance(self, by: float = 1) -> None:
        """Note that so much more is done. Raises `ValidationError` for what is no finite number."""
        more = parse_number("by", by)
        with self._wakeup:
            self.done += more
        self._wake_writer()

    def say(self, body: str) -> None:
        """Show what it is doing now, below the title, until it ends. Raises `ValidationError`."""
        self._body = log.clean_values({"body": body})["body"]
        self._wake_writer()

    def finish(self, **content: Unpack[Content]) -> None:
        """Say what success shows when the block ends, such as `url` and `body`. Raises `ValidationError`."""
        compose(self._row.recipient_id, self._row.title, content)  # refuses what is no content
        cleaned = log.clean_values(content)
        log.clean_values({"data": {**cleaned.get("data", {}), "progress": self._progress("success")}})  # as it will be
        self._last_content |= cleaned

    def fail(self, reason: str) -> None:
        """Let the block end as a failure, without an exception. Raises `ValidationError`."""
        self._last_content = log.clean_values({"body": reason})
        self._has_failed = True

    def _wake_writer(self) -> None:
        with self._wakeup:
            is_first, self._is_changed = not self._is_changed, True
            if is_first:
                self._wakeup.notify()
        if self._thread is None and now() - self._written_at >= WRITE_SECONDS and not in_event_loop():
            self._write()

    # --- the block

    def __enter__(self) -> Self:
        attempt(self._using, self._write_first)
        self._written_at = self._beaten_at = now()
        if not connections[self._using].in_atomic_block:  # see Note [Who writes]
            self._thread = threading.Thread(target=self._run, name="notifications-job", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._wakeup:
            self._is_over = True
            self._wakeup.notify()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)
        if error is not None:
            self._has_failed = True
            self._last_content = {"body": reason_of(error)}
        try:
            self._write_last()
        except Exception:  # the work is done, or has failed for a reason of its own; a hub will call it stalled
            logger.exception("The end of the job of notification %d could not be written.", self.notification_id)

    async def __aenter__(self) -> Self:
        return await on_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await on_thread(self.__exit__, kind, error, trace)

    # --- what is written

    def _progress(self, state: JobState) -> dict[str, Any]:
        return {"done": self.done, "total": self.total, "state": state}

    def _run(self) -> None:
        """Write what the job said, and that it is alive, until it is over."""
        try:
            while True:
                with self._wakeup:
                    self._wakeup.wait_for(
                        lambda: self._is_over or self._is_changed, self._beaten_at + BEAT_SECONDS - now()
                    )
                    if self._is_changed:
                        self._wakeup.wait_for(lambda: self._is_over, self._written_at + WRITE_SECONDS - now())
                    if self._is_over:
                        return
                try:
                    self._beat_if_due()
                    if self._is_changed:
                        self._write()
                except Exception as error:  # the job goes on; what it says next, or at last, says it all
                    self._written_at = self._beaten_at = now()
                    logger.warning("Progress of notification %d was not written: %r", self.notification_id, error)
                    connections.close_all()
        finally:
            connections.close_all()

    def _beat_if_due(self) -> None:
        if now() < self._beaten_at + BEAT_SECONDS:
            return
        self._beaten_at = now()
        running = RunningJob.objects.using(self._using)
        mine = running.filter(pk=self.notification_id)
        if not mine.filter(end__isnull=True).update(beat_at=Now()) and not mine.update(beat_at=Now(), end=None):
            # taken for dead while the process was frozen
            running.bulk_create([RunningJob(pk=self.notification_id, beat_at=Now())], ignore_conflicts=True)
            self._is_changed = self._was_stalled = True
        if self._is_missing:  # it may be back
            self._is_changed = self._was_stalled = True

    def _write_first(self) -> None:
        """Write that it begins, and that somebody must look after it."""
        with transaction.atomic(using=self._using, savepoint=False):
            self._row.pk = None  # of an attempt that was undone
            self._row.data = {**self._row.data, "progress": self._progress("running")}
            self._row.read_at = timezone.now()
            self._row.save(force_insert=True, using=self._using)
            self.notification_id = self._row.pk
            RunningJob.objects.using(self._using).create(pk=self.notification_id, beat_at=Now())

    def _write(self) -> None:
        """Write how far it is. 5 queries."""
        content: dict[str, Any] = {}
        if self._was_stalled:
            content = {"level": self._row.level, "body": self._row.body}
        if self._body is not None:
            content["body"] = self._body
        with self._wakeup:
            self._is_changed = self._was_stalled = False
            progress = self._progress("running")
        self._written_at = now()
        self._is_missing = not self._amend(content, progress)

    def _write_last(self) -> None:
        """Write how it ended, unread; and that nobody need look after it any more."""
        level = Level.ERROR if self._has_failed else Level.SUCCESS
        content = {"body": self._row.body, "level": level, **self._last_content}
        progress = self._progress("failure" if self._has_failed else "success")
        running = RunningJob.objects.using(self._using)
        mine, end = running.filter(pk=self.notification_id), {**content, "data": self._data(content, progress)}

        def write() -> None:
            with transaction.atomic(using=self._using, savepoint=False):
                is_there = mine.update(end=end, beat_at=Now())  # locked before the inbox, as an undo does
                if self._amend({**content, "read_at": None}, progress):
                    mine.delete()
                elif not is_there:
                    running.bulk_create([RunningJob(pk=self.notification_id, beat_at=Now(), end=end)])

        attempt(self._using, write)

    def _amend(self, content: dict[str, Any], progress: dict[str, Any]) -> int:
        mine = Notification.objects.using(self._using).filter(pk=self.notification_id)
        return mine.update(**{**content, "data": self._data(content, progress)})

    def _data(self, content: dict[str, Any], progress: dict[str, Any]) -> dict[str, Any]:
        data = content.get("data", self._row.data)
        picture = {name: value for name, value in self._row.data.items() if name == "avatar"}  # of whoever it is from
        return {**picture, **data, "progress": progress}


def parse_number(name: str, value: Any, *, least: float = -math.inf) -> float:
    """Return a number as JSON holds it, also one of numpy's or a decimal: one that it cannot hold would never be written."""
    found = float(value) if isinstance(value, SupportsFloat) else math.nan
    if not math.isfinite(found) or found < least:
        text = _("Progress must be a finite number, not %(value)r.")
        raise ValidationError({name: text % {"value": value}}, code="number")
    return operator.index(value) if isinstance(value, SupportsIndex) else found


def now() -> float:
    return time.monotonic()


def in_event_loop() -> bool:
    """Return whether this is a place where Django refuses to touch the database."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def reason_of(error: BaseException) -> str:
    """Return what a user may read of an error: the text of a `JobFailed`, of others no more than their kind."""
    if isinstance(error, JobFailed):
        return str(error)[:MAX_BODY_CHARS]
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
        return _("It was cancelled.")
    return _("It stopped with an error (%(error)s).") % {"error": type(error).__name__}
