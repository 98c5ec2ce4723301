"""The hub: one for each process and event loop, between the doorbell and the open streams.

Receives doorbells from the channel layer (`listener.py`) and subscriptions from `endpoints/stream.py`. Guarantees that each
stream's client goes from position to position without a gap: a change that continues from where a stream stands is
passed on without touching the database; anything else is read from the log (`recovery.py`). Per stream it keeps a
position and at most one write in flight. All state is touched on one event loop only, never across an await between
check and set.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from ..access.admission import Credential
from ..access.limits import OpeningCounter
from ..conf import settings
from ..log.doorbell import ringer
from ..log.keys import UserKey
from ..protocol import frames
from ..protocol.bye import LONG_RETRY_MS, RETRY_MS, Bye
from ..protocol.position import Position, Replay
from . import hooks, listener
from .authenticator import Authenticator
from .counters import Pulse, Stopwatch, counters
from .executor import Executor
from .heartbeat import Heartbeat
from .presence_tracker import PresenceTracker
from .recovery import Recovery
from .shutdown import UNSERVED_SECONDS, call_at_sigterm, drain, find_server, finish_goodbye, noop, wait_until_unserved
from .subscription import MAX_DUE_BYTES, READ_AGAIN, Resumed, Subscription
from .sweeper import Sweeper
from .transports import abort

__all__ = ["Hub", "get_hub", "running_hubs"]

logger = logging.getLogger("notifications.hub")

STREAMS_PER_TURN: Final = 200  # writes before the loop gets a turn: about 5 ms


class Hub:
    """The open streams of this process, by user."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.users: dict[str, list[Subscription]] = {}
        self.count = 0
        self.pulse = Pulse()
        self._stopwatch = Stopwatch()
        self._due: deque[Subscription] = deque()  # streams with frames for this turn of the loop
        self._executor = Executor()
        self._recovery = Recovery(self._executor, self._deliver, self.end)
        self._sweeper = Sweeper(self._executor, self.users, self._recovery.read_soon, self.pulse.note_sweep)
        self._authenticator = Authenticator(self._executor)
        self._heartbeat = Heartbeat(self._executor, self._authenticator, self._write, self.end)
        self._presence = PresenceTracker(self._executor)
        self.openings = OpeningCounter()
        self._executor.keep([self._listen, *map(self._build_chore, hooks.chores)])
        self._followers: list[Callable[[dict[str, Any]], None]] = []
        self.run = self._executor.run
        self.authenticate_all = self._authenticator.authenticate_all
        self.is_leaving = False
        ringer.settle(self.loop)
        if (server := find_server()) is not None:
            self._executor.start(self._leave_with(server), "leave with the server")
        self._forget_sigterm = call_at_sigterm(self._leave_for_good)

    async def authenticate(self, credential: Credential, *, method: str = "GET") -> Any:
        """Return the user of the credential that a client shows, or None; raises what `Authenticator.authenticate()` does.

        A site's own hook sees a request with this method: a POST where something is to be changed.
        """
        return await self._authenticator.authenticate(credential, method)

    async def read(self, user_id: UserKey, position: Position | None) -> Replay | None:
        """Return what a user's log says after a position, for a stream held elsewhere; None: there is no such user."""
        return await self._recovery.answer(user_id, position)

    def attach(self, hear: Callable[[dict[str, Any]], None], *works: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let others hear every change as well, and keep these tasks of theirs running; they may use `run`."""
        self._followers.append(hear)
        self._executor.keep(works)

    async def stop(self) -> None:
        """End the hub's tasks and threads; for tests, and for servers that end an event loop but not the process."""
        ringer.settle(None)
        self._forget_sigterm()
        hubs.pop(self.loop, None)
        await self._presence.stop()
        await self._executor.stop()
        await self._authenticator.stop()

    async def _listen(self) -> None:
        await listener.listen(self.hear, self._sweeper.sweep_now, self._leave_soon, self.pulse.note_probe)

    def _build_chore(self, chore: hooks.Chore) -> Callable[[], Coroutine[Any, Any, None]]:
        async def repeat() -> None:
            while True:
                await asyncio.sleep(chore.seconds)
                await self._executor.run(chore.run)

        return repeat

    # --- streams come and go

    def join(self, subscription: Subscription) -> bool:
        """Take a stream in and read what it is owed; return False when this process is full or leaving."""
        if self.is_leaving or self.count >= settings.streams_per_process:
            return False
        mine = self.users.get(subscription.key, [])
        if len(mine) >= settings.streams_per_user:
            self.end(mine[0], Bye.CAP)
        mine = self.users.setdefault(subscription.key, [])  # the last one to leave took the list along
        mine.append(subscription)
        if len(mine) == 1:
            self._presence.join(subscription.key, subscription.user_id)
        self.count += 1
        self.openings.count(subscription.key)
        self._heartbeat.add(subscription)
        self._recovery.read_soon(subscription)
        return True

    def leave(self, subscription: Subscription, why: Bye | None = None) -> None:
        """Forget a stream, which the server ended where it says why. Calling it twice is harmless."""
        subscription.is_ended = True
        subscription.due.clear()
        self._recovery.forget(subscription)
        if subscription.sending is not None:
            subscription.sending.cancel()
        mine = self.users.get(subscription.key, [])
        if subscription in mine:
            mine.remove(subscription)
            self.count -= 1
            if not mine:
                del self.users[subscription.key]
                self._presence.leave(subscription.key, why)

    def end(self, subscription: Subscription, why: Bye) -> None:
        """Say `bye` and end the response; where even that would wait, drop the connection."""
        if subscription.is_ended:
            return
        counters.byes[why.reason] += 1
        was_sending = subscription.sending is not None
        due = b"".join(subscription.due)
        self.leave(subscription, why)
        rest = None
        try:
            if not was_sending:
                if subscription.on_bye is not None:
                    subscription.on_bye(why)
                rest = subscription.step(due + frames.bye(why), is_last=True)
        except Exception as error:  # whatever the server raises, the client has gone
            logger.debug("A stream of user %s was gone before its bye: %r", subscription.key, error)
        if (not was_sending and rest is None) or abort(subscription.send):
            return
        if rest is not None:
            self._executor.start(finish_goodbye(rest, subscription.owner), "goodbye")
        elif subscription.owner is not None:
            subscription.owner.cancel()

    async def drain(self, seconds: float) -> int:
        """Ask every stream to move on, spread over at most so many seconds; return how many that were."""
        return await drain([stream for mine in self.users.values() for stream in mine], self.end, seconds=seconds)

    def _leave_soon(self, seconds: float) -> None:
        self._executor.start(self._drain_then(seconds, noop), "drain")

    def _leave_for_good(self, then: Callable[[], None]) -> None:
        self.is_leaving = True
        hooks.leave()
        self._executor.start(self._drain_then(settings.drain_seconds, then), "drain")

    async def _leave_with(self, server: Any) -> None:
        await wait_until_unserved(server)
        if not self.is_leaving:  # else it was signalled
            self.is_leaving = True
            hooks.leave()
            await self._drain_then(min(UNSERVED_SECONDS, settings.drain_seconds), noop)

    async def _drain_then(self, seconds: float, then: Callable[[], None]) -> None:
        try:
            logger.info("Asked %d streams to move on.", await self.drain(seconds))
        finally:
            then()

    # --- changes go out

    def hear(self, change: dict[str, Any]) -> None:
        """Pass a rung change to the streams it continues; remember it for, or re-read, the others."""
        counters.heard += 1
        for hear in self._followers:
            hear(change)
        mine = self.users.get(change["user"])
        if not mine:
            return
        epoch, prev, modseq, data = change["epoch"], change["prev"], change["modseq"], change["data"]
        frame: bytes | None = None
        passed_on = 0
        for subscription in mine:
            if subscription.epoch == epoch and subscription.modseq >= modseq:
                continue  # it rang before
            if not subscription.is_live:
                is_comparable = subscription.epoch in (0, epoch)
                subscription.heard = max(subscription.heard, modseq if is_comparable else READ_AGAIN)
            elif subscription.epoch != epoch or subscription.modseq != prev or data is None:
                self._close_gap(subscription)
            else:
                if frame is None:  # encoded once for all of the user's streams
                    frame = frames.change(epoch, modseq, data)
                passed_on += self._send_this_turn(subscription, frame, modseq)
        if passed_on:
            counters.frames_passed_on += passed_on
            self._stopwatch.commits.append(change.get("committed_at"))

    def _close_gap(self, subscription: Subscription) -> None:
        counters.gaps += 1
        self._recovery.read_soon(subscription)

    def _send_this_turn(self, subscription: Subscription, frame: bytes, modseq: int) -> bool:
        if subscription.due_bytes + len(frame) > MAX_DUE_BYTES and subscription.due:
            self._write(subscription, subscription.take_due())
            if not subscription.is_live:
                subscription.heard = READ_AGAIN
                return False
        if not subscription.due:
            if not self._due:
                self.loop.call_soon(self._flush)
            self._due.append(subscription)
        subscription.due.append(frame)
        subscription.due_bytes += len(frame)
        subscription.modseq = modseq
        return True

    def _flush(self) -> None:
        """Write what is due, one write for each stream; let the loop run between some hundreds of them."""
        self._stopwatch.begin_turn(len(self._due))
        number = min(STREAMS_PER_TURN, len(self._due))
        for _ in range(number):
            subscription = self._due.popleft()
            due = subscription.take_due()
            if due and not subscription.is_ended:
                self._write(subscription, due)
        self._stopwatch.note_writes(number)
        if self._due:
            self.loop.call_soon(self._flush)

    def _deliver(self, subscription: Subscription, replay: Replay) -> None:
        """Write what the log says, as far as the client takes it; the rest is read again when it does."""
        counters.count_replay(replay, is_malformed=subscription.is_malformed)
        body = subscription.take_due()
        needs_hello, subscription.has_hello = not subscription.has_hello, True
        wait = LONG_RETRY_MS if needs_hello and self.openings.are_many(subscription.key) else RETRY_MS
        for modseq, frame in frames.build_frames(
            replay, subscription.modseq, needs_hello=needs_hello, is_malformed=subscription.is_malformed, wait=wait
        ):
            subscription.epoch, subscription.modseq = replay.head.epoch, modseq
            body += frame
            if len(body) > MAX_DUE_BYTES:
                self._write(subscription, body)
                body = b""
                if not subscription.is_live:
                    subscription.heard = READ_AGAIN
                    return
        if body:
            self._write(subscription, body)
        self._catch_up(subscription)

    def _write(self, subscription: Subscription, body: bytes) -> None:
        try:
            rest = subscription.step(body)
        except Exception as error:  # whatever the server raises, the client has gone
            logger.debug("A stream of user %s is gone: %r", subscription.key, error)
            self.leave(subscription)
            return
        if rest is not None:
            subscription.sending = self._executor.start(self._finish(subscription, rest), "send")

    async def _finish(self, subscription: Subscription, rest: Resumed) -> None:
        """Wait for a write that did not finish at once; then catch up on what rang meanwhile."""
        try:
            async with asyncio.timeout(settings.send_timeout_seconds):
                await rest
        except TimeoutError:
            counters.send_timeouts += 1
            self.end(subscription, Bye.SLOW)
        except Exception as error:  # whatever the server raises, the client has gone
            logger.debug("A stream of user %s is gone: %r", subscription.key, error)
            self.leave(subscription)
        else:
            subscription.sending = None
            self._catch_up(subscription)

    def _catch_up(self, subscription: Subscription) -> None:
        if subscription.heard > subscription.modseq and subscription.is_live:
            self._recovery.read_soon(subscription)


hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def get_hub() -> Hub:
    """Return the hub of the running event loop, starting it at the first call."""
    loop = asyncio.get_running_loop()
    if loop not in hubs:
        for closed in [other for other in hubs if other.is_closed()]:
            del hubs[closed]
        hubs[loop] = Hub()
    return hubs[loop]


def running_hubs() -> list[Hub]:
    """Return the hubs of this process, usually one or none. May be called from any thread."""
    return [each for loop, each in list(hubs.items()) if not loop.is_closed()]
