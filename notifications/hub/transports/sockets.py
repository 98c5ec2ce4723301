"""The line to a WebSocket's client, who sends as well. `streams.py` has those of streams.

What comes in is bounded like what goes out, and for that too ASGI has no word. A server that is recognised reads nothing
while an order is carried out (Daphne would queue all that comes; measured: 150 MB in 5 s), nothing while the client takes
nothing (both answer a ping whether there is room or not; measured: 190 MB in 5 s), and no message longer than an order may
be (uvicorn would gather 16 MiB).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from .streams import HIGH_WATER_BYTES, Send, TwistedLine, transport_of, with_backpressure

__all__ = ["PlainSocketLine", "socket_line"]

MAX_ORDER_BYTES: Final = 64 * 1024  # 16 Ki characters (`websocket.MAX_TEXT_CHARS`) of four bytes each
# Autobahn holds to one limit what comes and what goes, and an answer may carry an undo's token (256 KiB).
MAX_MESSAGE_BYTES: Final = 512 * 1024


class PlainSocketLine:
    """The line at a server that is not recognised: used as ASGI describes it.

    Attributes:
        send: takes ASGI messages, and waits while the client's buffer is full where the server can tell.
        transport: where `lines.abort()` finds the way to drop the connection.
        can_close: whether it closes while somebody receives. granian does not: it waits for what the client sends next.
    """

    can_close = False

    def __init__(self, send: Send) -> None:
        self.send = with_backpressure(send)
        self.transport: Any = transport_of(send)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read nothing from the client meanwhile."""
        yield


def socket_line(send: Send) -> PlainSocketLine | DaphneSocketLine:
    """Return the line behind the `send` that a server gives for a WebSocket."""
    protocol: Any = next(iter(getattr(send, "args", ())), None)
    if hasattr(protocol, "registerProducer"):
        return DaphneSocketLine(protocol, send)
    owner: Any = getattr(send, "__self__", None)
    if isinstance(getattr(owner, "writable", None), asyncio.Event) and hasattr(owner, "read_paused"):
        return UvicornSocketLine(send, owner)
    return PlainSocketLine(send)


class DaphneSocketLine(TwistedLine):
    """One WebSocket of Daphne's, whose protocol is Autobahn's and stands right on Twisted's transport."""

    __slots__ = ("_is_held",)

    can_close: Final = True

    def __init__(self, protocol: Any, send: Send) -> None:
        super().__init__(protocol, send)
        self._is_held = False
        protocol.maxMessagePayloadSize = protocol.maxFramePayloadSize = MAX_MESSAGE_BYTES

    async def send(self, message: dict[str, Any]) -> None:
        """Send one ASGI message once the client's buffer has room."""
        while self._resumed is not None:
            await asyncio.shield(self._resumed)
        transport = self._protocol.transport
        if message["type"] == "websocket.close" and self._is_registered:
            self._is_registered = False
            transport.unregisterProducer()
        await self._send(message)
        if message["type"] == "websocket.accept":
            self._is_registered = True
            transport.unregisterProducer()  # the HTTP channel, which the upgrade left behind
            transport.registerProducer(self, True)
            transport.bufferSize = HIGH_WATER_BYTES  # also the most that is read at once

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read nothing from the client meanwhile, nor afterwards while anything that was read before waits."""
        self._is_held = True
        self._read_or_not()
        try:
            yield
        finally:
            self._is_held = not self._protocol.application_queue.empty()
            self._read_or_not()

    def abort(self) -> None:
        """Drop the connection."""
        self._protocol.dropConnection(abort=True)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Wait with further messages, and with what the server itself would answer to: the buffer is full."""
        super().pauseProducing()
        self._read_or_not()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Go on: the buffer is empty."""
        super().resumeProducing()
        self._read_or_not()

    def _read_or_not(self) -> None:
        transport = self._protocol.transport
        if self._is_held or self._resumed is not None:
            transport.pauseProducing()
        else:
            transport.resumeProducing()


class UvicornSocketLine(PlainSocketLine):
    """One WebSocket of uvicorn's, which stops reading itself while a message waits in its queue."""

    can_close = True

    def __init__(self, send: Send, protocol: Any) -> None:
        super().__init__(send)
        self._protocol = protocol
        self._is_held = False
        if hasattr(protocol, "conn") and hasattr(protocol.conn, "max_message_size"):
            protocol.conn.max_message_size = MAX_ORDER_BYTES
        # the transport calls these two
        protocol.pause_writing = self._then_read_or_not(protocol.pause_writing)
        protocol.resume_writing = self._then_read_or_not(protocol.resume_writing)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read nothing from the client meanwhile."""
        self._is_held = True
        self._read_or_not()
        try:
            yield
        finally:
            self._is_held = False
            self._read_or_not()

    def _then_read_or_not(self, change: Callable[[], None]) -> Callable[[], None]:
        def changed() -> None:
            change()
            self._read_or_not()

        return changed

    def _read_or_not(self) -> None:
        if self.transport.is_closing():
            return
        if self._is_held or self._protocol.read_paused or not self._protocol.writable.is_set():
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
