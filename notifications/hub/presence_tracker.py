"""The presence tracker: each hub stores which users have a stream open, so that every process can tell who is online.

Receives from `hub/` the users who join (their first stream here) and leave (their last). Guarantees that within one sweep
the database says so (`hub/presence.py`), with one write of one row for each sweep while nothing changes. It never keeps a
stream waiting: it has a task of its own, and where the database is away it says everything again later.

A user who leaves is kept for a moment, because most come back at once: with the next page, or because the stream was asked
to move on. So clicking through pages writes nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import uuid
from typing import Any, Final

from django.db import close_old_connections, router, transaction
from django.db.models.functions import Now

from ..log.keys import UserKey, chunks
from ..models.presence import Presence, Process
from ..protocol.bye import Bye
from .executor import Executor
from .presence import connected, disconnected, since_by_user
from .sweeper import absence_seconds, lease_seconds, renewal_seconds, tick_seconds

__all__ = ["PresenceTracker"]

logger = logging.getLogger("notifications.hub")

RETURN_SECONDS: Final = 10.0  # who was asked to move on comes back after a `retry:` of up to 5 s
FORGET: Final = dt.timedelta(minutes=1)  # rows of a process whose lease ended so long ago are deleted
FORGET_SECONDS: Final = 60.0


class PresenceTracker:
    """The users of one hub, as they are written down."""

    def __init__(self, executor: Executor) -> None:
        self.id = uuid.uuid4()
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._coming: dict[str, Any] = {}  # not yet written: key → primary key
        self._here: dict[str, Any] = {}  # written
        self._leaving: dict[str, float] = {}  # written, without a stream, and when that is to be written too
        self._is_known = True  # whether the database has all of `_here`
        self._renew_at = self._forget_at = 0.0
        self._signals = SignalSender()
        executor.keep([self.flush])

    def join(self, key: str, user_id: UserKey) -> None:
        """Note a user's first stream here."""
        if key in self._here:
            self._leaving.pop(key, None)
        else:
            self._coming[key] = user_id

    def leave(self, key: str, why: Bye | None) -> None:
        """Note that a user's last stream here has ended, and why if the server ended it."""
        self._coming.pop(key, None)
        if key in self._here:
            pause_seconds = absence_seconds()
            if why is not None:
                pause_seconds = max(pause_seconds, RETURN_SECONDS) if why.comes_back else 0.0
            self._leaving[key] = self._loop.time() + pause_seconds

    async def stop(self) -> None:
        """End the thread that sends the signals."""
        await self._signals.stop()

    async def flush(self) -> None:
        """Write down who joined and left, and renew the lease."""
        while True:
            await asyncio.sleep(tick_seconds())
            now = self._loop.time()
            left = [key for key, at in self._leaving.items() if at <= now]
            is_due = self._here and (now >= self._renew_at or not self._is_known)
            if self._coming or left or is_due:
                await self._write(left)
                self._renew_at = now + renewal_seconds()
            if self._here and now >= self._forget_at:
                self._forget_at = now + FORGET_SECONDS
                await self._executor.run(forget_dead)

    async def _write(self, keys: list[str]) -> None:
        """Write; what happens meanwhile is left to the next time, and so is everything where it fails."""
        joined, self._coming = self._coming, {}
        left = {key: self._here.pop(key) for key in keys}
        for key in keys:
            del self._leaving[key]
        renewed = dict(self._here) if not self._is_known else {}
        self._here |= joined
        lease = dt.timedelta(seconds=lease_seconds())
        self._is_known = False
        try:
            was_known = await self._executor.run(
                write, self.id, lease, [*renewed.values(), *joined.values()], list(left.values())
            )
        except BaseException:
            for key, user_id in joined.items():
                del self._here[key]
                if self._leaving.pop(key, None) is None:
                    self._coming[key] = user_id
            for key, user_id in left.items():
                self._here[key] = user_id
                if self._coming.pop(key, None) is None:
                    self._leaving[key] = 0.0
            raise
        self._is_known = was_known or len(self._here) <= len(renewed) + len(joined)
        self._signals.send_later(joined=joined.values(), left=left.values())


def write(process_id: uuid.UUID, lease: dt.timedelta, joined: list[Any], left: list[Any]) -> bool:
    """Renew a process's lease and write who joined and left; return whether the process was known.

    Queries: 1 where nobody did, and for each 500 users 2 to come and 1 to go.
    """
    using = router.db_for_write(Presence)
    processes, presences = Process.objects.using(using), Presence.objects.using(using)
    if not joined and not left and processes.filter(pk=process_id).update(alive_until=Now() + lease):
        return True
    with transaction.atomic(using=using):
        was_known = bool(processes.filter(pk=process_id).update(alive_until=Now() + lease))
        if not was_known:
            processes.create(pk=process_id, alive_until=Now() + lease)
        for chunk in chunks(joined):
            since = since_by_user(chunk)  # a user who comes from another process never left
            rows = [Presence(user_id=each, process_id=process_id, since=since.get(each, Now())) for each in chunk]
            presences.bulk_create(rows, ignore_conflicts=True)
        for chunk in chunks(left):
            presences.filter(process=process_id, user__in=chunk).delete()
    return was_known


def forget_dead() -> None:
    """Delete what dead processes have left behind. 1 query where there is nothing."""
    processes = Process.objects.using(router.db_for_write(Process))
    dead = list(processes.filter(alive_until__lt=Now() - FORGET).values_list("pk", flat=True)[:500])
    if dead:
        processes.filter(pk__in=dead).delete()


class SignalSender:
    """Sends the signals, on a thread of its own: a receiver may be slow, and the hub's threads are for its streams.

    While receivers are at work, at most one signal waits for each user, and none for a user who joins and leaves meanwhile.
    So however slow receivers are, no more signals wait than there are users.
    """

    def __init__(self) -> None:
        self._pending: dict[Any, bool] = {}
        self._executor: Executor | None = None
        self._is_sending = False

    def send_later(self, *, joined: Any, left: Any) -> None:
        """Send a signal for each of these users, later."""
        if not (connected.has_listeners(Presence) or disconnected.has_listeners(Presence)):
            return
        for user_ids, is_here in ((joined, True), (left, False)):
            for user_id in user_ids:
                if self._pending.pop(user_id, is_here) == is_here:
                    self._pending[user_id] = is_here
        if self._pending and not self._is_sending:
            self._is_sending = True
            self._executor = self._executor or Executor(threads=1)
            self._executor.start(self._send_all(self._executor), "presence signals")

    async def _send_all(self, executor: Executor) -> None:
        try:
            while self._pending:
                signals, self._pending = self._pending, {}
                await executor.run(send_signals, signals)
        finally:
            self._is_sending = False

    async def stop(self) -> None:
        """End the thread."""
        if self._executor is not None:
            await self._executor.stop()


def send_signals(signals: dict[Any, bool]) -> None:
    """Call the receivers; one that fails is logged by Django, and the others go on."""
    close_old_connections()
    for user_id, is_here in signals.items():
        (connected if is_here else disconnected).send_robust(sender=Presence, user_id=user_id)
    close_old_connections()
