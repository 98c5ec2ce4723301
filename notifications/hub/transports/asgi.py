"""What every server has in common, and a server that is not recognised: it is used as ASGI describes it.

Such as granian (tested with 2.8). There a stream of a client that reads no more ends after
NOTIFICATIONS_SEND_TIMEOUT_SECONDS, and its connection stays until the client closes it: ASGI has no word for dropping
it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["HIGH_WATER_BYTES", "MAX_ORDER_BYTES", "Chunk", "PlainSocket", "Send", "WriteNow"]

# What may wait in the server for one client before it counts as slow. The servers' own limit is 64 KiB; the kernel's buffer
# is what carries clients that keep up. With one write in flight and one behind it, 64 KiB are never passed.
HIGH_WATER_BYTES: Final = 16 * 1024
MAX_ORDER_BYTES: Final = 64 * 1024  # 16 Ki characters (`websocket.MAX_TEXT_CHARS`) of four bytes each

Send = Callable[[dict[str, Any]], Awaitable[None]]
WriteNow = Callable[[bytes], bool]


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


class PlainSocket:
    """A WebSocket at a server that is not recognised.

    Attributes:
        send: takes ASGI messages, and waits while the client's buffer is full where the server can tell.
        transport: where `abort()` finds the way to drop the connection.
        can_close: whether it closes while somebody receives. granian does not: it waits for what the client sends next.
    """

    can_close = False

    def __init__(self, send: Send, transport: Any = None) -> None:
        self.send = send
        self.transport = transport

    @contextmanager
    def pause_reading(self) -> Iterator[None]:
        """Read nothing from the client meanwhile."""
        yield
