"""Watching: what those who follow a broadcast see of it, over the stream that they have open anyway.

A follower has one notification about the broadcast. While workers are at it, it is amended a few times a second, through
the log like any other change; the admin's page (`static/notifications/admin/broadcast.js`) shows what its `data` says, and
any list the bar, as for other jobs. While it runs it is read: a bar that moves is no news. How it ended is.

    {"progress": {"done": 482000, "total": 1000000, "state": "running"},
     "broadcast": {"state": "sending", "rate": 21300.0, "seconds_left": 24.3}}
"""

from __future__ import annotations

import time
from typing import Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ..content import Level
from ..models import Notification
from .models import Broadcast
from .moves import broadcasts
from .states import AT_WORK, GONE, State

__all__ = ["Progress", "address_of", "figures", "follow", "read_count", "topic_of"]

SHOW_SECONDS: Final = 0.4  # between two amendments: a bar that moves smoothly, at a cost of 5 queries each
# What the state means for a bar that knows nothing of broadcasts.
OUTCOMES: Final = {State.PAUSED: "stalled", State.CANCELLED: "failure"}
LEVELS: Final = {State.SENT: Level.SUCCESS, State.PAUSED: Level.WARNING, State.CANCELLED: Level.WARNING}


class Progress:
    """Tells followers how far a broadcast is, a few times a second and whenever its state changes."""

    def __init__(self) -> None:
        self._shown_at = -SHOW_SECONDS
        self._state = ""

    def show(self, broadcast: Broadcast) -> None:
        """Tell how far it is, if it is time. 5 queries where it is, none otherwise."""
        now = time.monotonic()
        if broadcast.state != self._state or now - self._shown_at >= SHOW_SECONDS:
            self._shown_at, self._state = now, broadcast.state
            tell(broadcast)


def tell(broadcast: Broadcast) -> None:
    """Write how far it is into the followers' notifications."""
    if broadcast.followers:
        mine = Notification.objects.filter(recipient__in=broadcast.followers, topic=topic_of(broadcast))
        news = {} if broadcast.state in AT_WORK else {"read_at": None}
        mine.update(**words(broadcast), **news)


def follow(broadcast: Broadcast, user: Any) -> None:
    """Have a user see how a broadcast goes, from now on. Following twice is harmless."""
    mine = Notification.objects.for_user(user).filter(topic=topic_of(broadcast))
    if not mine.exists():
        url = address_of(broadcast)
        read_at = timezone.now() if broadcast.state in AT_WORK else None
        said = {"category": "broadcasts", "topic": topic_of(broadcast), "url": url, **words(broadcast)}
        Notification(recipient_id=user.pk, read_at=read_at, **said).save()
    key = user.pk if isinstance(user.pk, int) else str(user.pk)
    if key not in broadcast.followers:
        broadcast.followers = [*broadcast.followers, key]
        broadcasts().filter(pk=broadcast.pk).update(followers=broadcast.followers)


def words(broadcast: Broadcast) -> dict[str, Any]:
    """Return what a follower's notification says now."""
    known = {"title": broadcast.title, "state": broadcast.get_state_display()}
    title = _("%(state)s: %(title)s") % known
    level = Level.WARNING if broadcast.problem else LEVELS.get(State(broadcast.state), Level.INFO)
    return {"title": title[:200], "level": level, "data": figures(broadcast)}


def figures(broadcast: Broadcast) -> dict[str, Any]:
    """Return how far it is, as numbers: what is done of what there is to do, the rate of work, what is left."""
    if broadcast.state in GONE:
        done, total = broadcast.removed, broadcast.written
    else:
        done, total = broadcast.written, max(broadcast.total or 0, broadcast.written)  # some joined meanwhile
    rate = done / broadcast.busy_seconds if broadcast.busy_seconds else 0.0
    left = (total - done) / rate if rate else None
    is_over = broadcast.state not in AT_WORK
    outcome = OUTCOMES.get(State(broadcast.state), "success") if is_over else "running"
    return {
        "progress": {"done": done, "total": total, "state": outcome},
        "broadcast": {
            "state": broadcast.state,
            "rate": round(rate, 1),
            "seconds_left": None if left is None else round(left, 1),
        },
    }


def read_count(broadcast: Broadcast) -> int:
    """Return how many have read it: of those who have it, in an index, and of those from whom it was taken back."""
    there = Notification.objects.filter(broadcast=broadcast, read_at__isnull=False).order_by()
    return there.count() + broadcast.read_removed


def topic_of(broadcast: Broadcast) -> str:
    """Return the topic of the followers' notifications."""
    return f"notifications.broadcast:{broadcast.pk}"


def address_of(broadcast: Broadcast) -> str:
    """Return the address of its page in the admin, or nothing where there is none."""
    try:
        return reverse("admin:notifications_broadcast_progress", args=[broadcast.pk])
    except NoReverseMatch:
        return ""
