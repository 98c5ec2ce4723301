"""Turn an audience, as staff or programs name it, into a queryset of active users.

Guarantees that whatever an audience is, its users are active and each comes once; that what is unknown is refused by
name; and that nothing is read before the queryset is used.

# Note [A new kind of audience]

A value of `AudienceKind` in `models/broadcast.py`, and its object in `KINDS`, which says all there is to say: whether this
site can have such an audience, who belongs to it, what the admin's form asks for, how the API and the command name it, and
how it is described.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ..access.users import active_users, has_user_field
from ..exceptions import RefusedRecipient, RefusedRecipients
from ..hub.presence import online_now
from ..log.keys import fits
from ..models.broadcast import Audience, AudienceKind
from .segments import segment_names, segment_users

__all__ = [
    "KINDS",
    "Kind",
    "group_model",
    "inactive_of",
    "online_of",
    "users_of",
]

MAX_KEYS_IN_ERROR: Final = 5  # of what was not found


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
    kind = KINDS.get(audience.kind)
    if kind is None:
        known = ", ".join(KINDS)
        raise build_error(_("Unknown audience “%(kind)s”; choose %(known)s."), kind=audience.kind, known=known)
    return kind.users(audience.chosen, are_known=are_known)


def inactive_of(audience: Audience) -> QuerySet[Any]:
    """Return the chosen users who are not active, and so get nothing; none where nobody was chosen by key."""
    users: QuerySet[Any] = get_user_model()._default_manager.all()
    kind = KINDS.get(audience.kind)
    if kind is None or not kind.chooses_people or not has_user_field("is_active"):
        return users.none()
    return users.filter(pk__in=audience.chosen, is_active=False)


def online_of(users: QuerySet[Any]) -> QuerySet[Any]:
    """Keep the users who have a page open now, exact to one sweep."""
    return users.filter(pk__in=online_now().values("user"))


class Kind:
    """One way to name an audience. This one chooses nothing; others say more. See Note [A new kind of audience]."""

    name: ClassVar[AudienceKind]
    summary: ClassVar[str]  # who that is, for programs
    # What a program names it by: nothing more, one name, or several; None: it cannot.
    named_by: ClassVar[Literal["nothing", "name", "names"] | None] = "nothing"
    option: ClassVar[str] = ""  # of the command, where it is not called like the kind
    chooses_people: ClassVar[bool] = False  # by key; not everybody on the staff may see their names
    tells_members: ClassVar[bool] = False  # who belongs to it are the members of groups, whom not everybody may see

    @property
    def label(self) -> str:
        """What staff read."""
        return str(self.name.label)

    def is_offered(self) -> bool:
        """Return whether this site can have such an audience."""
        return True

    def users(self, chosen: Sequence[Any], *, are_known: bool) -> QuerySet[Any]:
        """Return its active users, each once. Raises as `users_of()` does."""
        raise NotImplementedError

    def named(self, names: Sequence[str]) -> Audience:
        """Return the audience of these names.

        Raises:
            RefusedRecipients: one of them is unknown, or comes twice.
        """
        return Audience(self.name)

    def build_field(self, choose_users: Callable[[], forms.Field]) -> forms.Field | None:
        """Return what the admin's form asks for, under the name of the kind; None where nothing is to be chosen."""
        return None

    def to_field(self, chosen: list[Any]) -> Any:
        """Return what was chosen as the field holds it."""
        return chosen

    def from_field(self, value: Any) -> list[Any]:
        """Return what is stored of a field's value. Raises `ValidationError` where it cannot be sent to."""
        require_choice(value)
        return sorted({as_json(row.pk) for row in value})

    def describe(self, keys: Collection[Any]) -> Mapping[str, str]:
        """Return what staff read for each of these keys, by the key as text; none for what was deleted. At most 1 query."""
        return {}


class Everyone(Kind):
    name = AudienceKind.EVERYONE
    summary = "everybody who can log in"

    def users(self, chosen: Sequence[Any], *, are_known: bool) -> QuerySet[Any]:
        return active_users()


class Staff(Kind):
    name = AudienceKind.STAFF
    summary = "everybody who can use the admin"

    def is_offered(self) -> bool:
        return has_user_field("is_staff")

    def users(self, chosen: Sequence[Any], *, are_known: bool) -> QuerySet[Any]:
        if not has_user_field("is_staff"):
            raise build_error(_("This site’s user model has no staff; choose another audience."))
        return active_users().filter(is_staff=True)


class Groups(Kind):
    name = AudienceKind.GROUPS
    summary = "the members of a group, by its name"
    named_by = "names"
    option = "group"
    tells_members = True

    def is_offered(self) -> bool:
        return has_user_field("groups")

    def users(self, chosen: Sequence[Any], *, are_known: bool) -> QuerySet[Any]:
        if not has_user_field("groups"):
            raise build_error(_("This site’s user model has no groups; choose another audience."))
        groups = require_all(group_model()._default_manager.all(), chosen)
        return active_users().filter(pk__in=get_user_model()._default_manager.filter(groups__in=groups).values("pk"))

    def named(self, names: Sequence[str]) -> Audience:
        """Return the audience of the groups of these names. 1 query."""
        groups = group_model()._default_manager.filter(name__in=names) if has_user_field("groups") else None
        keys = dict(groups.values_list("name", "pk")) if groups is not None else {}
        refused = []
        for place, name in enumerate(names):
            if name not in keys:
                text = _("There is no group %(name)r.") % {"name": name}
                refused.append(RefusedRecipient(name, "unknown", text))
            elif name in names[:place]:
                refused.append(RefusedRecipient(name, "twice", _("%(name)r is named twice.") % {"name": name}))
        if refused:
            raise RefusedRecipients(refused)
        return Audience(self.name, tuple(keys.values()))

    def build_field(self, choose_users: Callable[[], forms.Field]) -> forms.Field | None:
        if not has_user_field("groups"):
            return None
        return forms.ModelMultipleChoiceField(
            group_model()._default_manager.all(),
            required=False,
            label=_("Groups"),
            help_text=_("For “Groups”. A user in several of them gets it once."),
            widget=forms.CheckboxSelectMultiple,
        )

    def describe(self, keys: Collection[Any]) -> Mapping[str, str]:
        return describe_rows(group_model(), keys) if keys else {}


