"""django-eventstream in one process, without Redis, without storage, without middleware: as fast as it gets."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["django_eventstream"],
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench",
    USE_TZ=True,
)
django.setup()

import django_eventstream.urls  # noqa: E402 - needs the settings
from django.core.asgi import get_asgi_application  # noqa: E402
from django_eventstream import send_event  # noqa: E402


def publish(request: HttpRequest) -> HttpResponse:
    """Send the body to everyone who listens."""
    send_event(request.GET["id"], "message", request.body.decode(), json_encode=False)
    return HttpResponse()


urlpatterns: list[Any] = [
    path("sub", include(django_eventstream.urls)),  # the channel comes from ?channel=
    path("pub", publish),
]
application = get_asgi_application()
