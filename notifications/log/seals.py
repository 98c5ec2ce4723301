"""Keyed digests on what goes over the channel layer, so that an intruder in Redis cannot speak for the site.

Receives messages; guarantees that one which `is_genuine` came, unchanged, from a process with this site's SECRET_KEY (or
one of SECRET_KEY_FALLBACKS). A message that is sent again is genuine as well: a change is applied only where it continues
from where a stream stands, and an order carries the time it was given, `sent_at`.

The digest is BLAKE2b's own keyed mode (RFC 7693), made once for a message and compared once in each process, never for
each stream: some 2 µs for a change, which is nothing beside its way over Redis.
"""

from __future__ import annotations

import time
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from django.conf import settings as django_settings
from django.utils.crypto import constant_time_compare
from django.utils.encoding import force_bytes

from ..conf import settings

__all__ = ["is_genuine", "seal"]

FIELD: Final = "seal"
DIGEST_BYTES: Final = 16  # 2^64 tries for an even chance, each of them a message over the layer
ORDER_SECONDS: Final = 60.0  # clocks may differ by as much; an older order is somebody's recording


def seal(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message with its digest, or as it is where NOTIFICATIONS_SIGN_DOORBELLS is off."""
    if settings.sign_doorbells:
        message[FIELD] = compute_digest(message, django_settings.SECRET_KEY)
    return message


def is_genuine(message: dict[str, Any]) -> bool:
    """Return whether a message came from this site; True for all where NOTIFICATIONS_SIGN_DOORBELLS is off."""
    if not settings.sign_doorbells:
        return True
    found = str(message.get(FIELD, ""))
    secrets = (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)
    try:
        if "sent_at" in message and abs(time.time() - message["sent_at"]) > ORDER_SECONDS:
            return False
        return any(constant_time_compare(found, compute_digest(message, secret)) for secret in secrets)
    except (AttributeError, LookupError, TypeError, ValueError):  # it has not even the form of a message
        return False


def compute_digest(message: dict[str, Any], secret: str | bytes) -> str:
    """Return the digest of a message by one of the site's secrets."""
    text = f"{message['type']} {message.get('seconds')!r} {message.get('sent_at')!r}\n"
    text += "".join([build_text(change) for change in message.get("changes", ())])
    return blake2b(text.encode("utf-8", "surrogatepass"), key=derive_key(secret), digest_size=DIGEST_BYTES).hexdigest()


def build_text(change: dict[str, Any]) -> str:
    """Return a change as text, so that no two read alike: free text has its length before it, and none is a number."""
    user, topic, data = change["user"], change["topic"], change["data"]
    return (
        f"{change['epoch']!r} {change['prev']!r} {change['modseq']!r} {change['committed_at']!r} "
        f"{'-' if user is None else len(user)}:{user} {len(topic)}:{topic} {'-' if data is None else len(data)}:{data}\n"
    )


@lru_cache(maxsize=8)
def derive_key(secret: str | bytes) -> bytes:
    """Return the key for doorbells that belongs to a secret, which serves other ends as well."""
    return blake2b(force_bytes(secret), person=b"ntf.doorbells").digest()
