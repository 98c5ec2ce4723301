"""The sweep: at this interval, everybody who follows a log looks whether it went on without them. The guarantee of delivery.

The hub's streams, django-eventstream's listeners and `tail_notifications` sweep alike; what must outlast a sweep or
two, such as the lease of a process, is derived from the same interval here, and nowhere else is it read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ..conf import settings

__all__ = [
    "absence_seconds",
    "interval_seconds",
    "lease_seconds",
    "renewal_seconds",
    "sweep_forever",
    "tick_seconds",
]

TICKS_PER_SWEEP: Final = 3
LEASE_SWEEPS: Final = 3  # a late sweep or two do not take everybody offline


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
