"""Limits: how much one user may do in a minute, counted by what is done and not by where it comes in.

Receives the user of an action, before it is done. Page, API and WebSocket ask here about everything that changes something
and about every search, so there is one budget for all of them. Sending by the API has a budget of its own. Openings of
streams are only counted, in the process (`OpeningCounter`): nobody who is logged in is refused one, but asked to come back
later.

Counted in Django's default cache, since several processes serve one user. A cache that is away grants everything: it must
not be what keeps readers from their notifications. Blocks for up to three questions to the cache, so never call it on an
event loop.

# Note [No doubling at the turn of the minute]

A counter for each minute of the clock grants twice the limit within a second, around the turn. So what counts is this minute
and as much of the minute before as the last sixty seconds still cover:

    600 granted; 12:00 had 500, 12:01 has 80, it is 12:01:15   →   500 × 45/60 + 80 = 455

No library does just this: django-ratelimit has fixed minutes, and `limits` a storage of its own beside Django's caches.
What is refused is not counted, so who keeps asking gets as much as who waits.
"""

from __future__ import annotations

import logging
import math
import time
from typing import Any, Final, Literal
from urllib.parse import quote

from django.core.cache import cache

from ..conf import settings
from ..exceptions import TooOften
from . import audit

__all__ = ["Kind", "OpeningCounter", "spend", "spend_address"]

logger = logging.getLogger("notifications.limits")

WINDOW_SECONDS: Final = 60
KEPT_SECONDS: Final = 2 * WINDOW_SECONDS

Kind = Literal["actions", "sends"]  # of what is counted


def spend(user: Any, kind: Kind = "actions") -> None:
    """Count one action of a user.

    Raises:
        TooOften: it is one more than this minute grants; nothing was counted.
    """
    most = settings.sends_per_minute if kind == "sends" else settings.actions_per_minute
    seconds = spend_one(f"{kind}.{quote(str(user.pk), safe='')}", most)
    if seconds:
        audit.record("limit.hit", kind=kind, user=user.pk)
        raise TooOften(seconds)


def spend_address(address: str) -> None:
    """Count one opening of public topics without a login. Raises as `spend()` does.

    Where nobody can tell the address (a Unix socket without NOTIFICATIONS_TRUSTED_PROXIES) nothing is counted: one visitor
    would shut all others out.
    """
    seconds = spend_one(f"openings.{quote(address, safe='')}", settings.openings_per_minute) if address else 0
    if seconds:
        audit.record("limit.hit", kind="openings", user=None)
        raise TooOften(seconds)


def spend_one(key: str, most: int) -> int:
    """Count one under a key, if no more than so many come together; return 0, or the seconds until one is granted."""
    minute, passed = divmod(time.time(), WINDOW_SECONDS)
    this, last = (f"notifications.{key}.{int(minute) - back}" for back in (0, 1))
    try:
        known = cache.get_many([this, last])
        now, before = known.get(this, 0), known.get(last, 0)
        seconds = compute_wait_seconds(most, now, before, passed)
        if not seconds and not cache.add(this, 1, KEPT_SECONDS):
            cache.incr(this)
    except ValueError:  # a cache that keeps nothing, or dropped it just now
        return 0
    except Exception as error:  # each cache has errors of its own
        complaint.make(error)
        return 0
    complaint.is_made = False
    return seconds


def compute_wait_seconds(most: int, now: int, before: int, passed: float) -> int:
    """Return the whole seconds until one more is granted; 0: it is. See Note [No doubling at the turn of the minute]."""
    if before * (1 - passed / WINDOW_SECONDS) + now + 1 <= most:
        return 0
    if now + 1 <= most:  # as soon as enough of the minute before is past
        return math.ceil(max(WINDOW_SECONDS * (1 - (most - now - 1) / before) - passed, 1))
    return math.ceil(WINDOW_SECONDS - passed + max(WINDOW_SECONDS * (1 - (most - 1) / now), 0))


class Complaint:
    """Says once that the cache is away, and again only when it was back in between."""

    is_made = False

    def make(self, error: Exception) -> None:
        """Write a line, unless one was written for this absence."""
        if not self.is_made:
            self.is_made = True
            text = "The default cache does not answer, so limits are not kept until it does: %s: %s"
            logger.warning(text, type(error).__name__, error)


complaint: Final = Complaint()


class OpeningCounter:
    """How often each user opened a stream lately, in one process. Asks nobody, so it may be used on an event loop.

    Two minutes are kept, and of each user two numbers at most; one object for each hub.
    """

    __slots__ = ("_before", "_minute", "_now")

    def __init__(self) -> None:
        self._minute = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def count(self, key: str) -> None:
        """Count one more of a user."""
        minute = int(time.monotonic() // WINDOW_SECONDS)
        if minute != self._minute:
            self._before = self._now if minute == self._minute + 1 else {}
            self._now = {}
            self._minute = minute
        self._now[key] = self._now.get(key, 0) + 1

    def are_many(self, key: str) -> bool:
        """Return whether a user comes back more often than NOTIFICATIONS_OPENINGS_PER_MINUTE."""
        rest = 1 - time.monotonic() % WINDOW_SECONDS / WINDOW_SECONDS
        return self._before.get(key, 0) * rest + self._now.get(key, 0) > settings.openings_per_minute
