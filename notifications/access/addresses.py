"""Where a request comes from, also behind proxies: what limits for each address count by.

Receives Django's request. A header is believed only as far as proxies of this site wrote it: `X-Forwarded-For` is read
from its right end, where the nearest proxy writes, and the first address that is no proxy of ours is the client's.
What stands further left was sent by the client, which can write there what it likes.

    NOTIFICATIONS_TRUSTED_PROXIES = ["10.1.0.0/16"]
    X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.1.0.4   from 10.1.0.3  →  198.51.100.7
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from django.http import HttpRequest

from ..conf import settings

__all__ = ["find_client_address"]

Address = IPv4Address | IPv6Address
# A household or a machine has a whole network of IPv6 addresses (https://www.rfc-editor.org/rfc/rfc6177), so that counts.
IPV6_PREFIX: Final = 64
MAX_FORWARDED_CHARS: Final = 1024  # of the right end: twenty hops and more; further left nobody of ours has written


def find_client_address(request: HttpRequest) -> str:
    """Return the address that a request comes from, an IPv6 one as its /64 network; "" where nobody can tell.

    Without a peer's address (a Unix socket) the peer is a proxy of ours, if any are named in
    NOTIFICATIONS_TRUSTED_PROXIES.
    """
    peer = parse_address(request.META.get("REMOTE_ADDR", ""))
    if not settings.trusted_proxies or (peer is not None and not is_trusted(peer)):
        return format_network(peer)
    nearest = peer
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    for text in reversed(forwarded[-MAX_FORWARDED_CHARS:].split(",")):
        address = parse_address(text.strip())
        if address is None:  # what a proxy of ours would not write
            break
        nearest = address
        if not is_trusted(address):
            break
    return format_network(nearest)


def parse_address(text: str) -> Address | None:
    """Return an address, IPv4 also as a dual-stack socket sees it, or None for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_trusted(address: Address) -> bool:
    return any(address in ip_network(network) for network in settings.trusted_proxies)


def format_network(address: Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return "" if address is None else str(address)
