"""Step 4c: catching up. Streams that do not stand at the head are found and brought there from the log, in batches.

Receives from `hub/` the streams that are owed something: new ones, ones with a gap, ones that were slow. `sweep` finds
the ones that nobody told: it is the guarantee behind the doorbell, and compares every connected user's position with
the inbox table every few seconds in one query (for each 500 users).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db import InterfaceError, OperationalError

from ..conf import settings
from ..counts import counts
from ..log.locks import chunks
from ..log.tail import Position, Replay, positions_of, read_after
from .subscription import EVER, Subscription
from .workers import Workers

__all__ = ["CatchUp", "look_up_log"]

logger = logging.getLogger("notifications.hub")

STREAMS_PER_READ: Final = 500

Positions = dict[Any, set[Position | None]]  # by user
Replays = dict[tuple[Any, Position | None], Replay]
Deliver = Callable[[Subscription, Replay], None]


class CatchUp:
    """The streams that wait for a read of the log. `deliver` is called with what each is owed."""

    def __init__(
        self,
        workers: Workers,
        users: dict[str, list[Subscription]],
        deliver: Deliver,
        on_swept: Callable[[], None] = lambda: None,
    ) -> None:
        self._workers = workers
        self._users = users
        self._on_swept = on_swept
        self._deliver = deliver
        self._waiting: dict[Subscription, None] = {}  # a set that keeps its order
        self._wake_reader = asyncio.Event()
        self._wake_sweeper = asyncio.Event()
        workers.keep([self.read, self.sweep])

    def soon(self, subscription: Subscription) -> None:
        """Read what this stream is owed, together with all others that wait."""
        subscription.is_reading = True
        subscription.heard = 0
        self._waiting[subscription] = None
        self._wake_reader.set()

    def forget(self, subscription: Subscription) -> None:
        """Read nothing for this stream any more."""
        self._waiting.pop(subscription, None)

    def sweep_now(self) -> None:
        """Sweep without waiting for the next turn, as after a time of deafness."""
        self._wake_sweeper.set()

    async def read(self) -> None:
        """Ask the log what streams are owed, all that wait at once."""
        while True:
            await self._wake_reader.wait()
            batch = list(self._waiting)[:STREAMS_PER_READ]
            positions: Positions = {}
            for subscription in batch:
                positions.setdefault(subscription.user_id, set()).add(subscription.position)
            replays = await self._ask(positions)
            for subscription in batch:
                if self._waiting.pop(subscription, EVER) is None:  # it did not leave meanwhile
                    self._hand_over(subscription, replays.get((subscription.user_id, subscription.position)))
            if not self._waiting:
                self._wake_reader.clear()
            await asyncio.sleep(0)

    async def _ask(self, positions: Positions) -> Replays:
        """Read for all of them at once. Where that fails, read for each alone: one bad row holds up its user only."""
        counts.log_reads += 1
        try:
            return await self._workers.ask(read_after, positions)
        except (InterfaceError, OperationalError):
            raise  # the database is away: all of them wait, and nobody is forgotten
        except Exception as error:
            if len(positions) > 1:
                alone = [await self._ask({user_id: mine}) for user_id, mine in positions.items()]
                return {key: replay for replays in alone for key, replay in replays.items()}
            user_id = next(iter(positions))
            logger.error("The log of user %s cannot be read: %s", user_id, type(error).__name__)  # noqa: TRY400 - no content
            return {}  # the sweeper comes back to this user

    def _hand_over(self, subscription: Subscription, replay: Replay | None) -> None:
        subscription.is_reading = False
        if subscription.sending is not None:  # frames that were due went out meanwhile, and not at once
            subscription.heard = EVER
        elif replay is not None:  # None: the user was deleted, or the log cannot be read
            self._deliver(subscription, replay)

    async def sweep(self) -> None:
        """Compare every stream's position with its log's head; read for those that differ."""
        while True:
            try:
                async with asyncio.timeout(settings.sweep_seconds):
                    await self._wake_sweeper.wait()
            except TimeoutError:
                pass
            self._wake_sweeper.clear()
            for portion in chunks([mine[0].user_id for mine in self._users.values()]):
                found = await self._workers.ask(positions_of, portion)
                for user_id in portion:
                    self._compare(self._users.get(str(user_id), ()), found.get(user_id))
            self._on_swept()
            counts.sweeps += 1

    def _compare(self, mine: Iterable[Subscription], head: Position | None) -> None:
        """Read for those that do not stand at the head. None: the user has no inbox (any more); the read makes one."""
        for subscription in mine:
            # also when it is ahead: then the read says whether the head was just old or the log was put back
            if subscription.is_idle and (subscription.position != head or not subscription.has_hello):
                counts.rescues += 1
                self.soon(subscription)


def look_up_log(keys: Iterable[tuple[Any, Position | None]]) -> tuple[Replays, dict[Any, Exception]]:
    """Return what each (user, position) is owed, and where the log could not be read: one bad row fails its user only.

    A database that is away raises, for then nobody's answer is known.
    """
    wanted = list(keys)
    positions: Positions = {}
    for user_id, position in wanted:
        positions.setdefault(user_id, set()).add(position)
    try:
        return read_after(positions), {}
    except (InterfaceError, OperationalError):
        raise
    except Exception as error:
        if len(wanted) == 1:
            return {}, {wanted[0]: error}
    replays: Replays = {}
    failed: dict[Any, Exception] = {}
    for key in wanted:
        found, failure = look_up_log([key])
        replays |= found
        failed |= failure
    return replays, failed
