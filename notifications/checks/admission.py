"""System checks of the site's own functions, NOTIFICATIONS_ADMIT and NOTIFICATIONS_AVATAR_OF: each can be called.

And of NOTIFICATIONS_ADMIT, that no middleware is left out that is known to matter.

It knows middlewares of packages that name another user than the session does, or that refuse a user who is logged in.
What those of the site's own do nobody can tell, so nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning as Risk
from django.utils.module_loading import import_string

from ..access.admission import DEFAULT
from .settings import read_valid

__all__ = ["check_admission", "check_avatars"]

# What each does to a page that the default would not do to a stream.
KNOWN: Final = {
    "allauth_2fa.middleware.BaseRequire2FAMiddleware": "asks for a second factor",
    "django_auto_logout.middleware.auto_logout": "ends sessions that are idle",
    "django_mfa.middleware.MfaMiddleware": "asks for a second factor",
    "django_otp.middleware.OTPMiddleware": "knows which users have given a second factor",
    "django_session_timeout.middleware.SessionTimeoutMiddleware": "ends sessions that are idle",
    "impersonate.middleware.ImpersonateMiddleware": "lets a logged-in user act as another user",
    "iprestrict.middleware.IPRestrictMiddleware": "refuses addresses",
    "lockdown.middleware.LockdownMiddleware": "locks the site",
    "maintenance_mode.middleware.MaintenanceModeMiddleware": "closes the site",
    "mozilla_django_oidc.middleware.SessionRefresh": "ends sessions that were ended elsewhere",
    "oauth2_provider.middleware.OAuth2TokenMiddleware": "knows users by a token of its own",
    "password_policies.middleware.PasswordChangeMiddleware": "asks for a new password",
    "session_security.middleware.SessionSecurityMiddleware": "ends sessions that are idle",
    "termsandconditions.middleware.TermsAndConditionsRedirectMiddleware": "asks for consent to terms",
}


def check_admission(**_: Any) -> Iterator[CheckMessage]:
    """Find a hook that cannot be asked, and middlewares that the default does not ask."""
    path = read_valid("admit")
    if path is None:
        return
    if path != DEFAULT:
        yield from check_hook(path)
        return
    for name in django_settings.MIDDLEWARE:
        matters = next((KNOWN[each] for each in names_of(name) if each in KNOWN), None)
        if matters is not None:
            yield Risk(
                f"{name} {matters}, and streams do not ask it: by default whoever is logged in may follow.",
                hint="Set NOTIFICATIONS_ADMIT = 'notifications.access.through_middleware', or to a function of your own; or "
                "silence this where streams need not ask.",
                id="notifications.W050",
            )


def check_hook(path: str) -> Iterator[CheckMessage]:
    problem = find_problem(path)
    if problem:
        yield Error(
            f"NOTIFICATIONS_ADMIT = {path!r} does not work, so nobody can open a stream: {problem}",
            hint="Name a function that takes a request and returns a user, or 'notifications.access.through_middleware'.",
            id="notifications.E050",
        )


def check_avatars(**_: Any) -> Iterator[CheckMessage]:
    """Find a function for pictures that cannot be asked."""
    path = read_valid("avatar_of")
    if not path:
        return
    problem = find_problem(path)
    if not problem and iscoroutinefunction(import_string(path)):
        problem = "it is async, and nobody awaits it"
    if problem:
        yield Error(
            f"NOTIFICATIONS_AVATAR_OF = {path!r} does not work, so nothing from a person can be sent: {problem}",
            hint="Name a function that takes a notification and returns a path such as '/media/ada.png', or None.",
            id="notifications.E051",
        )


def find_problem(path: str) -> str:
    """Return why what a dotted path names cannot be called; empty where it can."""
    try:
        return "" if callable(import_string(path)) else "it cannot be called"
    except Exception as error:  # the site's own code may raise anything
        return f"{type(error).__name__}: {error}"


def names_of(path: str) -> list[str]:
    """Return the dotted paths of a middleware: as it is written, and of what it is made of."""
    try:
        found = import_string(path)
    except Exception:  # Django says so itself
        return [path]
    return [path, *(f"{each.__module__}.{each.__qualname__}" for each in getattr(found, "__mro__", ()))]
