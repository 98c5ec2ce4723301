"""Broadcasts: see whether there is a worker for what is due.

No worker says that it lives, so it is seen by what it does: what is due is looked at twice, further apart than a worker
waits between two looks of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from notifications.broadcasts.states import AT_WORK, DELIVERED
from notifications.conf import settings
from notifications.models.broadcast import Broadcast, BroadcastState, broadcasts

from .findings import Finding, broken, risky, well

__all__ = ["look"]

LOOKS: Final = 2  # of a worker, between two of ours; and then a second for its work
SPARE_SECONDS: Final = 1.0
SHOWN: Final = 5
MOVING: Final = ("state", "worker", "worked_at", "cursor", "written", "removed")  # what a worker changes


def look() -> Iterator[Finding]:
    """Yield what waits for nobody, and what was given up. Takes some seconds where something is due."""
    before = {each.pk: each for each in due()}
    if before:
        time.sleep(LOOKS * settings.send_poll_seconds + SPARE_SECONDS)
    stuck = [each for each in due() if each.pk in before and has_not_moved(each, before[each.pk])]
    for each in stuck[:SHOWN]:
        yield broken(
            "worker.missing", f"The broadcast {each.pk} ({each.title!r}) is due, and nobody works on it.", remedy()
        )
    given_up = broadcasts().exclude(problem="").filter(state__in=(BroadcastState.PAUSED, *AT_WORK)).order_by("pk")
    for each in given_up[:SHOWN]:
        yield risky(
            "worker.gave_up",
            f"The broadcast {each.pk} ({each.title!r}) cannot go on: {each.problem}",
            "Mend the reason, then resume it in the admin.",
        )
    if not stuck:
        if before:
            yield well("worker", "A worker is at work.")
        else:
            who = "the server's processes" if settings.send_in_process else "`manage.py send_broadcasts`"
            yield well("worker", f"No broadcast is due. What is ordered is sent by {who}.")


def due() -> Any:
    """Return the broadcasts that a worker without other work would take up at once."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    return broadcasts().filter(
        Q(state__in=AT_WORK) & free
        | Q(state=BroadcastState.SCHEDULED, send_at__lte=now)
        | Q(state__in=(BroadcastState.SCHEDULED, *DELIVERED), expires_at__lte=now)
    )


def has_not_moved(now: Broadcast, before: Broadcast) -> bool:
    return all(getattr(now, name) == getattr(before, name) for name in MOVING)


def remedy() -> str:
    if not settings.send_in_process:
        return "Start `manage.py send_broadcasts`, which NOTIFICATIONS_SEND_IN_PROCESS = False leaves it to."
    return (
        "A server's process sends from its first request on, if it runs the ASGI application with `with_stream()`. Start "
        "one, or `manage.py send_broadcasts`; the log of notifications.broadcasts says what it fails with."
    )
