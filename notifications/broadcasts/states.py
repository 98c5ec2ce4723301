"""The states of a broadcast and the steps between them: one table for the admin, the commands and the workers.

    draft ─→ scheduled ─→ sending ⇄ paused        (draft → sending where it is sent at once)
      ↑          │           │        │
      └ withdraw ┘        sent    cancelled ─→ retracting ─→ retracted
                             └────────┴─────→ expiring   ─→ expired

What is being sent or paused may be retracted too, and expires like what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from django.utils.translation import gettext_noop

from ..models.broadcast import BroadcastState

__all__ = ["AT_WORK", "DELIVERED", "GONE", "Step"]


AT_WORK: Final = (
    BroadcastState.SENDING,
    BroadcastState.RETRACTING,
    BroadcastState.EXPIRING,
)  # a worker has something to do
DELIVERED: Final = (
    BroadcastState.SENDING,
    BroadcastState.PAUSED,
    BroadcastState.SENT,
    BroadcastState.CANCELLED,
)  # rows may be in inboxes, to stay
GONE: Final = (
    BroadcastState.RETRACTING,
    BroadcastState.RETRACTED,
    BroadcastState.EXPIRING,
    BroadcastState.EXPIRED,
)  # states in which no row stays in an inbox


@dataclass(frozen=True, slots=True)
class Transition:
    """From which states a step may be taken, to which it leads, and what history says of it."""

    sources: tuple[BroadcastState, ...]
    target: BroadcastState
    history: str  # in English: history is kept so, and shown in the reader's language


class Step(Enum):
    """What may happen to a broadcast. The first ones are people's, from START on they are the workers'."""

    SEND = Transition((BroadcastState.DRAFT,), BroadcastState.SENDING, gettext_noop("Sending began."))
    SCHEDULE = Transition((BroadcastState.DRAFT,), BroadcastState.SCHEDULED, gettext_noop("Scheduled."))
    WITHDRAW = Transition((BroadcastState.SCHEDULED,), BroadcastState.DRAFT, gettext_noop("Withdrawn: a draft again."))
    PAUSE = Transition((BroadcastState.SENDING,), BroadcastState.PAUSED, gettext_noop("Paused."))
    RESUME = Transition((BroadcastState.PAUSED,), BroadcastState.SENDING, gettext_noop("Resumed."))
    CANCEL = Transition(
        (BroadcastState.SENDING, BroadcastState.PAUSED), BroadcastState.CANCELLED, gettext_noop("Cancelled.")
    )
    RETRACT = Transition(DELIVERED, BroadcastState.RETRACTING, gettext_noop("Retracted."))
    START = Transition(
        (BroadcastState.SCHEDULED,), BroadcastState.SENDING, gettext_noop("Sending began, as scheduled.")
    )
    FINISH = Transition((BroadcastState.SENDING,), BroadcastState.SENT, gettext_noop("Sent to everybody."))
    EXPIRE = Transition((BroadcastState.SCHEDULED, *DELIVERED), BroadcastState.EXPIRING, gettext_noop("Expired."))
    RETRACTED = Transition(
        (BroadcastState.RETRACTING,), BroadcastState.RETRACTED, gettext_noop("Removed from every inbox.")
    )
    EXPIRED = Transition(
        (BroadcastState.EXPIRING,), BroadcastState.EXPIRED, gettext_noop("Expired: removed from every inbox.")
    )
