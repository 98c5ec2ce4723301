"""Step 6j: for whom the proxy asks. A ticket says which login a held connection goes on with, and of which user.

    gAAAAABp…  ↔  user "7", by the session with this key (or by the token with this prefix and digest)

Receives credentials; the proxy gets what only we can read or make: Fernet, of the library `cryptography`, under keys made
of SECRET_KEY, and of SECRET_KEY_FALLBACKS for tickets from before a rotation. Encrypted and not only signed, because a
session is found by its key alone, and the proxy writes what it holds into its log. Guarantees that a ticket is good
for one user and until the proxy must have asked again. Whether the login still holds is asked each time (`answer.py`).
Needs the extra `[edge]`.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings as django_settings
from django.utils.crypto import salted_hmac

from ..access.auth import Credential
from ..access.tokens import Bearer
from ..conf import settings

__all__ = ["credential_in", "ticket_of"]

SALT: Final = "notifications.edge.tickets"
# A question may be late: by the proxy's own five attempts (1 + 2 + 4 + 8 + 16 s), and by those that stand before it.
LATE_SECONDS: Final = 600


def ticket_of(user_id: Any, credential: Credential) -> str:
    """Return a ticket for one user's connection. No two are alike."""
    parts = (credential.prefix, credential.digest) if isinstance(credential, Bearer) else (credential,)
    text = json.dumps([str(user_id), *parts]).encode()
    return locks().encrypt(text).decode().rstrip("=")  # which means something in the proxy's headers


def credential_in(ticket: str) -> tuple[str, Credential] | None:
    """Return the key of the user and the credential in a ticket; None for one that is none, or is too old."""
    try:
        whole = ticket.encode("ascii") + b"=" * (-len(ticket) % 4)
        text = locks().decrypt(whole, ttl=int(settings.grip_link_seconds) + LATE_SECONDS)
    except (InvalidToken, ValueError):
        return None
    user_key, *parts = json.loads(text)
    return user_key, Bearer(*parts) if len(parts) == 2 else parts[0]


def locks() -> MultiFernet:
    return locks_of((django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=8)
def locks_of(secrets: Sequence[str | bytes]) -> MultiFernet:
    """Return what encrypts with the first of these keys and decrypts with any."""
    keys = [salted_hmac(SALT, "key", secret=secret, algorithm="sha256").digest() for secret in secrets]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
