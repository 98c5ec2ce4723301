"""The same inbox over WebSocket, `/notifications/ws/`, for clients that also want to send.

Receives a raw ASGI connection. Guarantees what the stream does, because it is one: the same subscription of the same
hub, whose frames become JSON messages (`protocol/websocket.py`). The client says by `?since=` where it stands, and may
send

    {"do": "read", "ids": [12, 13], "ref": "a"}     also unread, archive, unarchive, delete
    {"do": "ping", "ref": "b"}

which is answered by `done`, `pong` or `error` with the same `ref`; what an action changed comes as a `change` to all of
the user's clients. A page of another origin, or a client without a login, is refused before the connection is accepted.
Dead peers are found by the server's own pings (Daphne and uvicorn: every 20 s).
"""

from __future__ import annotations

import asyncio
import logging
import reprlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, get_args

from channels.db import database_sync_to_async
from django.core.exceptions import PermissionDenied

from ..access.admission import is_token
from ..access.limits import spend
from ..exceptions import NotificationsError, Refusal, TooOften, UnknownNotification
from ..hub import get_hub
from ..hub.subscription import Subscription
from ..hub.transports import Send, open_socket
from ..log.keys import MAX_KEY
from ..protocol.bye import Bye
from ..protocol.frames import bye
from ..protocol.parse_json import TooDeep, parse_json
from ..protocol.websocket import TOO_BIG, Messages, build_message
from ..reading import actions
from ..reading.actions import MAX_IDS
from .admit import NotAdmitted, admit, join, refuse_on_error, require_own_page
from .request import StreamRequest

__all__ = ["SocketApplication"]

logger = logging.getLogger("notifications.endpoints.stream")

MAX_TEXT_CHARS: Final = 16 * 1024  # an order for `MAX_IDS` takes a quarter of it
ORDER_SECONDS: Final = 0.02  # an order takes at least so long: nobody gets more than 50 a second
ACTIONS: Final = get_args(actions.Action)

Receive = Callable[[], Awaitable[dict[str, Any]]]


class SocketApplication:
    """An ASGI application for one path and `websocket` connections."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection until either side ends it."""
        await receive()  # websocket.connect
        connection = SocketConnection(send)
        subscription = await open_connection(StreamRequest.parse(scope), connection)
        del scope, send
        if subscription is None:
            return
        here = get_hub()
        try:
            await listen(subscription, connection, receive)
        except asyncio.CancelledError:
            if not subscription.is_ended:  # the server's own wish, not the hub's
                here.end(subscription, Bye.DRAIN)
                raise
            try:
                await connection.finish()
            except Exception as error:  # whatever the server raises, the client has gone
                logger.debug("A WebSocket of user %s was gone before its close: %r", subscription.key, error)
        finally:
            here.leave(subscription)


async def open_connection(request: StreamRequest, connection: SocketConnection) -> Subscription | None:
    """Return a subscription that the hub has taken in; None, having refused, for who gets none.

    Who is refused for good is refused before the connection is accepted: then the server answers 403.
    """
    is_accepted = False
    try:
        require_own_page(request, "socket")
        with refuse_on_error("socket"):
            subscription = await admit(request, connection.send, "socket")
        subscription.on_bye = connection.on_bye
        await connection.accept()
        is_accepted = True
        join(subscription)
    except NotAdmitted as refused:
        if refused.bye is None:
            await connection.reject()
            return None
        if not is_accepted:
            await connection.accept()
        await connection.refuse(refused.bye)
        return None
    return subscription


async def listen(subscription: Subscription, connection: SocketConnection, receive: Receive) -> None:
    """Carry out what the client sends, one thing after the other, until it goes."""
    connection.listener = None if connection.can_close else subscription.owner
    while (received := await receive())["type"] != "websocket.disconnect":
        if subscription.is_ended:
            continue  # it was told to go, and sends on
        text = received.get("text")
        if text is None or len(text) > MAX_TEXT_CHARS:
            said = f"Send JSON text of at most {MAX_TEXT_CHARS:,} characters."
            await connection.say(build_message("error", {"code": "invalid", "message": said}))
            await connection.close(TOO_BIG, "invalid")
            return
        with connection.pause_reading():
            await handle_order(subscription, connection, text)


async def handle_order(subscription: Subscription, connection: SocketConnection, text: str) -> None:
    """Carry out an order and say what came of it."""
    pause = asyncio.create_task(asyncio.sleep(ORDER_SECONDS))
    try:
        answer = await answer_order(subscription, text)
    finally:
        await pause
    if answer is None:
        get_hub().end(subscription, Bye.AUTH)
    elif not subscription.is_ended:
        await connection.say(answer)


