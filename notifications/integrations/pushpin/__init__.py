"""The edge: a proxy that speaks GRIP (Pushpin) holds the connections. The names that both sides use. Pure.

    NOTIFICATIONS_GRIP_URL = "http://127.0.0.1:5561?key=the+sig_key+of+pushpin.conf"

Receives users, credentials and positions; returns the channels and headers by which the proxy holds a connection. Who
asks is found out by `signatures.py`, for whom by `tickets.py`. The protocol: https://pushpin.org/docs/protocols/grip/

# Note [The next link]

Soon after a connection came, when a position does not fit, and after `link_seconds` in any case, the proxy asks once more
(`Grip-Link: …; rel=next`), without the client's cookies. What it says about the connection is in `Grip-Last`, one line for
each channel that was given a `prev-id`:

    Grip-Last: notifications-user-7; last-id=81985529216486.42
    Grip-Last: notifications-ticket; last-id=gAAAAABp…

So the first says where the connection stands, and the second is a ticket, which says whose it is. It stands there and not
in the link for three reasons, all found in Pushpin's source (1.36, `handler/engine.cpp`, `handler/httpsession.cpp` and
`proxy/proxyutil.cpp`):

- What begins with `Grip-` is taken off whatever clients send, so nobody but the proxy can show a ticket. A link can be
  opened by everyone who has seen it, in a log for example.
- Connections at one path that say the same in `Grip-Last` share one answer, whatever their links' queries are. Two
  sessions of one user at one position would, and the one would go on with the other's login.
- It asks ten different links a second, and a hundred connections for each. With one link for all it is a thousand.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit
from zlib import crc32

from django.conf import settings as django_settings
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from ...access.admission import Credential
from ...access.headers import Headers
from ...access.kept_request import KeptRequest
from ...conf import settings
from ...exceptions import InvalidSetting
from ...log.keys import UserKey
from ...protocol.position import Position
from ...protocol.sse import event

__all__ = [
    "Edge",
    "build_hold",
    "get_edge",
    "name_channel",
    "name_session_channels",
    "name_ticket_channel",
    "parse_url",
    "read_last_ids",
]

SALT: Final = "notifications.integrations.pushpin"
# `format=cstring`: the proxy reads \n as a line end. The client's own limit for silence is 45 s.
KEEP_ALIVE: Final = event("ping", "{}").decode().replace("\n", "\\n")


@dataclass(frozen=True, slots=True)
class Edge:
    """A proxy: where to publish to, and the keys of both directions."""

    address: str  # http://host:port/path
    key: bytes = field(repr=False)  # signs what we publish, and what it asks where it has no other key for that
    issuer: str
    verify_key: bytes = field(repr=False)
    verify_issuer: str


def get_edge() -> Edge | None:
    """Return the proxy that NOTIFICATIONS_GRIP_URL names; None without one.

    Raises:
        InvalidSetting: it cannot be read, or has no key.
    """
    return parse_url(settings.grip_url) if settings.grip_url else None


@lru_cache(maxsize=8)
@sensitive_variables()
def parse_url(url: str) -> Edge:
    """Return the proxy in an address as GRIP libraries write it, with `key` and `iss`, and `verify-key` and `verify-iss`."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query.replace("+", "%2B")).items()}
    if parts.scheme not in ("http", "https") or not parts.hostname or not query.get("key"):
        key = "with" if query.get("key") else "without"
        raise InvalidSetting(
            f"NOTIFICATIONS_GRIP_URL is {parts.scheme}://{parts.hostname or ''} {key} a key; "
            "write http://127.0.0.1:5561?key=…, with the sig_key of pushpin.conf."
        )
    return Edge(
        address=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}",
        key=decode_key(query["key"]),
        issuer=query.get("iss", ""),
        verify_key=decode_key(query.get("verify-key", query["key"])),
        verify_issuer=query.get("verify-iss", ""),
    )


@sensitive_variables()
def decode_key(text: str) -> bytes:
    if not text.startswith("base64:"):
        return text.encode()
    try:
        return b64decode(text.removeprefix("base64:"), validate=True)
    except ValueError as error:
        raise InvalidSetting(
            f"A key in NOTIFICATIONS_GRIP_URL is not valid base64 ({error}); leave out `base64:` if the key is plain text."
        ) from None


# --- what is held


def name_channel(user_id: UserKey | None) -> str:
    """Return the proxy's name for a user's changes. Two sites on one proxy have two groups."""
    return f"{quote(settings.group, safe='')}-user-{quote(str(user_id), safe='')}"


def name_ticket_channel() -> str:
    """Return the name under which the proxy keeps each connection's ticket. Nothing is ever published there."""
    return f"{quote(settings.group, safe='')}-ticket"


def name_session_channels(session_key: str) -> list[str]:
    """Return the proxy's names for a session's end, the present one first.

    The others are those of older SECRET_KEYs, under which a connection may still be held.
    """
    secrets = [django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac(SALT, session_key, secret=secret, algorithm="sha256").hexdigest() for secret in secrets]
    return [f"{quote(settings.group, safe='')}-session-{digest[:32]}" for digest in digests]


def build_hold(
    user_id: UserKey, credential: Credential, ticket: str, position: Position, path: str
) -> list[tuple[bytes, bytes]]:
    """Return the headers that make the proxy hold a connection that stands at a position.

    Args:
        user_id: whose it is.
        credential: what it was opened with.
        ticket: what the proxy shows when it asks, see `tickets.py`.
        position: where the connection stands.
        path: of the stream; the proxy asks there.
    """
    changes = name_channel(user_id)
    channels = [f"{changes}; prev-id={position}", f"{name_ticket_channel()}; prev-id={ticket}"]
    session_key = credential.session_key if isinstance(credential, KeptRequest) else credential
    if isinstance(session_key, str):
        channels.append(name_session_channels(session_key)[0])
    seconds = compute_link_seconds(changes, credential)
    values = {
        "grip-hold": "stream",
        "grip-channel": ", ".join(channels),
        # relative to what the proxy was asked for: a prefix (FORCE_SCRIPT_NAME, --root-path) may have come on or off since
        "grip-link": f"<{quote(path.rpartition('/')[2]) or './'}>; rel=next; timeout={seconds}",
        "grip-keep-alive": f"{KEEP_ALIVE}; format=cstring; timeout={max(1, round(settings.ping_seconds))}",
    }
    return [(name.encode(), value.encode()) for name, value in values.items()]


def compute_link_seconds(channel: str, credential: Credential) -> int:
    """Return after how many seconds the proxy asks about a connection in any case.

    About one that was opened with a token, or that a site's own hook judges, with each ping: nobody tells the proxy that a
    token is over, or that the hook has changed its mind. About others up to a
    fifth sooner than NOTIFICATIONS_GRIP_LINK_SECONDS, so that not all are asked about at once; always the same for one
    user, because the proxy asks about all connections of one time together, and with a new time for each answer it would
    ask twice as often.
    """
    if not isinstance(credential, str):
        return max(1, round(min(settings.ping_seconds, settings.grip_link_seconds)))
    return max(1, round(settings.grip_link_seconds * (1 - crc32(channel.encode()) % 1000 / 5000)))


def read_last_ids(headers: Headers) -> dict[str, str]:
    """Return what the proxy says of a connection that it holds, by channel; nothing in a client's own request."""
    found: dict[str, str] = {}
    for value in headers.get(b"grip-last", ()):
        for part in str(value, "latin-1").split(","):
            channel, _semicolon, last = part.partition(";")
            found[channel.strip()] = last.strip().removeprefix("last-id=")
    return found
