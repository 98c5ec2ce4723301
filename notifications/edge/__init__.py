"""Step 6h: the edge. A proxy that speaks GRIP (Pushpin) holds the connections; here is how the two know each other. Pure.

    NOTIFICATIONS_GRIP_URL = "http://127.0.0.1:5561?key=the+sig_key+of+pushpin.conf"

Receives headers and tokens. Guarantees that nobody but the proxy is taken for it, by the signature that it puts on
each request (`Grip-Sig`, a JSON web token), and that a held connection can be answered for once more without its
cookies. The protocol: https://pushpin.org/docs/protocols/grip/

# Note [The next link]

When a position does not fit, and after NOTIFICATIONS_GRIP_LINK_SECONDS in any case, the proxy asks the address that
its last answer named (`Grip-Link: …; rel=next`), with the position it stands at (`Grip-Last`) and without the client's
cookies. So that address holds the session's key, encrypted, for little longer than until the next question. Each has a
number of its own, because the proxy asks once for all connections with the same address.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import secrets
import time
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from django.core.signing import BadSignature, TimestampSigner
from django.utils.crypto import salted_hmac

from ..conf import settings
from ..exceptions import InvalidSetting
from ..log.tail import Position, parse_position
from ..wire.sse import event

__all__ = [
    "LINK",
    "Edge",
    "channel_of",
    "edge",
    "hold",
    "is_signed",
    "position_in",
    "session_channel_of",
    "session_in",
    "token_of",
    "web_token",
]

LINK: Final = "grip"  # the query's name for a token
SALT: Final = "notifications.edge"
# A question may be late: by the proxy's own five attempts (1 + 2 + 4 + 8 + 16 s), and by those that stand before it.
LATE_SECONDS: Final = 600.0
WEB_TOKEN_SECONDS: Final = 60
NONCE_BYTES: Final = 16
# `format=cstring`: the proxy reads \n as a line end. The client's own limit for silence is 45 s.
KEEP_ALIVE: Final = event("ping", "{}").decode().replace("\n", "\\n")


@dataclass(frozen=True, slots=True)
class Edge:
    """A proxy: where to publish to, and the keys of both directions."""

    address: str  # http://host:port/path
    key: bytes  # signs what we publish, and what it asks where it has no other key for that
    issuer: str
    verify_key: bytes
    verify_issuer: str


def edge() -> Edge | None:
    """Return the proxy that NOTIFICATIONS_GRIP_URL names; None without one.

    Raises:
        InvalidSetting: it cannot be read, or has no key.
    """
    return parse_url(settings.grip_url) if settings.grip_url else None


@lru_cache(maxsize=8)
def parse_url(url: str) -> Edge:
    """Return the proxy in an address as GRIP libraries write it, with `key` and `iss`, and `verify-key` and `verify-iss`."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query.replace("+", "%2B")).items()}
    if parts.scheme not in ("http", "https") or not parts.hostname or not query.get("key"):
        key = "with" if query.get("key") else "without"
        raise InvalidSetting(
            f"NOTIFICATIONS_GRIP_URL names {parts.scheme}://{parts.hostname or ''} {key} a key; "
            "write http://127.0.0.1:5561?key=…, with the sig_key of pushpin.conf."
        )
    return Edge(
        address=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}",
        key=key_bytes(query["key"]),
        issuer=query.get("iss", ""),
        verify_key=key_bytes(query.get("verify-key", query["key"])),
        verify_issuer=query.get("verify-iss", ""),
    )


def key_bytes(text: str) -> bytes:
    return b64decode(text.removeprefix("base64:")) if text.startswith("base64:") else text.encode()


# --- who asks


