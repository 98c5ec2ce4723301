"""Read `text/event-stream` over HTTP/1.1 as a browser does, without a line of the code under test.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Decoder", "Event", "read_chunks", "read_head"]

LINE_END: Final = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event; `last_event_id` also when an earlier event set it."""

    name: str
    data: str
    last_event_id: str


class Decoder:
    """The state of one EventSource: what it would send as `Last-Event-ID`, and how long it would wait."""

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry_ms: int | None = None
        self.reset()

    def reset(self) -> None:
        """Begin another response. What was half read is lost, as it is in a browser."""
        self._rest = b""
        self._is_first = True
        self._id = self.last_event_id
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """Take in bytes, cut anywhere; return the events that they complete."""
        self._rest += chunk
        if self._is_first and len(self._rest) >= 3:
            self._rest = self._rest.removeprefix(b"\xef\xbb\xbf")
            self._is_first = False
        events: list[Event] = []
        while match := LINE_END.search(self._rest):
            if match.group() == b"\r" and match.end() == len(self._rest):
                break  # LF may follow
            line, self._rest = self._rest[: match.start()], self._rest[match.end() :]
            event = self._take(line.decode("utf-8", "replace"))
            if event is not None:
                events.append(event)
        return events

    def _take(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        field, _colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value)
        return None

    def _dispatch(self) -> Event | None:
        name, data = self._name or "message", self._data
        self._name, self._data = "", []
        self.last_event_id = self._id
        return Event(name, "\n".join(data), self.last_event_id) if data else None


async def read_head(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Return the status of a response and its header lines in lower case."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    return int(head.split(" ", 2)[1]), head.strip()


async def read_chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the body of a chunked response up to its proper end.

    Raises:
        asyncio.IncompleteReadError: the connection ended before.
    """
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
