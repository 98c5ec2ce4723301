"""Compare an inbox with its rows. Where the two differ, something was written past the log.

Receives users. Guarantees that what is compared was read by one statement, and locks nothing: a caller that relies on it
holds the inboxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from . import tables
from .keys import UserKey

__all__ = ["Standing", "read_standings"]

FIELDS: Final = ("modseq", "floor", "unread", "unseen", "seen_upto")


@dataclass(frozen=True, slots=True)
class Standing:
    """What an inbox says, and what its rows say."""

    user_id: UserKey
    rows: int  # counted only where there is no inbox
    has_inbox: bool
    modseq: int = 0
    floor: int = 0
    unread: int = 0
    unseen: int = 0
    seen_upto: int = 0
    found_modseq: int = 0  # the highest of a row
    found_unread: int = 0
    found_unseen: int = 0

    @property
    def miscounts(self) -> list[str]:
        """What is wrong with the counters, each as found and as expected."""
        pairs = (("unread", self.unread, self.found_unread), ("unseen", self.unseen, self.found_unseen))
        return [f"{name} is {found}, expected {expected}" for name, found, expected in pairs if found != expected]

    @property
    def misplacements(self) -> list[str]:
        """What is wrong with the positions: then history was replaced, and no client's position means anything."""
        if not self.has_inbox:
            return [f"inbox is missing, expected one for {self.rows} notifications"] if self.rows else []
        faults = []
        if self.modseq < self.found_modseq:
            faults.append(f"modseq is {self.modseq}, expected at least {self.found_modseq} as of its rows")
        if self.floor > self.modseq:
            faults.append(f"floor is {self.floor}, expected at most the modseq {self.modseq}")
        if self.seen_upto > self.modseq:
            faults.append(f"seen_upto is {self.seen_upto}, expected at most the modseq {self.modseq}")
        return faults

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong, as found and as expected."""
        return self.misplacements + self.miscounts


def read_standings(using: str, user_ids: list[Any]) -> list[Standing]:
    """Compare these users' inboxes with their rows; a user with neither is left out. Locks nothing."""
    rows = tables.Notification.objects.using(using)
    mine = rows.filter(recipient_id=OuterRef("pk")).order_by()
    unread = mine.unread().values("recipient_id")
    unseen = unread.filter(modseq__gt=OuterRef("seen_upto"))
    inboxes = tables.Inbox.objects.using(using)
    found = [
        Standing(pk, 0, True, *numbers)
        for pk, *numbers in inboxes.filter(pk__in=user_ids).values_list(  # one statement sees one moment
            "pk",
            *FIELDS,
            Coalesce(Subquery(mine.order_by("-modseq").values("modseq")[:1]), 0),
            Coalesce(Subquery(unread.annotate(n=Count("pk")).values("n")), 0),
            Coalesce(Subquery(unseen.annotate(n=Count("pk")).values("n")), 0),
        )
    ]
    if missing := set(user_ids) - {standing.user_id for standing in found}:
        strays = rows.filter(recipient_id__in=missing).order_by().values_list("recipient_id")
        counts = dict(strays.annotate(Count("pk")))
        # read after the rows: who got an inbox with the first row a moment ago has it by now
        for pk in inboxes.filter(pk__in=counts).values_list("pk", flat=True):
            del counts[pk]
        found += [Standing(pk, count, False) for pk, count in counts.items()]
    return sorted(found, key=lambda standing: standing.user_id)
