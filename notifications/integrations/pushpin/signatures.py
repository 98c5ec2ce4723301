"""Check that a request comes from the proxy, and sign what is published to it. Both use JSON web tokens.

Receives the headers of a request (`Grip-Sig`), or the proxy that is published to. One key may serve both directions, so what
we sign says what it is for, which what the proxy signs does not: a token of ours that somebody saw on its way to the proxy
does not pass for the proxy. In a claim of our own, since a proxy may refuse an `aud` that it does not know
(https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3). Needs the extra `[edge]`.
"""

from __future__ import annotations

import time
from typing import Final

import jwt

from ...access.headers import Headers
from . import Edge

__all__ = ["is_signed", "sign_web_token"]

ALGORITHM: Final = "HS256"  # the one that GRIP knows for a shared key
WEB_TOKEN_SECONDS: Final = 60
MAX_SIGNATURE_BYTES: Final = 2048  # a proxy's has some 150; the library parses its head before it checks it
PURPOSE: Final = "purpose"


def is_signed(headers: Headers, proxy: Edge) -> bool:
    """Return whether a request was signed by the proxy a short while ago, and not by us."""
    found = next(iter(headers.get(b"grip-sig", ())), b"")
    if not 0 < len(found) <= MAX_SIGNATURE_BYTES:
        return False
    try:
        issuer = proxy.verify_issuer or None
        claims = jwt.decode(
            found, proxy.verify_key, algorithms=[ALGORITHM], issuer=issuer, options={"require": ["exp"]}
        )
    except (jwt.InvalidTokenError, ValueError):  # not its own, expired, or no web token at all
        return False
    return PURPOSE not in claims


def sign_web_token(proxy: Edge) -> str:
    """Return what shows the proxy that it is us who publish."""
    claims = {"iss": proxy.issuer, PURPOSE: "publish", "exp": int(time.time()) + WEB_TOKEN_SECONDS}
    return jwt.encode(claims, proxy.key, algorithm=ALGORITHM)
