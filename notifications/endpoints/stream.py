"""The ASGI endpoint, `GET /notifications/stream/`: read the request, admit, join the hub, wait until the client goes.

Receives a raw ASGI connection, in front of Django's handler. Inside a Django view each open stream would pin a thread
and 50 KiB. What is sent comes from the hub (`hub/`); here are only the answers that need no stream: 403 without a
login, for users who are not allowed and for pages of other sites, 401 for a bad token, 405 for other methods,
`bye overload`, and `bye auth` for a page that was made for another reader.

EventSource gives up for good on any status but 200, so what may pass (overload, a database that is away) is a 200 with
`bye` and a long `retry:`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ..access import cors
from ..conf import settings
from ..hub import get_hub
from ..hub.counters import Answer, counters
from ..hub.subscription import Subscription, build_start
from ..hub.transports import Send, find_direct_write, with_backpressure
from ..protocol.bye import Bye
from ..protocol.frames import bye
from .admit import NotAdmitted, admit, join, refuse_on_error, require_own_page
from .request import StreamRequest

__all__ = ["FORBIDDEN_TEXTS", "StreamApplication", "send_text"]

logger = logging.getLogger("notifications.endpoints.stream")

# What a 403 says, by what the request is counted as.
FORBIDDEN_TEXTS: Final[dict[Answer, str]] = {
    "anonymous": "Log in to follow your notifications.\n",
    "forbidden": "This site does not let you follow your notifications now.\n",
    "origin": "Only pages of this very origin may follow notifications here.\n",
}


class StreamApplication:
    """An ASGI application for one path. The user comes from the session or a token, never from the URL."""

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send
    ) -> None:
        """Serve one connection until either side ends it."""
        request = StreamRequest.parse(scope)
        subscription = await open_stream(request, send)
        # headers and all: under Daphne nobody else keeps them, and an open stream needs none of it
        del scope, send, request
        if subscription is None:
            return
        here = get_hub()
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not subscription.is_ended:  # the server's own wish, not the hub's
                here.end(subscription, Bye.DRAIN)
                raise
        finally:
            here.leave(subscription)


async def open_stream(request: StreamRequest, send: Send) -> Subscription | None:
    """Return a subscription that the hub has taken in; None, having answered, for who gets no stream here."""
    if request.is_preflight:
        await cors.answer_preflight(request.cors_headers, send, b"GET")
        return None
    try:
        require_get(request)
        require_own_page(request, "stream")
        with refuse_on_error("stream"):
            if settings.grip_url and await was_answered_for_edge(request, send):
                counters.connects["edge"] += 1
                return None
            waiting = with_backpressure(send)
            subscription = await admit(request, waiting, "stream", find_direct_write(waiting, request.http_version))
        if request.cors_headers:
            subscription.start = build_start(request.cors_headers)
        join(subscription)
    except NotAdmitted as refused:
        await refuse(refused, request, send)
        return None
    return subscription


def require_get(request: StreamRequest) -> None:
    """Raise `NotAdmitted` for other methods."""
    if request.method != "GET":
        raise NotAdmitted("method")


async def was_answered_for_edge(request: StreamRequest, send: Send) -> bool:
    """Answer a proxy that holds the connection itself; return False, having sent nothing, for others.

    Raises what `handler.answer_client()` does.
    """
    from ..integrations.pushpin import handler  # needs the extra [edge], which only a site with an edge installs

    who = handler.find_asker(request.headers)
    if who == "proxy":
        try:
            await handler.answer_proxy(request.path, request.headers, send)
        except Exception as error:  # the database is away; the proxy asks again, and goes on holding meanwhile
            logger.warning("The edge could not be answered: %s: %s", type(error).__name__, error)
            await send_text(send, 503, "The log cannot be read now; ask again.\n")
        return True
    if who == "nobody":
        return False
    asked = handler.ClientRequest(
        request.path, request.credential, request.position_text, request.reader, request.cors_headers
    )
    return await handler.answer_client(asked, send)


async def refuse(refused: NotAdmitted, request: StreamRequest, send: Send) -> None:
    """Answer who gets no stream, in a way that a client understands.

    By a goodbye that asks it to come back later, or not at all if its page is another reader's; a program that shows a token
    by a challenge; everybody else by a status.
    """
    if refused.bye is not None:
        await send(build_start(request.cors_headers))
        await send({"type": "http.response.body", "body": bye(refused.bye)})
    elif refused.why == "anonymous" and request.token is not None:
        text = "This token is unknown, revoked, expired or has no scope 'read'; ask the site's staff for another.\n"
        challenge = b'Bearer realm="notifications", error="invalid_token"'  # RFC 6750, 3
        await send_text(send, 401, text, (b"www-authenticate", challenge), *request.cors_headers)
    elif refused.why == "method":
        text = f"{request.method} is not allowed here; open the stream with GET.\n"
        await send_text(send, 405, text, (b"allow", b"GET"), *request.cors_headers)
    else:
        await send_text(send, 403, FORBIDDEN_TEXTS[refused.why], *request.cors_headers)


async def send_text(send: Send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole response of plain text."""
    body = text.encode()
    fixed = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})
