"""A request for a stream, over HTTP or WebSocket alike: read once, and all that is asked of it afterwards.

Receives an ASGI scope. Guarantees that its headers are gone through once, in a time that grows as they do, and that
nothing is looked up: whether the request is any good is asked by `admit.py`.

    GET /notifications/stream/?since=8198.41&reader=5d1f0c6a9b3e7742      from 8198.41, for the reader of this tag
    Last-Event-ID: 8198.42                                                 beats the query, which goes stale in the URL
    Cookie: sessionid=…                                                    or Authorization: Bearer ntf_…
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from ..access import auth, cors
from ..access.admission import Credential, read_credential
from ..access.headers import Headers, read_headers
from ..access.origin import is_own_page, is_own_socket
from ..access.tokens import Bearer
from ..protocol.position import Position, parse_position

__all__ = ["StreamRequest"]

PARAMETERS: Final = re.compile(rb"(?:\A|&)(since|lastEventId|reader)=([^&]++)")
MAX_VALUE_BYTES: Final = 128  # the longest position has 34 characters, three times that with each one quoted


class StreamRequest(NamedTuple):
    """What a client asks, and what it shows.

    Attributes:
        method: of HTTP; a WebSocket's is GET.
        is_preflight: whether a browser asks if it may ask.
        cors_headers: the headers by which a page of another origin, if it is listed, may read the answer.
        is_own: whether the page is this site's own or listed, as far as it says.
        credential: what the client shows to be let in; None: nothing.
        position_text: where the client says that it stands; "": nowhere.
        reader: the tag of the reader for whom the page was made; "": it does not say.
        headers: what else an edge proxy says.
    """

    method: str
    path: str
    http_version: str
    is_preflight: bool
    cors_headers: cors.CorsHeaders
    is_own: bool
    credential: Credential | None
    position_text: str
    reader: str
    headers: Headers

    @classmethod
    def parse(cls, scope: dict[str, Any]) -> StreamRequest:
        """Return what an ASGI scope of "http" or "websocket" asks."""
        headers = read_headers(scope["headers"])
        is_socket = scope["type"] == "websocket"
        method = "GET" if is_socket else scope["method"]
        cors_headers = cors.build_cors_headers(headers)
        given = read_parameters(scope.get("query_string", b""))
        sent = next(filter(None, headers.get(b"last-event-id", ())), None)
        return cls(
            method=method,
            path=scope["path"],
            http_version=scope.get("http_version", ""),
            is_preflight=cors.is_preflight(method, headers),
            cors_headers=cors_headers,
            is_own=bool(cors_headers) or (is_own_socket if is_socket else is_own_page)(scope, headers),
            credential=read_credential(scope, headers),
            # `?lastEventId=` is how reconnecting-eventsource and event-source-polyfill write the header
            position_text=(unquote_value(sent) if sent else None)
            or given.get(b"lastEventId")
            or given.get(b"since")
            or "",
            reader=given.get(b"reader", ""),
            headers=headers,
        )

    @property
    def token(self) -> Bearer | None:
        """The token of ours that the client shows, whoever judges it."""
        return auth.read_token(self.headers)

    @property
    def position(self) -> Position | None:
        """Where the client stands; None where it does not say, or what is no position."""
        return parse_position(self.position_text) if self.position_text else None


def read_parameters(query: bytes) -> dict[bytes, str]:
    """Return what the query says of the few names that we know, the last of each, and nothing of empty ones."""
    found = {match[1]: match[2] for match in PARAMETERS.finditer(query)}
    return {name: unquote_value(value) for name, value in found.items()}


def unquote_value(value: bytes) -> str:
    """Return a value that a client sent; one that is too long is cut, so that it matches nothing."""
    return unquote(value[: MAX_VALUE_BYTES + 1].decode("latin-1"))
