"""The pace of a worker: how many users go into a chunk, and how long it rests after one.

Guarantees that a chunk whose locks were held for longer than `AIM_SECONDS` makes the next ones smaller, that the site's
limit of users in a second is kept, and that other writers get in where the database has one lock for all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from django.db import connections

from ..conf import settings

__all__ = ["Pace"]

T = TypeVar("T")

MOST_USERS: Final = 500  # as notify_many(): locks are held for some 10 ms
LEAST_USERS: Final = 20
AIM_SECONDS: Final = 0.05  # half of the 100 ms for which another writer may have to wait
CHUNKS_PER_SECOND: Final = 4  # at a limited rate, so that it is an even one


class Pace:
    """What one worker has learnt about its database."""

    def __init__(self) -> None:
        self.size = MOST_USERS

    def portions(self, keys: Sequence[T]) -> Iterator[Sequence[T]]:
        """Yield keys in chunks of the size that is right when each is asked for."""
        start = 0
        while start < len(keys):
            rate = settings.send_users_per_second
            size = min(self.size, max(1, rate // CHUNKS_PER_SECOND)) if rate else self.size
            yield keys[start : start + size]
            start += size

    def rest(self, using: str, *, users: int, held_seconds: float) -> None:
        """Take in how long a chunk held its locks, and give way to others."""
        if held_seconds > AIM_SECONDS:
            self.size = max(min(LEAST_USERS, MOST_USERS), self.size // 2)
        elif held_seconds < AIM_SECONDS / 4:
            self.size = min(MOST_USERS, self.size * 2)
        rate = settings.send_users_per_second
        rest_seconds = users / rate - held_seconds if rate else 0.0
        if not connections[using].features.has_select_for_update:  # SQLite does not queue writers
            rest_seconds = max(rest_seconds, held_seconds / 2)
        time.sleep(max(rest_seconds, 0.0))
