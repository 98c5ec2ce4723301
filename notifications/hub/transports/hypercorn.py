"""Hypercorn, tested with 0.18.

Its `send` is a method of a stream of its own, behind which a connection is found only over HTTP/1.1: one of HTTP/2
carries many streams and must not be dropped for one of them. There a slow client is as at a server that is not
recognised.
"""

from __future__ import annotations

from typing import Any, Final

from .asgi import Send

__all__ = ["find_transport", "is_hypercorn"]

STREAMS: Final = ("hypercorn.protocol.http_stream", "hypercorn.protocol.ws_stream")


def is_hypercorn(send: Send) -> bool:
    """Return whether hypercorn gave this `send`."""
    return type(getattr(send, "__self__", None)).__module__ in STREAMS


def find_transport(send: Send) -> Any:
    """Return the connection behind a `send` of hypercorn's; None where it is not this stream's alone."""
    stream: Any = getattr(send, "__self__", None)
    protocol = stream.send.__self__
    if type(protocol).__module__ != "hypercorn.protocol.h11":
        return None
    writer = getattr(getattr(protocol.send, "__self__", None), "writer", None)  # of its asyncio worker
    return getattr(writer, "transport", None)
