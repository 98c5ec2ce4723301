"""Users and their keys: how they are given, what they are in the database, and how many fit into one query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol, TypeAlias, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ..exceptions import InvalidArgument
from . import tables

__all__ = ["CHUNK", "MAX_KEY", "SavedUser", "UserKey", "UserOrKey", "chunks", "fits", "key_of"]

CHUNK: Final = 500  # keys in one query: SQLite takes at least 999 parameters
MAX_KEY: Final = 2**63 - 1  # no column holds a larger number; SQLite raises OverflowError beyond

T = TypeVar("T")


class SavedUser(Protocol):
    """An instance of the site's user model, as it comes from the database."""

    @property
    def pk(self) -> Any:
        """Its primary key; None: it was never saved."""


# The primary key of a user, whatever the site's user model has: a number, a text or a UUID.
UserKey: TypeAlias = int | str | UUID
# A user as the functions of this app take one: a saved instance, or its primary key.
UserOrKey: TypeAlias = SavedUser | UserKey


def key_of(user: UserOrKey) -> Any:
    """Return the primary key of a user given as an instance or as the key itself, also as text.

    Returns:
        The key as the site's user model has it, a `UserKey`. (`Any`, because the type of the field is the site's.)

    Raises:
        InvalidArgument: the instance was never saved.
        ValidationError: the key cannot be one, such as "x" where keys are numbers, or a number that no column holds.
    """
    if user is None or (hasattr(user, "pk") and user.pk is None):
        raise InvalidArgument(f"{user!r} is not a saved user; pass a user from the database or a primary key.")
    key = getattr(user, "pk", user)
    try:
        found = tables.Inbox._meta.get_field("user").to_python(key)
    except ValidationError:
        raise build_unknown_key(key) from None
    if not fits(found):
        raise build_unknown_key(key)
    return found


def build_unknown_key(key: object) -> ValidationError:
    """Return the refusal of what cannot be a key."""
    text = _("%(key)r is not a user’s key; pass a user from the database.") % {"key": key}
    return ValidationError({"recipient": text}, code="unknown")


def fits(key: object) -> bool:
    """Return whether a column can hold this key; a query for one that is too large is an error of the database."""
    return not isinstance(key, int) or abs(key) <= MAX_KEY


def chunks(keys: list[T], size: int = CHUNK) -> Iterator[list[Any]]:
    """Yield keys in portions that fit into one query, which takes what its column holds: hence `Any`."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
