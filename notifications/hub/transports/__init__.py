"""How bytes reach a client, where a server knows more of it than ASGI says.

ASGI has no word for "this client stopped reading, drop it", none for reading no more than is answered, and Daphne's
`send()` does not wait for a client. The servers know, so here they are asked. Which server it is is seen by the `send`
that it gives, for each connection anew, so nothing is configured:

    a partial of a Twisted protocol             → daphne.py
    a method of a uvicorn.protocols object      → uvicorn.py
    a method of a hypercorn.protocol stream     → hypercorn.py
    anything else, such as granian              → asgi.py, used as ASGI describes it

Each of these says with which versions it is tested. An unknown version of a known server is recognised by what it
offers; where that is gone, it is used as ASGI describes it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from ...conf import settings
from ..counters import counters
from . import daphne, hypercorn, uvicorn
from .asgi import HIGH_WATER_BYTES, Chunk, PlainSocket, Send, WriteNow

__all__ = [
    "Chunk",
    "PlainSocket",
    "Send",
    "WriteNow",
    "abort",
    "find_direct_write",
    "for_event_streams",
    "open_socket",
    "with_backpressure",
]


def with_backpressure(send: Send) -> Send:
    """Return a `send` that waits while the client's buffer is full, as uvicorn's does (later) and Daphne's does not."""
    protocol = daphne.find_protocol(send)
    if protocol is not None:
        return daphne.DaphneStream(protocol, send).send
    set_limits = getattr(find_transport(send), "set_write_buffer_limits", None)
    if callable(set_limits):
        set_limits(high=HIGH_WATER_BYTES)
    return send


def find_direct_write(send: Send, http_version: str) -> WriteNow | None:
    """Return a function that puts an HTTP chunk on the line at once, or None where the server is not recognised.

    It returns False where it could not: the buffer is full, or the client has gone. Then `send` is to be asked, which
    waits or finds out. What it saves is the server's state machine for each of many equal writes; back-pressure works as
    before. Only for HTTP/1.1 responses without a length, which both servers send in chunks
    (https://www.rfc-editor.org/rfc/rfc9112#section-7.1), between the response's start and its last message.
    """
    if http_version != "1.1":
        return None
    owner: Any = getattr(send, "__self__", None)
    return owner.write_now if isinstance(owner, daphne.DaphneStream) else uvicorn.find_write_now(send)


def open_socket(send: Send) -> PlainSocket | daphne.DaphneSocket:
    """Return a WebSocket's connection behind the `send` that a server gives for it."""
    protocol = daphne.find_protocol(send)
    if protocol is not None:
        return daphne.DaphneSocket(protocol, send)
    transport, send_waiting = find_transport(send), with_backpressure(send)
    protocol = uvicorn.find_socket_protocol(send)
    if protocol is not None:
        return uvicorn.UvicornSocket(send_waiting, transport, protocol)
    return PlainSocket(send_waiting, transport)


def find_transport(send: Send) -> Any:
    """Return the connection behind a server's `send`, or None where the server is not recognised."""
    if hypercorn.is_hypercorn(send):
        return hypercorn.find_transport(send)
    return getattr(getattr(send, "__self__", None), "transport", None)  # uvicorn: the request's cycle


def abort(send: Send) -> bool:
    """Drop the connection at once, with what its buffer holds; return False where the server offers no way.

    Closing it in the ordinary way would keep the buffer until a client that no longer reads has read it.
    """
    transport = find_transport(send)
    drop = getattr(transport, "abort", None)
    if not callable(drop):
        return False
    line = transport.get_extra_info("socket") if hasattr(transport, "get_extra_info") else None
    if (
        line is not None
    ):  # reset it: closed in order, the kernel would keep its own buffer for a client that reads no more
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    drop()
    return True


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
