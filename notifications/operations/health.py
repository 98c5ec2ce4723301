"""Two pages for programs: metrics for Prometheus, and the health of this process.

They run in the hub's process, on other threads, and only read what stands in attributes. Where a server has several
workers, each answer is about the one that gave it. Neither tells anything of a user or of a notification.

    GET /notifications/health/
    200 {"status": "ok", "streams": 3, "problems": []}
    503 {"status": "failing", "streams": 3, "problems": [{"code": "deaf", "message": "No doorbell …"}]}
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.db import connections, router, transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from ..conf import settings
from ..hub import running_hubs
from ..hub.counters import Pulse
from ..hub.listener import LAYER_SECONDS
from ..hub.sweeper import interval_seconds
from ..models import Inbox
from .metrics import build_exposition

__all__ = ["health", "metrics"]

logger = logging.getLogger("notifications.operations.health")

SWEEPS_MISSED: Final = 3  # so many may fail before that is no hiccup any more
DATABASE_SECONDS: Final = 2.0  # longest wait for the database: below the 3 to 5 s that probes usually wait for us
ANSWER_SECONDS: Final = 1.0  # a request within this time gets the same answer: the page is public and must stay cheap
HANGING_SECONDS: Final = 15.0  # a question that hangs so long is left alone, and put anew
# Any of them says that a proxy came between, and that the address is the proxy's or the proxy's word.
FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")

Problem = dict[str, str]


# --- numbers


@login_not_required
@never_cache
@require_safe
@transaction.non_atomic_requests
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with every metric, to staff and to configured addresses; for anyone else there is no such page."""
    if not (has_known_address(request) or is_staff(request)):
        raise Http404
    return HttpResponse(build_exposition(), content_type=CONTENT_TYPE_LATEST)


def has_known_address(request: HttpRequest) -> bool:
    """Return whether a request comes straight from one of NOTIFICATIONS_METRICS_ADDRESSES.

    What a header says of the address is never believed. One that came through a proxy has no address of its own: else a
    proxy on this machine would make 127.0.0.1 of everybody.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:  # a Unix socket has none
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:  # what a dual-stack socket sees of IPv4
        address = address.ipv4_mapped
    return any(address in ip_network(network) for network in settings.metrics_addresses)


def is_staff(request: HttpRequest) -> bool:
    """Return whether a member of staff is logged in."""
    return bool(request.user.is_active and getattr(request.user, "is_staff", False))


# --- health


@login_not_required
@never_cache
@require_safe
@transaction.non_atomic_requests
def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 when streams of this process hear of changes and the database answers, else 503 and what is wrong."""
    hubs = running_hubs()
    problems = [problem for hub in hubs for problem in problems_of(hub.pulse)]
    if not database.answers():
        problems.append(NO_DATABASE)
    return JsonResponse(
        {
            "status": "failing" if problems else "ok",
            "streams": sum(hub.count for hub in hubs),
            "problems": problems,
        },
        status=503 if problems else 200,
    )


def problems_of(pulse: Pulse) -> list[Problem]:
    """Return what is wrong with a hub, and what to do about it."""
    now = time.monotonic()
    problems: list[Problem] = []
    silent_seconds, late_seconds = now - pulse.probed_at, now - pulse.swept_at
    if silent_seconds > settings.rejoin_seconds + LAYER_SECONDS:
        text = (
            f"The hub has not heard its own probe for {silent_seconds:.0f} s, so changes wait for the sweeper, up to "
            f"{interval_seconds():g} s. See that the channel layer {settings.channel_layer!r} is configured and "
            "that its server, such as Redis, can be reached; the hub joins again by itself."
        )
        problems.append({"code": "deaf", "message": text})
    if late_seconds > SWEEPS_MISSED * interval_seconds():
        text = (
            f"The sweeper has not completed a round for {late_seconds:.0f} s, so a change whose doorbell was lost is not "
            "found. See the log of notifications.hub for what it failed with; where it says nothing, the database is slow."
        )
        problems.append({"code": "sweep", "message": text})
    return problems


NO_DATABASE: Final[Problem] = {
    "code": "database",
    "message": f"The database does not answer within {DATABASE_SECONDS:g} s. See that it runs and that DATABASES leads to "
    "it; the log of notifications.operations.health says what it failed with. Open streams wait and miss nothing.",
}


class Database:
    """Asks the database for a sign of life, for everybody who wants to know at once, and never waits for long.

    The question has a connection and a thread of its own: a database that hangs holds up one thread, not one for each
    request.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._answer: Future[bool] | None = None
        self._asked_at = 0.0

    def answers(self) -> bool:
        """Return whether it answers in time."""
        with self._guard:
            now = time.monotonic()
            patience_seconds = HANGING_SECONDS if self._answer and not self._answer.done() else ANSWER_SECONDS
            if self._answer is None or now > self._asked_at + patience_seconds:
                self._answer, self._asked_at = Future(), now
                threading.Thread(target=ask, args=(self._answer,), name="notifications-health", daemon=True).start()
            answer, asked_at = self._answer, self._asked_at
        try:
            return answer.result(max(0.0, asked_at + DATABASE_SECONDS - time.monotonic()))
        except TimeoutError:
            return False


def ask(answer: Future[bool]) -> None:
    """Put one query to the database, and whether it was answered into a future."""
    try:
        try:
            with connections[router.db_for_read(Inbox)].cursor() as cursor:
                cursor.execute("SELECT 1")
        finally:
            connections.close_all()
    except Exception as error:  # whatever the driver raises
        logger.warning("The database does not answer: %s: %s", type(error).__name__, error)
        answer.set_result(False)
    else:
        answer.set_result(True)


database: Final = Database()
