"""The line to a client, where a server knows more of it than ASGI says.

ASGI has no word for "this client stopped reading, drop it" and Daphne's `send()` does not wait for one. The servers
know, so here they are asked: Daphne, uvicorn (also as gunicorn's worker) and hypercorn. A server that is not recognised,
such as granian, is used as ASGI describes it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ...conf import settings
from ..counters import counters

__all__ = [
    "HIGH_WATER_BYTES",
    "Chunk",
    "Send",
    "TwistedLine",
    "WriteNow",
    "abort",
    "direct_write",
    "for_event_streams",
    "transport_of",
    "with_backpressure",
]

# What may wait in the server for one client before it counts as slow. The servers' own limit is 64 KiB; the kernel's buffer
# is what carries clients that keep up. With one write in flight and one behind it, 64 KiB are never passed.
HIGH_WATER_BYTES: Final = 16 * 1024

HYPERCORN_STREAMS: Final = ("hypercorn.protocol.http_stream", "hypercorn.protocol.ws_stream")

Send = Callable[[dict[str, Any]], Awaitable[None]]
WriteNow = Callable[[bytes], bool]


def with_backpressure(send: Send) -> Send:
    """Return a `send` that waits while the client's buffer is full, as uvicorn's does (later) and Daphne's does not.

    Daphne passes `functools.partial(server.handle_reply, protocol)`, where the protocol is a Twisted request. A Twisted
    transport tells its registered producer when to pause and when to go on
    (https://docs.twisted.org/en/stable/core/howto/producers.html).
    """
    protocol = next(iter(getattr(send, "args", ())), None)
    if hasattr(protocol, "registerProducer"):
        return TwistedLine(protocol, send).send
    set_limits = getattr(transport_of(send), "set_write_buffer_limits", None)
    if callable(set_limits):
        set_limits(high=HIGH_WATER_BYTES)
    return send


def abort(send: Send) -> bool:
    """Drop the connection at once, with what its buffer holds; return False where the server offers no way.

    Closing it in the ordinary way would keep the buffer until a client that no longer reads has read it.
    """
    transport = transport_of(send)
    drop = getattr(transport, "abort", None)
    if not callable(drop):
        return False
    line = transport.get_extra_info("socket") if hasattr(transport, "get_extra_info") else None
    if line is not None:  # reset it: closed in order, the kernel would keep its own buffer for who reads no more
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    drop()
    return True


def transport_of(send: Send) -> Any:
    """Return the connection behind a server's `send`, or None where the server is not recognised."""
    owner: Any = getattr(send, "__self__", None)  # uvicorn: the request's cycle
    if type(owner).__module__ not in HYPERCORN_STREAMS:
        return getattr(owner, "transport", None)
    protocol = owner.send.__self__
    if type(protocol).__module__ != "hypercorn.protocol.h11":
        return None  # HTTP/2: the connection is not this stream's alone
    writer = getattr(getattr(protocol.send, "__self__", None), "writer", None)  # of its asyncio worker
    return getattr(writer, "transport", None)


def for_event_streams(send: Send) -> Send:
    """Return a `send` for responses of other applications: an event stream of theirs waits and ends as ours do.

    Where a write takes longer than NOTIFICATIONS_SEND_TIMEOUT_SECONDS the connection is dropped, and the application
    hears that its client has gone. Everything else passes as it is.
    """
    line: Send | None = None

    async def send_or_drop(message: dict[str, Any]) -> None:
        nonlocal line
        if message["type"] == "http.response.start" and is_event_stream(message):
            line = with_backpressure(send)
        if line is None:
            await send(message)
            return
        try:
            async with asyncio.timeout(settings.send_timeout_seconds):
                await line(message)
        except TimeoutError:
            counters.send_timeouts += 1
            if not abort(line):
                raise

    return send_or_drop


def is_event_stream(start: dict[str, Any]) -> bool:
    """Return whether the start of a response promises events."""
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in start.get("headers", ())
    )


