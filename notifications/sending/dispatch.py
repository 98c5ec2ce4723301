"""Send content to recipients: written at once, or as a broadcast where there are many.

Guarantees all or nothing: what goes out at once is one transaction, and what is too large for one becomes a broadcast, which
is resumed until everybody has it (`broadcasts/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.utils.translation import gettext as _

from ..broadcasts.audience import users_of
from ..broadcasts.transitions import order_broadcast
from ..log.attempts import repeatable
from ..log.writes import USERS_PER_TRANSACTION
from ..models import CONTENT_FIELDS, Notification
from ..models.broadcast import Audience, Broadcast
from .publish import notify_many

__all__ = [
    "Outcome",
    "TooManyForDetails",
    "broadcast_to_audience",
    "send_to_audience",
    "send_to_users",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many are told, and by which broadcast; None: they have been told."""

    recipients: int
    broadcast: int | None = None

    def as_dict(self) -> dict[str, int | None]:
        """Return it as the API tells it."""
        return {"recipients": self.recipients, "broadcast": self.broadcast}


class TooManyForDetails(ValidationError):
    """An audience that must go out as a broadcast, with content that a broadcast does not have."""


@repeatable
def send_to_users(keys: list[Any], content: Mapping[str, Any]) -> Outcome:
    """Tell these users, all of them in one transaction. Raises `ValidationError`; then nobody was."""
    with transaction.atomic(using=router.db_for_write(Notification)):
        return Outcome(notify_many(keys, **content))


def send_to_audience(audience: Audience, content: Mapping[str, Any], *, by: Any) -> Outcome:
    """Tell an audience: in one transaction up to 500 users, else by a broadcast that begins at once.

    Raises:
        ValidationError: keyed by `audience` where it is unknown or empty, else by a field of the content.
        TooManyForDetails: it is a broadcast, and there is content besides `CONTENT_FIELDS`.
    """
    users = users_of(audience)
    keys = list(users.values_list("pk", flat=True).order_by("pk")[: USERS_PER_TRANSACTION + 1])
    if not keys:
        text = _("This audience has no active users, so nothing was sent; choose another.")
        raise ValidationError({"audience": ValidationError(text, code="empty")})
    if len(keys) <= USERS_PER_TRANSACTION:
        return send_to_users(keys, content)
    extra = sorted(content.keys() - set(CONTENT_FIELDS))
    if extra:
        text = _(
            "An audience of more than %(most)d users is sent as a broadcast, which cannot have %(names)s; leave it out."
        )
        raise TooManyForDetails(text % {"most": USERS_PER_TRANSACTION, "names": ", ".join(extra)})
    return Outcome(users.count(), broadcast_to_audience(audience, content, by=by).pk)


def broadcast_to_audience(audience: Audience, content: Mapping[str, Any], *, by: Any) -> Broadcast:
    """Order a broadcast that begins at once. Raises `ValidationError`; then there is none."""
    chosen = [key if isinstance(key, int | str) else str(key) for key in audience.chosen]
    with transaction.atomic(using=router.db_for_write(Broadcast)):
        draft = Broadcast(audience=audience.kind, chosen=chosen, ordered_by=by, **content)
        draft.full_clean(exclude={"ordered_by"})
        draft.save()
        return order_broadcast(draft, by=by)
