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

from ..models.broadcast import BroadcastState as State

__all__ = ["AT_WORK", "DELIVERED", "GONE", "Step"]


AT_WORK: Final = (State.SENDING, State.RETRACTING, State.EXPIRING)  # a worker has something to do
DELIVERED: Final = (State.SENDING, State.PAUSED, State.SENT, State.CANCELLED)  # rows may be in inboxes, to stay
# no row stays in an inbox
GONE: Final = (State.RETRACTING, State.RETRACTED, State.EXPIRING, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Transition:
    """From which states a step may be taken, to which it leads, and what history says of it."""

    sources: tuple[State, ...]
    target: State
    history: str  # in English: history is kept so, and shown in the reader's language


class Step(Enum):
    """What may happen to a broadcast. The first ones are people's, from START on they are the workers'."""

    SEND = Transition((State.DRAFT,), State.SENDING, gettext_noop("Sending began."))
    SCHEDULE = Transition((State.DRAFT,), State.SCHEDULED, gettext_noop("Scheduled."))
    WITHDRAW = Transition((State.SCHEDULED,), State.DRAFT, gettext_noop("Withdrawn: a draft again."))
    PAUSE = Transition((State.SENDING,), State.PAUSED, gettext_noop("Paused."))
    RESUME = Transition((State.PAUSED,), State.SENDING, gettext_noop("Resumed."))
    CANCEL = Transition((State.SENDING, State.PAUSED), State.CANCELLED, gettext_noop("Cancelled."))
    RETRACT = Transition(DELIVERED, State.RETRACTING, gettext_noop("Retracted."))
    START = Transition((State.SCHEDULED,), State.SENDING, gettext_noop("Sending began, as scheduled."))
    FINISH = Transition((State.SENDING,), State.SENT, gettext_noop("Sent to everybody."))
    EXPIRE = Transition((State.SCHEDULED, *DELIVERED), State.EXPIRING, gettext_noop("Expired."))
    RETRACTED = Transition((State.RETRACTING,), State.RETRACTED, gettext_noop("Removed from every inbox."))
    EXPIRED = Transition((State.EXPIRING,), State.EXPIRED, gettext_noop("Expired: removed from every inbox."))
