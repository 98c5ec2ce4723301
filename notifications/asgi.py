"""Put the stream in front of a site's own ASGI application.

    from django.core.asgi import get_asgi_application
    from notifications.asgi import with_stream

    application = with_stream(get_asgi_application())

The result is an ASGI application like any other, for "http" and "websocket". A site that serves WebSockets of its own gives
it to Channels' `ProtocolTypeRouter` as "http" and puts `SocketApplication()` into its `URLRouter` of "websocket"; one that
routes HTTP itself puts `StreamApplication()` into that `URLRouter`.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote

from django.conf import settings as django_settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.urls import Resolver404, get_script_prefix, resolve, reverse
from django.utils.translation import get_language_from_path, override

from .access import cors
from .access.headers import read_headers
from .broadcasts.background import background_worker
from .conf import settings
from .endpoints.stream import StreamApplication, send_text
from .endpoints.websocket import SocketApplication
from .hub.transports import for_event_streams
from .pages.static_files import serve_in_development

__all__ = ["Front", "SocketApplication", "StreamApplication", "with_stream"]


# `es-meta=`, however its letters are quoted.
FOREIGN_PARAMETER: Final = re.compile(
    rb"(?:\A|&)" + b"".join(b"(?:%c|%%%02x)" % (letter, letter) for letter in b"es-meta") + b"=", re.IGNORECASE
)
API_METHODS: Final = b"GET, POST, DELETE"


def with_stream(application: Any) -> Front:
    """Return an ASGI application that serves the stream and the WebSocket at their URLs and passes everything else on.

    With DEBUG on it serves static files as well, whatever server runs it.

    Args:
        application: what `get_asgi_application()` returned; it must have been called before, for it sets Django up.

    Raises:
        NoReverseMatch: the site's URLs do not include `notifications.urls`.
    """
    return Front(serve_in_development(application))


class Front:
    """The stream and the WebSocket at their own paths, the site's application everywhere else.

    Not Channels' routers, because what waits behind a router keeps the router's frame and its copy of the scope for as
    long as a stream is open (measured at 5,000 streams: 14.7 KiB each with the routers, 12.4 without).
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        # django-eventstream's views are Django's, which knows nothing of the line
        self.has_event_streams = bool(getattr(django_settings, "EVENTSTREAM_STORAGE_CLASS", None))
        self.has_grip = "django_grip.GripMiddleware" in django_settings.MIDDLEWARE
        self.streams, self.sockets = StreamApplication(), SocketApplication()
        self.own: dict[tuple[str, str], Any] = {}
        self.api: tuple[str, ...] = ()
        self.languages: set[str] = set()  # whose addresses are known, of a site that has some for each
        self.add_addresses()
        self.has_languages = is_language_prefix_patterns_used(django_settings.ROOT_URLCONF)[0]

    def add_addresses(self) -> None:
        """Note where the stream, the WebSocket and the API are in the language that is active."""
        for kind, name, serve in (("http", "stream", self.streams), ("websocket", "socket", self.sockets)):
            self.own |= {(kind, path): serve for path in paths_of(name)}
        self.api += tuple(f"{path}api/" for path in paths_of("centre"))

    def note_language(self, path: str) -> None:
        """Note the addresses in the language that a path begins with (`i18n_patterns`), when the first request names it.

        Not all of them at the start: Django knows a hundred languages, and each one's words would be loaded.
        """
        language = get_language_from_path("/" + path.removeprefix(get_script_prefix()))
        if language and language not in self.languages:
            self.languages.add(language)
            with override(language):
                self.add_addresses()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass one connection on; the first one starts what this process does besides."""
        background_worker.ensure_running()
        serve = self.server_of(scope)
        if serve is None:
            await send({"type": "websocket.close"})  # Django itself would raise, and fill the log for whoever asks
            return
        if serve is self.application and self.has_event_streams and scope["type"] == "http":
            if self.has_foreign_parameter(scope):
                text = "Invalid request: es-meta is for an edge proxy; leave it out.\n"
                await send_text(send, 400, text)
                return
            send = for_event_streams(send)
        if serve is self.application and self.is_api(scope):
            headers = read_headers(scope["headers"])
            cors_headers = cors.build_cors_headers(headers)
            if cors.is_preflight(scope["method"], headers):
                await cors.answer_preflight(cors_headers, send, API_METHODS)
                return
            send = cors.with_cors_headers(send, cors_headers) if cors_headers else send
        connection = serve(scope, receive, send)
        del serve, scope, receive, send  # this frame lives as long as the stream
        await connection

    def has_foreign_parameter(self, scope: dict[str, Any]) -> bool:
        """Return whether somebody says to django-eventstream's view in an edge proxy's name whose stream it is.

        `es-meta` is a web token under SECRET_KEY, which other parts of a site may sign as well; one that is none is an error
        of the server there. Where its own edge is set up (django-grip's middleware), its links hold it.
        """
        if self.has_grip or FOREIGN_PARAMETER.search(scope["query_string"]) is None:
            return False
        try:
            view = resolve(ASGIRequest({**scope, "query_string": b"", "headers": []}, BytesIO()).path_info).func
        except Resolver404:
            return False
        return (view.__module__, view.__name__) == ("django_eventstream.views", "events")

    def is_api(self, scope: dict[str, Any]) -> bool:
        """Return whether a request is for the JSON API while pages of other origins may use it."""
        return bool(settings.allowed_origins) and scope["type"] == "http" and scope["path"].startswith(self.api)

    def server_of(self, scope: dict[str, Any]) -> Any:
        """Return the application that a connection is for; None where there is none."""
        kind, path = scope["type"], scope.get("path", "")
        if self.has_languages:
            self.note_language(path.removeprefix(scope.get("root_path", "")))
        own = self.own.get((kind, path)) or self.own.get((kind, path.removeprefix(scope.get("root_path", ""))))
        if own is None and kind == "websocket" and isinstance(self.application, ASGIHandler):
            return None
        return own or self.application


def paths_of(name: str) -> set[str]:
    """Return where an address of ours is: below a prefix (FORCE_SCRIPT_NAME) with it and without it.

    A proxy or the server may have taken it off, and Django accepts both.
    """
    address = unquote(reverse(f"live_notifications:{name}"))
    return {address, "/" + address.removeprefix(get_script_prefix())}
