"""Upkeep: recount inboxes against their rows, mend those that are wrong, and declare history replaced.

Receives chunks of user keys from `manage.py check_inboxes` and `renew_epochs`. Guarantees that an inbox is called wrong
only when it was so under its lock, where no writer is halfway; and that a repair is a change of that inbox's log like
any other, with the floor at its head: each connected client is told, and gets the state anew.

An inbox goes wrong only when something went past the log: raw SQL, `loaddata`, a backup put back in part. A write that finds
one wrong mends it at once, in the same way (`log/inbox_write.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models as db, transaction

from ..log import doorbell
from ..log.inbox_write import open_inboxes
from ..log.keys import UserKey
from ..log.locks import lock_inboxes
from ..log.standings import Standing, read_standings
from ..models import Inbox
from ..protocol.position import random_epoch

__all__ = [
    "Standing",
    "check",
    "find_latest_mended",
    "mend_loaded",
    "read_inbox_keys",
    "read_user_keys",
    "renew_epochs",
]


def read_user_keys(using: str, size: int) -> Iterator[list[Any]]:
    """Yield the keys of all users in chunks, in order."""
    users = Inbox._meta.get_field("user").related_model
    return read_key_chunks(users._base_manager.using(using).values_list("pk", flat=True), size)


def read_inbox_keys(using: str, size: int) -> Iterator[list[Any]]:
    """Yield the keys of all users that have an inbox in chunks, in order."""
    return read_key_chunks(Inbox.objects.using(using).values_list("pk", flat=True), size)


def read_key_chunks(keys: db.QuerySet[Any, Any], size: int) -> Iterator[list[Any]]:
    ordered = keys.order_by("pk")
    portion = list(ordered[:size])
    while portion:
        yield portion
        portion = list(ordered.filter(pk__gt=portion[-1])[:size])


def check(using: str, user_ids: list[UserKey], *, repair: bool = False) -> Iterator[Standing]:
    """Yield the wrong ones of these users' inboxes, mended if asked. At most 3 queries where all are right.

    Inboxes are locked one at a time and only if they look wrong; counting one takes about 1 ms for each 1,000 unread.
    """
    for suspect in read_standings(using, user_ids):
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
        return next((again for again in read_standings(using, [suspect.user_id]) if again.faults), None)


def mend(using: str, suspect: Standing) -> Standing | None:
    """Look again with the inbox locked, making a missing one, and set it right. Returns what was wrong, or None."""
    user_id = suspect.user_id
    with open_inboxes(using, [user_id]) as current:
        (now,) = read_standings(using, [user_id])
        if not now.faults:  # a missing inbox was made by being locked, and made right
            return None if suspect.has_inbox else suspect
        current.stamp(user_id)
        current.doubt(user_id, is_misplaced=bool(now.misplacements))
    return now if suspect.has_inbox else suspect


def find_latest_mended(using: str) -> tuple[int, Inbox | None]:
    """Return how many inboxes a write or a repair ever mended, and the one that was mended last. 2 queries."""
    mended = Inbox.objects.using(using).filter(mended_at__isnull=False)
    return mended.count(), mended.order_by("mended_at").last()


def mend_loaded(using: str, user_ids: Collection[Any]) -> None:
    """Mend these users' inboxes, whose history was replaced by fixtures. One transaction for each."""
    for user_id in sorted(user_ids):
        with suppress(ValidationError), open_inboxes(using, [user_id]) as current:  # a user may have been deleted since
            current.stamp(user_id)
            current.doubt(user_id, is_misplaced=True)


def renew_epochs(using: str, user_ids: list[UserKey]) -> int:
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
