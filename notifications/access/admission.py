"""Admission: one hook of the site decides which user follows, and whether this is allowed, for every request alike.

    NOTIFICATIONS_ADMIT = "notifications.access.session_or_token"      the default: users with a login or a token
    NOTIFICATIONS_ADMIT = "notifications.access.through_middleware"    whom the site's own MIDDLEWARE lets through
    NOTIFICATIONS_ADMIT = "shop.door.admit"                            a function of the site's, `def` or `async def`

A hook receives the request with which a stream was opened, as Django makes it; it returns the user, or None for nobody, and
raises `PermissionDenied` for a known user who is not allowed. It is asked when a client connects, again with each ping,
before each order over a WebSocket (then the request is a POST) and at each question of an edge. Any other exception is no
answer: a client that connects is told to come back, and a stream that is open goes on.

The default is not called like this: `hub/authenticator.py` asks it about many connections in two queries.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import lru_cache
from typing import Any, Final

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.core.handlers.base import BaseHandler
from django.core.signals import got_request_exception
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import set_urlconf
from django.utils.module_loading import import_string

from ..conf import settings
from . import auth
from .headers import Headers, read_headers
from .openings import AdmissionRequest, Opening
from .tokens import Bearer, bearer_of

__all__ = [
    "DEFAULT",
    "Hook",
    "Shown",
    "credential_of",
    "decide",
    "hook",
    "is_token",
    "known",
    "session_or_token",
    "through_middleware",
]

Shown = auth.Credential | Opening  # what a client shows to be let in, as it is looked at again
Hook = Callable[[HttpRequest], Any | Awaitable[Any]]

DEFAULT: Final = "notifications.access.session_or_token"
EMPTY_STATUS: Final = 204
MAINTENANCE_STATUS: Final = 503


def credential_of(scope: dict[str, Any], headers: Headers) -> Shown | None:
    """Return what a connection shows to be let in: the whole of it, where a hook of the site's is to judge that."""
    if settings.admit == DEFAULT:
        return auth.credential_of(headers)
    return Opening.of(scope)


def is_token(shown: Shown) -> bool:
    """Return whether a client shows a token of ours, by which programs read and change nothing."""
    return isinstance(shown, Bearer) or (
        isinstance(shown, Opening) and auth.token_in(read_headers(shown.headers)) is not None
    )


def hook() -> Hook:
    """Return what NOTIFICATIONS_ADMIT names.

    Raises:
        ImportError: there is no such thing; `manage.py check` says so before.
    """
    found: Hook = import_string(settings.admit)
    return found


def decide(opening: Opening, method: str = "GET") -> Any:
    """Return whom the hook lets in by this opening, or None. On this thread.

    Raises:
        PermissionDenied: the user is known and not allowed.
    """
    ask = hook()
    request = opening.request(method)
    if iscoroutinefunction(ask):
        return known(async_to_sync(ask)(request))
    # a language or a time zone that it activates is its own
    return known(copy_context().run(ask, request))


def known(user: Any) -> Any:
    """Return a user who is logged in, else None."""
    return user if getattr(user, "is_authenticated", False) else None


# --- ready values


def session_or_token(request: HttpRequest) -> Any:
    """Return the user of the request's session or, if it shows a token of ours, of that; for hooks that add to the default.

    At most 2 queries.

    Returns:
        The user; None: nobody is logged in.
    """
    credential: auth.Credential | None = bearer_of(request.META.get("HTTP_AUTHORIZATION", ""))
    if credential is None:
        credential = auth.usable_key(request.COOKIES.get(django_settings.SESSION_COOKIE_NAME, ""))
    return None if credential is None else auth.find_users([credential]).get(credential)


def through_middleware(request: HttpRequest) -> Any:
    """Return the user whom the site's MIDDLEWARE leaves in the request, when it lets an empty view be reached.

    Whom it redirects, refuses or tells of maintenance may not follow. With a token of ours the view is one that needs no
    login, and the user is the token's, if the middlewares let such a request pass.

    Raises:
        PermissionDenied: the view was not reached, or its answer was replaced.
    """
    asked = request if isinstance(request, AdmissionRequest) else as_opened(request)
    is_program = bearer_of(asked.META.get("HTTP_AUTHORIZATION", "")) is not None
    set_urlconf(django_settings.ROOT_URLCONF)
    response = chain_of(tuple(django_settings.MIDDLEWARE)).answer(asked, empty_for_programs if is_program else empty)
    if asked.is_admitted and response.status_code == EMPTY_STATUS:
        return session_or_token(asked) if is_program else known(getattr(asked, "user", None))
    if asked.failure is not None:
        raise asked.failure
    if response.status_code >= 500 and response.status_code != MAINTENANCE_STATUS:
        raise RuntimeError(f"the site's middlewares answered with {response.status_code}")
    raise PermissionDenied(f"the site's middlewares answered with {response.status_code}")


def as_opened(request: HttpRequest) -> AdmissionRequest:
    """Return the request of a view as one that may be shown to the middlewares.

    Raises:
        PermissionDenied: it came over WSGI, or is too long.
    """
    opening = Opening.of(request.scope) if hasattr(request, "scope") else None
    if opening is None:
        raise PermissionDenied("the middlewares can be asked about requests over ASGI only")
    return opening.request(request.method or "GET")


@transaction.non_atomic_requests
def empty(request: AdmissionRequest, *_: Any, **__: Any) -> HttpResponse:
    """Stand where the stream does."""
    request.is_admitted = True
    return HttpResponse(status=EMPTY_STATUS, content_type="text/plain")


@login_not_required
@transaction.non_atomic_requests
def empty_for_programs(request: AdmissionRequest, *_: Any, **__: Any) -> HttpResponse:
    """Stand where the API does, which asks for the token itself."""
    return empty(request)


class Chain(BaseHandler):
    """Django's handler, with an empty view in place of each that is resolved."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware()

    def answer(self, request: AdmissionRequest, view: Callable[..., HttpResponse]) -> HttpResponse:
        """Return what the middlewares make of a request for this view."""
        vars(request)["_view"] = view
        response: HttpResponse = self._middleware_chain(request)  # type: ignore[attr-defined] # the stubs leave it out
        return response

    def resolve_request(self, request: Any) -> Any:
        """Resolve the address, for middlewares that go by its name; what it leads to is not called."""
        _view, arguments, named = super().resolve_request(request)
        return vars(request)["_view"], arguments, named


@lru_cache(maxsize=4)
def chain_of(_middleware: tuple[str, ...]) -> Chain:
    """Return the site's middlewares, made once; tests have several."""
    return Chain()


def note_failure(request: Any = None, **_: Any) -> None:
    """Keep what a middleware raised: a database that is away is no refusal."""
    if isinstance(request, AdmissionRequest):
        request.failure = sys.exception()


got_request_exception.connect(note_failure, dispatch_uid="notifications.access.note_failure")
