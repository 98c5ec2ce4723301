"""The CORS headers for pages of other origins, which may use their reader's login here only if they are listed.

Receives the headers of a request and `NOTIFICATIONS_ALLOWED_ORIGINS`. Guarantees that an origin that is not listed, letter
for letter, gets no header that would let its scripts read anything, and that `*` is never said. The rules:
https://fetch.spec.whatwg.org/#http-cors-protocol

    Origin: https://app.example.com  →  Access-Control-Allow-Origin: https://app.example.com
                                        Access-Control-Allow-Credentials: true
                                        Vary: Origin
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from ..conf import settings
from .headers import Headers

__all__ = ["CorsHeaders", "answer_preflight", "build_cors_headers", "is_preflight", "with_cors_headers"]

CorsHeaders = list[tuple[bytes, bytes]]  # headers of an answer
Send = Callable[[dict[str, Any]], Awaitable[None]]

# How long a browser may remember a preflight's answer. An origin that is taken off the list still
# gets nothing at once: each answer is checked again.
PREFLIGHT_SECONDS: Final = 600
# What our own clients and those of the API send that a page may not send to others unasked.
REQUEST_HEADERS: Final = b"authorization, cache-control, content-type, idempotency-key, last-event-id, x-csrftoken"


def build_cors_headers(headers: Headers) -> CorsHeaders:
    """Return the headers that let the page that asks read the answer; none for pages of this site and of strangers."""
    allowed = settings.allowed_origins
    if not allowed:
        return []
    origins = {str(value, "latin-1") for value in headers.get(b"origin", ())}
    if len(origins) != 1 or not origins <= set(allowed):
        return []
    return [
        (b"access-control-allow-origin", origins.pop().encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    ]


def is_preflight(method: str, headers: Headers) -> bool:
    """Return whether a browser asks if it may ask.

    https://fetch.spec.whatwg.org/#cors-preflight-request
    """
    return method == "OPTIONS" and b"origin" in headers and b"access-control-request-method" in headers


async def answer_preflight(cors_headers: CorsHeaders, send: Send, methods: bytes) -> None:
    """Say which methods and headers a listed page may use. A stranger, who has no CORS headers, gets a bare 403."""
    headers = cors_headers and [
        *cors_headers,
        (b"access-control-allow-methods", methods),
        (b"access-control-allow-headers", REQUEST_HEADERS),
        (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
    ]
    await send(
        {
            "type": "http.response.start",
            "status": 204 if cors_headers else 403,
            "headers": [*headers, (b"cache-control", b"no-store")],
        }
    )
    await send({"type": "http.response.body", "body": b""})


def with_cors_headers(send: Send, cors_headers: CorsHeaders) -> Send:
    """Return a `send` that adds these headers to the response. Not for streams: behind it the server is not recognised.

    They take the place of the site's own, such as django-cors-headers': browsers refuse an answer that names its origin
    twice (https://fetch.spec.whatwg.org/#concept-header-list-get-decode-split).
    """

    async def share(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            others = [each for each in message.get("headers", []) if bytes(each[0]).lower() not in SAID_ONCE]
            message = {**message, "headers": [*others, *cors_headers, EXPOSED]}
        await send(message)

    return share


EXPOSED: Final = (b"access-control-expose-headers", b"Retry-After, WWW-Authenticate")
SAID_ONCE: Final = {b"access-control-allow-origin", b"access-control-allow-credentials"}
