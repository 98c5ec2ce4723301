"""Whom they name → users who can be told.

Receives names and keys as they were typed. Guarantees that each recipient who cannot be told is refused by name and with the
reason, all of them at once, so that nothing is sent by halves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ..broadcasts.audience import group_model, has_field
from ..exceptions import NotificationsError
from ..log.keys import chunks, fits
from ..models.broadcast import Audience, AudienceKind

__all__ = ["MAX_NAMED", "Refused", "RefusedRecipients", "audience_of_groups", "users_by_id", "users_by_name"]

MAX_NAMED: Final = 1000  # recipients in one request: two chunks of a bulk send, and one transaction
MAX_SHOWN: Final = 10  # of those refused, in a message for people


@dataclass(frozen=True, slots=True)
class Refused:
    """One recipient as given, and why nothing can be sent there."""

    recipient: str
    code: Literal["unknown", "inactive", "twice"]
    message: str

    def as_dict(self) -> dict[str, str]:
        """Return it as the API shows it."""
        return asdict(self)


class RefusedRecipients(NotificationsError, ValueError):
    """Some recipients cannot be told, so nobody was. `refused` holds each of them with its reason."""

    def __init__(self, refused: Sequence[Refused]) -> None:
        shown = " ".join(each.message for each in refused[:MAX_SHOWN])
        rest = len(refused) - MAX_SHOWN
        super().__init__(shown + (f" … {rest} more." if rest > 0 else ""))
        self.refused = tuple(refused)


def users_by_name(usernames: Iterable[str]) -> list[Any]:
    """Return the keys of the active users of these names, in order. 1 query for each 500.

    Raises:
        RefusedRecipients: one is unknown, inactive or named twice.
    """
    names = list(usernames)
    field = get_user_model().USERNAME_FIELD
    found = {name: (key, is_active) for name, key, is_active in rows_of(field, names)}
    return resolved(names, names, found)


def users_by_id(ids: Iterable[Any]) -> list[Any]:
    """Return the keys of the active users of these keys, also as text, in order. 1 query for each 500.

    Raises:
        RefusedRecipients: one is unknown, inactive or named twice.
    """
    given = list(ids)
    keys = [key_or_none(each) for each in given]
    found = {key: (key, is_active) for _key, key, is_active in rows_of("pk", [key for key in keys if key is not None])}
    return resolved([str(each) for each in given], keys, found)


def audience_of_groups(names: Iterable[str]) -> Audience:
    """Return the audience of the groups of these names. 1 query.

    Raises:
        RefusedRecipients: there is no group of a name, or it is named twice.
    """
    wanted = list(names)
    groups = group_model()._default_manager.filter(name__in=wanted) if has_field("groups") else None
    keys = dict(groups.values_list("name", "pk")) if groups is not None else {}
    refused = []
    for place, name in enumerate(wanted):
        if name not in keys:
            refused.append(Refused(name, "unknown", _("There is no group %(name)r.") % {"name": name}))
        elif name in wanted[:place]:
            refused.append(twice(name))
    if refused:
        raise RefusedRecipients(refused)
    return Audience(AudienceKind.GROUPS, tuple(keys.values()))


def key_or_none(given: Any) -> Any:
    """Return a primary key that a column can hold, or None."""
    try:
        key = get_user_model()._meta.pk.to_python(given)
    except ValidationError:
        return None
    return key if fits(key) else None


def rows_of(field: str, values: list[Any]) -> list[tuple[Any, Any, bool]]:
    """Return (value of the field, key, whether active) of the users who have one of these values."""
    users = get_user_model()._default_manager
    has_flag = any(each.name == "is_active" for each in get_user_model()._meta.concrete_fields)
    columns = (field, "pk", "is_active") if has_flag else (field, "pk")
    rows = [row for chunk in chunks(values) for row in users.filter(**{f"{field}__in": chunk}).values_list(*columns)]
    return [(row[0], row[1], bool(row[2]) if has_flag else True) for row in rows]


def resolved(given: list[str], asked: list[Any], found: dict[Any, tuple[Any, bool]]) -> list[Any]:
    """Return the keys found, or raise with all that is wrong."""
    keys: dict[Any, None] = {}
    refused = []
    for text, value in zip(given, asked, strict=True):
        key, is_active = found.get(value, (None, False))
        if key is None:
            refused.append(Refused(text, "unknown", _("There is no user %(name)r.") % {"name": text}))
        elif key in keys:
            refused.append(twice(text))
        elif not is_active:
            refused.append(Refused(text, "inactive", _("%(name)r may not log in.") % {"name": text}))
        else:
            keys[key] = None
    if refused:
        raise RefusedRecipients(refused)
    return list(keys)


def twice(name: str) -> Refused:
    return Refused(name, "twice", _("%(name)r is named twice.") % {"name": name})
