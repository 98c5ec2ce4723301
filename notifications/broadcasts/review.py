"""What staff see before sending: how many users get it, some of their names, how many are online, and what prevents it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth import get_permission_codename, get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from ..access.users import has_user_field
from ..exceptions import InvalidSegment
from ..models import Inbox, Notification
from ..models.broadcast import Audience, Broadcast
from .audience import KINDS, group_model, inactive_of, online_of, users_of
from .transitions import check_sendable

__all__ = ["Review", "Sight", "describe", "describe_all", "preview_of", "review", "sight_of"]

SAMPLE: Final = 8


@dataclass(frozen=True, slots=True)
class Review:
    """What staff see before they send. `problems` say why it cannot be sent as it is."""

    count: int = 0
    online: int | None = 0  # None: not for whoever looks
    sample: list[str] = field(default_factory=list)
    left_out: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see of an audience besides how many they are."""

    names: bool  # of users
    members: bool  # of groups
    presence: bool  # of the users who are online


def sight_of(viewer: Any) -> Sight:
    """Return what a member of staff may see: what the admin's own pages of users, groups and inboxes would show."""
    return Sight(
        may_view(viewer, get_user_model()),
        not has_user_field("groups") or may_view(viewer, group_model()),
        may_view(viewer, Inbox),
    )


def may_view(viewer: Any, model: Any) -> bool:
    """Return whether somebody may look at a model's rows in the admin."""
    names = (get_permission_codename(act, model._meta) for act in ("view", "change"))
    return any(viewer.has_perm(f"{model._meta.app_label}.{name}") for name in names)


def review(broadcast: Broadcast, sight: Sight) -> Review:
    """Look at who would get it. 5 queries at most, two of which count the audience. Names only within `sight`."""
    problems: list[str] = []
    try:
        check_sendable(broadcast)
    except (ValidationError, InvalidSegment) as error:
        problems = getattr(error, "messages", None) or [str(error)]
    try:
        users = users_of(broadcast.addressed)
    except (ValidationError, InvalidSegment):
        return Review(problems=problems)
    is_shown = sight.names and (sight.members or not KINDS[broadcast.audience].tells_members)
    sample = [str(user) for user in users.order_by("pk")[:SAMPLE]] if is_shown else []
    online = online_of(users).count() if sight.presence else None
    left_out = inactive_of(broadcast.addressed).count()
    return Review(users.count(), online, sample, left_out, problems)


def describe(audience: Audience, sight: Sight) -> str:
    """Return an audience in words, such as “Groups: editors, authors”. At most 1 query."""
    (text,) = describe_all([audience], sight)
    return text


def describe_all(audiences: Sequence[Audience], sight: Sight) -> list[str]:
    """Return audiences in words. At most 1 query for each kind. People are named only where `sight` has names."""
    shown = {each: each.chosen[: most_shown(each, sight)] for each in audiences}
    names = {
        name: kind.describe({key for each, keys in shown.items() if each.kind == name for key in keys})
        for name, kind in KINDS.items()
    }

    def in_words(audience: Audience) -> str:
        if audience.kind not in KINDS:
            return audience.kind
        label, keys = KINDS[audience.kind].label, shown[audience]
        if not audience.chosen:
            return label
        if not keys:
            return f"{label}: {len(audience.chosen)}"
        found = [names[audience.kind][str(key)] for key in keys if str(key) in names[audience.kind]]
        left = len(audience.chosen) - len(keys)
        if left:
            found.append(_("%(count)d more") % {"count": left})
        return f"{label}: {', '.join(found) or '–'}"

    return [in_words(each) for each in audiences]


def most_shown(audience: Audience, sight: Sight) -> int | None:
    """Return how many of those chosen may be named; None: all."""
    if audience.kind not in KINDS or not KINDS[audience.kind].chooses_people:
        return None
    return SAMPLE if sight.names else 0


def preview_of(broadcast: Broadcast) -> Notification:
    """Return an unsaved notification that looks as each recipient's will."""
    content: dict[str, Any] = broadcast.content | {"broadcast_id": None}
    return Notification(pk=0, modseq=0, created_at=timezone.now(), **content)
