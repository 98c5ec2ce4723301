"""The security log, one line for each event: logins refused, tokens made and revoked, data viewed and deleted by staff.

    INFO notifications.security token.made token=5 user=7 by=1
    WARNING notifications.security token.refused reason=unknown times=412

Receives events from wherever they happen. Guarantees that a line holds ids, counts and the reasons below and nothing that
anybody wrote, and that strangers cannot fill the log: what they can bring about at will is told at most once a minute for
each event, reason and id, with how often it happened since the line before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from typing import Any, Final, NamedTuple
from urllib.parse import quote

__all__ = ["EVENTS", "Tally", "record"]

logger = logging.getLogger("notifications.security")


class Event(NamedTuple):
    """How loud an event is, what it means, and whether somebody can repeat it at will."""

    level: int
    meaning: str
    is_tallied: bool = False


EVENTS: Final = {
    "token.made": Event(logging.INFO, "a token was made, by a member of staff or by code (`by=-`)"),
    "token.used": Event(logging.INFO, "a token was used for the first time"),
    "token.revoked": Event(logging.INFO, "a token was revoked, by staff, by its reader or by code"),
    "token.refused": Event(
        logging.WARNING,
        "a token was shown that lets nobody in: `unknown`, `revoked`, `expired`, `user` or `maker` (not active, or without "
        "the right), `scope`",
        is_tallied=True,
    ),
    "program.sent": Event(logging.INFO, "the API told users, or ordered a broadcast"),
    "login.missing": Event(logging.INFO, "a stream was refused because nobody was logged in", is_tallied=True),
    "admission.refused": Event(
        logging.WARNING, "`NOTIFICATIONS_ADMIT` did not allow a known user to follow", is_tallied=True
    ),
    "origin.refused": Event(logging.WARNING, "a page of another origin was refused", is_tallied=True),
    "limit.hit": Event(logging.WARNING, "somebody did more than a limit grants", is_tallied=True),
    "permission.refused": Event(logging.WARNING, "a user lacks a permission", is_tallied=True),
    "staff.looked": Event(logging.INFO, "a member of staff opened a notification or an inbox"),
    "staff.listed": Event(logging.INFO, "a member of staff opened a list of everybody's", is_tallied=True),
    "broadcast.cancelled": Event(logging.INFO, "a broadcast was cancelled"),
    "broadcast.retracted": Event(logging.INFO, "a broadcast was taken back"),
}


class Tally:
    """Counts what is repeated, so that one line tells of many."""

    LINE_SECONDS: Final = 60.0
    MAX_KEYS: Final = 2_000  # past these the oldest is forgotten: its next line says less than happened

    def __init__(self) -> None:
        self._lines: OrderedDict[Any, tuple[float, int]] = OrderedDict()
        self._guard = threading.Lock()

    def count(self, key: Any) -> int:
        """Count one more; return how many a line is to tell of now, or 0 where there was one lately."""
        now = time.monotonic()
        with self._guard:
            told_at, untold = self._lines.pop(key, (-self.LINE_SECONDS, 0))
            is_due = now - told_at >= self.LINE_SECONDS
            self._lines[key] = (now, 0) if is_due else (told_at, untold + 1)
            if len(self._lines) > self.MAX_KEYS:
                self._lines.popitem(last=False)
        return untold + 1 if is_due else 0


tally: Final = Tally()


def record(event: str, **ids: Any) -> None:
    """Write a line about an event of `EVENTS`. Blocks for as long as the logger's handlers do.

    Args:
        event: its name.
        ids: primary keys, counts and reasons; None is written as `-`.
    """
    kind = EVENTS[event]
    if kind.is_tallied:
        times = tally.count((event, *ids.items()))
        if not times:
            return
        ids["times"] = times
    words = (f"{name}={'-' if value is None else quote(str(value), safe=':.')}" for name, value in ids.items())
    logger.log(kind.level, " ".join((event, *words)))