async def answer_order(subscription: Subscription, text: str) -> str | None:
    """Carry out an order; return what is said to it, or None when the user is logged in no more."""
    ref = None
    try:
        order = parse_order(text)
        ref = order.get("ref")
        if order["do"] == "ping":
            return build_message("pong", {"modseq": subscription.modseq}, ref)
        if is_token(subscription.credential):
            text = "This token may read; only people, who log in, change their notifications."
            raise Refusal(403, "forbidden", text)
        user = await get_hub().authenticate(subscription.credential, method="POST")
        if getattr(user, "pk", None) != subscription.user_id:
            return None
        result = await database_sync_to_async(carry_out)(user, order)
    except Refusal as refusal:
        return build_message("error", refusal.as_dict(), ref)
    except TooOften as error:
        said = {"code": "limited", "message": str(error), "retry_after": error.seconds}
        return build_message("error", said, ref)
    except PermissionDenied:
        return build_message("error", {"code": "forbidden", "message": "This site does not let you do that now."}, ref)
    except NotificationsError as error:
        code = "not_found" if isinstance(error, UnknownNotification) else "invalid"
        return build_message("error", {"code": code, "message": str(error)}, ref)
    except Exception as error:  # the database is away, or the session could not be looked up
        logger.warning("An order over WebSocket failed: %s: %s", type(error).__name__, error)
        return build_message("error", {"code": "failed", "message": "That did not work; try again."}, ref)
    data = result.as_dict()
    if data["undo"] is None:
        del data["undo"]
    return build_message("done", data, ref)


def carry_out(user: Any, order: dict[str, Any]) -> actions.ActionResult:
    """Do what was ordered, unless that is too much. Runs on a thread."""
    spend(user)
    return actions.apply_action(user, order["do"], order["ids"])


def parse_order(text: str) -> dict[str, Any]:
    """Return a valid order.

    Raises:
        Refusal: it is none; the text says why.
    """
    try:
        order = parse_json(text)
    except TooDeep as error:
        raise build_refusal(str(error)) from None
    except ValueError:
        raise build_refusal('This is not valid JSON; send {"do": "read", "ids": [12]}.') from None
    if not isinstance(order, dict) or order.get("do") not in ("ping", *ACTIONS):
        given = order.get("do") if isinstance(order, dict) else order
        raise build_refusal(f"Unknown action {abbreviate(given)}; use ping, {', '.join(ACTIONS)}.", field="do")
    ids = order.get("ids", [])
    is_valid = isinstance(ids, list) and all(type(pk) is int and 0 < pk <= MAX_KEY for pk in ids)
    if order["do"] != "ping" and not (is_valid and 0 < len(ids) <= MAX_IDS):
        raise build_refusal(f"`ids` must be a list of 1 to {MAX_IDS} numbers, not {abbreviate(ids)}.", field="ids")
    if not isinstance(order.get("ref"), str | int | None):
        raise build_refusal(
            f"`ref` must be text or a number, not {abbreviate(order['ref'])}; the answer repeats it.", field="ref"
        )
    try:
        str(order.get("ref")).encode()  # JSON can write what UTF-8 cannot
    except UnicodeEncodeError:
        raise build_refusal("`ref` contains half of a surrogate pair; send whole characters.", field="ref") from None
    return order


def build_refusal(text: str, *, field: str | None = None) -> Refusal:
    """Return the refusal of what is no order. In English, as all that is said over a WebSocket: programs read it."""
    return Refusal(400, "invalid", text, field=field)


def abbreviate(value: Any) -> str:
    """Return what was sent as an answer may show it: cut in length and in depth."""
    return f"{reprlib.repr(value):.80}"


messages: Final = Messages()


class SocketConnection:
    """What the hub takes for an HTTP response: body parts become messages, the last one is followed by a close.

    Attributes:
        listener: the task that receives, at a server that cannot close meanwhile; it is cancelled, and closes.
    """

    __slots__ = ("_bye", "_send", "can_close", "listener", "pause_reading", "transport")

    def __init__(self, send: Send) -> None:
        server = open_socket(send)
        self._send = server.send
        self.pause_reading = server.pause_reading
        self.can_close = server.can_close
        self.transport = server.transport  # where `transports.abort()` finds the way to drop the connection
        self.listener: asyncio.Task[Any] | None = None
        self._bye: Bye | None = None

    async def send(self, part: dict[str, Any]) -> None:
        """Take in a part of a response."""
        if part["type"] != "http.response.body":
            return  # the start of a response: the connection was accepted already
        texts = messages.of(part["body"])
        for text in texts:
            await self._send({"type": "websocket.send", "text": text})
        if not part.get("more_body", False):
            if self.listener is None:
                await self.finish()
            else:
                self.listener.cancel()

    async def accept(self) -> None:
        """Accept the connection."""
        await self._send({"type": "websocket.accept"})

    async def say(self, text: str) -> None:
        """Send one message."""
        await self._send({"type": "websocket.send", "text": text})

    async def reject(self) -> None:
        """Refuse the connection, which was not accepted: the server answers 403."""
        await self._send({"type": "websocket.close"})

    async def refuse(self, why: Bye) -> None:
        """Ask the client to come back later; or not at all, if its page is another reader's."""
        self.on_bye(why)
        await self.send({"type": "http.response.body", "body": bye(why)})

    def on_bye(self, why: Bye) -> None:
        """Learn why the part that comes next is the last one."""
        self._bye = why

    async def finish(self) -> None:
        """Close as the goodbye said, unless that is done or none was said."""
        if self._bye is not None:
            why, self._bye = self._bye, None
            await self.close(why.close_code, why.reason)

    async def close(self, code: int, reason: str) -> None:
        """End the connection."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})
