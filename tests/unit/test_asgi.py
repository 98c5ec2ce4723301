"""The installation's ASGI step: the stream at its URL, everything else to the site's own application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.test import override_settings
from django.urls import NoReverseMatch, set_script_prefix

from notifications.asgi import with_stream
from tests.support.asgi import open_site
from tests.support.browser import Browser, Message, request


async def django_application(scope: Message, receive: Any, send: Any) -> None:
    """Stand in for `get_asgi_application()`: say which path was asked for."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": f"path: {scope['path']}".encode()})


async def status_of(application: Any, path: str, **scope: Any) -> int | None:
    """Return with which status an application answers a GET, or what the scope says."""
    browser = Browser(request(path, **scope), application)
    await browser.ended()
    return browser.status


@pytest.fixture
def script_prefix() -> Iterator[None]:
    """A site below /app, as `django.setup()` finds it in FORCE_SCRIPT_NAME."""
    set_script_prefix("/app/")
    yield
    set_script_prefix("/")


async def test_the_stream_answers_at_its_own_url_only() -> None:
    """`/notifications/stream/` is the stream (403: nobody is logged in), every other path is the site's."""
    application = with_stream(django_application)
    assert await status_of(application, "/notifications/stream/") == 403
    for path in (
        "/",
        "/notifications/",
        "/notifications/stream",
        "/notifications/stream/x",
        "/x/notifications/stream/",
    ):
        assert await status_of(application, path) == 299, path


async def test_other_methods_on_the_stream_never_reach_the_site() -> None:
    """POST to the stream is 405 from the stream itself."""
    assert await status_of(with_stream(django_application), "/notifications/stream/", method="POST") == 405


@override_settings(ROOT_URLCONF="tests.support.urls_elsewhere")
async def test_the_stream_follows_the_sites_urls() -> None:
    """Included under another path, the stream is there."""
    application = with_stream(django_application)
    assert await status_of(application, "/inbox/live/stream/") == 403
    assert await status_of(application, "/notifications/stream/") == 299


@pytest.mark.usefixtures("script_prefix")
@override_settings(FORCE_SCRIPT_NAME="/app")
@pytest.mark.parametrize(
    "scope",
    [
        {"path": "/app/notifications/stream/"},  # the proxy passes the whole path on
        {"path": "/app/notifications/stream/", "root_path": "/app"},  # … and the server knows the prefix
        {"path": "/notifications/stream/"},  # the proxy takes the prefix off
    ],
)
async def test_a_site_below_a_prefix_has_its_stream_there(scope: dict[str, str]) -> None:
    """However the prefix gets to the site, the stream answers wherever Django itself would."""
    assert await status_of(with_stream(django_application), **scope) == 403


@override_settings(ROOT_URLCONF="tests.support.urls_languages", NOTIFICATIONS_ALLOWED_ORIGINS=["https://a.example"])
async def test_the_stream_is_there_in_every_language() -> None:
    """With `i18n_patterns` it answers below each language that the site has, and so do the WebSocket and the API.

    Regression: its address was known in the default language alone; in others a page was never live.
    """
    application = with_stream(django_application)
    for language in ("en", "zh-hans"):
        for path, status in (("stream/", 403), ("", 299), ("stream/x", 299)):
            assert await status_of(application, f"/{language}/notifications/{path}") == status, (language, path)
        assert application.server_of({"type": "websocket", "path": f"/{language}/notifications/ws/"})
        assert application.is_api({"type": "http", "path": f"/{language}/notifications/api/counts"})
    for path in ("/notifications/stream/", "/xx/notifications/stream/", "/tlh/notifications/stream/", "/zh-hans/", "/"):
        assert await status_of(application, path) == 299, path


@override_settings(ROOT_URLCONF="tests.support.urls_without")
def test_a_site_without_the_urls_is_told_when_it_starts() -> None:
    """Forgetting the URLs is an error at import, not a stream that is silently missing."""
    with pytest.raises(NoReverseMatch, match="notifications"):
        with_stream(django_application)


@pytest.mark.django_db(transaction=True)
async def test_a_logged_in_user_gets_their_stream_through_it(user: User, other_user: User) -> None:
    """The whole way: router, session, hub; the other user's stream is their own."""
    async with open_site() as site:
        application = with_stream(django_application)
        mine, other = [await site.open(each, application=application) for each in (user, other_user)]
        epochs = {(await browser.hello()).data["epoch"] for browser in (mine, other)}
        assert len(epochs) == 2
        assert set(site.hub.users) == {str(user.pk), str(other_user.pk)}


async def test_the_websocket_answers_at_its_own_url_only() -> None:
    """`/notifications/ws/` is ours (closed before it is accepted: nobody is logged in), other paths are the site's."""
    asked: list[str] = []

    async def own(scope: Message, _receive: Any, _send: Any) -> None:
        asked.append(scope["path"])

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    application = with_stream(own)
    for path in ("/notifications/ws/", "/notifications/stream/", "/notifications/ws", "/chat/"):
        await application({"type": "websocket", "path": path, "headers": [], "query_string": b""}, receive, send)
    assert asked == ["/notifications/stream/", "/notifications/ws", "/chat/"]
    assert sent == [{"type": "websocket.close"}]


async def test_a_websocket_that_nobody_serves_is_closed() -> None:
    """Where Django stands behind the stream, a WebSocket is refused quietly; an application of the site's own gets it."""
    sent: list[Message] = []
    asked: list[str] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nobody reads from it")

    async def own(scope: Message, _receive: Any, _send: Any) -> None:
        asked.append(scope["path"])

    scope = {"type": "websocket", "path": "/x/", "headers": []}
    await with_stream(get_asgi_application())(scope, receive, send)
    assert sent == [{"type": "websocket.close"}]
    await with_stream(own)(scope, receive, send)
    assert asked == ["/x/"]
