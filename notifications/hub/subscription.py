"""One open stream as the hub sees it: where its client stands, and how bytes get to it.

A subscription is `reading` (the log is being asked what its client is owed), `sending` (a write has not finished) or
neither, and then it is live: a change that continues from its position goes straight out. What rings in the other two
states is only remembered by number, so a slow reader costs the same few bytes however much happens meanwhile.

# Note [Stepping a send]

A write to a client that keeps up finishes without waiting: uvicorn and Daphne hand the bytes to the transport and
return. So the hub does not start a task for it, it steps the coroutine once itself (`next(awaitable.__await__())`).
Only when the step yields, because the transport's buffer is full, does a task take over the half-run coroutine. This is
what saves a queue and a task for each stream (measured: 54,800 against 31,000 deliveries for each second of CPU).
Where the server is known, not even that: the HTTP chunk is made once for all of a user's streams and put on each line
(measured: uvicorn 80,000 → 120,000, Daphne 45,000 → 90,000).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final

from ..access.admission import Credential
from ..log.keys import UserKey
from ..protocol import sse
from ..protocol.bye import Bye
from ..protocol.position import Position
from .transports import Chunk, Send, WriteNow

__all__ = ["MAX_DUE_BYTES", "READ_AGAIN", "START", "Resumed", "Subscription", "build_start"]

# Frames for one stream in one turn of the loop go out as one write up to this; then another one begins.
MAX_DUE_BYTES: Final = 12 * 1024
READ_AGAIN: Final = 2**63  # as what was heard: past every modseq, so that only a new read can settle it
START: Final[dict[str, Any]] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", sse.CONTENT_TYPE),
        (b"cache-control", b"no-store, no-transform"),  # no-transform: a proxy that compresses would hold frames back
        (b"x-accel-buffering", b"no"),  # nginx: pass each frame on at once
    ],
}


def build_start(headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """Return the start of a response with these headers as well."""
    return {**START, "headers": [*START["headers"], *headers]} if headers else START


chunk: Final = Chunk()


class Subscription:
    """One client's stream. Only the hub's event loop touches it."""

    __slots__ = (
        "credential",
        "due",
        "due_bytes",
        "epoch",
        "expires_at",
        "has_hello",
        "has_started",
        "heard",
        "is_ended",
        "is_malformed",
        "is_reading",
        "key",
        "modseq",
        "on_bye",
        "owner",
        "ping_at",
        "send",
        "sending",
        "start",
        "user_id",
        "write_now",
    )

    def __init__(
        self,
        *,
        user_id: UserKey,
        credential: Credential,
        send: Send,
        position: Position | None,
        write_now: WriteNow | None = None,
    ) -> None:
        self.user_id = user_id
        self.key = str(user_id)  # how doorbells name the user
        self.credential = credential  # what is looked at again with every ping
        self.send = send
        self.write_now = write_now
        self.epoch, self.modseq = position or (0, 0)
        self.heard = 0  # highest modseq that rang while reading or sending
        self.start = START
        self.is_malformed = False
        self.is_reading = False
        self.is_ended = False
        self.has_started = False
        self.has_hello = False
        self.due: list[bytes] = []  # frames for this turn of the loop
        self.due_bytes = 0
        self.sending: asyncio.Task[None] | None = None
        self.on_bye: Callable[[Bye], None] | None = None  # told why it ends, before the last write; for WebSockets
        self.owner: asyncio.Task[Any] | None = None  # the ASGI application's task, to end what cannot be told to end
        self.ping_at = 0.0
        self.expires_at = 0.0

    @property
    def position(self) -> Position | None:
        """Where the client stands once everything that is due has arrived; None where it knows nothing."""
        return Position(self.epoch, self.modseq) if self.epoch else None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way for it."""
        return not (self.is_reading or self.sending or self.is_ended)

    @property
    def is_live(self) -> bool:
        """Whether a change that continues from the position may go straight out."""
        return self.has_hello and self.is_idle

    def take_due(self) -> bytes:
        """Return the frames that are due, as one write, and hold none any more."""
        due, self.due, self.due_bytes = self.due, [], 0
        return due[0] if len(due) == 1 else b"".join(due)

    def step(self, body: bytes, *, is_last: bool = False) -> Resumed | None:
        """Write; return None when that is done, or what is left of it to await. See Note [Stepping a send].

        Raises whatever the server's `send` raises when the client has gone.
        """
        if self.write_now is not None and self.has_started and body and not is_last and self.write_now(chunk.of(body)):
            return None
        message = {"type": "http.response.body", "body": body, "more_body": not is_last}
        if self.has_started:
            steps = self.send(message).__await__()
        else:
            self.has_started = True
            steps = self._start(message).__await__()
        try:
            first = next(steps)
        except StopIteration:
            return None
        return Resumed(steps, first)

    async def _start(self, message: dict[str, Any]) -> None:
        await self.send(self.start)
        await self.send(message)


class Resumed:
    """The rest of a half-run awaitable, which already yielded `first`, for a task to await."""

    __slots__ = ("first", "steps")

    def __init__(self, steps: Iterator[Any], first: Any) -> None:
        self.steps = steps
        self.first = first

    def __await__(self) -> Generator[Any, None, None]:
        try:
            yield self.first
            yield from self.steps
        finally:
            # cancelled at `first`, a coroutine's steps still stand there; granian's are an iterator that knows no close()
            # (https://docs.python.org/3/reference/datamodel.html#object.__await__ asks for no more)
            if isinstance(self.steps, Generator):
                self.steps.close()
