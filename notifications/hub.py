"""Step 4: the hub. One for each process and event loop, between the doorbell and the open streams.

Receives doorbells from the channel layer and subscriptions from `stream.py`. Guarantees that each stream's client goes
from position to position without a gap: a change that continues from where a stream stands is passed on without
touching the database; anything else (a gap, a doorbell without content, the first read, what the sweeper finds) is read
from the log, for all such streams together. Per stream it keeps a position and at most one write in flight.

What runs: `_listen` hears doorbells, `_sweep` finds what no doorbell told, `_read` asks the log in batches, `_tick` pings,
rotates and re-authenticates. All state is touched on one event loop only, never across an await between check and set.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal, TypeVar

from django.db import connections

from . import auth, ears, sse
from .conf import settings
from .doorbell import ringer
from .payloads import dumps
from .subscription import MAX_DUE_BYTES, Resumed, Subscription
from .tail import Head, Position, Replay, heads, read_after

__all__ = ["Bye", "Hub", "hub"]

logger = logging.getLogger("notifications.hub")

Bye = Literal["rotate", "drain", "slow", "cap", "overload", "auth"]
T = TypeVar("T")

STREAMS_PER_TURN: Final = 200  # writes before the loop gets a turn: about 5 ms
STREAMS_PER_READ: Final = 500
RESTART_SECONDS: Final = 1.0  # pause before a task that failed runs again
RETRY_MS: Final = (2000, 5000)  # random, so that clients cut off together do not come back together
OVERLOAD_RETRY_MS: Final = (20_000, 60_000)
EVER: Final = 2**63  # a position that only a new read can reach


class Hub:
    """The open streams of this process, by user."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.users: dict[str, list[Subscription]] = {}
        self.count = 0
        self._due: deque[Subscription] = deque()
        self._behind: dict[Subscription, None] = {}  # a set that keeps its order
        self._wake_reader = asyncio.Event()
        self._wake_sweeper = asyncio.Event()
        self._rounds: deque[Subscription] = deque()  # by the time of the next ping, which is one interval away for all
        self._who: dict[str, asyncio.Future[Any]] = {}  # session key → the user, for those who are connecting
        self._threads = ThreadPoolExecutor(2, "notifications-hub")
        self._tasks = [
            self.loop.create_task(self._forever(work), name=f"notifications.hub.{work.__name__}")
            for work in (self._listen, self._sweep, self._read, self._tick)
        ]
        ringer.settle(self.loop)

    # --- streams come and go

    async def authenticate(self, session_key: str) -> Any:
        """Return the logged-in user of a session or None. Those who connect in the same moment are looked up together."""
        future = self._who.get(session_key)
        if future is None:
            if not self._who:
                self.loop.call_soon(self._look_up)
            future = self._who[session_key] = self.loop.create_future()
        return await asyncio.shield(future)

    def join(self, subscription: Subscription) -> bool:
        """Take a stream in and read what it is owed; return False when this process is full."""
        if self.count >= settings.streams_per_process:
            return False
        mine = self.users.setdefault(subscription.key, [])
        if len(mine) >= settings.streams_per_user:
            self.end(mine[0], "cap")
        mine.append(subscription)
        self.count += 1
        now = self.loop.time()
        subscription.ping_at = now + settings.ping_seconds
        subscription.expires_at = now + settings.rotate_seconds * random.uniform(0.8, 1)  # noqa: S311 - spreads load
        self._rounds.append(subscription)
        self._read_soon(subscription)
        return True

    def leave(self, subscription: Subscription) -> None:
        """Forget a stream. Calling it twice is harmless."""
        subscription.is_ended = True
        subscription.due.clear()
        self._behind.pop(subscription, None)
        if subscription.sending is not None:
            subscription.sending.cancel()
        mine = self.users.get(subscription.key, [])
        if subscription in mine:
            mine.remove(subscription)
            self.count -= 1
            if not mine:
                del self.users[subscription.key]

    def end(self, subscription: Subscription, reason: Bye) -> None:
        """Say `bye` and end the response; where even that would wait, end it without."""
        if subscription.is_ended:
            return
        was_sending = subscription.sending is not None
        frames = b"".join(subscription.due)
        self.leave(subscription)
        rest = None
        try:
            if not was_sending:
                rest = subscription.step(frames + bye(reason), is_last=True)
        except Exception as error:  # noqa: BLE001 - whatever the server raises, the client has gone
            logger.debug("A stream of user %s was gone before its bye: %r", subscription.key, error)
        if (was_sending or rest is not None) and subscription.owner is not None:
            subscription.owner.cancel()

    async def stop(self) -> None:
        """End the hub's tasks and threads; for tests and for servers that stop an event loop but not the process."""
        ringer.settle(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _ in range(2):
            self._threads.submit(connections.close_all)
        self._threads.shutdown(wait=True)

    # --- changes go out

    def hear(self, change: dict[str, Any]) -> None:
        """Pass a rung change to the streams it continues; remember it for, or re-read, the others."""
        mine = self.users.get(change["user"])
        if not mine:
            return
        epoch, prev, modseq, data = change["epoch"], change["prev"], change["modseq"], change["data"]
        frame: bytes | None = None
        for subscription in mine:
            if subscription.epoch != epoch or subscription.modseq < modseq:
                if not subscription.is_live:
                    heard = modseq if subscription.epoch in (0, epoch) else EVER
                    subscription.heard = max(subscription.heard, heard)
                elif subscription.epoch != epoch or subscription.modseq != prev or data is None:
                    self._read_soon(subscription)
                else:
                    if frame is None:  # encoded once for all of the user's streams
                        frame = sse.event("change", data, id=f"{epoch}.{modseq}")
                    self._send_this_turn(subscription, frame, modseq)

    def _send_this_turn(self, subscription: Subscription, frame: bytes, modseq: int) -> None:
        if subscription.due_bytes + len(frame) > MAX_DUE_BYTES and subscription.due:
            self._read_soon(subscription)
            return
        if not subscription.due:
            if not self._due:
                self.loop.call_soon(self._flush)
            self._due.append(subscription)
        subscription.due.append(frame)
        subscription.due_bytes += len(frame)
        subscription.modseq = modseq

    def _flush(self) -> None:
        """Write what is due, one write for each stream; let the loop run between some hundreds of them."""
        for _ in range(min(STREAMS_PER_TURN, len(self._due))):
            subscription = self._due.popleft()
            frames, subscription.due, subscription.due_bytes = subscription.due, [], 0
            if frames and not subscription.is_ended:
                self._write(subscription, frames[0] if len(frames) == 1 else b"".join(frames))
        if self._due:
            self.loop.call_soon(self._flush)

    def _write(self, subscription: Subscription, body: bytes) -> None:
        try:
            rest = subscription.step(body)
        except Exception as error:  # noqa: BLE001 - whatever the server raises, the client has gone
            logger.debug("A stream of user %s is gone: %r", subscription.key, error)
            self.leave(subscription)
            return
        if rest is not None:
            subscription.sending = self.loop.create_task(self._finish(subscription, rest))

    async def _finish(self, subscription: Subscription, rest: Resumed) -> None:
        """Wait for a write that did not finish at once; then catch up on what rang meanwhile."""
        try:
            async with asyncio.timeout(settings.send_timeout_seconds):
                await rest
        except TimeoutError:
            self.end(subscription, "slow")
        except Exception as error:  # noqa: BLE001 - whatever the server raises, the client has gone
            logger.debug("A stream of user %s is gone: %r", subscription.key, error)
            self.leave(subscription)
        else:
            subscription.sending = None
            self._catch_up(subscription)

    def _catch_up(self, subscription: Subscription) -> None:
        if subscription.heard > subscription.modseq and subscription.is_live:
            self._read_soon(subscription)

    # --- the log is read

    def _read_soon(self, subscription: Subscription) -> None:
        subscription.is_reading = True
        subscription.heard = 0
        self._behind[subscription] = None
        self._wake_reader.set()

    async def _read(self) -> None:
        """Ask the log what streams are owed, all that wait at once."""
        while True:
            await self._wake_reader.wait()
            batch = list(self._behind)[:STREAMS_PER_READ]
            positions: dict[Any, set[Position | None]] = {}
            for subscription in batch:
                positions.setdefault(subscription.user_id, set()).add(subscription.position)
            replays = await self._in_thread(lambda positions=positions: read_after(positions))
            for subscription in batch:
                if self._behind.pop(subscription, EVER) is None:
                    subscription.is_reading = False
                    if subscription.sending is not None:  # frames that were due went out meanwhile, and not at once
                        subscription.heard = EVER
                        continue
                    replay = replays.get((subscription.user_id, subscription.position))
                    if replay is not None:  # None: the user was deleted; `_tick` ends the stream
                        self._deliver(subscription, replay)
            if not self._behind:
                self._wake_reader.clear()
            await asyncio.sleep(0)

    def _deliver(self, subscription: Subscription, replay: Replay) -> None:
        """Write what the log says, as far as the client takes it; the rest is read again when it does."""
        written = b"".join(subscription.due)
        subscription.due, subscription.due_bytes = [], 0
        for modseq, frame in frames_of(subscription, replay):
            subscription.epoch, subscription.modseq = replay.head.epoch, modseq
            written += frame
            if len(written) > MAX_DUE_BYTES:
                self._write(subscription, written)
                written = b""
                if not subscription.is_live:
                    subscription.heard = EVER
                    return
        if written:
            self._write(subscription, written)
        self._catch_up(subscription)

    async def _sweep(self) -> None:
        """Compare every stream's position with the log's head: what no doorbell told is found here."""
        while True:
            try:
                async with asyncio.timeout(settings.sweep_seconds):
                    await self._wake_sweeper.wait()
            except TimeoutError:
                pass
            self._wake_sweeper.clear()
            user_ids = {mine[0].user_id for mine in self.users.values()}
            if user_ids:
                found = await self._in_thread(lambda user_ids=user_ids: heads(user_ids))
                for user_id, head in found.items():
                    self._compare(self.users.get(str(user_id), ()), head)

    def _compare(self, mine: Any, head: Head) -> None:
        for subscription in mine:
            # also when it is ahead: then the read says whether the head was just old or the log was put back
            if subscription.is_live and (subscription.epoch, subscription.modseq) != (head.epoch, head.modseq):
                self._read_soon(subscription)

    # --- time passes

    async def _tick(self) -> None:
        """Ping who is due, rotate who stayed long enough, and end the streams of those who are logged in no more."""
        while True:
            await asyncio.sleep(min(1.0, settings.ping_seconds / 4))
            now = self.loop.time()
            due: list[Subscription] = []
            while self._rounds and (self._rounds[0].is_ended or self._rounds[0].ping_at <= now):
                subscription = self._rounds.popleft()
                if not subscription.is_ended:
                    due.append(subscription)
                    subscription.ping_at = now + settings.ping_seconds
                    self._rounds.append(subscription)
            users = await self._users_of({subscription.session_key for subscription in due})
            for turn, subscription in enumerate(due):
                user = None if users is None else users.get(subscription.session_key)
                if users is not None and (user is None or user.pk != subscription.user_id):
                    self.end(subscription, "auth")
                elif now >= subscription.expires_at:
                    self.end(subscription, "rotate")
                elif subscription.is_live and not subscription.due:
                    self._write(subscription, sse.event("ping", f'{{"modseq":{subscription.modseq}}}'))
                if turn % STREAMS_PER_TURN == 0:
                    await asyncio.sleep(0)

    async def _users_of(self, session_keys: set[str]) -> dict[str, Any] | None:
        """Return who is logged in, or None when that cannot be found out now: then streams go on."""
        if not session_keys:
            return {}
        try:
            return await self._in_thread(lambda: auth.users_of(session_keys))
        except Exception as error:  # noqa: BLE001 - a database that is away must not end every stream
            logger.warning("Could not check %d sessions: %s: %s", len(session_keys), type(error).__name__, error)
            return None

    def _look_up(self) -> None:
        waiting, self._who = self._who, {}
        self._tasks.append(task := self.loop.create_task(self._answer(waiting)))
        task.add_done_callback(self._tasks.remove)

    async def _answer(self, waiting: dict[str, asyncio.Future[Any]]) -> None:
        try:
            users = await self._in_thread(lambda: auth.users_of(waiting))
        except Exception as error:  # noqa: BLE001 - handed to everyone who waits for it
            for future in waiting.values():
                future.set_exception(error)
                future.exception()  # marks it as seen: the one who waited may have gone
        else:
            for key, future in waiting.items():
                future.set_result(users.get(key))

    # --- helpers

    async def _listen(self) -> None:
        await ears.listen(self.hear, self._wake_sweeper.set)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self.loop.run_in_executor(self._threads, with_fresh_connection, work)

    async def _forever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run one of the hub's tasks; what fails runs again, and is logged once while it fails in the same way."""
        logged = ""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the database or the layer is away; streams outlive that
                problem = f"{type(error).__name__}: {error}"
                if problem != logged:
                    logger.warning("%s failed and is tried again every second: %s", work.__name__, problem)
                logged = problem
                await asyncio.sleep(RESTART_SECONDS)


def frames_of(subscription: Subscription, replay: Replay) -> Iterator[tuple[int, bytes]]:
    """Yield (`modseq` after it, bytes) of what a stream is owed, `hello` first on a new one.

    A `hello` before a reset carries a position below every floor: cut right there, the client comes back with that and
    gets its reset again.
    """
    head, modseq = replay.head, subscription.modseq
    hello = b""
    if not subscription.has_hello:
        subscription.has_hello = True
        at = Position(head.epoch, 0 if replay.snapshot else modseq)
        words = {"modseq": at.modseq, "epoch": at.epoch, "unread": head.unread, "unseen": head.unseen}
        mode = "reset" if replay.snapshot else "resume"
        hello = sse.retry(random.randint(*RETRY_MS)) + sse.event("hello", dumps(words | {"mode": mode}), id=str(at))  # noqa: S311
    if replay.snapshot is not None:
        reason = "malformed" if replay.reason == "none" and subscription.is_malformed else replay.reason
        words = {"reason": reason, "modseq": head.modseq, "epoch": head.epoch, "snapshot": replay.snapshot}
        yield head.modseq, hello + sse.event("reset", dumps(words), id=str(head.position))
        return
    if hello:
        yield modseq, hello
    for modseq, data in replay.changes:
        yield modseq, sse.event("change", data, id=f"{head.epoch}.{modseq}")


def bye(reason: Bye) -> bytes:
    """Return the last frames of a stream: when to come back, and why it ends."""
    wait = OVERLOAD_RETRY_MS if reason == "overload" else RETRY_MS
    return sse.retry(random.randint(*wait)) + sse.event("bye", dumps({"reason": reason}))  # noqa: S311


def with_fresh_connection(work: Callable[[], T]) -> T:
    """Run work on a database connection that lasts as long as the thread; after an error the next one is new."""
    try:
        return work()
    except Exception:
        connections.close_all()
        raise


hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """Return the hub of the running event loop, starting it at the first call."""
    loop = asyncio.get_running_loop()
    if loop not in hubs:
        for closed in [other for other in hubs if other.is_closed()]:
            del hubs[closed]
        hubs[loop] = Hub()
    return hubs[loop]