def is_signed(headers: Iterable[tuple[bytes, bytes]], proxy: Edge) -> bool:
    """Return whether a request was signed by the proxy a short while ago."""
    found = next((value for name, value in headers if name == b"grip-sig"), b"")
    try:
        head, claims, signature = found.split(b".")
        if json.loads(decoded(head)).get("alg") != "HS256":
            return False
        expected = hmac.digest(proxy.verify_key, head + b"." + claims, hashlib.sha256)
        if not hmac.compare_digest(decoded(signature), expected):
            return False
        said: dict[str, Any] = json.loads(decoded(claims))
        return bool(said["exp"] > time.time()) and proxy.verify_issuer in ("", said.get("iss"))
    except (ValueError, KeyError, TypeError, AttributeError):  # no web token, or one without an end
        return False


def web_token(proxy: Edge) -> str:
    """Return what shows the proxy that it is us who publish: a JSON web token."""
    claims = {"iss": proxy.issuer, "exp": int(time.time()) + WEB_TOKEN_SECONDS}
    head = b".".join(encoded(json.dumps(each).encode()) for each in ({"typ": "JWT", "alg": "HS256"}, claims))
    return (head + b"." + encoded(hmac.digest(proxy.key, head, hashlib.sha256))).decode()


def decoded(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


# --- who is asked for


def token_of(session_key: str) -> str:
    """Return a token for a session's key: encrypted, signed, good for one question and a little longer."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    hidden = mixed(session_key.encode(), nonce)
    return TimestampSigner(salt=SALT).sign(encoded(nonce + hidden).decode())


def session_in(token: str) -> str | None:
    """Return the session's key in a token; None for one that is none, or is too old."""
    max_age = dt.timedelta(seconds=settings.grip_link_seconds + LATE_SECONDS)
    try:
        text = TimestampSigner(salt=SALT).unsign(token, max_age=max_age)
    except BadSignature:
        return None
    whole = decoded(text.encode())
    return mixed(whole[NONCE_BYTES:], whole[:NONCE_BYTES]).decode()


def mixed(text: bytes, nonce: bytes) -> bytes:
    """Return text under a keyed hash of a random number, which nobody else can tell. Done twice, it is as before."""
    stream = b""
    for block in count():
        if len(stream) >= len(text):
            break
        stream += salted_hmac(SALT, nonce + bytes([block]), algorithm="sha256").digest()
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


# --- what is held


def channel_of(user_id: Any) -> str:
    """Return the proxy's name for a user's changes. Two sites on one proxy have two groups."""
    return f"{quote(settings.group, safe='')}-user-{quote(str(user_id), safe='')}"


def session_channel_of(session_key: str) -> str:
    """Return the proxy's name for a session's end."""
    digest = salted_hmac(SALT, session_key, algorithm="sha256").hexdigest()
    return f"{quote(settings.group, safe='')}-session-{digest[:32]}"


def hold(user_id: Any, session_key: str, position: Position, path: str) -> list[tuple[bytes, bytes]]:
    """Return the headers that make the proxy hold a connection that stands at a position."""
    link = f"{path}?{urlencode({LINK: token_of(session_key)})}"
    # a few seconds more or less, so that connections that came together do not all ask together
    seconds = max(1, round(settings.grip_link_seconds * (0.8 + 0.2 * secrets.randbelow(1000) / 1000)))
    values = {
        "grip-hold": "stream",
        "grip-channel": f"{channel_of(user_id)}; prev-id={position}, {session_channel_of(session_key)}",
        "grip-link": f"<{link}>; rel=next; timeout={seconds}",
        "grip-keep-alive": f"{KEEP_ALIVE}; format=cstring; timeout={max(1, round(settings.ping_seconds))}",
    }
    return [(name.encode(), value.encode()) for name, value in values.items()]


def position_in(headers: Iterable[tuple[bytes, bytes]], user_id: Any) -> Position | None:
    """Return where the proxy says that a connection stands: `Grip-Last: notifications-user-7; last-id=8198.42`."""
    for name, value in headers:
        if name == b"grip-last":
            for part in str(value, "latin-1").split(","):
                channel, _semicolon, last = part.partition(";")
                if channel.strip() == channel_of(user_id):
                    return parse_position(last.strip().removeprefix("last-id="))
    return None
