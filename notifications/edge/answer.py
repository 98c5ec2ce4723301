"""Step 6i: what the edge asks. Django says who, from where, and what was missed; the proxy holds the connection.

Receives an ASGI request that the proxy has signed: the client's own, with its cookies, or the proxy's, by the next link.
Answers at once, with the frames that are owed and the headers of `edge.hold()`; or with a goodbye and without them, which
ends the connection.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from .. import edge
from ..access import auth
from ..counts import counts
from ..hub import hub
from ..hub.lines import Send
from ..hub.subscription import START
from ..log.tail import Position, Replay, parse_position, read_after
from ..wire import frames

__all__ = ["answer_edge"]


async def answer_edge(scope: dict[str, Any], send: Send, requested: str) -> bool:
    """Answer a signed request; return False, having sent nothing, where a client is not logged in.

    Args:
        scope: its ASGI scope.
        send: ASGI's.
        requested: what a client says of where it stands.

    Raises whatever the database raises; then nothing was sent.
    """
    token = next_link_of(scope)
    session_key = edge.session_in(token) if token else auth.session_key_of(scope["headers"])
    user = await hub().authenticate(session_key) if session_key else None
    if user is None or session_key is None:
        if token:  # an old link says nothing of its client, who comes back and shows the cookies
            await end(send, "auth" if session_key else "rotate")
        return bool(token)
    position = edge.position_in(scope["headers"], user.pk) if token else parse_position(requested)
    replay = (await hub().ask(read_after, {user.pk: [position]})).get((user.pk, position))
    if replay is None:  # the user was deleted a moment ago
        await end(send, "auth")
        return True
    is_malformed = bool(requested) and position is None and not token
    counts.replay(replay, is_malformed=is_malformed)
    body, stands = written(replay, position, needs_hello=not token, is_malformed=is_malformed)
    headers = [*START["headers"], *edge.hold(user.pk, session_key, stands, scope["path"])]
    await send({**START, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return True


def next_link_of(scope: dict[str, Any]) -> str:
    """Return the token of a next link; "" where this is a client's own request."""
    query = parse_qs(str(scope.get("query_string", b""), "latin-1"))
    return query.get(edge.LINK, [""])[-1]


def written(
    replay: Replay, position: Position | None, *, needs_hello: bool, is_malformed: bool
) -> tuple[bytes, Position]:
    """Return the frames that a client at a position is owed, and where it stands after them."""
    stands = position.modseq if position else 0
    body = b""
    for modseq, frame in frames.frames_of(replay, stands, needs_hello=needs_hello, is_malformed=is_malformed):
        stands = modseq
        body += frame
    return body, Position(replay.head.epoch, stands)


async def end(send: Send, reason: frames.Bye) -> None:
    """Have the proxy say goodbye and end the connection."""
    counts.byes[reason] += 1
    await send(START)
    await send({"type": "http.response.body", "body": frames.bye(reason)})
