"""Pages of other origins: those that are listed may read, all others get nothing, and nobody is told `*`."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.test import override_settings
from django.urls import set_script_prefix

from notifications import InvalidSetting
from notifications.access.cors import build_cors_headers
from notifications.access.headers import read_headers
from notifications.asgi import with_stream
from notifications.conf import settings as own
from notifications.hub.counters import counters
from tests.support.asgi import Site, log_in
from tests.support.browser import Browser, Message, request

LISTED = "https://app.example.com"
STREAM, COUNTS = "/notifications/stream/", "/notifications/api/counts"
PREFLIGHT = (b"access-control-request-method", b"GET")

pytestmark = pytest.mark.django_db(transaction=True)


def from_page(origin: str, *more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request from a page of this origin."""
    return [(b"host", b"testserver"), (b"origin", origin.encode()), (b"sec-fetch-site", b"cross-site"), *more]


async def answer_to(
    path: str, headers: list[tuple[bytes, bytes]], method: str = "GET"
) -> tuple[int, dict[bytes, bytes]]:
    """Return status and headers of the site's answer."""
    site: Any = ApplicationCommunicator(  # type: ignore[no-untyped-call]
        with_stream(get_asgi_application()), request(path, method=method, headers=headers)
    )
    await site.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await site.receive_output(10)
    while (await site.receive_output(10)).get("more_body", False):
        pass
    await site.wait(10)
    return start["status"], {name.lower(): value for name, value in start["headers"]}


def shares(headers: dict[bytes, bytes]) -> list[bytes]:
    """Return the names of the headers by which something is shared with other origins."""
    return [name for name in headers if name.lower().startswith(b"access-control-")]


@pytest.mark.parametrize("path", [STREAM, COUNTS])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
async def test_by_default_no_other_origin_gets_anything(path: str, method: str) -> None:
    """Off by default: no answer says anything to another origin."""
    _status, headers = await answer_to(path, from_page(LISTED, PREFLIGHT), method)
    assert not shares(headers)


@override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED])
@pytest.mark.parametrize("path", [STREAM, COUNTS])
async def test_a_listed_origin_may_ask(path: str) -> None:
    """Its preflight names the origin itself, credentials, methods and the headers that clients of streams send."""
    status, headers = await answer_to(path, from_page(LISTED, PREFLIGHT), "OPTIONS")
    assert status == 204
    assert headers[b"access-control-allow-origin"] == LISTED.encode()
    assert headers[b"access-control-allow-credentials"] == b"true"
    assert headers[b"vary"] == b"Origin"
    assert b"GET" in headers[b"access-control-allow-methods"]
    assert {b"last-event-id", b"authorization"} <= set(headers[b"access-control-allow-headers"].split(b", "))


@override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED], FORCE_SCRIPT_NAME="/app")
@pytest.mark.parametrize("path", [COUNTS, f"/app{COUNTS}"])
async def test_a_listed_origin_may_ask_below_a_prefix(path: str) -> None:
    """Whether a proxy takes the prefix off or not, the API is found; as `django.setup()` finds FORCE_SCRIPT_NAME."""
    set_script_prefix("/app/")
    try:
        for method, more in (("OPTIONS", [PREFLIGHT]), ("GET", [])):
            status, headers = await answer_to(path, from_page(LISTED, *more), method)
            assert (status, headers[b"access-control-allow-origin"]) == (204 if more else 401, LISTED.encode())
    finally:
        set_script_prefix("/")


@override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED])
@pytest.mark.parametrize("path", [STREAM, COUNTS])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        f"{LISTED}.evil.example",
        "http://app.example.com",
        f"{LISTED}:444",
        f"{LISTED}/",
        "*",
    ],
)
async def test_an_origin_that_is_not_listed_gets_nothing(path: str, method: str, origin: str) -> None:
    """What is only like a listed one is not listed."""
    more = [PREFLIGHT] if method == "OPTIONS" else []
    status, headers = await answer_to(path, from_page(origin, *more), method)
    assert status in (401, 403)
    assert not shares(headers)


