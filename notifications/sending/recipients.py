"""Find the users behind names and keys that were typed.

Receives names and keys. Guarantees that each recipient who cannot be notified is refused by name and with the reason, and
that all of these are reported at once, so that nothing is sent to a part of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ..access.users import has_user_field
from ..exceptions import RefusedRecipient, RefusedRecipients
from ..log.keys import chunks, fits

__all__ = ["MAX_RECIPIENTS", "users_by_id", "users_by_name"]

MAX_RECIPIENTS: Final = 1000  # recipients in one request: two chunks of a bulk send, and one transaction


def users_by_name(usernames: Iterable[str]) -> list[Any]:
    """Return the keys of the active users of these names, in order. 1 query for each 500.

    Raises:
        RefusedRecipients: one is unknown, inactive or named twice.
    """
    names = list(usernames)
    field = get_user_model().USERNAME_FIELD
    found = {name: (key, is_active) for name, key, is_active in find_users(field, names)}
    return require_all(names, names, found)


def users_by_id(ids: Iterable[Any]) -> list[Any]:
    """Return the keys of the active users of these keys, also as text, in order. 1 query for each 500.

    Raises:
        RefusedRecipients: one is unknown, inactive or named twice.
    """
    given = list(ids)
    keys = [key_or_none(each) for each in given]
    found = {
        key: (key, is_active) for _key, key, is_active in find_users("pk", [key for key in keys if key is not None])
    }
    return require_all([str(each) for each in given], keys, found)


def key_or_none(given: Any) -> Any:
    """Return a primary key that a column can hold, or None."""
    try:
        key = get_user_model()._meta.pk.to_python(given)
    except ValidationError:
        return None
    return key if fits(key) else None


def find_users(field: str, values: list[Any]) -> list[tuple[Any, Any, bool]]:
    """Return (value of the field, key, whether active) of the users who have one of these values."""
    users = get_user_model()._default_manager
    has_flag = has_user_field("is_active")
    columns = (field, "pk", "is_active") if has_flag else (field, "pk")
    rows = [row for chunk in chunks(values) for row in users.filter(**{f"{field}__in": chunk}).values_list(*columns)]
    return [(row[0], row[1], bool(row[2]) if has_flag else True) for row in rows]


def require_all(given: list[str], asked: list[Any], found: dict[Any, tuple[Any, bool]]) -> list[Any]:
    """Return the keys found, or raise with all that is wrong."""
    keys: dict[Any, None] = {}
    refused = []
    for text, value in zip(given, asked, strict=True):
        key, is_active = found.get(value, (None, False))
        if key is None:
            refused.append(RefusedRecipient(text, "unknown", _("There is no user %(name)r.") % {"name": text}))
        elif key in keys:
            refused.append(RefusedRecipient(text, "twice", _("%(name)r is named twice.") % {"name": text}))
        elif not is_active:
            refused.append(RefusedRecipient(text, "inactive", _("%(name)r cannot log in.") % {"name": text}))
        else:
            keys[key] = None
    if refused:
        raise RefusedRecipients(refused)
    return list(keys)
