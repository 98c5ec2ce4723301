"""Show the progress of a broadcast to the users who watch it, over the stream that they have open anyway.

A follower has one notification about the broadcast. While workers are at it, it is amended a few times a second, through
the log like any other change; the admin's page (`frontend/admin/broadcast.js`) shows what its `data` says, and
any list the bar, as for other jobs. While it runs it counts as read, for nobody needs to look at a bar that moves; when it
has ended, as unread.

    {"progress": {"done": 482000, "total": 1000000, "state": "running"},
     "broadcast": {"state": "sending", "rate": 21300.0, "seconds_left": 24.3}}
"""

from __future__ import annotations

import time
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import connections, router, transaction
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ..exceptions import StepRefused
from ..log.attempts import attempt
from ..log.locks import lock_inboxes
from ..log.replay import database
from ..models import Notification
from ..models.broadcast import Broadcast, BroadcastState, broadcasts
from ..models.content import MAX_TITLE_CHARS, Level
from .states import AT_WORK, GONE

__all__ = [
    "Progress",
    "address_of",
    "bring_follower_up_to_date",
    "build_figures",
    "count_readers",
    "follow",
    "parse_followed",
    "show_followers",
    "topic_of",
]

SHOW_SECONDS: Final = 0.4  # between two amendments: a bar that moves smoothly, at a cost of 5 queries each
TOPIC: Final = "notifications.broadcast:"
MAX_KEY_DIGITS: Final = 19  # what any column holds
# What the state means for a bar that knows nothing of broadcasts.
OUTCOMES: Final = {BroadcastState.PAUSED: "stalled", BroadcastState.CANCELLED: "failure"}
LEVELS: Final = {
    BroadcastState.SENT: Level.SUCCESS,
    BroadcastState.PAUSED: Level.WARNING,
    BroadcastState.CANCELLED: Level.WARNING,
}


class Progress:
    """Tells followers how far a broadcast is, a few times a second. That its state changed is told with the step."""

    def __init__(self) -> None:
        self._shown_at = -SHOW_SECONDS

    def show(self, broadcast: Broadcast) -> None:
        """Tell how far it is, if it is time. 5 queries where it is, none otherwise."""
        now = time.monotonic()
        if broadcast.state in AT_WORK and now - self._shown_at >= SHOW_SECONDS:
            self._shown_at = now
            show_followers(broadcast)


def show_followers(broadcast: Broadcast, *, by: Any = None) -> None:
    """Write how far it is into the followers' notifications. Where work has ended they are unread, but for who ended it."""
    if not broadcast.followers:
        return
    content, now = build_content(broadcast), timezone.now()
    theirs = Notification.objects.using(database()).filter(recipient__in=broadcast.followers, topic=topic_of(broadcast))
    if broadcast.state in AT_WORK:
        theirs.update(**content, read_at=now)
    elif by is None:
        theirs.update(**content, read_at=None)
    else:
        with transaction.atomic(using=router.db_for_write(Notification)):
            lock_followers(broadcast.followers)
            theirs.exclude(recipient=by).update(**content, read_at=None)
            theirs.filter(recipient=by).update(**content, read_at=now)


def follow(broadcast: Broadcast, user: Any) -> None:
    """Have a user see how a broadcast goes, from now on. Following twice is harmless.

    Raises:
        StepRefused: it was deleted meanwhile.
    """
    attempt(broadcasts().db, lambda: follow_once(broadcast, user))


def follow_once(broadcast: Broadcast, user: Any) -> None:
    """Have a user see it, in one transaction. Raises as `follow()` does."""
    rows = broadcasts()
    with transaction.atomic(using=rows.db):
        # locked: no step is taken and no chunk written until the follower is known
        now = rows.select_for_update(no_key=connections[rows.db].features.has_select_for_no_key_update).filter(
            pk=broadcast.pk
        )
        there: Broadcast | None = now.first()
        if there is None:
            raise StepRefused(_("“%(title)s” has been deleted.") % {"title": broadcast.title})
        key = user.pk if isinstance(user.pk, int) else str(user.pk)
        followers = [*there.followers, *({key} - {*there.followers})]
        lock_followers(followers)
        now.update(followers=followers)
        if not Notification.objects.using(database()).for_user(user).filter(topic=topic_of(there)).exists():
            content = {
                "category": "broadcasts",
                "topic": topic_of(there),
                "url": address_of(there),
                **build_content(there),
            }
            Notification(recipient_id=user.pk, read_at=timezone.now(), **content).save()


