"""From which pages a stream may be opened: the site's own, as Django takes the request to have arrived."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from notifications import notify
from notifications.access.headers import read_headers
from notifications.access.origin import is_own_page, is_own_socket
from notifications.endpoints.stream import StreamApplication
from notifications.hub import Hub
from notifications.hub.counters import counters
from tests.support.asgi import Site, log_in
from tests.support.browser import Browser

Header = tuple[str, str]


def scope_of(*headers: Header, scheme: str = "http") -> dict[str, Any]:
    """Return the scope of a request for the stream with these headers."""
    return {
        "type": "http",
        "method": "GET",
        "scheme": scheme,
        "path": "/notifications/stream/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def is_own(scope: dict[str, Any]) -> bool:
    """Return whether this request comes from the site's own page."""
    return is_own_page(scope, read_headers(scope["headers"]))


@pytest.mark.parametrize(
    ("scheme", "origin", "expected"),
    [
        ("ws", "http://testserver", True),
        ("wss", "https://testserver", True),
        ("wss", "http://testserver", False),
        ("ws", "https://testserver", False),
        (None, "https://testserver", True),  # Daphne
        (None, "http://testserver", True),
        (None, "https://testserver:8443", False),
        (None, "https://evil.example", False),
        ("ws", "null", False),
    ],
)
def test_websockets_come_from_the_sites_own_pages(scheme: str | None, origin: str, expected: bool) -> None:
    """The upgrade's origin is compared with that of the HTTP request; where the server tells no scheme, without it."""
    scope = scope_of(("host", "testserver"), ("origin", origin)) | {"type": "websocket", "scheme": scheme}
    if scheme is None:
        del scope["scheme"]
    assert is_own_socket(scope, read_headers(scope["headers"])) is expected


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_fetch_metadata_of_the_own_origin_pass(site: str) -> None:
    """A page of this origin, or an address that the reader typed."""
    assert is_own(scope_of(("host", "testserver"), ("sec-fetch-site", site)))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "same-origin, cross-site", "SAME-ORIGIN"])
def test_fetch_metadata_of_another_site_are_refused(site: str) -> None:
    """A sister domain is another origin; what browsers do not send is nobody's own."""
    assert not is_own(scope_of(("host", "testserver"), ("sec-fetch-site", site)))


def test_both_headers_must_agree() -> None:
    """One that is right does not make up for one that is wrong."""
    own, foreign = ("origin", "http://testserver"), ("origin", "http://evil.example")
    here, there = ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")
    host = ("host", "testserver")
    assert is_own(scope_of(host, own, here))
    assert not is_own(scope_of(host, own, there))
    assert not is_own(scope_of(host, foreign, here))
    assert not is_own(scope_of(host, own, foreign))
    assert not is_own(scope_of(host, here, there))


def test_who_says_nothing_passes() -> None:
    """Programs and old browsers send neither header; what they lack is a session, and that is asked next."""
    assert is_own(scope_of(("host", "testserver")))
    assert is_own(scope_of())


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://a.example", "a.example", "http"),
        ("http://a.example", "a.example:80", "http"),
        ("http://a.example:80", "a.example", "http"),
        ("https://a.example", "a.example:443", "https"),
        ("http://a.example:8000", "a.example:8000", "http"),
        ("http://A.Example", "a.example", "http"),
        ("http://a.example", "A.EXAMPLE", "http"),
        ("http://[::1]:8000", "[::1]:8000", "http"),
        ("https://[2001:db8::1]", "[2001:DB8::1]:443", "https"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "http"),
    ],
)
def test_the_same_origin_may_be_written_in_several_ways(
    settings: Settings, origin: str, host: str, scheme: str
) -> None:
    """The default port may be left out, and case does not matter."""
    settings.ALLOWED_HOSTS = ["*"]
    assert is_own(scope_of(("host", host), ("origin", origin), scheme=scheme))


@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://a.example", "http://a.example:8000", "http://b.a.example", "http://example", "//a.example"]
    + ["http://a.example.evil.example", "http://a.example@evil.example", "http://evil.example@a.example"]
    + ["http://a.example/", "http://a.example/x", "http://a.example?x", "http://a.example#x", "a.example", "http://"]
    + ["http://a.example:x", "http://a.example:99999", "http://[a.example", "http://a.example http://evil.example"]
    + ["ftp://a.example", "chrome-extension://a.example", "http://ä.example", "http://a.example, http://evil.example"],
)
def test_another_origin_is_refused(settings: Settings, origin: str) -> None:
    """Another scheme, host or port, a sandboxed page, and whatever is no origin at all."""
    settings.ALLOWED_HOSTS = ["*"]
    assert not is_own(scope_of(("host", "a.example"), ("origin", origin)))


def test_a_host_that_django_does_not_serve_is_nobodys_own(settings: Settings) -> None:
    """ALLOWED_HOSTS holds here as well, or a page could name its own host."""
    settings.ALLOWED_HOSTS = ["a.example"]
    assert not is_own(scope_of(("host", "evil.example"), ("origin", "http://evil.example")))


def test_the_host_behind_a_proxy_is_the_one_django_would_use(settings: Settings) -> None:
    """X-Forwarded-Host and the scheme count where the site says that its proxy sets them, and only there."""
    settings.ALLOWED_HOSTS = ["a.example", "inner"]
    scope = scope_of(
        ("host", "inner:8000"),
        ("x-forwarded-host", "a.example:8443"),
        ("x-forwarded-proto", "https"),
        ("origin", "https://a.example:8443"),
    )
    assert not is_own(scope)
    settings.USE_X_FORWARDED_HOST = True
    assert not is_own(scope)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert is_own(scope)


def from_page(site: Site, session_key: str, *headers: Header) -> Browser:
    """Connect with further headers."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        more = [(name.encode(), value.encode()) for name, value in headers]
        await StreamApplication()(scope | {"headers": scope["headers"] + more}, receive, send)

    return site.connect(session_key, application=application)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("header", [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")])
@pytest.mark.usefixtures("bystander")
async def test_a_page_of_another_site_gets_403_before_any_look_up(
    site: Site, user: User, monkeypatch: pytest.MonkeyPatch, header: Header
) -> None:
    """With a valid session too: no query, no stream, and no header that lets its script read the answer."""
    key = await site.do(log_in, user)
    monkeypatch.setattr(Hub, "authenticate", lambda *_: pytest.fail("looked up"))
    refused = counters.connects["origin"]
    status, headers, body = await from_page(site, key, header).answer()
    assert counters.connects["origin"] == refused + 1
    assert (status, b"origin" in body) == (403, True)
    assert not [name for name in headers if name.startswith(b"access-control")]
    assert site.hub.count == 1, "the bystander's"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("bystander")
async def test_a_page_of_this_site_gets_its_stream_without_cors(site: Site, user: User) -> None:
    """With the headers that browsers send, the stream is open, and to this origin alone."""
    key = await site.do(log_in, user)
    browser = from_page(site, key, ("origin", "http://testserver"), ("sec-fetch-site", "same-origin"))
    await browser.hello()
    sent = await site.do(notify, user, title="Report is ready")
    assert [item["id"] for item in (await browser.next("change")).data["upsert"]] == [sent.pk]
    assert not [name for name, _ in browser.messages[0]["headers"] if name.startswith(b"access-control")]
