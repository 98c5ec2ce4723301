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
from .kept_request import AdmissionRequest, KeptRequest
from .tokens import Bearer, parse_bearer

__all__ = [
    "DEFAULT",
    "Credential",
    "Hook",
    "decide",
    "drop_anonymous",
    "is_token",
    "load_hook",
    "read_credential",
    "session_or_token",
    "through_middleware",
]

# What a client shows to be let in. It is looked at again with every ping.
Credential = auth.SessionOrToken | KeptRequest
Hook = Callable[[HttpRequest], Any | Awaitable[Any]]

DEFAULT: Final = "notifications.access.session_or_token"
EMPTY_STATUS: Final = 204
MAINTENANCE_STATUS: Final = 503


def read_credential(scope: dict[str, Any], headers: Headers) -> Credential | None:
    """Return what a connection shows to be let in: the whole of it, where a hook of the site's is to judge that."""
    if settings.admit == DEFAULT:
        return auth.read_session_or_token(headers)
    return KeptRequest.of(scope)


def is_token(credential: Credential) -> bool:
    """Return whether a client shows a token of ours, by which programs read and change nothing."""
    return isinstance(credential, Bearer) or (
        isinstance(credential, KeptRequest) and auth.read_token(read_headers(credential.headers)) is not None
    )


def load_hook() -> Hook:
    """Return what NOTIFICATIONS_ADMIT names.

    Raises:
        ImportError: there is no such thing; `manage.py check` says so before.
    """
    found: Hook = import_string(settings.admit)
    return found


def decide(kept: KeptRequest, method: str = "GET") -> Any:
    """Return whom the hook lets in by this request, or None. On this thread.

    Raises:
        PermissionDenied: the user is known and not allowed.
    """
    ask = load_hook()
    request = kept.build_request(method)
    if iscoroutinefunction(ask):
        return drop_anonymous(async_to_sync(ask)(request))
    # a language or a time zone that it activates is its own
    return drop_anonymous(copy_context().run(ask, request))


def drop_anonymous(user: Any) -> Any:
    """Return a user who is logged in, else None."""
    return user if getattr(user, "is_authenticated", False) else None


# --- ready values


def session_or_token(request: HttpRequest) -> Any:
    """Return the user of the request's session or, if it shows a token of ours, of that; for hooks that add to the default.

    At most 2 queries.

    Returns:
        The user; None: nobody is logged in.
    """
    credential: auth.SessionOrToken | None = parse_bearer(request.META.get("HTTP_AUTHORIZATION", ""))
    if credential is None:
        credential = auth.parse_session_key(request.COOKIES.get(django_settings.SESSION_COOKIE_NAME, ""))
    return None if credential is None else auth.find_users([credential]).get(credential)


def through_middleware(request: HttpRequest) -> Any:
    """Return the user whom the site's MIDDLEWARE leaves in the request, when it lets an empty view be reached.

    Whom it redirects, refuses or tells of maintenance may not follow. With a token of ours the view is one that needs no
    login, and the user is the token's, if the middlewares let such a request pass.

    Raises:
        PermissionDenied: the view was not reached, or its answer was replaced.
    """
    asked = request if isinstance(request, AdmissionRequest) else build_admission_request(request)
    is_program = parse_bearer(asked.META.get("HTTP_AUTHORIZATION", "")) is not None
    set_urlconf(django_settings.ROOT_URLCONF)
    view = answer_empty_to_program if is_program else answer_empty
    response = load_chain(tuple(django_settings.MIDDLEWARE)).answer(asked, view)
    if asked.is_admitted and response.status_code == EMPTY_STATUS:
        return session_or_token(asked) if is_program else drop_anonymous(getattr(asked, "user", None))
    if asked.failure is not None:
        raise asked.failure
    if response.status_code >= 500 and response.status_code != MAINTENANCE_STATUS:
        raise RuntimeError(f"the site's middlewares answered with {response.status_code}")
    raise PermissionDenied(f"the site's middlewares answered with {response.status_code}")


def build_admission_request(request: HttpRequest) -> AdmissionRequest:
    """Return the request of a view as one that the middlewares can be asked about.

    Raises:
        PermissionDenied: it came over WSGI, or is too long.
    """
    kept = KeptRequest.of(request.scope) if hasattr(request, "scope") else None
    if kept is None:
        raise PermissionDenied("the middlewares can be asked about requests over ASGI only")
    return kept.build_request(request.method or "GET")


@transaction.non_atomic_requests
def answer_empty(request: AdmissionRequest, *_: Any, **__: Any) -> HttpResponse:
    """Stand where the stream does."""
    request.is_admitted = True
    return HttpResponse(status=EMPTY_STATUS, content_type="text/plain")


@login_not_required
@transaction.non_atomic_requests
def answer_empty_to_program(request: AdmissionRequest, *_: Any, **__: Any) -> HttpResponse:
    """Stand where the API does, which asks for the token itself."""
    return answer_empty(request)


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
def load_chain(_middleware: tuple[str, ...]) -> Chain:
    """Return the site's middlewares, made once; tests have several."""
    return Chain()


def note_failure(request: Any = None, **_: Any) -> None:
    """Keep what a middleware raised: a database that is away is no refusal."""
    if isinstance(request, AdmissionRequest):
        request.failure = sys.exception()


got_request_exception.connect(note_failure, dispatch_uid="notifications.access.note_failure")
