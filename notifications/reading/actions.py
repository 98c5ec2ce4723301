"""A reader's actions on their own notifications, which can be taken back for `NOTIFICATIONS_UNDO_SECONDS` (`undo.py`).

Receives a user, ids or a bound, from the API and from the pages, which grant more time. Guarantees all or nothing: the
inbox is locked before the rows are looked at, an id that is not the user's refuses the whole, and each call is one change
of the log. Each answers with a token that `undo_action()` takes, from any device of this user.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.db.models import Q
from django.utils import timezone

from .. import log
from ..conf import settings
from ..exceptions import UnknownNotification
from ..log.attempts import repeatable
from ..log.keys import MAX_KEY, UserOrKey
from ..log.queryset import NotificationQuerySet
from ..models import Inbox, Notification
from ..protocol.payloads import build_counters, build_payload, format_time
from .own_inbox import OwnInbox, open_own_inbox
from .undo import build_token

__all__ = [
    "MAX_IDS",
    "Action",
    "ActionResult",
    "apply_action",
    "apply_action_upto",
    "read_topic",
    "read_upto",
]

Action = Literal["read", "unread", "archive", "unarchive", "delete"]

MAX_IDS: Final = 500  # in one action, which holds the inbox's lock: of a page and over a WebSocket
# What an action sets, the time by which its rows are known first. What is archived is read, so what is unread is not.
FIELDS_OF_ACTION: Final[dict[str, tuple[str, ...]]] = {
    "read": ("read_at",),
    "unread": ("read_at", "archived_at"),
    "archive": ("archived_at", "read_at"),
    "unarchive": ("archived_at",),
}


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What an action did: how many rows changed, the inbox afterwards, and the token to take it back with."""

    changed: int
    inbox: Inbox
    token: str | None = None
    expires_at: dt.datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as page, API and WebSocket tell it: `{"changed": 1, "undo": {"token": …, "expires_at": …}, …}`."""
        offer = None
        if self.token is not None and self.expires_at is not None:
            offer = {"token": self.token, "expires_at": format_time(self.expires_at)}
        return {"changed": self.changed, "undo": offer, **build_counters(self.inbox)}


@repeatable
def apply_action(
    user: UserOrKey, action: Action, ids: Collection[int], *, seconds: float | None = None
) -> ActionResult:
    """Do the same to each of these notifications, to be taken back within `seconds`. 8 queries, up to 11 for more than 50.

    Args:
        seconds: None: NOTIFICATIONS_UNDO_SECONDS.

    Raises:
        UnknownNotification: the user has no such ones; nothing was changed.
    """
    with open_own_inbox(user) as mine:
        wanted = mine.rows.filter(
            pk__in=[pk for pk in ids if pk <= MAX_KEY]
        )  # no row has more; SQLite raises OverflowError
        rows = list(wanted)
        unknown = set(ids) - {row.pk for row in rows}
        if unknown:
            raise UnknownNotification(sorted(unknown))
        if action == "delete":
            content = [{**build_payload(row), "broadcast": row.broadcast_id} for row in rows]
            wanted.delete()
            return build_result(mine, len(rows), {"rows": content}, seconds)
        if action in ("read", "archive"):
            changed, record = set_times(wanted, action)
        else:
            changed, record = clear_times(mine, rows, FIELDS_OF_ACTION[action])
        return build_result(mine, changed, record, seconds)


def set_times(rows: NotificationQuerySet, action: Literal["read", "archive"]) -> tuple[int, dict[str, Any]]:
    """Read or archive what of these is not yet; return how many, and what takes it back."""
    now = timezone.now()
    record = {"set": FIELDS_OF_ACTION[action], "at": format_time(now)}
    if action == "archive":
        return log.archive(rows, at=now), record
    return log.amend(rows, {"read_at": now}, only=Q(read_at=None)), record


def clear_times(mine: OwnInbox, rows: list[Notification], fields: tuple[str, ...]) -> tuple[int, dict[str, Any]]:
    """Take these times from those of these rows that have one; return how many, and what takes it back."""
    old = {row.pk: [format_time(time) if (time := getattr(row, field)) else None for field in fields] for row in rows}
    old = {pk: times for pk, times in old.items() if any(times)}
    changed = log.amend(mine.rows.filter(pk__in=list(old)), dict.fromkeys(fields)) if old else 0
    return changed, {"cleared": fields, "old": old}


@repeatable
def read_upto(user: UserOrKey, up_to: int, *, epoch: int | None = None, seconds: float | None = None) -> ActionResult:
    """Mark as read what has a `modseq` of at most `up_to`. 6 queries, however many rows.

    Raises:
        HistoryReplaced: `epoch` is not the inbox's.
    """
    with open_own_inbox(user) as mine:
        mine.require_epoch(epoch)
        now = timezone.now()
        changed = log.mark_all_read(mine.inbox.pk, up_to=up_to, at=now, using=mine.using)
        return build_result(mine, changed, {"set": ["read_at"], "at": format_time(now)}, seconds)


@repeatable
def apply_action_upto(
    user: UserOrKey,
    action: Literal["read", "archive"],
    up_to: int,
    *,
    epoch: int | None = None,
    is_unread: bool = False,
    seconds: float | None = None,
    **fields: str,
) -> ActionResult:
    """Do the same to all that is not archived, has a `modseq` of at most `up_to` and these values; empty ones do not narrow.

    Args:
        is_unread: leave out what is read, as the list of unread ones does.
        fields: values of other fields.

    Queries: 9 for more than 50 rows, however many.

    Raises:
        HistoryReplaced: `epoch` is not the inbox's.
    """
    with open_own_inbox(user) as mine:
        mine.require_epoch(epoch)
        narrowing = {name: value for name, value in fields.items() if value}
        listed = mine.rows.unread() if is_unread else mine.rows.active()
        changed, record = set_times(listed.filter(modseq__lte=up_to, **narrowing), action)
        return build_result(mine, changed, record, seconds)


@repeatable
def read_topic(user: UserOrKey, topic: str) -> ActionResult:
    """Mark as read what is about one subject. 7 queries, 9 for more than 50 rows."""
    with open_own_inbox(user) as mine:
        now = timezone.now()
        changed = log.mark_topic_read(mine.inbox.pk, topic, at=now, using=mine.using)
        return build_result(mine, changed, {"set": ["read_at"], "at": format_time(now)})


def build_result(mine: OwnInbox, changed: int, record: Mapping[str, Any], seconds: float | None = None) -> ActionResult:
    """Return what was done, with a token where there is anything to take back."""
    inbox = mine.read_inbox()
    if not changed:
        return ActionResult(0, inbox)
    seconds = settings.undo_seconds if seconds is None else seconds
    expires_at = timezone.now() + dt.timedelta(seconds=seconds)
    token = build_token(inbox, record, changed=changed, expires_at=expires_at, seconds=seconds)
    return ActionResult(changed, inbox, token, expires_at) if token else ActionResult(changed, inbox)
