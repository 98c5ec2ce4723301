"""Step 4 of the installation: put the stream in front of a site's own ASGI application.

    from django.core.asgi import get_asgi_application
    from notifications.asgi import with_stream

    application = with_stream(get_asgi_application())

A site that routes WebSockets itself builds the same from `StreamApplication`, `ProtocolTypeRouter` and `URLRouter`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import get_script_prefix, path, re_path, reverse

from .stream import StreamApplication

__all__ = ["StreamApplication", "with_stream"]


def with_stream(application: Any) -> ProtocolTypeRouter:
    """Return an ASGI application that serves the stream at its URL and passes every other request on.

    Args:
        application: what `get_asgi_application()` returned; it must have been called before, for it sets Django up.

    Raises:
        NoReverseMatch: the site's URLs do not include `notifications.urls`.
    """
    address = unquote(reverse("notifications:stream"))
    # below a prefix (FORCE_SCRIPT_NAME) a proxy or the router may have taken it off, and Django accepts both
    routes = sorted({address.lstrip("/"), address.removeprefix(get_script_prefix()).lstrip("/")})
    stream: Any = StreamApplication()
    return ProtocolTypeRouter(
        {"http": URLRouter([*(path(route, stream) for route in routes), re_path(r"", application)])}
    )
