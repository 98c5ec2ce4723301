"""Upkeep: recount inboxes against their rows, mend those that are wrong, and declare history replaced.

Receives portions of user keys from `manage.py check_inboxes` and `renew_epochs`. Guarantees that an inbox is called wrong
only when it was so under its lock, where no writer is halfway; and that a repair is a change of that inbox's log like
any other, with the floor at its head: each connected client is told, and gets the state anew.

An inbox goes wrong only when something went past the log: raw SQL, `loaddata`, a backup put back in part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import models as db, transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from .. import doorbell
from ..log.locks import lock_inboxes
from ..log.rewrite import rows_of
from ..log.steps import writing
from ..models import Inbox, random_epoch

__all__ = ["Standing", "check", "inbox_keys", "renew", "user_keys"]

FIELDS: Final = ("modseq", "floor", "unread", "unseen", "seen_upto")


@dataclass(frozen=True, slots=True)
class Standing:
    """What an inbox says, and what its rows say."""

    user_id: Any
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


def user_keys(using: str, size: int) -> Iterator[list[Any]]:
    """Yield the keys of all users in portions, in order."""
    users = Inbox._meta.get_field("user").related_model
    return portions(users._base_manager.using(using).values_list("pk", flat=True), size)


def inbox_keys(using: str, size: int) -> Iterator[list[Any]]:
    """Yield the keys of all users that have an inbox in portions, in order."""
    return portions(Inbox.objects.using(using).values_list("pk", flat=True), size)


def portions(keys: db.QuerySet[Any, Any], size: int) -> Iterator[list[Any]]:
    ordered = keys.order_by("pk")
    portion = list(ordered[:size])
    while portion:
        yield portion
        portion = list(ordered.filter(pk__gt=portion[-1])[:size])


def check(using: str, user_ids: list[Any], *, repair: bool = False) -> Iterator[Standing]:
    """Yield the wrong ones of these users' inboxes, mended if asked. At most 3 queries where all are right.

    Inboxes are locked one at a time and only if they look wrong; counting one takes about 1 ms for each 1,000 unread.
    """
    for suspect in standings(using, user_ids):
        if suspect.faults:
            try:
                confirmed = mend(using, suspect) if repair else confirm(using, suspect)
            except ValidationError:  # the user was deleted a moment ago
                continue
            if confirmed is not None:
                yield confirmed


def confirm(using: str, suspect: Standing) -> Standing | None:
    """Look again with the inbox locked; return what is wrong, or None if a writer was just halfway."""
    with transaction.atomic(using=using):
        lock_inboxes(using, [suspect.user_id])
        return next((again for again in standings(using, [suspect.user_id]) if again.faults), None)


def mend(using: str, suspect: Standing) -> Standing | None:
    """Look again with the inbox locked, making a missing one, and set it right. Returns what was wrong, or None.

    The floor goes up to the new head, so whoever follows gets a snapshot: counters are off when rows were changed past
    the log, so what clients hold of the rows cannot be trusted either. With positions off the epoch is renewed too, as
    a client may stand just where the mended head will come to lie.
    """
    user_id = suspect.user_id
    with writing(using, [user_id]) as current:
        (now,) = standings(using, [user_id])
        if not now.faults:  # a missing inbox was made by being locked, and made right
            return None if suspect.has_inbox else suspect
        current.stamp(user_id)
        head = max(now.modseq, now.found_modseq, now.floor, now.seen_upto) + 1
        current.put(user_id, modseq=head, floor=head)
        if now.misplacements:
            current.put(user_id, epoch=random_epoch())
        current.count(user_id, unread=now.found_unread - now.unread, unseen=now.found_unseen - now.unseen)
        current.entries[user_id].tell_nothing()
    return now if suspect.has_inbox else suspect


def standings(using: str, user_ids: list[Any]) -> list[Standing]:
    """Compare these users' inboxes with their rows; a user with neither is left out. Locks nothing."""
    mine = rows_of(using).filter(recipient_id=OuterRef("pk")).order_by()
    unread = mine.unread().values("recipient_id")
    unseen = unread.filter(modseq__gt=OuterRef("seen_upto"))
    inboxes = Inbox.objects.using(using)
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
        strays = rows_of(using).filter(recipient_id__in=missing).order_by().values_list("recipient_id")
        counts = dict(strays.annotate(Count("pk")))
        # read after the rows: who got an inbox with the first row a moment ago has it by now
        for pk in inboxes.filter(pk__in=counts).values_list("pk", flat=True):
            del counts[pk]
        found += [Standing(pk, count, False) for pk, count in counts.items()]
    return sorted(found, key=lambda standing: standing.user_id)


def renew(using: str, user_ids: list[Any]) -> int:
    """Give these users' inboxes new epochs in one transaction; return how many that were. 3 queries.

    Every client of theirs gets a reset: at once if the doorbell reaches it, else with the next sweep or when it returns.
    Each inbox gets an epoch of its own, so that one user's position never fits another's log.
    """
    with transaction.atomic(using=using):
        inboxes = list(lock_inboxes(using, sorted(user_ids)).values())
        for inbox in inboxes:
            inbox.epoch = random_epoch()
        renewed = [Inbox(pk=inbox.pk, epoch=inbox.epoch) for inbox in inboxes]
        Inbox.objects.using(using).bulk_update(renewed, ["epoch"])
        changes = [doorbell.Change(str(box.pk), box.epoch, box.modseq, box.modseq, None) for box in inboxes]
        transaction.on_commit(partial(doorbell.ring, changes), using=using, robust=True)
    return len(inboxes)
