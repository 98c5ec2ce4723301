"""To whom: an audience as staff or programs name it → a queryset of active users.

Guarantees that whatever an audience is, its users are active and each comes once; that what is unknown is refused by
name; and that nothing is read before the queryset is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import connections
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ..hub.presence import online_now
from ..log.keys import fits
from ..models.broadcast import Audience, AudienceKind
from .segments import segment_names, segment_users

__all__ = [
    "active_users",
    "group_model",
    "has_field",
    "inactive_of",
    "online_of",
    "users_of",
]

MAX_NAMED: Final = 5  # of what was not found, in an error


def users_of(audience: Audience, *, are_known: bool = False) -> QuerySet[Any]:
    """Return the active users of an audience, each once, as a queryset.

    At most 1 query, to look for unknown groups or users, and no other before the queryset is used.

    Args:
        audience: who it is.
        are_known: the users chosen were there when it was ordered; who was deleted since has left the audience.

    Raises:
        ValidationError: keyed by `audience`: an unknown segment, group, user or kind, or nobody was chosen.
        InvalidSegment: the segment's function returned something else than users.
    """
    users = active_users()
    match audience.kind:
        case AudienceKind.EVERYONE:
            return users
        case AudienceKind.STAFF:
            if not has_field("is_staff"):
                raise refusal(_("This site’s users have no staff among them; choose another audience."))
            return users.filter(is_staff=True)
        case AudienceKind.GROUPS:
            if not has_field("groups"):
                raise refusal(_("This site’s users have no groups; choose another audience."))
            groups = all_of(group_model()._default_manager.all(), audience.chosen)
            return users.filter(pk__in=get_user_model()._default_manager.filter(groups__in=groups).values("pk"))
        case AudienceKind.USERS:
            everybody = get_user_model()._default_manager.all()
            return users.filter(pk__in=audience.chosen if are_known else all_of(everybody, audience.chosen))
        case AudienceKind.SEGMENT:
            # by key: a segment may be joined, sliced or ordered, and may hold somebody twice
            keys: Any = members(audience.chosen).values("pk")
            if keys.query.is_sliced and not connections[keys.db].features.allow_sliced_subqueries_with_in:
                keys = [row["pk"] for row in keys]  # MariaDB and MySQL take no LIMIT there
            return users.filter(pk__in=keys)
    raise refusal(
        _("“%(kind)s” is no audience; choose %(known)s."), kind=audience.kind, known=", ".join(AudienceKind.values)
    )


def active_users() -> QuerySet[Any]:
    """Return everybody who may log in. A user model without `is_active` has only active users."""
    users: QuerySet[Any] = get_user_model()._default_manager.all()
    return users.filter(is_active=True) if has_field("is_active") else users


def inactive_of(audience: Audience) -> QuerySet[Any]:
    """Return the chosen users who are not active, and so get nothing; none where nobody was chosen by key."""
    users: QuerySet[Any] = get_user_model()._default_manager.all()
    if audience.kind != AudienceKind.USERS or not has_field("is_active"):
        return users.none()
    return users.filter(pk__in=audience.chosen, is_active=False)


def online_of(users: QuerySet[Any]) -> QuerySet[Any]:
    """Keep who has a page open now, exact to one sweep."""
    return users.filter(pk__in=online_now().values("user"))


def all_of(rows: QuerySet[Any], keys: Iterable[Any]) -> list[Any]:
    """Return the keys of these rows, each once; refuse one that no row has."""
    meta: Any = rows.model._meta
    wanted = list(dict.fromkeys(map(str, keys)))
    if not wanted:
        raise refusal(_("No %(name)s chosen; choose at least one."), name=meta.verbose_name)
    known = {}
    for key in wanted:
        try:
            known[key] = meta.pk.to_python(key)
        except ValidationError:
            continue
    fitting = list(filter(fits, known.values()))
    there = set(rows.filter(pk__in=fitting).values_list("pk", flat=True))
    missing = [key for key in wanted if known.get(key) not in there]
    if missing:
        raise refusal(
            _("There is no %(name)s with the key %(keys)s; remove what was deleted."),
            name=meta.verbose_name,
            keys=", ".join(missing[:MAX_NAMED]) + (", …" if len(missing) > MAX_NAMED else ""),
        )
    return sorted(there)


def members(chosen: tuple[Any, ...]) -> QuerySet[Any]:
    """Return the users of the one segment chosen."""
    if len(chosen) != 1:
        raise refusal(_("%(count)d segments chosen; choose one."), count=len(chosen))
    try:
        return segment_users(str(chosen[0]))
    except LookupError:
        known = ", ".join(segment_names()) or _("none so far")
        raise refusal(
            _("There is no segment “%(name)s”; registered: %(known)s."), name=chosen[0], known=known
        ) from None


def group_model() -> Any:
    """Return the model that this site's users are grouped by."""
    return get_user_model()._meta.get_field("groups").related_model


def has_field(name: str) -> bool:
    """Return whether the user model keeps this in a column of its own."""
    try:
        get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def refusal(text: str, **words: Any) -> ValidationError:
    """Return the error for an audience that cannot be."""
    return ValidationError({"audience": ValidationError(text, code="audience", params=words)})