@override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED])
async def test_the_origin_is_named_once_beside_a_middleware_of_the_sites_own() -> None:
    """Regression: a site with django-cors-headers said it twice, and browsers refused the answer."""

    async def site(_scope: Message, _receive: Any, send: Any) -> None:
        said = [(b"Access-Control-Allow-Origin", LISTED.encode()), (b"access-control-allow-credentials", b"true")]
        said += [(b"vary", b"Cookie"), (b"access-control-expose-headers", b"X-Own")]
        await send({"type": "http.response.start", "status": 200, "headers": said})
        await send({"type": "http.response.body", "body": b""})

    browser = Browser(request(COUNTS, headers=from_page(LISTED)), with_stream(site))
    await browser.ended()
    headers = browser.messages[0]["headers"]
    names = sorted(name.lower() for name, _value in headers)
    assert [name for name in names if name.startswith(b"access-control-")] == sorted(
        [
            *(b"access-control-allow-credentials", b"access-control-allow-origin"),
            *(b"access-control-expose-headers", b"access-control-expose-headers"),  # of these a browser takes all
        ]
    )
    assert [value for name, value in headers if name == b"vary"] == [b"Cookie", b"Origin"]


@override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED])
async def test_a_listed_page_follows_its_reader(site: Site, user: User, other_user: User) -> None:
    """With the reader's cookie it gets that reader's stream, and may read it; refusals are readable too."""
    cookie = (b"cookie", f"sessionid={await site.do(log_in, user)}".encode())
    browser = Browser(request(STREAM, headers=from_page(LISTED, cookie)), with_stream(get_asgi_application()))
    site.browsers.append(browser)
    await browser.hello()
    headers = dict(browser.messages[0]["headers"])
    assert headers[b"access-control-allow-origin"] == LISTED.encode()
    assert headers[b"content-type"] == b"text/event-stream"
    assert list(site.hub.users) == [str(user.pk)]
    assert str(other_user.pk) not in site.hub.users
    for method, expected in (("GET", 403), ("POST", 405)):
        status, headers = await answer_to(STREAM, from_page(LISTED), method)
        assert (status, headers[b"access-control-allow-origin"]) == (expected, LISTED.encode())


@override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED])
async def test_other_pages_of_the_site_are_not_shared() -> None:
    """Only the stream and the API are for other origins; the centre, with its forms, is not."""
    status, headers = await answer_to("/notifications/", from_page(LISTED))
    assert status == 302
    assert not shares(headers)


@override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED])
@pytest.mark.parametrize(
    ("origin", "first", "refused"),
    [(LISTED, "websocket.accept", 0), ("https://evil.example", "websocket.close", 1), ("null", "websocket.close", 1)],
)
async def test_a_websocket_needs_a_listed_origin_too(
    site: Site, user: User, origin: str, first: str, refused: int
) -> None:
    """With the reader's cookie a listed page is let in; a stranger is closed before anybody is looked up."""
    sent: list[Message] = []
    said: list[Message] = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}]

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return said.pop(0)

    cookie = (b"cookie", f"sessionid={await site.do(log_in, user)}".encode())
    scope: dict[str, Any] = {"type": "websocket", "path": "/notifications/ws/", "headers": from_page(origin, cookie)}
    before = counters.connects["origin"]
    await with_stream(get_asgi_application())(scope | {"query_string": b""}, receive, send)
    assert sent[0]["type"] == first
    assert counters.connects["origin"] - before == refused
    assert len(sent) == 1 or not refused


@override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED])
def test_two_origins_are_nobodys() -> None:
    """A request that names two origins is no browser's."""
    assert not build_cors_headers(read_headers([*from_page(LISTED), (b"origin", b"https://evil.example")]))


@pytest.mark.parametrize(
    "value", ["*", "null", f"{LISTED}/", "app.example.com", "https://*.example.com", "https://App.example.com", "", 7]
)
def test_what_is_no_origin_is_refused(value: Any) -> None:
    """`*` above all: with credentials it would give every page on the web the reader's inbox."""
    with override_settings(NOTIFICATIONS_ALLOWED_ORIGINS=[value]), pytest.raises(InvalidSetting, match="without path"):
        _ = own.allowed_origins
