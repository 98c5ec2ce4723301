"""Content security policies that a site may have: middlewares that a test puts beside django-csp's."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import NONCE, SELF, STRICT_DYNAMIC
from django.http import HttpRequest, HttpResponse

__all__ = ["strict_dynamic", "trusted_types"]

Respond = Callable[[HttpRequest], HttpResponse]


def strict_dynamic(get_response: Respond) -> Respond:
    """Allow scripts and styles by nonce alone. Below django-csp's middleware, which writes it."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response._csp_replace = {  # type: ignore[attr-defined] # as django-csp's own decorator does
            "default-src": [SELF],
            "script-src": [NONCE, STRICT_DYNAMIC],
            "style-src": [NONCE],
            "object-src": ["'none'"],
            "base-uri": ["'none'"],
        }
        return response

    return respond


def trusted_types(get_response: Respond) -> Respond:
    """Forbid to make elements or code of text, and to allow oneself to."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Content-Security-Policy"] = (
            "default-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
        )
        return response

    return respond
