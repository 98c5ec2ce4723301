"""Authentication and limits of the API.

Receives each request before its operation. Guarantees that what goes on is a program with a token of the operation's scope,
or a user of a session; in the latter case, for what changes something, a page of this site (or a program that has the CSRF
token); and no more than so many actions in a minute.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import APIKeyCookie, HttpBearer
from ninja.throttling import BaseThrottle
from ninja.utils import check_csrf

from ..access import audit
from ..access.limits import Kind, spend
from ..access.tokens import find_tokens, parse_bearer
from ..exceptions import Refusal, TooOften
from ..models.token import Scope

__all__ = ["PerUser", "SessionAuth", "TokenAuth"]


class SessionAuth(APIKeyCookie):
    """Django's session, with Django's own defence against other sites' pages for what changes something."""

    param_name = django_settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Any:
        """Return the user; refuse a request without a login, then one without a CSRF token or from another site."""
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        """Return the user."""
        if not request.user.is_authenticated:
            # RFC 9110, 15.5.2: a 401 must have a challenge
            challenge = {"WWW-Authenticate": 'Session realm="notifications", Bearer realm="notifications"'}
            remedy = _("Log in and try again, or send a token: Authorization: Bearer ntf_….")
            raise Refusal(401, "not_logged_in", _("You are not logged in."), remedy=remedy, headers=challenge)
        if check_csrf(request) is not None:
            message = _("The CSRF token is missing or wrong, or the request comes from another site.")
            audit.record("origin.refused", door="api", user=request.user.pk)
            remedy = _("Send the cookie %(name)r, and its value in the header X-CSRFToken, from a page of this site.")
            raise Refusal(403, "csrf", message, remedy=remedy % {"name": django_settings.CSRF_COOKIE_NAME})
        return request.user


class TokenAuth(HttpBearer):
    """A program's token. No CSRF token is needed: a browser never sends this header by itself."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Any:
        """Return the user for whom the program acts, or None where it has no token. 1 query."""
        bearer = parse_bearer(request.headers.get("Authorization", ""))
        if bearer is None:
            return None
        token = find_tokens([bearer]).get(bearer)
        if token is None:
            raise Refusal(
                401,
                "invalid_token",
                _("This token is unknown, revoked or expired."),
                remedy=_("Ask the site’s staff for a new one."),
                headers={"WWW-Authenticate": 'Bearer realm="notifications", error="invalid_token"'},  # RFC 6750, 3
            )
        if self.scope not in token.scopes or (self.scope == "read" and request.method != "GET"):
            message = _("This token only allows: %(scopes)s.")
            audit.record("token.refused", reason="scope", token=token.pk, user=token.user_id)
            raise Refusal(
                403,
                "scope",
                message % {"scopes": ", ".join(sorted(token.scopes))},
                remedy=_(
                    "Ask the site’s staff for a token that allows it, or log in; no token can change notifications."
                ),
                headers={"WWW-Authenticate": 'Bearer realm="notifications", error="insufficient_scope"'},
            )
        request.user = token.user
        return token

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Is not asked: `__call__` reads the header itself, to tell a bad token from none."""
        raise NotImplementedError


class PerUser(BaseThrottle):
    """What changes something, searches, and sends: counted with what the user does elsewhere (`access/limits.py`)."""

    def __init__(self, kind: Kind = "actions") -> None:
        self.kind = kind

    def allow_request(self, request: HttpRequest) -> bool:
        """Count this request; refuse it where it is one too many. Plain reading is not counted."""
        if request.method not in ("GET", "HEAD") or request.GET.get("q"):
            try:
                spend(request.user, self.kind)
            except TooOften as error:
                remedy = _("Try again in %(seconds)s seconds; use the stream to get changes without polling.")
                raise Refusal(
                    429,
                    "throttled",
                    _("Too many requests."),
                    remedy=remedy % {"seconds": error.seconds},
                    headers={"Retry-After": str(error.seconds)},
                ) from None
        return True

    def wait(self) -> float | None:
        """Is not asked: the refusal says itself how long."""
        raise NotImplementedError
