"""What may happen to a broadcast, and what then: one machine for the admin, the commands and the workers.

    draft ─→ scheduled ─→ sending ⇄ paused
      ↑          │           │        │
      └ withdraw ┘        sent    cancelled ─→ retracting ─→ retracted
                             └────────┴─────→ expiring   ─→ expired

Every step is a compare-and-set of one row: of two people who take it at once, one does it and the other is told.
"""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

__all__ = ["AT_WORK", "DELIVERED", "GONE", "State"]


class State(TextChoices):
    """Where a broadcast stands."""

    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    SENDING = "sending", _("Sending")
    PAUSED = "paused", _("Paused")
    SENT = "sent", _("Sent")
    CANCELLED = "cancelled", _("Cancelled")
    RETRACTING = "retracting", _("Retracting")
    RETRACTED = "retracted", _("Retracted")
    EXPIRING = "expiring", _("Expiring")
    EXPIRED = "expired", _("Expired")


AT_WORK: Final = (State.SENDING, State.RETRACTING, State.EXPIRING)  # a worker has something to do
DELIVERED: Final = (State.SENDING, State.PAUSED, State.SENT, State.CANCELLED)  # rows may be in inboxes, to stay
GONE: Final = (State.RETRACTING, State.RETRACTED, State.EXPIRING, State.EXPIRED)  # none shall be there, soon or already
