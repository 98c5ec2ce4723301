"""Choose how many rows a chunk holds and how long to rest after it, by how long the last ones took.

Guarantees that a chunk whose locks were held for longer than `AIM_SECONDS` makes the next ones smaller, that the site's
limit of users in a second is kept, and that other writers get in where the database has one lock for all. For broadcasts,
whose chunks are users, and for pruning, whose chunks are rows (`operations/prune.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from django.db import connections

from ..conf import settings
from ..log.writes import USERS_PER_TRANSACTION

__all__ = ["Throttle"]

T = TypeVar("T")

LEAST_SIZE: Final = 20  # a chunk is never cut smaller than this
AIM_SECONDS: Final = 0.05  # half of the 100 ms for which another writer may have to wait
CHUNKS_PER_SECOND: Final = 4  # at a limited rate, so that it is an even one


class Throttle:
    """The size of the next chunk, and the rest after the last one.

    Args:
        most: the largest size; None: what is right for users.
        has_rate: whether NOTIFICATIONS_SEND_USERS_PER_SECOND is kept.
    """

    def __init__(self, *, most: int | None = None, has_rate: bool = True) -> None:
        self._most = USERS_PER_TRANSACTION if most is None else most
        self.size = self._most
        self._has_rate = has_rate

    def chunks(self, keys: Sequence[T]) -> Iterator[Sequence[T]]:
        """Yield keys in chunks of the size that is right when each is asked for."""
        start = 0
        while start < len(keys):
            rate = self._rate
            size = min(self.size, max(1, rate // CHUNKS_PER_SECOND)) if rate else self.size
            yield keys[start : start + size]
            start += size

    def rest(self, using: str, *, count: int, held_seconds: float) -> None:
        """Take in how long a chunk of so many held its locks, and give way to others."""
        if held_seconds > AIM_SECONDS:
            self.size = max(min(LEAST_SIZE, self._most), self.size // 2)
        elif held_seconds < AIM_SECONDS / 4:
            self.size = min(self._most, self.size * 2)
        rest_seconds = count / self._rate - held_seconds if self._rate else 0.0
        if not connections[using].features.has_select_for_update:  # SQLite does not queue writers
            rest_seconds = max(rest_seconds, held_seconds / 2)
        time.sleep(max(rest_seconds, 0.0))

    @property
    def _rate(self) -> int:
        return settings.send_users_per_second if self._has_rate else 0
