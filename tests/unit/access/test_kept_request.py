"""The request of a stream, as it is kept while the stream is open."""

from __future__ import annotations

from notifications.access.kept_request import KeptRequest, parse_cookies
from tests.support.browser import request


def test_what_no_server_lets_through_is_not_kept() -> None:
    """A kept request is bounded, for it is held as long as the stream."""
    scope = request("/notifications/stream/")
    assert KeptRequest.of(scope) is not None
    assert KeptRequest.of(scope | {"query_string": b"x" * 8193}) is None
    assert KeptRequest.of(scope | {"headers": [(b"cookie", b"x" * 65536)]}) is None


def test_a_socket_over_tls_is_https() -> None:
    """Also where the server does not say so, as Daphne, for the page's origin does."""
    scope = request("/notifications/ws/", type="websocket", headers=[(b"origin", b"https://testserver")])
    for scheme, expected in (("wss", "https"), ("ws", "http"), (None, "https")):
        kept = KeptRequest.of(scope | {"scheme": scheme})
        assert kept is not None
        assert kept.build_request().scheme == expected


def test_cookies_are_read_as_django_reads_them() -> None:
    """Quoted or not, with the same answers as a Python whose parser is quick."""
    text = 'a=1; b = 2 ;c; d="x\\"y\\054z\\\\"; e="; f="a\\b"; =g; a=3; ;h="\\400"'
    expected = {"a": "3", "b": "2", "": "g", "d": 'x"y,z\\', "e": '"', "f": "ab", "h": "400"}
    assert parse_cookies(text) == expected
    assert parse_cookies("a=" + "x" * 65536) == {}
