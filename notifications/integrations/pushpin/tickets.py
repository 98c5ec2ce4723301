"""Tickets: they say for which login and which user a proxy holds a connection.

    gAAAAABp…  ↔  user "7", by the session with this key (or by the token with this prefix and digest; or,
                  where a hook of the site's judges it, by all that was sent to open the stream)

Receives credentials; the proxy gets what only we can read or make: Fernet, of the library `cryptography`, under keys made
of SECRET_KEY, and of SECRET_KEY_FALLBACKS for tickets from before a rotation. Encrypted and not only signed, because a
session is found by its key alone, and the proxy writes what it holds into its log. Guarantees that a ticket is good
for one user and until the proxy must have asked again. Whether the login still holds is asked each time (`handler.py`).
Needs the extra `[edge]`.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from zlib import compress, decompress, error as ZlibError  # noqa: N812 - an exception

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings as django_settings
from django.utils.crypto import salted_hmac

from ...access.admission import Credential
from ...access.kept_request import KeptRequest
from ...access.tokens import Bearer
from ...conf import settings
from ...log.keys import UserKey

__all__ = ["MAX_TICKET_CHARS", "make_ticket", "read_ticket"]

SALT: Final = "notifications.integrations.pushpin.tickets"
# A question may be late: by the proxy's own five attempts (1 + 2 + 4 + 8 + 16 s), and by those that stand before it.
LATE_SECONDS: Final = 600
# Pushpin reads the head of an answer into 8 KiB, and sends the ticket back in one of its own.
MAX_TICKET_CHARS: Final = 4096
# What is left out of a request that a ticket holds: no hook can mind how the answer is to be written.
UNASKED: Final = frozenset(
    {b"accept", b"accept-encoding", b"cache-control", b"connection", b"last-event-id", b"pragma", b"priority", b"te"}
)


def make_ticket(user_id: UserKey, credential: Credential) -> str:
    """Return a ticket for one user's connection. No two are alike; one of more than `MAX_TICKET_CHARS` is too long."""
    parts: tuple[Any, ...]
    if isinstance(credential, KeptRequest):
        parts = (pack(credential), None, None)
    else:
        parts = (credential.prefix, credential.digest) if isinstance(credential, Bearer) else (credential,)
    text = compress(json.dumps([str(user_id), *parts]).encode())
    return get_cipher().encrypt(text).decode().rstrip("=")  # which means something in the proxy's headers


def pack(kept: KeptRequest) -> list[Any]:
    """Return a kept request as JSON can write it, without what browsers say of themselves to no purpose here."""
    headers = [
        [str(name, "latin-1"), str(value, "latin-1")]
        for name, value in kept.headers
        if name not in UNASKED and not name.startswith((b"grip-", b"sec-"))
    ]
    query = str(kept.query, "latin-1")
    return [kept.path, kept.root_path, kept.scheme, query, headers, kept.client, kept.server]


def unpack(parts: list[Any]) -> KeptRequest:
    path, root_path, scheme, query, headers, client, server = parts
    return KeptRequest(
        path=path,
        root_path=root_path,
        scheme=scheme,
        query=query.encode("latin-1"),
        headers=tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers),
        client=tuple(client) if client else None,
        server=tuple(server) if server else None,
    )


def read_ticket(ticket: str) -> tuple[str, Credential] | None:
    """Return the key of the user and the credential in a ticket; None for one that is none, or is too old."""
    try:
        whole = ticket.encode("ascii") + b"=" * (-len(ticket) % 4)
        text = decompress(get_cipher().decrypt(whole, ttl=int(settings.grip_link_seconds) + LATE_SECONDS))
    except (InvalidToken, ValueError, ZlibError):
        return None
    user_key, *parts = json.loads(text)
    if len(parts) == 3:
        return user_key, unpack(parts[0])
    return user_key, Bearer(*parts) if len(parts) == 2 else parts[0]


def get_cipher() -> MultiFernet:
    return build_cipher((django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=8)
def build_cipher(secrets: Sequence[str | bytes]) -> MultiFernet:
    """Return what encrypts with the first of these keys and decrypts with any."""
    keys = [salted_hmac(SALT, "key", secret=secret, algorithm="sha256").digest() for secret in secrets]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