class Users(Kind):
    name = AudienceKind.USERS
    named_by = None  # programs name people without an audience
    chooses_people = True

    def users(self, chosen: Sequence[Any], *, are_known: bool) -> QuerySet[Any]:
        everybody = get_user_model()._default_manager.all()
        return active_users().filter(pk__in=chosen if are_known else require_all(everybody, chosen))

    def build_field(self, choose_users: Callable[[], forms.Field]) -> forms.Field | None:
        field: Any = choose_users()
        field.label, field.required = _("Users"), False
        field.help_text = _("For “Chosen users”. A user chosen twice gets it once.")
        return field  # type: ignore[no-any-return]

    def from_field(self, value: Any) -> list[Any]:
        require_choice(value)
        inactive = [str(user) for user in value if not user.is_active]
        if inactive:
            text = _("%(names)s can no longer log in and would get nothing; remove them.")
            raise ValidationError(text, code="inactive", params={"names": shorten(inactive)})
        return super().from_field(value)

    def describe(self, keys: Collection[Any]) -> Mapping[str, str]:
        return describe_rows(get_user_model(), keys) if keys else {}


class Segment(Kind):
    name = AudienceKind.SEGMENT
    summary = "the users of a registered segment, by its name"
    named_by = "name"

    def is_offered(self) -> bool:
        return bool(segment_names())

    def users(self, chosen: Sequence[Any], *, are_known: bool) -> QuerySet[Any]:
        # by key: a segment may be joined, sliced or ordered, and may hold somebody twice
        keys: Any = find_members(chosen).values("pk")
        if keys.query.is_sliced and not connections[keys.db].features.allow_sliced_subqueries_with_in:
            keys = [row["pk"] for row in keys]  # MariaDB and MySQL take no LIMIT there
        return active_users().filter(pk__in=keys)

    def named(self, names: Sequence[str]) -> Audience:
        return Audience(self.name, tuple(names))

    def build_field(self, choose_users: Callable[[], forms.Field]) -> forms.Field | None:
        names = segment_names()
        if not names:
            return None
        return forms.ChoiceField(
            choices=[("", "---------"), *((name, name) for name in names)],
            required=False,
            label=_("Segment"),
            help_text=_("For “A segment”. When it is sent, the site decides who belongs to it."),
        )

    def to_field(self, chosen: list[Any]) -> Any:
        return chosen[0] if chosen else chosen

    def from_field(self, value: Any) -> list[Any]:
        require_choice(value)
        return [value]

    def describe(self, keys: Collection[Any]) -> Mapping[str, str]:
        return {str(key): str(key) for key in keys}


KINDS: Final[Mapping[str, Kind]] = {
    str(kind.name): kind for kind in (Everyone(), Staff(), Groups(), Users(), Segment())
}


def require_all(rows: QuerySet[Any], keys: Iterable[Any]) -> list[Any]:
    """Return the keys of these rows, each once; refuse one that no row has."""
    meta: Any = rows.model._meta
    wanted = list(dict.fromkeys(map(str, keys)))
    if not wanted:
        raise build_error(_("No %(name)s chosen; choose at least one."), name=meta.verbose_name)
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
        text = _("No %(name)s has the key %(keys)s; remove it.")
        raise build_error(text, name=meta.verbose_name, keys=shorten(missing))
    return sorted(there)


def find_members(chosen: Sequence[Any]) -> QuerySet[Any]:
    """Return the users of the one segment chosen."""
    if len(chosen) != 1:
        raise build_error(_("%(count)d segments chosen; choose only one."), count=len(chosen))
    try:
        return segment_users(str(chosen[0]))
    except LookupError:
        known = ", ".join(segment_names()) or _("none so far")
        text = _("Unknown segment “%(name)s”; registered segments: %(known)s.")
        raise build_error(text, name=chosen[0], known=known) from None


def describe_rows(model: Any, keys: Collection[Any]) -> dict[str, str]:
    """Return rows in words, by their keys as text."""
    return {str(row.pk): str(row) for row in model._default_manager.filter(pk__in=keys)}


def group_model() -> Any:
    """Return the model that this site's users are grouped by."""
    return get_user_model()._meta.get_field("groups").related_model


def require_choice(value: Any) -> None:
    if not value:
        raise ValidationError(_("Choose at least one."), code="required")


def as_json(key: Any) -> Any:
    """Return a primary key as JSON holds it."""
    return key if isinstance(key, int) else str(key)


def shorten(names: Sequence[str]) -> str:
    """Return the first few of what is wrong, for an error."""
    return ", ".join(names[:MAX_KEYS_IN_ERROR]) + (", …" if len(names) > MAX_KEYS_IN_ERROR else "")


def build_error(text: str, **params: Any) -> ValidationError:
    """Return the error for an audience that cannot be."""
    return ValidationError({"audience": ValidationError(text, code="audience", params=params)})
