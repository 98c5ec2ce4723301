"""Check that a request comes from a page of the same user: a page names its reader, and gets no other user's data later.

A page outlives a login: somebody logs out and in as somebody else in another tab, or staff begin or end an impersonation.
Receives users; makes of each a tag that tells nothing but whether two are the same (a keyed digest of the primary key):

    <notification-bell data-reader="5d1f0c6a9b3e7742" …>     what the page holds
    GET /notifications/stream/?reader=5d1f0c6a9b3e7742        of another reader's login: 200 and `bye auth`
    X-Notifications-Reader: 5d1f0c6a9b3e7742                  with what changes something, and with parts of a page: 403
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from ..exceptions import NotificationsError

__all__ = ["HEADER", "OtherReader", "build_tag", "is_from_users_page", "is_tag_of"]

HEADER: Final = "X-Notifications-Reader"
SALT: Final = "notifications.reader"
TAG_BYTES: Final = 8


class OtherReader(NotificationsError):
    """A page that was made for one reader asks with another's login."""


def build_tag(user: Any) -> str:
    """Return the tag of a user."""
    return build_tag_with(user, django_settings.SECRET_KEY)


def is_tag_of(tag: str, user: Any) -> bool:
    """Return whether a tag is a user's, also one that an older SECRET_KEY made."""
    secrets = [django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(tag, build_tag_with(user, secret)) for secret in secrets)


def is_from_users_page(request: HttpRequest) -> bool:
    """Return whether a request, if it says whose page it comes from, comes from its user's own."""
    tag = request.headers.get(HEADER, "")
    return not tag or is_tag_of(tag, request.user)


def build_tag_with(user: Any, secret: str | bytes) -> str:
    return blake2b(str(user.pk).encode(), key=derive_key(secret), digest_size=TAG_BYTES).hexdigest()


@lru_cache(maxsize=8)
def derive_key(secret: str | bytes) -> bytes:
    """Return the key of the tags. Made once: each stream that is opened shows a tag."""
    return salted_hmac(SALT, "key", secret=secret, algorithm="sha256").digest()
