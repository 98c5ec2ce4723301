"""The worker: finds what is due, and does it in slices so that a small broadcast does not wait behind a large one.

In a server's process (`background.py`) or as `manage.py send_broadcasts`. Several may run: each slice needs a lease.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time
from contextlib import suppress
from typing import Final

from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone

from ..conf import settings
from ..exceptions import InvalidSegment, StepRefused
from ..log.attempts import attempt
from ..models.broadcast import Broadcast, BroadcastState, broadcasts
from .leases import Lease, LeaseLost, claim_lease
from .progress import Progress
from .retracting import retract
from .sending import send
from .states import DELIVERED, Step
from .throttle import Throttle
from .transitions import take_step, work_available

__all__ = ["Worker", "begin_due"]

logger = logging.getLogger("notifications.broadcasts")

SLICE_SECONDS: Final = 1.0
MAX_PROBLEM_CHARS: Final = 500


class Worker:
    """Works until it is stopped, which may be said from any thread but its own."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)
        self.is_stopped = False
        self._throttle = Throttle()

    def stop(self) -> None:
        """Finish the chunk in hand and return from `run()`."""
        self.is_stopped = True
        work_available.set()

    def run(self) -> None:
        """Work until stopped. A database that is away is asked again, and so is one that fails in another way."""
        is_failing = False
        while not self.is_stopped:
            work_available.clear()
            try:
                has_worked = self._work_again()
            except Exception as error:  # the thread serves the whole process: it outlives whatever this was
                has_worked = False
                if not is_failing:  # one line for an outage
                    logger.warning("Broadcasts wait: %s: %s", type(error).__name__, error)
                is_failing = True
                connections.close_all()
            else:
                is_failing = False
            if not has_worked and not self.is_stopped:
                # as at the end of a request, by CONN_MAX_AGE: what looks once in a while keeps no connection meanwhile, of
                # which a pool has few, and which keeps a test's database from being dropped
                close_old_connections()
                work_available.wait(settings.send_poll_seconds)
        connections.close_all()

    def work_off(self) -> None:
        """Work until nothing is due that is not another worker's."""
        while not self.is_stopped and self._work_again():
            pass

    def work(self) -> bool:
        """Start and expire what is due, then do one slice; return whether there was one."""
        begin_due()
        lease = claim_lease(self.name)
        if lease is None:
            return False
        try:
            self._slice(lease)
        except (LeaseLost, StepRefused):
            pass  # paused, cancelled or retracted: somebody said so meanwhile, or took over
        except (InterfaceError, OperationalError):
            raise  # the database is away, or another transaction was in the way; `run()` comes back to it
        except Exception as error:  # an audience that is no longer known, a segment that fails: the site's own code
            self._give_up(lease, error)
        lease.release()
        return True

    def _work_again(self) -> bool:
        """Do what `work()` does, again at once where a deadlock or the like ended a transaction of it."""
        return attempt(broadcasts().db, self.work)

    def _slice(self, lease: Lease) -> None:
        deadline = time.monotonic() + SLICE_SECONDS
        progress = Progress()
        work = send if lease.broadcast.state == BroadcastState.SENDING else retract
        for broadcast in work(lease, self._throttle):
            progress.show(broadcast)
            if self.is_stopped or time.monotonic() > deadline:
                return

    def _give_up(self, lease: Lease, error: Exception) -> None:
        """Pause what cannot be sent, with the reason; what cannot be removed is tried again."""
        logger.error("Broadcast %d cannot go on: %s", lease.broadcast.pk, type(error).__name__, exc_info=error)
        text = str(error) if isinstance(error, InvalidSegment) else f"{type(error).__name__}: {error}"
        messages = getattr(error, "messages", None) or [text]
        problem = " ".join(messages)[:MAX_PROBLEM_CHARS]
        try:
            take_step(lease.broadcast, Step.PAUSE, only=lease.mine, problem=problem)
        except StepRefused:
            broadcasts().filter(lease.mine, pk=lease.broadcast.pk).update(problem=problem)
            work_available.wait(settings.send_poll_seconds)


def begin_due(now: dt.datetime | None = None) -> None:
    """Expire what is over, and start what is scheduled for now. 2 queries, and what each one takes."""
    now = timezone.now() if now is None else now
    for step, due in (
        (Step.EXPIRE, broadcasts().filter(state__in=[BroadcastState.SCHEDULED, *DELIVERED], expires_at__lte=now)),
        (Step.START, broadcasts().filter(state=BroadcastState.SCHEDULED, send_at__lte=now)),
    ):
        for broadcast in due:
            begin(broadcast, step)


def begin(broadcast: Broadcast, step: Step) -> None:
    with suppress(StepRefused):  # another worker was quicker
        take_step(broadcast, step)
