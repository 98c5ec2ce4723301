"""The system check of the stream's routing: it says what it knows, and is silent about what it does not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.core.checks import CheckMessage, run_checks
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from django.urls import include, path, re_path, set_script_prefix

from notifications import checks
from notifications.asgi import StreamApplication, with_stream

STREAM = "notifications/stream/"


class Wrapper:
    """ASGI middleware as Starlette writes it."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class GZipMiddleware(Wrapper):
    """A compressor, going by its name."""


class Selfish(Wrapper):
    """Something that leads nowhere."""

    def __init__(self) -> None:
        super().__init__(self)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Do what a check cannot see: this could well serve the stream."""


function: Any = answer


class UrlsWithAccents:
    """URLs of a site that speaks French."""

    urlpatterns = (path("boîte/", include("notifications.urls")),)


def site() -> Any:
    """Return what `get_asgi_application()` returns, without setting Django up again."""
    return ASGIHandler()


def stream() -> Any:
    """Return the stream's application, which no type of Django's routes expects."""
    return StreamApplication()


def found(application: Any, monkeypatch: pytest.MonkeyPatch) -> list[CheckMessage]:
    """Return what the checks say about a site with this ASGI application."""
    module = ModuleType("tests_asgi_of_a_host")
    monkeypatch.setattr(module, "application", application, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with override_settings(DEBUG=True, ASGI_APPLICATION=f"{module.__name__}.application"):
        return run_checks(tags=[checks.TAG])


Make = Callable[[], Any]

ROUTED: dict[str, Make] = {
    "as the README says": lambda: with_stream(site()),
    "static files behind": lambda: with_stream(ASGIStaticFilesHandler(site())),
    "static files before": lambda: ASGIStaticFilesHandler(with_stream(site())),  # type: ignore[arg-type] # any application will do
    "middleware before": lambda: Wrapper(Wrapper(with_stream(site()))),
    "middleware of Channels": lambda: AllowedHostsOriginValidator(AuthMiddlewareStack(with_stream(site()))),
    "nothing else": stream,
    "routers of the site": lambda: ProtocolTypeRouter(
        {
            "http": URLRouter(
                [re_path(r"^other/", site()), path("notifications/", URLRouter([path("stream/", stream())]))]
            ),
            "websocket": function,
        }
    ),
}
MISSED: dict[str, Make] = {
    "Django": site,
    "Django's function": get_asgi_application,
    "static files": lambda: ASGIStaticFilesHandler(site()),
    "WebSockets only": lambda: ProtocolTypeRouter({"websocket": function}),
    "no URL router": lambda: ProtocolTypeRouter({"http": site()}),
    "another address": lambda: URLRouter([path("elsewhere/", stream())]),
    "a catch-all before it": lambda: URLRouter([re_path(r"", site()), path(STREAM, stream())]),
}
UNKNOWN: dict[str, Make] = {
    "a function": lambda: function,
    "a wrapper that may route by itself": lambda: Wrapper(site()),
    "a route to a function": lambda: URLRouter([re_path(r"", function)]),
    "a circle": Selfish,
}


@pytest.mark.parametrize("make", ROUTED.values(), ids=ROUTED)
def test_a_routed_stream_is_found(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through routers, nested routers, static files and wrappers."""
    assert found(make(), monkeypatch) == []


@pytest.mark.parametrize("make", MISSED.values(), ids=MISSED)
def test_a_stream_that_is_not_routed_is_missed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain Django, another address, or a catch-all before it: pages would never be live."""
    (error,) = found(make(), monkeypatch)
    assert error.id == "notifications.E003"
    assert "with_stream" in str(error.hint)


@pytest.mark.parametrize("make", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told_raises_no_alarm(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function, a wrapper that may route by itself, a circle: nothing is known, nothing is said."""
    assert found(make(), monkeypatch) == []


def test_a_compressor_before_the_stream_is_a_risk(monkeypatch: pytest.MonkeyPatch) -> None:
    """In front of the stream it may hold frames back; behind, before Django alone, it is nobody's business."""
    (risk,) = found(GZipMiddleware(with_stream(site())), monkeypatch)
    assert risk.id == "notifications.W003"
    assert "GZipMiddleware" in risk.msg
    assert found(with_stream(GZipMiddleware(site())), monkeypatch) == []


@override_settings(ROOT_URLCONF=UrlsWithAccents)
def test_an_address_with_other_letters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are compared as servers hand them on, decoded."""
    assert found(with_stream(site()), monkeypatch) == []


@pytest.mark.parametrize("prefix", ["app/", ""])
def test_a_site_below_a_prefix_is_routed_with_it_or_without(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the router sees FORCE_SCRIPT_NAME depends on the server, so both are right."""
    set_script_prefix("/app/")
    try:
        application = URLRouter([path(f"{prefix}{STREAM}", stream()), re_path(r"", site())])
        assert found(application, monkeypatch) == []
    finally:
        set_script_prefix("/")


@pytest.mark.parametrize("dotted", ["nowhere.application", "notifyproj.asgi.nothing", "application", 42])
def test_an_application_that_cannot_be_imported_is_a_risk(dotted: Any) -> None:
    """It says which and why; a command that serves nothing still runs."""
    with override_settings(DEBUG=True, ASGI_APPLICATION=dotted):
        (risk,) = run_checks(tags=[checks.TAG])
    assert risk.id == "notifications.W015"
    assert repr(dotted) in risk.msg


def test_no_application_is_a_risk() -> None:
    """Then nobody can see whether the stream is routed."""
    with override_settings(DEBUG=True, ASGI_APPLICATION=None):
        assert [message.id for message in run_checks(tags=[checks.TAG])] == ["notifications.W002"]


@override_settings(DEBUG=True, ROOT_URLCONF="tests.support.urls_without")
def test_urls_that_are_not_included_are_missed() -> None:
    """Without an address there is nothing to route, so that is all it says."""
    assert [message.id for message in run_checks(tags=[checks.TAG])] == ["notifications.E004"]
