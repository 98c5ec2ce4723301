"""System checks, keys and the cache: what the settings say, and whether what they name is there."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import ERROR, WARNING, CheckMessage, run_checks
from django.core.checks.security.base import check_secret_key
from django.urls import reverse

from notifications.exceptions import InvalidSetting
from notifications.integrations.pushpin import get_edge
from notifications.operations.error_reports import hide

from .findings import Finding, broken, note, risky, well
from .processes import count_processes

__all__ = ["look_at_cache", "look_at_checks", "look_at_keys"]

OURS: Final = "notifications."
# Where the stream has no address, is not routed, or that cannot be seen (`checks/asgi.py`).
ROUTING: Final = {f"{OURS}{name}" for name in ("E003", "E004", "W002", "W015")}
EDGE_SECONDS: Final = 2.0
MAKE_KEY: Final = "python -c 'from django.core.management.utils import get_random_secret_key as k; print(k())'"


def look_at_checks() -> Iterator[Finding]:
    """Yield what `manage.py check` says of this app, and every error of others."""
    messages = [each for each in run_checks() if not each.is_silenced()]
    heard = [each for each in messages if str(each.id).startswith(OURS) or each.is_serious(ERROR)]
    for message in heard:
        yield finding_of(message)
    if not any(each.is_serious(WARNING) for each in heard):
        yield well("checks", "`manage.py check` finds nothing wrong.")
    if not ROUTING & {str(each.id) for each in heard}:
        yield well("asgi", f"ASGI_APPLICATION routes the stream, {reverse('live_notifications:stream')}.")


def finding_of(message: CheckMessage) -> Finding:
    """Return a message of a system check as a finding, whose code is its id."""
    kind = broken if message.is_serious(ERROR) else risky if message.is_serious(WARNING) else note
    return kind(str(message.id), str(message.msg), str(message.hint or f"Look up {message.id} in the documentation."))


def look_at_keys() -> Iterator[Finding]:
    """Yield what is wrong with SECRET_KEY, which signs doorbells, and whether the edge's key has somebody to talk to."""
    if check_secret_key(None):
        text = "SECRET_KEY is short, or the one that `startproject` wrote; it signs sessions, doorbells and undo."
        remedy = f"Make one with `{MAKE_KEY}`, and keep it out of the repository. All processes need the same one."
        yield (note if django_settings.DEBUG else risky)("keys.secret", text, remedy)
    else:
        yield well("keys", "SECRET_KEY is long and random.")
    try:
        proxy = get_edge()
    except InvalidSetting:
        return  # the system checks say so
    if proxy is not None:
        yield look_at_edge(proxy.address)


def look_at_edge(url: str) -> Finding:
    """Return whether the proxy of NOTIFICATIONS_GRIP_URL takes connections."""
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        socket.create_connection(place, timeout=EDGE_SECONDS).close()
    except OSError as error:
        return broken(
            "edge.away",
            f"The proxy of NOTIFICATIONS_GRIP_URL at {url} takes no connection: {error}",
            "Start Pushpin, or correct the address. Its open streams hear of nothing until then.",
        )
    return well("edge", f"The proxy of NOTIFICATIONS_GRIP_URL at {url} takes connections.")


def look_at_cache() -> Iterator[Finding]:
    """Yield whether the default cache keeps what it is given, and whether all processes share it."""
    key, value = f"notifications-doctor-{secrets.token_hex(8)}", secrets.token_hex(8)
    try:
        cache = caches[DEFAULT_CACHE_ALIAS]
        cache.set(key, value, 60)
        found = cache.get(key)
        cache.delete(key)
    except Exception as error:  # whatever its client raises
        yield risky(
            "cache.away",
            hide(
                f"The default cache fails with {type(error).__name__}: {error}; so no limit of acts and logins holds."
            ),
            "Start what CACHES['default'] names, or correct its LOCATION.",
        )
        return
    if found != value:
        yield risky(
            "cache.empty",
            "The default cache does not keep what it is given, so no limit of acts and logins holds.",
            "Set CACHES['default'] to a cache that processes share, such as Redis.",
        )
    elif isinstance(cache, LocMemCache):
        yield from look_at_local_memory()
    else:
        yield well("cache", "The default cache keeps what it is given.")


def look_at_local_memory() -> Iterator[Finding]:
    """Yield whether more than one process has a cache of its own."""
    count = count_processes()
    if count > 1:
        yield risky(
            "cache.alone",
            f"The default cache is in the memory of each process, and {count} processes hold streams: each counts limits "
            "on its own.",
            "Set CACHES['default'] to a cache that processes share, such as Redis.",
        )
    else:
        yield well("cache", "The default cache is in the memory of the process, which does for one process.")