def lock_followers(keys: list[Any]) -> None:
    """Lock the followers' inboxes in the order of their keys, before they are written to one after the other."""
    to_python = get_user_model()._meta.pk.to_python
    lock_inboxes(router.db_for_write(Notification), sorted(map(to_python, keys)))


def build_content(broadcast: Broadcast) -> dict[str, Any]:
    """Return what a follower's notification says now."""
    known = {"title": broadcast.title, "state": broadcast.get_state_display()}
    title = _("%(state)s: %(title)s") % known
    level = Level.WARNING if broadcast.problem else LEVELS.get(BroadcastState(broadcast.state), Level.INFO)
    return {"title": title[:MAX_TITLE_CHARS], "level": level, "data": build_figures(broadcast)}


def build_figures(broadcast: Broadcast) -> dict[str, Any]:
    """Return how far it is, as numbers: what is done of what there is to do, the rate of work, what is left."""
    if broadcast.state in GONE:
        done, total = broadcast.removed, broadcast.written
    else:
        done, total = broadcast.written, max(broadcast.total or 0, broadcast.written)  # some joined meanwhile
    if broadcast.state == BroadcastState.SENT:
        total = done  # some left meanwhile
    elif broadcast.state in (BroadcastState.RETRACTED, BroadcastState.EXPIRED):
        done = total  # some had deleted it themselves
    rate = done / broadcast.busy_seconds if broadcast.busy_seconds else 0.0
    left = (total - done) / rate if rate else None
    is_over = broadcast.state not in AT_WORK
    outcome = OUTCOMES.get(BroadcastState(broadcast.state), "success") if is_over else "running"
    return {
        "progress": {"done": done, "total": total, "state": outcome},
        "broadcast": {
            "state": broadcast.state,
            "rate": round(rate, 1),
            "seconds_left": None if left is None else round(left, 1),
        },
    }


def count_readers(broadcast: Broadcast) -> int:
    """Return how many have read it: of those who have it, in an index, and of those who have it no more."""
    there = Notification.objects.using(database()).filter(broadcast=broadcast, read_at__isnull=False).order_by()
    return there.count() + broadcast.read_removed


def bring_follower_up_to_date(row: Notification, *, using: str) -> None:
    """Bring a follower's unsaved row, which returns after a deletion, to where the broadcast is by now. 1 query for such.

    If it ended meanwhile, it is unread. The broadcast's row is locked by the caller.
    """
    pk = parse_followed(row.topic)
    broadcast = None if pk is None else Broadcast.objects.using(using).filter(pk=pk).first()
    if broadcast is None or str(row.recipient_id) not in map(str, broadcast.followers):
        return
    content = build_content(broadcast)
    if content["data"]["progress"]["state"] != row.data.get("progress", {}).get("state"):
        row.read_at = timezone.now() if broadcast.state in AT_WORK else None
    for name, value in content.items():
        setattr(row, name, value)


def topic_of(broadcast: Broadcast) -> str:
    """Return the topic of the followers' notifications."""
    return f"{TOPIC}{broadcast.pk}"


def parse_followed(topic: str) -> int | None:
    """Return the key of the broadcast of which a notification of this topic tells how it goes, or None."""
    key = topic.removeprefix(TOPIC)
    return int(key) if key != topic and key.isdecimal() and len(key) < MAX_KEY_DIGITS else None


def address_of(broadcast: Broadcast) -> str:
    """Return the address of its page in the admin, or nothing where there is none."""
    try:
        return reverse("admin:live_notifications_broadcast_progress", args=[broadcast.pk])
    except NoReverseMatch:
        return ""
