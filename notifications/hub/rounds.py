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
from typing import Final

from ..access import auth
from ..conf import settings
from ..wire import frames
from .subscription import Subscription
from .together import CHECK_SECONDS
from .workers import Workers

__all__ = ["Rounds"]

logger = logging.getLogger("notifications.hub")

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
