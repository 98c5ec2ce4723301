"""The heartbeat: what happens to streams because time passes: pings, rotation, the check of sessions.

Every stream is visited once in each ping interval, in the order of joining. Those due in one tick are checked together,
so a logout, or a token revoked, ends the streams within one ping. Where a site's own hook judges, each is asked about by
itself, beside the pings and a few at a time; each stands in that line once, however long it is.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from django.core.exceptions import PermissionDenied

from ..access.kept_request import KeptRequest
from ..conf import settings
from ..protocol import frames
from ..protocol.bye import Bye
from .authenticator import AGAIN_AT_ONCE, Authenticator
from .batcher import CHECK_SECONDS
from .executor import Executor
from .subscription import Subscription

__all__ = ["Heartbeat"]

logger = logging.getLogger("notifications.hub")

STREAMS_PER_TURN: Final = 200  # pings before the loop gets a turn
REST_SECONDS: Final = 1.0  # after a hook failed: with a database that is away, each further question would fail as well


class Heartbeat:
    """The streams by the time of their next visit, which is one interval away for all of them."""

    def __init__(
        self,
        executor: Executor,
        authenticator: Authenticator,
        write: Callable[[Subscription, bytes], None],
        end: Callable[[Subscription, Bye], None],
    ) -> None:
        self._executor = executor
        self._authenticator = authenticator
        self._write = write
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Subscription] = deque()
        self._unasked: dict[Subscription, None] = {}  # whose hook is to be asked, in this order
        self._asking = 0
        executor.keep([self.tick])

    def add(self, subscription: Subscription) -> None:
        """Visit this stream from now on until it ends."""
        now = self._loop.time()
        subscription.ping_at = now + settings.ping_seconds
        subscription.expires_at = now + settings.rotate_seconds * random.uniform(0.8, 1)  # noqa: S311 - spreads load
        self._queue.append(subscription)

    async def tick(self) -> None:
        """Ping streams that are due, rotate those that are old enough, end those of users who are no longer logged in."""
        while True:
            await asyncio.sleep(min(1.0, settings.ping_seconds / 4))
            now = self._loop.time()
            due = self._take_due(now)
            has_left = await self._find_gone(due)
            self._ask_soon(each for each in due if isinstance(each.credential, KeptRequest))
            for turn, subscription in enumerate(due, start=1):
                if subscription in has_left:
                    self._end(subscription, Bye.AUTH)
                elif now >= subscription.expires_at:
                    self._end(subscription, Bye.ROTATE)
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

    async def _find_gone(self, due: list[Subscription]) -> set[Subscription]:
        """Return the streams whose user is logged in no more. Where that cannot be found out now, streams go on."""
        credentials = {each: each.credential for each in due if not isinstance(each.credential, KeptRequest)}
        if not credentials:
            return set()
        distinct = set(credentials.values())
        try:
            async with asyncio.timeout(CHECK_SECONDS):  # a database that hangs must not delay the pings
                users, failed = await self._authenticator.authenticate_all(distinct)
        except Exception as error:  # a database that is away must not end every stream
            logger.warning("Could not check %d sessions and tokens: %s: %s", len(distinct), type(error).__name__, error)
            return set()
        for failure in failed.values():
            logger.warning("Could not check a session: %s", type(failure).__name__)
        return {
            subscription
            for subscription, credential in credentials.items()
            if credential not in failed and getattr(users.get(credential), "pk", None) != subscription.user_id
        }

    def _ask_soon(self, due: Iterable[Subscription]) -> None:
        """Have the site's hook asked again about these."""
        self._unasked.update(dict.fromkeys(due))
        for _ in range(min(AGAIN_AT_ONCE - self._asking, len(self._unasked))):
            self._asking += 1
            self._executor.start(self._ask_on(), "admission")

    async def _ask_on(self) -> None:
        """Ask about one after the other, until nobody is left. Where it cannot be found out, the stream goes on."""
        try:
            while self._unasked:
                subscription = next(iter(self._unasked))
                del self._unasked[subscription]
                if subscription.is_ended:
                    continue
                try:
                    user = await self._authenticator.authenticate(subscription.credential)
                except PermissionDenied:
                    user = None
                except Exception as error:  # the site's own code may raise anything
                    logger.warning(
                        "Could not ask about a stream of user %s: %r", subscription.key, type(error).__name__
                    )
                    await asyncio.sleep(REST_SECONDS)
                    continue
                if getattr(user, "pk", None) != subscription.user_id:
                    self._end(subscription, Bye.AUTH)
        finally:
            self._asking -= 1
