"""Step 6c: the line to a client, where a server knows more of it than ASGI says.

ASGI has no word for "this client stopped reading, drop it" and Daphne's `send()` does not wait for one. Both servers
know, so here they are asked. A server that is not recognised is used as ASGI describes it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from .subscription import Send

__all__ = ["abort", "with_backpressure"]


def with_backpressure(send: Send) -> Send:
    """Return a `send` that waits while the client's buffer is full, as uvicorn's does and Daphne's does not.

    Daphne passes `functools.partial(server.handle_reply, protocol)`, where the protocol is a Twisted request. A Twisted
    transport tells its registered producer when to pause (at 64 KiB) and when to go on
    (https://docs.twisted.org/en/stable/core/howto/producers.html).
    """
    protocol = next(iter(getattr(send, "args", ())), None)
    if not hasattr(protocol, "registerProducer"):
        return send
    return TwistedLine(protocol, send).send


def abort(send: Send) -> bool:
    """Drop the connection at once, with what its buffer holds; return False where the server offers no way.

    Closing it in the ordinary way would keep the buffer until a client that no longer reads has read it.
    """
    transport: Any = getattr(getattr(send, "__self__", None), "transport", None)  # uvicorn: a method of the request's cycle
    drop = getattr(transport, "abort", None)
    if not callable(drop):
        return False
    drop()
    return True


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
        elif self._is_registered and not message.get("more_body", False) and self._protocol.channel is not None:
            self._is_registered = False
            self._protocol.unregisterProducer()
        await self._send(message)

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
