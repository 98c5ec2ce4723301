"""What happened to a client, in order and with times, for a test to wait for and to look through."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Entry", "Journal"]

SHOWN_ENTRIES: Final = 25


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: an event of the stream, or `open`, `refused` or `end` of a connection, which say why in `data`."""

    at: float  # time.monotonic()
    connection: int
    event: str
    position: str
    data: Any
    outcome: str

    def __str__(self) -> str:
        text = f"{self.at:.3f} #{self.connection} {self.event} {self.position} {self.outcome} {self.data}"
        return text if len(text) <= 300 else f"{text[:300]}…"


class Journal:
    """The entries of one client, all of them or the latest `size`."""

    def __init__(self, size: int | None = None) -> None:
        self.entries: deque[Entry] = deque(maxlen=size)
        self.counts: Counter[str] = Counter()  # of events, also of those whose entries were forgotten
        self._news = asyncio.Event()

    def __str__(self) -> str:
        """The latest entries, for a failure's message."""
        return "\n".join(str(entry) for entry in list(self.entries)[-SHOWN_ENTRIES:])

    def note(self, connection: int, event: str, position: str, data: Any, outcome: str) -> None:
        """Add an entry and wake who waits for one."""
        self.entries.append(Entry(time.monotonic(), connection, event, position, data, outcome))
        self.counts[event] += 1
        self.wake()

    def wake(self) -> None:
        """Let who waits look again, also where nothing was added."""
        self._news.set()

    def all(self, event: str) -> list[Entry]:
        """Return the entries of one kind."""
        return [entry for entry in self.entries if entry.event == event]

    def mentions(self, text: str) -> bool:
        """Return whether a text stands anywhere in what the client was told."""
        return any(text in str(entry.data) for entry in self.entries)

    async def until(self, condition: Callable[[], object], *, seconds: float) -> None:
        """Wait for entries until a condition holds, at most this long. One waiter at a time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._news.wait()
                    self._news.clear()
