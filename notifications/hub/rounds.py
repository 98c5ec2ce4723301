"""Step 6b: the rounds. What happens to streams because time passes: pings, rotation, the check of who is logged in.

Every stream is visited once in each ping interval, in the order of joining. Those due in one tick are checked together,
so a logout, or a token revoked, ends the streams within one ping.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ..access import auth
from ..conf import settings
from ..wire import frames
from .subscription import Subscription
from .workers import Workers

__all__ = ["Door", "Rounds"]

logger = logging.getLogger("notifications.hub")

CHECK_SECONDS: Final = 5.0  # longest wait for the check of who is logged in
STREAMS_PER_TURN: Final = 200  # pings before the loop gets a turn


class Rounds:
    """The streams by the time of their next visit, which is one interval away for all of them."""

    def __init__(
        self,
        workers: Workers,
        write: Callable[[Subscription, bytes], None],
        end: Callable[[Subscription, frames.Bye], None],
    ) -> None:
        self._workers = workers
        self._write = write
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Subscription] = deque()
        workers.keep([self.tick])

    def add(self, subscription: Subscription) -> None:
        """Visit this stream from now on until it ends."""
        now = self._loop.time()
        subscription.ping_at = now + settings.ping_seconds
        subscription.expires_at = now + settings.rotate_seconds * random.uniform(0.8, 1)  # noqa: S311 - spreads load
        self._queue.append(subscription)

    async def tick(self) -> None:
        """Ping who is due, rotate who stayed long enough, end the streams of those who are logged in no more."""
        while True:
            await asyncio.sleep(min(1.0, settings.ping_seconds / 4))
            now = self._loop.time()
            due = self._take_due(now)
            has_left = await self._who_left(due)
            for turn, subscription in enumerate(due, start=1):
                if subscription in has_left:
                    self._end(subscription, "auth")
                elif now >= subscription.expires_at:
                    self._end(subscription, "rotate")
                elif subscription.is_live and not subscription.due:
                    self._write(subscription, frames.ping(subscription.modseq))
                if turn % STREAMS_PER_TURN == 0:
                    await asyncio.sleep(0)

    def _take_due(self, now: float) -> list[Subscription]:
        due: list[Subscription] = []
        while self._queue and (self._queue[0].is_ended or self._queue[0].ping_at <= now):
            subscription = self._queue.popleft()
            if not subscription.is_ended:
                due.append(subscription)
                subscription.ping_at = now + settings.ping_seconds
                self._queue.append(subscription)
        return due

    async def _who_left(self, due: list[Subscription]) -> set[Subscription]:
        """Return the streams whose user is logged in no more. Where that cannot be found out now, streams go on."""
        credentials = {subscription.credential for subscription in due}
        if not credentials:
            return set()
        try:
            async with asyncio.timeout(CHECK_SECONDS):  # a database that hangs shall not keep back the pings
                users, failed = await self._workers.ask(auth.look_up, credentials)
        except Exception as error:  # a database that is away must not end every stream
            logger.warning(
                "Could not check %d sessions and tokens: %s: %s", len(credentials), type(error).__name__, error
            )
            return set()
        for failure in failed.values():
            logger.warning("Could not check a session: %s", type(failure).__name__)
        return {
            subscription
            for subscription in due
            if subscription.credential not in failed
            and getattr(users.get(subscription.credential), "pk", None) != subscription.user_id
        }


class Door:
    """Who comes in: the credentials of those who connect while a look-up runs are looked up together in the next one."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[auth.Credential, asyncio.Future[Any]] = {}
        self._is_open = False  # whether `_answer_all` runs

    async def user_of(self, credential: auth.Credential) -> Any:
        """Return the user whom a session or a token lets in, or None.

        Raises:
            TimeoutError: the database did not answer in time, or too many wait for it already.
        """
        future = self._waiting.get(credential)
        if future is None:
            if len(self._waiting) >= settings.streams_per_process:
                raise TimeoutError(f"{len(self._waiting)} others wait to be looked up")
            future = self._waiting[credential] = self._loop.create_future()
            if not self._is_open:
                self._is_open = True
                self._workers.start(self._answer_all(), "door")
        return await asyncio.shield(future)

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # whoever comes in this turn of the loop comes along
                batch, self._waiting = self._waiting, {}
                await self._answer(batch)
        finally:
            self._is_open = False
            for future in self._waiting.values():  # the hub stops
                future.cancel()

    async def _answer(self, waiting: dict[auth.Credential, asyncio.Future[Any]]) -> None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                users, failed = await self._workers.ask(auth.look_up, waiting)
        except asyncio.CancelledError:  # the hub stops; who waits is not to wait for ever
            for future in waiting.values():
                future.cancel()
            raise
        except Exception as error:  # handed to everyone who waits for it
            failed, users = dict.fromkeys(waiting, error), {}
        for key, future in waiting.items():
            if key in failed:
                future.set_exception(failed[key])
                future.exception()  # marks it as seen: the one who waited may have gone
            else:
                future.set_result(users.get(key))
