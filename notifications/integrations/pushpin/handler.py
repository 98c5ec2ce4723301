"""Answer the requests of an edge proxy: Django checks the user and sends what was missed, the proxy holds the connection.

Receives an ASGI request that the proxy has signed: the client's own, with its cookies or its token, or the proxy's about
a connection that it holds, with a ticket. Answers at once, with the frames that are owed and the headers of
`build_hold()`; or with a goodbye and without them, which ends the connection. The permission is checked each time.
Needs the extra `[edge]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.core.exceptions import PermissionDenied

from ...access import cors
from ...access.admission import Credential
from ...access.headers import Headers
from ...access.reader import OtherReader, is_tag_of
from ...hub import get_hub
from ...hub.counters import counters
from ...hub.subscription import build_start
from ...hub.transports import Send
from ...protocol import frames
from ...protocol.bye import LONG_RETRY_MS, RETRY_MS, Bye
from ...protocol.position import Position, Replay, parse_position
from .. import pushpin
from .signatures import is_signed
from .tickets import MAX_TICKET_CHARS, make_ticket, read_ticket

__all__ = ["ClientRequest", "answer_client", "answer_proxy", "find_asker"]


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """What a client asks and shows, and by which headers a page of another origin may read the answer."""

    path: str
    credential: Credential | None
    position_text: str
    reader: str
    cors_headers: cors.CorsHeaders


def find_asker(headers: Headers) -> Literal["nobody", "client", "proxy"]:
    """Return for whom the proxy asks, a client that has just come or itself; "nobody" where it is not the proxy."""
    proxy = pushpin.get_edge()
    if proxy is None or not is_signed(headers, proxy):
        return "nobody"
    return "proxy" if pushpin.read_last_ids(headers) else "client"


async def answer_client(asked: ClientRequest, send: Send) -> bool:
    """Let a client in and have the proxy hold its connection; return False, having sent nothing, where it may not.

    Also for one whose request does not fit into a ticket: its stream is held here, behind the proxy.

    Raises:
        PermissionDenied: the site's hook knows the user, who is not allowed.
        OtherReader: the page that asks was made for somebody else.
        Exception: whatever the database raises. Nothing was sent then.
    """
    credential = asked.credential
    user = await get_hub().authenticate(credential) if credential is not None else None
    if credential is None or user is None:
        return False
    if asked.reader and not is_tag_of(asked.reader, user):
        raise OtherReader
    ticket = make_ticket(user.pk, credential)
    if len(ticket) > MAX_TICKET_CHARS:
        return False
    position = parse_position(asked.position_text) if asked.position_text else None
    replay = await get_hub().read(user.pk, position)
    if replay is None:  # the user was deleted a moment ago
        return False
    is_malformed = bool(asked.position_text) and position is None
    key = str(user.pk)
    get_hub().openings.count(key)
    wait = LONG_RETRY_MS if get_hub().openings.are_many(key) else RETRY_MS
    counters.count_replay(replay, is_malformed=is_malformed)
    body, stands = build_body(replay, position, needs_hello=True, is_malformed=is_malformed, wait=wait)
    hold = pushpin.build_hold(user.pk, credential, ticket, stands, asked.path)
    await send_frames(send, body, [*asked.cors_headers, *hold])
    return True


async def answer_proxy(path: str, headers: Headers, send: Send) -> None:
    """Say how a connection goes on that the proxy holds, and with which frames; or that it ends.

    Raises whatever the database raises; then nothing was sent.
    """
    said = pushpin.read_last_ids(headers)
    found = read_ticket(said.get(pushpin.name_ticket_channel(), ""))
    if found is None:  # too old, or of another key: the client comes back and shows what it has
        await end_connection(send, Bye.ROTATE)
        return
    user_key, credential = found
    try:
        user = await get_hub().authenticate(credential)
    except PermissionDenied:
        user = None
    position = parse_position(said.get(pushpin.name_channel(user_key), ""))
    replay = await get_hub().read(user.pk, position) if user is not None and str(user.pk) == user_key else None
    if user is None or replay is None:
        await end_connection(send, Bye.AUTH)
        return
    counters.count_replay(replay, is_malformed=False)
    body, stands = build_body(replay, position, needs_hello=False, is_malformed=False)
    await send_frames(
        send, body, pushpin.build_hold(user.pk, credential, make_ticket(user.pk, credential), stands, path)
    )


def build_body(
    replay: Replay,
    position: Position | None,
    *,
    needs_hello: bool,
    is_malformed: bool,
    wait: tuple[int, int] = RETRY_MS,
) -> tuple[bytes, Position]:
    """Return the frames that a client at a position is owed, and where it stands after them."""
    stands = position.modseq if position else 0
    body = b""
    for modseq, frame in frames.build_frames(
        replay, stands, needs_hello=needs_hello, is_malformed=is_malformed, wait=wait
    ):
        stands = modseq
        body += frame
    return body, Position(replay.head.epoch, stands)


async def end_connection(send: Send, why: Bye) -> None:
    """Have the proxy say goodbye and end the connection."""
    counters.byes[why.reason] += 1
    await send_frames(send, frames.bye(why), [])


async def send_frames(send: Send, body: bytes, headers: cors.CorsHeaders) -> None:
    await send(build_start(headers))
    await send({"type": "http.response.body", "body": body})
