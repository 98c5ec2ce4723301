"""System check of the way to Redis: whoever can listen there reads what doorbells carry, and whoever gets in can ring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Warning as Risk

from .settings import read_valid

__all__ = ["check_transport", "is_here"]

SCHEMES: Final = ("redis", "rediss", "unix")  # the last one never leaves the machine


def check_transport(**_: Any) -> Iterator[CheckMessage]:
    """Find a Redis on another machine that is reached in clear text, or without a password."""
    layer = getattr(django_settings, "CHANNEL_LAYERS", {}).get(read_valid("channel_layer")) or {}
    for host in layer.get("CONFIG", {}).get("hosts", ()):
        scheme, name, has_password = parse_host(host)
        if scheme == "unix" or scheme not in SCHEMES or is_here(name):
            continue
        faults = [
            *(["in clear text"] if scheme != "rediss" else []),
            *(["without a password"] if not has_password else []),
        ]
        if faults:
            yield Risk(
                f"CHANNEL_LAYERS reaches Redis at {name} {' and '.join(faults)}: anyone who listens on "
                "the way or gets in can read the notifications that doorbells carry.",
                hint="Use rediss:// with a password, or a network of its own and silence this; with "
                "NOTIFICATIONS_RING_CONTENT = False doorbells carry no content.",
                id="notifications.W040",
            )


def parse_host(host: Any) -> tuple[str, str, bool]:
    """Return scheme, name and whether there is a password, of a host in any of the forms that channels-redis takes."""
    if isinstance(host, Mapping):
        if "address" in host:
            scheme, name, has_password = parse_host(host["address"])
            return scheme, name, has_password or bool(host.get("password"))
        scheme = "unix" if "path" in host else "rediss" if host.get("ssl") else "redis"
        names = [str(each[0]) for each in host.get("sentinels", ())] or [str(host.get("host", "localhost"))]
        farthest = next((name for name in names if not is_here(name)), names[0])
        return scheme, farthest, bool(host.get("password"))
    if isinstance(host, list | tuple):
        return "redis", str(host[0]), False
    try:
        parts = urlsplit(str(host))
        return parts.scheme, parts.hostname or "localhost", bool(parts.password)
    except ValueError:  # channels-redis will say so
        return "", "", False


def is_here(name: str) -> bool:
    """Return whether a host is this machine; what is not known to be is not."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
