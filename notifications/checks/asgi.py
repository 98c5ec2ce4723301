"""System check of the stream's routing: walk from ASGI_APPLICATION to where a request for the stream ends up.

Known for certain: our own front and stream, Channels' routers, Django's handlers. Anything else is looked through in the
hope of finding the stream behind it; where that fails we know nothing and say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.checks import CheckMessage, Error, Warning as Risk
from django.core.handlers.asgi import ASGIHandler
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, reverse
from django.utils.module_loading import import_string

from ..asgi import Front
from ..endpoints.stream import StreamApplication

__all__ = ["check_routing"]

COMPRESSOR: Final = re.compile("gzip|brotli|deflate|compress", re.IGNORECASE)
INNER_NAMES: Final = ("inner", "application", "app")  # what Channels, Django and Starlette call what they wrap
MAX_WRAPPERS: Final = 30  # more than anybody stacks; ends a walk in circles

E003 = Error(
    "ASGI_APPLICATION does not route the stream, so pages show counts but nothing is live.",
    hint="In asgi.py: `from notifications.asgi import with_stream` and `application = with_stream(application)`.",
    id="notifications.E003",
)
E004 = Error(
    "The site's URLs do not include notifications.urls, so neither the centre nor the stream has an address.",
    hint="Add path('notifications/', include('notifications.urls')) to urlpatterns.",
    id="notifications.E004",
)
W002 = Risk(
    "ASGI_APPLICATION is not set: `runserver` on Daphne does not start, and whether the stream is routed cannot be seen.",
    hint="Set it to your application, such as ASGI_APPLICATION = 'mysite.asgi.application'.",
    id="notifications.W002",
)


def check_routing(**_: Any) -> Iterator[CheckMessage]:
    """Find a stream without an address, an application that does not route it, or one that compresses it."""
    try:
        path = unquote(reverse("live_notifications:stream"))  # servers hand on decoded paths
    except NoReverseMatch:
        yield E004
        return
    dotted = getattr(django_settings, "ASGI_APPLICATION", None)
    if not dotted:
        yield W002
        return
    try:
        application = import_string(dotted)
    except Exception as error:  # the site's own code may raise anything
        # no error: commands that serve nothing may run where the server's own packages are missing
        yield Risk(
            f"ASGI_APPLICATION = {dotted!r} cannot be imported: {type(error).__name__}: {error}",
            hint="Correct the setting or the module; a server will fail on it as well.",
            id="notifications.W015",
        )
        return
    # Mounted below a prefix, a router sees the path with it or without, depending on the server's root_path.
    paths = {path, "/" + path.removeprefix(get_script_prefix())}
    walks = [Walk(application, each) for each in sorted(paths)]
    if all(walk.finds_stream is False for walk in walks):
        yield E003
    for name in sorted({name for walk in walks if walk.finds_stream for name in walk.wrappers}):
        if COMPRESSOR.search(name):
            yield Risk(
                f"{name} stands before the stream: a compressor that waits for more bytes holds changes and pings back.",
                hint="Put it behind with_stream(), or silence this if it leaves text/event-stream alone.",
                id="notifications.W003",
            )


class Walk:
    """The way of a request through an ASGI application.

    `finds_stream` is None where that cannot be told; `wrappers` names what was looked through.
    """

    def __init__(self, application: Any, path: str) -> None:
        self.wrappers: list[str] = []
        self.finds_stream = self._follow(application, path.lstrip("/"))

    def _follow(self, application: Any, path: str) -> bool | None:
        if isinstance(application, StreamApplication):
            return True
        if isinstance(application, Front):
            return ("http", "/" + path) in application.own or self._follow(application.application, path)
        if isinstance(application, ProtocolTypeRouter):
            served = application.application_mapping.get("http")
            return False if served is None else self._follow(served, path)
        if isinstance(application, URLRouter):
            return self._follow_url(application, path)
        if isinstance(application, ASGIStaticFilesHandler):  # passes on what is no static file
            return self._follow(application.application, path)
        if isinstance(application, ASGIHandler):
            return False
        return self._look_through(application, path)

    def _follow_url(self, router: URLRouter, path: str) -> bool | None:
        """Go where the first matching route leads, as the router does; what matches nothing is an error there."""
        for route in router.routes:
            try:
                match = route.pattern.match(path)
            except Resolver404:
                continue
            if match:
                return self._follow(route.callback, match[0])
        return False

    def _look_through(self, application: Any, path: str) -> bool | None:
        """Look for the stream behind an application we do not know; without luck it may be anywhere."""
        inner = next((found for name in INNER_NAMES if callable(found := getattr(application, name, None))), None)
        if inner is None or len(self.wrappers) == MAX_WRAPPERS:
            return None
        self.wrappers.append(type(application).__name__)
        return self._follow(inner, path) or None
