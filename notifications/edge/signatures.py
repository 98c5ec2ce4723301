"""Step 6i: who asks. Nobody but the proxy is taken for it, and we say who we are when we publish: JSON web tokens, both.

Receives the headers of a request (`Grip-Sig`), or the proxy that is published to. Needs the extra `[edge]`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

import jwt

from . import Edge

__all__ = ["is_signed", "web_token"]

ALGORITHM: Final = "HS256"  # the one that GRIP knows for a shared key
WEB_TOKEN_SECONDS: Final = 60
MAX_SIGNATURE_BYTES: Final = 2048  # a proxy's has some 150; the library parses its head before it checks it


def is_signed(headers: Iterable[tuple[bytes, bytes]], proxy: Edge) -> bool:
    """Return whether a request was signed by the proxy a short while ago."""
    found = next((value for name, value in headers if name == b"grip-sig"), b"")
    if not 0 < len(found) <= MAX_SIGNATURE_BYTES:
        return False
    try:
        issuer = proxy.verify_issuer or None
        jwt.decode(found, proxy.verify_key, algorithms=[ALGORITHM], issuer=issuer, options={"require": ["exp"]})
    except (jwt.InvalidTokenError, ValueError):  # not its own, expired, or no web token at all
        return False
    return True


def web_token(proxy: Edge) -> str:
    """Return what shows the proxy that it is us who publish."""
    claims = {"iss": proxy.issuer, "exp": int(time.time()) + WEB_TOKEN_SECONDS}
    return jwt.encode(claims, proxy.key, algorithm=ALGORITHM)
