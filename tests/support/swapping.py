"""A site that swaps the body of its page instead of loading another one, as htmx's `hx-boost` and Turbo Drive do.

Add `swap_bodies` to MIDDLEWARE and take this module as ROOT_URLCONF: `?by=htmx` or `?by=turbo` decides for the visit, by a
cookie, so that both are served by one server. The scripts are those of npm (package.json).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import path

from notifyproj.urls import urlpatterns as pages

__all__ = ["swap_bodies", "urlpatterns"]

PACKAGES: Final = Path(__file__).resolve().parents[2] / "node_modules"
SCRIPTS: Final = {
    "htmx": PACKAGES / "htmx.org" / "dist" / "htmx.js",
    "turbo": PACKAGES / "@hotwired" / "turbo" / "dist" / "turbo.es2017-umd.js",
}
# What would break the site's policy otherwise: a style and an eval.
HTMX: Final = """<meta name="htmx-config" content='{"includeIndicatorStyles":false,"allowEval":false}'>"""


def script(request: HttpRequest, name: str) -> FileResponse:
    """Serve a package's script, or say how to get it."""
    file = SCRIPTS[name]
    assert file.is_file(), f"{file} is missing; run `make test`."
    return FileResponse(file.open("rb"), content_type="text/javascript")


def swap_bodies(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Put the chosen script into every page, and htmx's attribute onto its body."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        name = request.GET.get("by") or request.COOKIES.get("by", "")
        if name in SCRIPTS and response.get("Content-Type", "").startswith("text/html") and not response.streaming:
            head = f'{HTMX if name == "htmx" else ""}<script src="/swapping/{name}.js" defer></script></head>'
            text = response.content.decode().replace("</head>", head, 1)
            response.content = text.replace("<body>", '<body hx-boost="true">' if name == "htmx" else "<body>", 1)
            response.set_cookie("by", name)
        return response

    return respond


urlpatterns = [*pages, path("swapping/<name>.js", script)]
