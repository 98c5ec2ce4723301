"""The ASGI endpoint, `GET /notifications/stream/`: who, from where, then wait until the client goes.

Receives a raw ASGI connection, in front of Django's handler. Inside a Django view each open stream would pin a thread
and 50 KiB. What is sent comes from the hub (`hub/`); here are only the answers that need no stream: 403 for who is not
logged in, for who may not and for pages of other sites, 401 for a bad token, 405 for other methods, `bye overload`, and
`bye auth` for a page that was made for another reader.

EventSource gives up for good on any status but 200, so what may pass (overload, a database that is away) is a 200 with
`bye` and a long `retry:`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote

from django.core.exceptions import PermissionDenied

from ..access import audit, auth, cors
from ..access.admission import credential_of
from ..access.origin import is_own_page
from ..access.reader import OtherReader, is_tag_of
from ..access.tokens import Bearer
from ..conf import settings
from ..hub import hub
from ..hub.counters import Answer, counters
from ..hub.subscription import Subscription, start_with
from ..hub.transports.streams import Send, WriteNow, direct_write, with_backpressure
from ..protocol.bye import Bye
from ..protocol.frames import bye
from ..protocol.position import parse_position

__all__ = ["REFUSED", "StreamApplication", "admit", "answer"]

logger = logging.getLogger("notifications.endpoints.stream")

PARAMETERS: Final = re.compile(rb"(?:\A|&)(since|lastEventId|reader)=([^&]++)")
REFUSED: Final[dict[Bye, Answer]] = {Bye.AUTH: "reader", Bye.DRAIN: "drain", Bye.OVERLOAD: "overload"}
MAX_VALUE_BYTES: Final = 128  # the longest position has 34 characters, three times that with each one quoted


class StreamApplication:
    """An ASGI application for one path. The user comes from the session or a token, never from the URL."""

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send
    ) -> None:
        """Serve one connection until either side ends it."""
        if cors.is_preflight(scope):
            await cors.answer_preflight(scope, send, b"GET")
            return
        shared = cors.sharing(scope)
        if scope["method"] != "GET":
            text = f"{scope['method']} is not allowed here; open the stream with GET.\n"
            counters.connects["method"] += 1
            await answer(send, 405, text, (b"allow", b"GET"), *shared)
            return
        if not shared and not is_own_page(scope):
            counters.connects["origin"] += 1
            audit.record("origin.refused", door="stream", user=None)
            await answer(send, 403, "Only pages of this very origin may follow notifications here.\n")
            return
        try:
            if settings.grip_url and await was_answered_for_edge(scope, send, shared):
                counters.connects["edge"] += 1
                return
            line = with_backpressure(send)
            subscription = await admit(scope, line, direct_write(line, scope["http_version"]))
        except PermissionDenied:
            counters.connects["forbidden"] += 1
            audit.record("admission.refused", door="stream")
            await answer(send, 403, "This site does not let you follow your notifications now.\n", *shared)
            return
        except OtherReader:
            await refuse(send, Bye.AUTH, shared)
            return
        except Exception as error:  # the database is away; the client shall try again
            logger.warning("A stream could not be opened: %s: %s", type(error).__name__, error)
            await refuse(send, Bye.OVERLOAD, shared)
            return
        if subscription is None:
            counters.connects["anonymous"] += 1
            audit.record("login.missing", door="stream")
            await turn_away(send, auth.token_in(scope["headers"]), shared)
            return
        if shared:
            subscription.start = start_with(shared)
        # headers and all: under Daphne nobody else keeps them, and an open stream needs none of it
        del scope, send, line
        here = hub()
        if not here.join(subscription):
            await refuse(subscription.send, Bye.DRAIN if here.is_leaving else Bye.OVERLOAD, shared)
            return
        counters.connects["stream"] += 1
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not subscription.is_ended:  # the server's own wish, not the hub's
                here.end(subscription, Bye.DRAIN)
                raise
        finally:
            here.leave(subscription)


async def was_answered_for_edge(scope: dict[str, Any], send: Send, shared: cors.Headers) -> bool:
    """Answer a proxy that holds the connection itself; return False, having sent nothing, for who is to be answered here."""
    from ..integrations.pushpin import (
        handler as edge_answer,  # needs the extra [edge], which only a site with an edge installs
    )

    who = edge_answer.who_asks(scope)
    if who == "proxy":
        try:
            await edge_answer.answer_proxy(scope, send)
        except Exception as error:  # the database is away; the proxy asks again, and goes on holding meanwhile
            logger.warning("The edge could not be answered: %s: %s", type(error).__name__, error)
            await answer(send, 503, "The log cannot be read now; ask again.\n")
        return True
    asked = edge_answer.Asked(requested_position(scope), parameters_of(scope).get(b"reader", ""))
    return who == "client" and await edge_answer.answer_client(scope, send, asked, shared)


async def admit(scope: dict[str, Any], send: Send, write_now: WriteNow | None = None) -> Subscription | None:
    """Return the subscription of who is let in, else None. Over HTTP and WebSocket alike.

    Raises:
        PermissionDenied: the site's hook knows somebody, who may not.
        OtherReader: the page that asks was made for somebody else.
    """
    shown = credential_of(scope)
    user = await hub().authenticate(shown) if shown is not None else None
    if shown is None or user is None:
        return None
    if (tag := parameters_of(scope).get(b"reader")) and not is_tag_of(tag, user):
        raise OtherReader
    text = requested_position(scope)
    position = parse_position(text) if text else None
    subscription = Subscription(user_id=user.pk, credential=shown, send=send, position=position, write_now=write_now)
    subscription.is_malformed = bool(text) and position is None
    subscription.owner = asyncio.current_task()
    return subscription


def requested_position(scope: dict[str, Any]) -> str:
    """Return what the client says of where it stands. `Last-Event-ID` beats `?since=`, which goes stale in the URL.

    `?lastEventId=` is how reconnecting-eventsource and event-source-polyfill write that header.
    """
    for name, value in scope["headers"]:
        if name == b"last-event-id" and value:
            return text_of(value)
    given = parameters_of(scope)
    return given.get(b"lastEventId") or given.get(b"since") or ""


def parameters_of(scope: dict[str, Any]) -> dict[bytes, str]:
    """Return what the query says of the few names that we know, the last of each, and nothing of empty ones."""
    found = {match[1]: match[2] for match in PARAMETERS.finditer(scope.get("query_string", b""))}
    return {name: text_of(value) for name, value in found.items()}


def text_of(value: bytes) -> str:
    """Return a value that a client sent; one that is too long to be any is cut, and fits nothing all the more."""
    return unquote(value[: MAX_VALUE_BYTES + 1].decode("latin-1"))


async def turn_away(send: Send, token: Bearer | None, shared: cors.Headers) -> None:
    """Answer who is not let in: a program that its token is not good, a browser that it has to log in."""
    if token is not None:
        text = "This token is unknown, revoked, expired or has no scope 'read'; ask the site's staff for another.\n"
        challenge = b'Bearer realm="notifications", error="invalid_token"'  # RFC 6750, 3
        await answer(send, 401, text, (b"www-authenticate", challenge), *shared)
    else:
        await answer(send, 403, "Log in to follow your notifications.\n", *shared)


async def answer(send: Send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
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


async def refuse(send: Send, why: Bye, shared: cors.Headers) -> None:
    """Ask the client to come back later; or not at all, if its page is another reader's."""
    counters.connects[REFUSED[why]] += 1
    await send(start_with(shared))
    await send({"type": "http.response.body", "body": bye(why)})
