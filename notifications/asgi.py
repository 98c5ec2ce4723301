"""Step 4 of the installation: put the stream in front of a site's own ASGI application.

    from django.core.asgi import get_asgi_application
    from notifications.asgi import with_stream

    application = with_stream(get_asgi_application())

A site that routes WebSockets itself builds the same from `StreamApplication`, `ProtocolTypeRouter` and `URLRouter`.
"""

from __future__ import annotations

from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path, reverse

from .stream import StreamApplication

__all__ = ["StreamApplication", "with_stream"]


def with_stream(application: Any) -> ProtocolTypeRouter:
    """Return an ASGI application that serves the stream at its URL and passes every other request on.

    Args:
        application: what `get_asgi_application()` returned; it must have been called before, for it sets Django up.

    Raises:
        NoReverseMatch: the site's URLs do not include `notifications.urls`.
    """
    route = reverse("notifications:stream").lstrip("/")
    stream: Any = StreamApplication()
    return ProtocolTypeRouter({"http": URLRouter([path(route, stream), re_path(r"", application)])})
