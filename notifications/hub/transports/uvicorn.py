"""Uvicorn, tested with 0.54, on h11 and websockets; also as gunicorn's worker (gunicorn 27, uvicorn-worker 0.4).

Its `send` is a method of the request's cycle, which knows the connection's transport and whether writing is paused. It
waits for a client that stopped reading, but late, so the transport is given a limit of ours. Of a WebSocket it stops
reading itself while a message waits in its queue, but would answer pings whether there is room or not, and gather
messages of 16 MiB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .asgi import MAX_ORDER_BYTES, PlainSocket, Send, WriteNow

__all__ = ["UvicornSocket", "find_socket_protocol", "find_write_now"]


def find_write_now(send: Send) -> WriteNow | None:
    """Return what puts an HTTP chunk into the transport at once; None where another server gave this `send`."""
    owner: Any = getattr(send, "__self__", None)
    if not type(owner).__module__.startswith("uvicorn.protocols.http."):
        return None

    def write_now(chunk: bytes, cycle: Any = owner, flow: Any = owner.flow, transport: Any = owner.transport) -> bool:
        if flow.write_paused or cycle.disconnected or cycle.response_complete:
            return False
        transport.write(chunk)
        return True

    return write_now


def find_socket_protocol(send: Send) -> Any:
    """Return the protocol of a WebSocket; None where another server gave this `send`."""
    owner: Any = getattr(send, "__self__", None)
    is_uvicorn = isinstance(getattr(owner, "writable", None), asyncio.Event) and hasattr(owner, "read_paused")
    return owner if is_uvicorn else None


class UvicornSocket(PlainSocket):
    """One WebSocket of uvicorn's, which stops reading itself while a message waits in its queue."""

    can_close = True

    def __init__(self, send: Send, transport: Any, protocol: Any) -> None:
        super().__init__(send, transport)
        self._protocol = protocol
        self._is_held = False
        if hasattr(protocol, "conn") and hasattr(protocol.conn, "max_message_size"):
            protocol.conn.max_message_size = MAX_ORDER_BYTES
        # the transport calls these two
        protocol.pause_writing = self._then_read_or_not(protocol.pause_writing)
        protocol.resume_writing = self._then_read_or_not(protocol.resume_writing)

    @contextmanager
    def pause_reading(self) -> Iterator[None]:
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
