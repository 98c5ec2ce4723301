"""Step 7d: who may use the API, and how often.

Receives each request before its operation. Guarantees that what goes on is a user of a session; for what changes
something, a page of this site (or a program that has the token); and no more than so many requests in a minute.
"""

from __future__ import annotations

import math
import time
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import APIKeyCookie
from ninja.throttling import BaseThrottle
from ninja.utils import check_csrf

from .api_errors import Refusal
from .conf import settings

__all__ = ["PerUser", "SessionAuth"]

WINDOW_SECONDS: Final = 60


class SessionAuth(APIKeyCookie):
    """Django's session, with Django's own defence against other sites' pages for what changes something."""

    param_name = django_settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Any:
        """Return the user; refuse who is not logged in, and then who has no CSRF token or comes from elsewhere."""
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        """Return the user."""
        if not request.user.is_authenticated:
            challenge = {"WWW-Authenticate": 'Session realm="notifications"'}  # RFC 9110, 15.5.2: a 401 must have one
            message = _("You are not logged in.")
            raise Refusal(401, "not_logged_in", message, remedy=_("Log in and try again."), headers=challenge)
        if check_csrf(request) is not None:
            message = _("The CSRF token is missing or wrong, or the origin is another.")
            remedy = _("Send the cookie %(name)r and its value as X-CSRFToken, from this site.")
            raise Refusal(403, "csrf", message, remedy=remedy % {"name": django_settings.CSRF_COOKIE_NAME})
        return request.user


class PerUser(BaseThrottle):
    """So many requests in each minute of the clock, counted in the default cache."""

    def allow_request(self, request: HttpRequest) -> bool:
        """Count this request; return whether it is within the limit."""
        key = f"notifications.api.{request.user.pk}.{int(time.time() // WINDOW_SECONDS)}"
        cache.add(key, 0, 2 * WINDOW_SECONDS)
        try:
            return cache.incr(key) <= settings.api_requests_per_minute
        except ValueError:  # a cache that keeps nothing, or dropped it just now
            return True

    def wait(self) -> float:
        """Return the seconds to the next minute."""
        return math.ceil(WINDOW_SECONDS - time.time() % WINDOW_SECONDS)