def direct_write(send: Send, http_version: str) -> WriteNow | None:
    """Return a function that puts an HTTP chunk on the line at once, or None where the server is not recognised.

    It returns False where it could not: the buffer is full, or the client has gone. Then `send` is to be asked, which
    waits or finds out. What it saves is the server's state machine for each of many equal writes; back-pressure works as
    before. Only for HTTP/1.1 responses without a length, which both servers send in chunks
    (https://www.rfc-editor.org/rfc/rfc9112#section-7.1), between the response's start and its last message.
    """
    if http_version != "1.1":
        return None
    owner: Any = getattr(send, "__self__", None)
    if isinstance(owner, TwistedLine):
        return owner.write_now
    if not type(owner).__module__.startswith("uvicorn.protocols.http."):
        return None

    def write_now(chunk: bytes, cycle: Any = owner, flow: Any = owner.flow, transport: Any = owner.transport) -> bool:
        if flow.write_paused or cycle.disconnected or cycle.response_complete:
            return False
        transport.write(chunk)
        return True

    return write_now


class Chunk:
    """The HTTP chunk of the body that was asked for last: the same bytes go to many streams one after the other."""

    def __init__(self) -> None:
        self._last = (b"", b"")

    def of(self, body: bytes) -> bytes:
        """Return a body as an HTTP chunk."""
        last = self._last
        if last[0] is not body:
            self._last = last = (body, b"%x\r\n%b\r\n" % (len(body), body))
        return last[1]


class TwistedLine:
    """A push producer for one response of Daphne's: `send` waits while Twisted has paused it."""

    __slots__ = ("_is_registered", "_protocol", "_resumed", "_send")

    def __init__(self, protocol: Any, send: Send) -> None:
        self._protocol = protocol
        self._send = send
        self._is_registered = False
        self._resumed: asyncio.Future[None] | None = None

    async def send(self, message: dict[str, Any]) -> None:
        """Send one ASGI message once the client's buffer has room."""
        while self._resumed is not None:
            await asyncio.shield(self._resumed)
        if message["type"] == "http.response.start" and self._protocol.channel is not None:
            self._is_registered = True
            self._protocol.registerProducer(self, True)
            self._protocol.channel.transport.bufferSize = HIGH_WATER_BYTES
        elif self._is_registered and not message.get("more_body", False) and self._protocol.channel is not None:
            self._is_registered = False
            self._protocol.unregisterProducer()
        await self._send(message)

    def write_now(self, chunk: bytes) -> bool:
        """Put a chunk on the line at once; return False where Twisted has to do it."""
        channel = self._protocol.channel
        if self._resumed is not None or channel is None or not self._protocol.chunked:
            return False
        transport = channel.transport
        # plain TCP only, and nothing may wait before these bytes
        is_free = type(transport).__qualname__ == "Server" and type(transport).__module__ == "twisted.internet.tcp"
        if not is_free or transport.TLS or transport.dataBuffer or transport._tempDataBuffer:  # noqa: SLF001
            return False
        if transport.disconnecting or not transport.connected:
            return False
        sent = transport.writeSomeData(chunk)
        if not isinstance(sent, int):
            return False  # an error; the ordinary way finds the connection lost
        if sent < len(chunk):
            transport.write(chunk[sent:])
        return True

    @property
    def transport(self) -> TwistedLine:
        """Where `abort()` is found, as on uvicorn's."""
        return self

    def abort(self) -> None:
        """Drop the connection."""
        if self._protocol.channel is not None:
            self._protocol.channel.forceAbortClient()

    # Twisted's interface: https://docs.twisted.org/en/stable/api/twisted.internet.interfaces.IPushProducer.html

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Wait with further messages: the buffer is full."""
        if self._resumed is None:
            self._resumed = asyncio.get_running_loop().create_future()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Go on: the buffer is empty."""
        if self._resumed is not None:
            self._resumed.set_result(None)
            self._resumed = None

    stopProducing = resumeProducing  # noqa: N815 - Twisted's name: the connection is lost, nobody shall wait for it
