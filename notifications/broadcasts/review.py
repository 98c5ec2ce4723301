"""Before sending: to how many it would go, who they are, who is online now, and what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from ..exceptions import InvalidSegment
from ..models import Notification
from .audience import Audience, Kind, group_model, inactive_of, online_of, users_of
from .models import Broadcast
from .moves import check

__all__ = ["Review", "describe", "describe_all", "preview_of", "review"]

SAMPLE: Final = 8


@dataclass(frozen=True, slots=True)
class Review:
    """What staff see before they send. `problems` say why it cannot be sent as it is."""

    count: int = 0
    online: int = 0
    sample: list[str] = field(default_factory=list)
    left_out: int = 0
    problems: list[str] = field(default_factory=list)


def review(broadcast: Broadcast) -> Review:
    """Look at who would get it. 5 queries, two of which count the audience."""
    problems: list[str] = []
    try:
        check(broadcast)
    except (ValidationError, InvalidSegment) as error:
        problems = getattr(error, "messages", None) or [str(error)]
    try:
        users = users_of(broadcast.addressed)
    except (ValidationError, InvalidSegment):
        return Review(problems=problems)
    sample = [str(user) for user in users.order_by("pk")[:SAMPLE]]
    left_out = inactive_of(broadcast.addressed).count()
    return Review(users.count(), online_of(users).count(), sample, left_out, problems)


def describe(audience: Audience) -> str:
    """Return an audience in words, such as “Groups: editors, authors”. At most 1 query."""
    (words,) = describe_all([audience])
    return words


def describe_all(audiences: Sequence[Audience]) -> list[str]:
    """Return audiences in words. At most 2 queries, however many they are."""
    shown = {each: each.chosen[:SAMPLE] if each.kind == Kind.USERS else each.chosen for each in audiences}
    names: dict[tuple[str, str], str] = {}
    for kind, model in ((Kind.GROUPS, group_model), (Kind.USERS, get_user_model)):
        keys = {key for each in audiences if each.kind == kind for key in shown[each]}
        rows = model()._default_manager.filter(pk__in=keys) if keys else ()
        names |= {(kind, str(row.pk)): str(row) for row in rows}

    def words(audience: Audience) -> str:
        label = str(dict(Kind.choices).get(audience.kind, audience.kind))
        if audience.kind in (Kind.EVERYONE, Kind.STAFF):
            return label
        if audience.kind == Kind.SEGMENT:
            found = list(map(str, audience.chosen))
        else:
            found = [names[audience.kind, str(key)] for key in shown[audience] if (audience.kind, str(key)) in names]
        left = len(audience.chosen) - len(shown[audience])
        if left:
            found.append(_("%(count)d more") % {"count": left})
        return f"{label}: {', '.join(found) or '–'}"

    return [words(each) for each in audiences]


def preview_of(broadcast: Broadcast) -> Notification:
    """Return an unsaved notification that looks as each recipient's will."""
    content: dict[str, Any] = broadcast.content | {"broadcast_id": None}
    return Notification(pk=0, modseq=0, created_at=timezone.now(), **content)
