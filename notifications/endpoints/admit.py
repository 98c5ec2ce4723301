"""Admit a client to the hub, over HTTP and WebSocket alike, and count and log the outcome.

Receives a request that was read (`request.py`). Guarantees that each opening is counted once, by what came of it, and
that the hub is joined only by requests that are allowed: none of another site's page, none without a login, none whose page
is another reader's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from django.core.exceptions import PermissionDenied

from ..access import audit
from ..access.reader import OtherReader, is_tag_of
from ..exceptions import NotificationsError
from ..hub import get_hub
from ..hub.counters import Answer, counters
from ..hub.subscription import Subscription
from ..hub.transports import Send, WriteNow
from ..protocol.bye import Bye
from .request import StreamRequest

__all__ = ["NotAdmitted", "admit", "join", "refuse_on_error", "require_own_page"]

logger = logging.getLogger("notifications.endpoints.stream")

Door = Literal["stream", "socket"]
NAMES: Final[dict[Door, str]] = {"stream": "stream", "socket": "WebSocket"}


class NotAdmitted(NotificationsError):
    """A request gets no stream.

    Attributes:
        why: what it is counted by.
        bye: the goodbye that the client is answered with; None: it is turned away.
    """

    def __init__(self, why: Answer, bye: Bye | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.bye = bye
        counters.connects[why] += 1


def require_own_page(request: StreamRequest, door: Door) -> None:
    """Raise `NotAdmitted` for a page of another origin that is not listed."""
    if not request.is_own:
        audit.record("origin.refused", door=door, user=None)
        raise NotAdmitted("origin")


@contextmanager
def refuse_on_error(door: Door) -> Iterator[None]:
    """Have any error while somebody is let in be the refusal that it amounts to, counted and logged."""
    try:
        yield
    except NotAdmitted:
        raise
    except PermissionDenied:
        audit.record("admission.refused", door=door)
        raise NotAdmitted("forbidden") from None
    except OtherReader:
        raise NotAdmitted("reader", Bye.AUTH) from None
    except Exception as error:  # the database is away; the client is asked to try again
        logger.warning("A %s could not be opened: %s: %s", NAMES[door], type(error).__name__, error)
        raise NotAdmitted("overload", Bye.OVERLOAD) from None


async def admit(request: StreamRequest, send: Send, door: Door, write_now: WriteNow | None = None) -> Subscription:
    """Return the subscription of a client that is let in.

    Args:
        request: what is asked, and by which credential.
        send: where the stream's bytes go, as ASGI messages.
        door: as the security log names it.
        write_now: where they go at once, see `hub/subscription.py`.

    Raises:
        NotAdmitted: it shows nothing by which anybody is.
        PermissionDenied: the site's hook knows the user, who is not allowed.
        OtherReader: the page that asks was made for somebody else.
        Exception: whatever kept the hub from finding out.
    """
    user = await get_hub().authenticate(request.credential) if request.credential is not None else None
    if request.credential is None or user is None:
        audit.record("login.missing", door=door)
        raise NotAdmitted("anonymous")
    if request.reader and not is_tag_of(request.reader, user):
        raise OtherReader
    position = request.position
    subscription = Subscription(
        user_id=user.pk, credential=request.credential, send=send, position=position, write_now=write_now
    )
    subscription.is_malformed = bool(request.position_text) and position is None
    subscription.owner = asyncio.current_task()
    return subscription


def join(subscription: Subscription) -> None:
    """Have the hub take a stream in.

    Raises:
        NotAdmitted: this process is full or leaving.
    """
    here = get_hub()
    if not here.join(subscription):
        raise NotAdmitted("drain", Bye.DRAIN) if here.is_leaving else NotAdmitted("overload", Bye.OVERLOAD)
    counters.connects["stream"] += 1
