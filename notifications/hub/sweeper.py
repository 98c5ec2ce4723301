"""The sweeper: at each interval, look whether a log went on without those who follow it. The guarantee of delivery.

The hub's streams, django-eventstream's listeners and `tail_notifications` sweep alike; what must outlast a sweep or
two, such as the lease of a process, is derived from the same interval here, and nowhere else is it read.

`Sweeper` finds the hub's streams that nobody told: it compares every connected user's position with the inbox table, in one
query for each 500 users.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from ..conf import settings
from ..log.keys import chunks
from ..log.replay import read_positions
from ..protocol.position import Position
from .counters import counters
from .executor import Executor
from .subscription import Subscription

__all__ = [
    "Sweeper",
    "absence_seconds",
    "interval_seconds",
    "lease_seconds",
    "renewal_seconds",
    "sweep_forever",
    "tick_seconds",
]

ANSWER_SECONDS: Final = 5.0  # longest wait for the positions of 500 users
TICKS_PER_SWEEP: Final = 3
LEASE_SWEEPS: Final = 3  # a late sweep or two do not take everybody offline


class Sweeper:
    """Looks after the streams of one hub.

    Args:
        executor: where the database is asked.
        users: the hub's streams.
        catch_up: called with each stream that does not stand where its log ends.
        on_swept: called after each sweep.
    """

    def __init__(
        self,
        executor: Executor,
        users: dict[str, list[Subscription]],
        catch_up: Callable[[Subscription], None],
        on_swept: Callable[[], None],
    ) -> None:
        self._executor = executor
        self._users = users
        self._catch_up = catch_up
        self._on_swept = on_swept
        self._wakeup = asyncio.Event()
        executor.keep([self.sweep])

    def sweep_now(self) -> None:
        """Sweep without waiting for the next turn, as after a time of deafness."""
        self._wakeup.set()

    async def sweep(self) -> None:
        """Compare every stream's position with its log's head, at each interval; have those read for that differ."""
        await sweep_forever(self._sweep_once, self._wakeup)

    async def _sweep_once(self) -> None:
        for portion in chunks([mine[0].user_id for mine in self._users.values()]):
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._executor.run(read_positions, portion)
            for user_id in portion:
                self._compare(self._users.get(str(user_id), ()), found.get(user_id))
        self._on_swept()
        counters.sweeps += 1

    def _compare(self, mine: Iterable[Subscription], head: Position | None) -> None:
        """Read for those that do not stand at the head. None: the user has no inbox (any more); one is made."""
        for subscription in mine:
            # also when it is ahead: then the read says whether the head was just old or the log was put back
            if subscription.is_idle and (subscription.position != head or not subscription.has_hello):
                counters.rescues += 1
                self._catch_up(subscription)


def interval_seconds() -> float:
    """Return the time from one sweep to the next: NOTIFICATIONS_SWEEP_SECONDS."""
    return settings.sweep_seconds


async def sweep_forever(sweep: Callable[[], Awaitable[None]], wakeup: asyncio.Event | None = None) -> None:
    """Sweep at each interval, and at once whenever `wakeup` is set. What the sweep raises ends it."""
    wakeup = wakeup or asyncio.Event()
    while True:
        try:
            async with asyncio.timeout(interval_seconds()):
                await wakeup.wait()
        except TimeoutError:
            pass
        wakeup.clear()
        await sweep()


# --- presence: what a hub writes down of its users (`presence_tracker.py`)


def tick_seconds() -> float:
    """Return how often is written down who joined and left: what happens just after a tick waits no whole sweep."""
    return interval_seconds() / TICKS_PER_SWEEP


def lease_seconds() -> float:
    """Return for how long a process counts as alive after it last said so."""
    return interval_seconds() * LEASE_SWEEPS


def renewal_seconds() -> float:
    """Return after how long the lease is renewed: one sweep, and not a tick too late."""
    return interval_seconds() * (1 - 0.5 / TICKS_PER_SWEEP)


def absence_seconds() -> float:
    """Return how long a user without a stream stays online; a tick later it is one sweep."""
    return interval_seconds() * (1 - 1 / TICKS_PER_SWEEP)
