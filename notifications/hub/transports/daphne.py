"""Daphne, tested with 4.2 on Twisted 26.10; also what `manage.py runserver` runs.

It passes `functools.partial(server.handle_reply, protocol)` as `send`, where the protocol is a Twisted request, or
Autobahn's WebSocket protocol. That `send` does not wait for a client that stopped reading; a Twisted transport tells
its registered producer when to pause and when to go on (https://docs.twisted.org/en/stable/core/howto/producers.html),
so each connection registers one here. Of a WebSocket Daphne would queue all that comes while an order is carried out
(measured: 150 MB in 5 s) and answer pings whether there is room or not (measured: 190 MB in 5 s), so reading is paused
in both cases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from .asgi import HIGH_WATER_BYTES, Send

__all__ = ["DaphneSocket", "DaphneStream", "find_protocol"]

# Autobahn holds to one limit what comes and what goes, and an answer may carry an undo's token (256 KiB).
MAX_MESSAGE_BYTES: Final = 512 * 1024


def find_protocol(send: Send) -> Any:
    """Return the Twisted protocol behind a `send`; None where another server gave it."""
    protocol: Any = next(iter(getattr(send, "args", ())), None)
    return protocol if hasattr(protocol, "registerProducer") else None


class DaphneStream:
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
    def transport(self) -> DaphneStream:
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

    stopProducing = resumeProducing  # noqa: N815 - Twisted's name: the connection is lost, so nobody waits for it


class DaphneSocket(DaphneStream):
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
    def pause_reading(self) -> Iterator[None]:
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
