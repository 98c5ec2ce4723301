"""A browser on the stream application, in this process: no server, no socket, no waiting for time.

A `Browser` is one connection. It plays the server as well: its `send` can be frozen, as when a transport's buffer is
full, and it disconnects when it is told to. Every wait has a deadline, so what never comes is a failure, not a hang.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["DEADLINE_SECONDS", "Application", "Browser", "Event", "Message", "request", "until"]

DEADLINE_SECONDS: Final = 40.0  # far above what anything here takes, also on a busy machine
Message = dict[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[Any]
]


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a browser dispatches it, with the `retry` that stood before it."""

    name: str
    data: dict[str, Any]
    id: str | None
    retry: int | None


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition may be anybody's; nothing is slept
            await asyncio.sleep(0)


def request(path: str, **fields: Any) -> Message:
    """Return the scope of a GET as servers make it (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        **fields,
    }


class Browser:
    """One connection to the stream, and what came over it."""

    def __init__(self, scope: Message, application: Application) -> None:
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.writes_in_flight = 0
        self.most_writes_in_flight = 0
        self._seen = 0
        self._text = ""
        self._retry: int | None = None
        self._news = asyncio.Event()
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._breaks: Exception | None = None
        self._gone = asyncio.Event()
        self.task = asyncio.create_task(self._run(application, scope))

    async def _run(self, application: Application, scope: Message) -> None:
        await application(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._breaks is not None:
            raise self._breaks
        self.writes_in_flight += 1
        self.most_writes_in_flight = max(self.most_writes_in_flight, self.writes_in_flight)
        try:
            if not self._may_send.is_set():
                await self._may_send.wait()
                if self._breaks is not None:
                    raise self._breaks
        finally:
            self.writes_in_flight -= 1
        self.messages.append(message)
        if message["type"] == "http.response.body":
            self._parse(message["body"])
            if not message.get("more_body", False):
                self._gone.set()  # as servers do: the response is over, so is the request
        self._news.set()

    def _parse(self, body: bytes) -> None:
        *blocks, self._text = (self._text + body.decode()).split("\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            if "retry" in fields:
                self._retry = int(fields["retry"])
            if "data" in fields:
                event = Event(fields["event"], json.loads(fields["data"]), fields.get("id"), self._retry)
                self.events.append(event)
                self._retry = None

    # --- what a test asks

    async def next(self, name: str | None = None) -> Event:
        """Return the next event, which must have this name."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self._seen == len(self.events):
                self._news.clear()
                await self._news.wait()
        event = self.pop()
        assert name is None or event.name == name, f"expected {name}, got {event}"
        return event

    async def next_but_pings(self) -> Event:
        """Return the next event that is no ping."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (event := await self.next()).name == "ping":
                pass
        return event

    def pop(self) -> Event:
        """Return the next event, which has already come."""
        self._seen += 1
        return self.events[self._seen - 1]

    async def hello(self) -> Event:
        """Return `hello`, and pass over the reset that follows it on a stream from nowhere."""
        event = await self.next("hello")
        if event.data["mode"] == "reset":
            await self.next("reset")
        return event

    @property
    def unseen_events(self) -> list[Event]:
        return self.events[self._seen :]

    @property
    def writes(self) -> list[bytes]:
        """The bodies, one for each write."""
        return [message["body"] for message in self.messages if message["type"] == "http.response.body"]

    @property
    def position(self) -> str:
        """What the browser would send as `Last-Event-ID`."""
        return next((event.id for event in reversed(self.events) if event.id is not None), "")

    @property
    def status(self) -> int | None:
        return self.messages[0]["status"] if self.messages else None

    async def answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Wait until the application has ended; return status, headers and the whole body."""
        await self.ended()
        return self.messages[0]["status"], dict(self.messages[0]["headers"]), b"".join(self.writes)

    async def ended(self) -> None:
        """Wait until the application has returned or was cancelled."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.wait([self.task])
        if not self.task.cancelled():
            self.task.result()

    # --- what a test does

    def freeze(self) -> None:
        """Read nothing more: a write begins and does not finish."""
        self._may_send.clear()

    def thaw(self) -> None:
        """Read on."""
        self._may_send.set()

    def break_writes(self, error: Exception) -> None:
        """Let every further write raise, as servers do whose client has gone."""
        self._breaks = error

    def break_after_thaw(self, error: Exception) -> None:
        """Let the write that waits raise, as when the peer resets the connection."""
        self._breaks = error
        self.thaw()

    async def disconnect(self) -> None:
        """Close the connection and wait until the application has noticed."""
        self._gone.set()
        self.thaw()
        await self.ended()
