"""Where a request comes from: the peer, or what trusted proxies say of it, and nothing that a client can write."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory, override_settings

from notifications.access.addresses import find_client_address

PROXIES = ["10.0.0.0/8", "fd00::/8"]


def address_of(peer: str, forwarded: str = "", *, trusted: list[str] | None = None) -> str:
    """Return what counts for a request from a peer with this X-Forwarded-For."""
    headers: Any = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    with override_settings(NOTIFICATIONS_TRUSTED_PROXIES=PROXIES if trusted is None else trusted):
        return find_client_address(RequestFactory().get("/", REMOTE_ADDR=peer, **headers))


@pytest.mark.parametrize("forwarded", ["", "198.51.100.7", "10.0.0.1, 198.51.100.7"])
def test_without_trusted_proxies_the_peer_counts(forwarded: str) -> None:
    """No header is believed of a peer that is no proxy of ours, or where none is named."""
    assert address_of("192.0.2.1", forwarded) == "192.0.2.1"
    assert address_of("10.0.0.3", forwarded, trusted=[]) == "10.0.0.3"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),  # the left one was the client's own invention
        ("203.0.113.9, 198.51.100.7, 10.0.0.4", "198.51.100.7"),
        ("10.9.9.9", "10.9.9.9"),  # a client inside
        ("", "10.0.0.3"),
        ("198.51.100.7, nonsense", "10.0.0.3"),
        ("198.51.100.7:1234", "10.0.0.3"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_behind_trusted_proxies_the_nearest_stranger_counts(forwarded: str, expected: str) -> None:
    """Read from its right end, X-Forwarded-For names the first address that is no proxy of ours."""
    assert address_of("10.0.0.3", forwarded) == expected
    assert address_of("::ffff:10.0.0.3", forwarded) == expected
    if forwarded:
        assert address_of("", forwarded) == (expected if expected != "10.0.0.3" else "")  # over a Unix socket


def test_an_ipv6_client_counts_with_its_network() -> None:
    """A client cannot have more by taking another address of its own /64."""
    assert address_of("2001:db8:1:2::1") == address_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert address_of("fd00::1", "2001:db8:1:2::1") == "2001:db8:1:2::/64"
