"""Witnesses: clients that follow a stream as a browser does, and hold the server to its word about each frame.

Besides the state that any `Client` keeps, a witness remembers when it reached each position, and all witnesses of a user
write what they are told into one `Account`: no two may be told different things of the same moment.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from tests.support.client import Client
from tests.support.socket_client import OverSocket

from .records import digest

__all__ = ["Account", "SocketWitness", "Witness"]

JOURNAL_ENTRIES: Final = 300  # enough to see how a failure came about
# A doorbell tells at most so many rows, and a replay's frame no longer than log/tail.py's `MAX_FRAME_BYTES` is always
# its last: in these frames the counters are those of the frame's own `modseq`. Others, of a long replay, carry the head's.
EXACT_ROWS: Final = 50
EXACT_BYTES: Final = 12 * 1024


class Account:
    """What all witnesses of one user were told together."""

    def __init__(self, user: int) -> None:
        self.user = user
        self.rows: dict[tuple[int, int], int] = {}  # (pk, modseq) → digest
        self.counters: dict[int, tuple[int, int]] = {}  # modseq → unread, unseen
        self.contradictions: list[str] = []
        self.head = 0

    def hear_rows(self, items: Sequence[dict[str, Any]]) -> None:
        for item in items:
            read, archived = bool(item["read_at"]), bool(item["archived_at"])
            mine = digest(
                title=item["title"], level=item["level"], body=item["body"], is_read=read, is_archived=archived
            )
            key = item["id"], item["modseq"]
            if self.rows.setdefault(key, mine) != mine:
                self.contradictions.append(f"user {self.user}: item {key[0]} as of {key[1]} was told in two ways")

    def hear_change(self, data: dict[str, Any]) -> None:
        """Note an item that is said to be there and gone in one frame."""
        both = {item["id"] for item in data["upsert"]} & set(data["gone"])
        if both:
            self.contradictions.append(f"user {self.user} at {data['modseq']}: items {both} are both told and gone")

    def hear_counters(self, modseq: int, unread: int, unseen: int) -> None:
        if self.counters.setdefault(modseq, (unread, unseen)) != (unread, unseen):
            self.contradictions.append(
                f"user {self.user} at {modseq}: {unread} unread, {unseen} unseen; before {self.counters[modseq]}"
            )


def is_exact(items: Sequence[dict[str, Any]]) -> bool:
    """Return whether the counters told with these items are those of their own moment."""
    return len(items) <= EXACT_ROWS and len(json.dumps(items)) <= EXACT_BYTES


class OnlineClock:
    """How long a line has stood, up to any moment of the wall clock."""

    def __init__(self) -> None:
        self._times: array[float] = array("d")  # when it opened, closed, opened, …
        self._totals: array[float] = array("d")  # the time online up to then

    def start(self) -> None:
        """Begin to count. Calling it twice is harmless."""
        if len(self._times) % 2 == 0:
            self._switch()

    def stop(self) -> None:
        """Count no more. Calling it twice is harmless."""
        if len(self._times) % 2 == 1:
            self._switch()

    def between(self, start: float, end: float) -> float:
        """Return how much of a span of time the line stood."""
        return self._up_to(end) - self._up_to(start)

    def _switch(self) -> None:
        now = time.time()
        self._totals.append(self._up_to(now))
        self._times.append(now)

    def _up_to(self, moment: float) -> float:
        count = bisect_right(self._times, moment)
        if not count:
            return 0.0
        return self._totals[count - 1] + (moment - self._times[count - 1] if count % 2 else 0.0)


class Witness(Client):
    """One client of one user, that goes to any of the line-up's servers each time it connects."""

    def __init__(
        self, name: str, urls: Sequence[str], cookie: str, account: Account, news: asyncio.Event, **options: Any
    ) -> None:
        super().__init__(urls[0], cookie, journal_size=JOURNAL_ENTRIES, **options)
        self.name = name
        self.account = account
        self.urls = urls
        self.tally: Counter[str] = Counter()
        self.applied_twice = 0
        self.backwards: list[str] = []
        self._news = news
        self._rng = random.Random(name)
        self._applied: set[tuple[int, int]] = set()
        self._modseqs: array[int] = array("Q")  # the positions it reached, …
        self._times: array[float] = array("d")  # and when
        self.online = OnlineClock()
        self._last = (0, 0)

    def reached(self, modseq: int) -> float | None:
        """Return when it reached a `modseq` or passed it, by the wall clock."""
        index = bisect_left(self._modseqs, modseq)
        return self._times[index] if index < len(self._modseqs) else None

    def freeze(self) -> None:
        """Read nothing any more. From now on it is its own fault that it knows nothing."""
        super().freeze()
        self.online.stop()

    def thaw(self) -> None:
        """Read again."""
        super().thaw()
        if self.is_connected:
            self.online.start()

    async def _connect(self) -> str:
        self.url = self._rng.choice(self.urls)
        return await super()._connect()

    def _note(self, event: str, position: str, data: Any, outcome: str = "") -> None:
        super()._note(event, position, data, outcome)
        self.tally[f"bye {data['reason']}" if event == "bye" else event] += 1
        if event == "hello":
            self.tally[f"hello {data['mode']}"] += 1
        elif event == "open":
            self.online.start()
        elif event == "end":
            self.online.stop()
        elif event == "change":
            self.account.hear_change(data)
            self.account.hear_rows(data["upsert"])
            if data["prev"] == data["modseq"] - 1 and is_exact(data["upsert"]):
                self.account.hear_counters(data["modseq"], data["unread"], data["unseen"])
            self.tally["told again"] += outcome == "known"
            if outcome == "applied":
                self._count_application()
        elif event == "reset":
            snapshot = data["snapshot"]
            self.account.hear_rows(snapshot["items"])
            self.account.hear_counters(data["modseq"], snapshot["unread"], snapshot["unseen"])
            self.tally[f"reset {data['reason']}"] += 1
        if outcome == "applied":
            self._advance()

    def _count_application(self) -> None:
        key = self.replica.epoch, self.replica.modseq
        self.applied_twice += key in self._applied
        self._applied.add(key)

    def _advance(self) -> None:
        here = self.replica.epoch, self.replica.modseq
        if here[0] == self._last[0] and here[1] < self._last[1]:
            self.backwards.append(f"{self.name} went from {self._last} back to {here}")
        elif here != self._last:
            self._modseqs.append(here[1])
            self._times.append(time.time())
        self._last = here
        if here[1] > self.account.head:
            self.account.head = here[1]
            self._news.set()


class SocketWitness(OverSocket, Witness):
    """The same over WebSocket."""
