"""Audiences that a site names: `@segment("trial users")` before a function that returns users.

Put them into a module `notification_segments` of any installed app; it is imported when Django starts.

    # shop/notification_segments.py
    from django.contrib.auth import get_user_model
    from notifications import segment

    @segment("trial users")
    def trial_users():
        return get_user_model().objects.filter(subscription__plan="trial")

The function is called each time the audience is counted or read, so who belongs to it may change from day to day.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.db.models import QuerySet

from ..exceptions import InvalidSegment

__all__ = ["MAX_NAME_CHARS", "segment", "segment_names", "segment_users"]

MAX_NAME_CHARS: Final = 100
Users = TypeVar("Users", bound=Callable[[], QuerySet[Any]])

registered: Final[dict[str, Callable[[], QuerySet[Any]]]] = {}


def segment(name: str) -> Callable[[Users], Users]:
    """Register a function that returns a queryset of users, under a name that staff choose it by.

    Put it into a module `notification_segments` of any installed app. It is called each time the audience is counted
    or read.

    Args:
        name: 1 to 100 characters, unique on the site.

    Returns:
        A decorator, which leaves the function as it is.

    Raises:
        InvalidSegment: the name is blank, too long, or taken by another function.
    """
    if not name.strip() or len(name) > MAX_NAME_CHARS:
        raise InvalidSegment(f"{name!r} is not a valid name for a segment; use 1 to {MAX_NAME_CHARS} characters.")

    def register(function: Users) -> Users:
        other = registered.get(name)
        if other is not None and place_of(other) != place_of(function):  # the same one again: its module was reloaded
            raise InvalidSegment(
                f"The segment name {name!r} is taken by {place_of(other)}; choose another name for {place_of(function)}."
            )
        registered[name] = function
        return function

    return register


def segment_names() -> list[str]:
    """Return the names of all segments, in order."""
    return sorted(registered)


def segment_users(name: str) -> QuerySet[Any]:
    """Return what a segment's function returns.

    Raises:
        LookupError: nobody registered this name.
        InvalidSegment: the function failed, or returned something else than users.
    """
    function = registered[name]
    try:
        users = function()
    except DatabaseError:  # one that is away is asked again, and no fault of the segment
        raise
    except Exception as error:  # the site's own code: whatever it was, who chose the segment is told
        raise InvalidSegment(f"The segment {name!r} failed with {type(error).__name__}: {error}; fix it.") from error
    user_model = get_user_model()
    if not isinstance(users, QuerySet) or not issubclass(users.model, user_model):
        raise InvalidSegment(
            f"The segment {name!r} returned {type(users).__name__} {str(users)[:80]!r}; "
            f"return a queryset of {user_model._meta.label}."
        )
    return users


def place_of(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
