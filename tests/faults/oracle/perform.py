"""Carry out one operation of a writer and say what was committed, for the verdict to compare with what clients were told.

About half of them run without a transaction around it, as most code does, and leaves no marks; the others are looked at
before they commit, where what they wrote can be told from what came after.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from notifications.models import Inbox, Notification

from .operations import OPERATIONS, Undone
from .records import Mark, Record, Row, digest

__all__ = ["perform"]

BARE_SHARE: Final = 0.5
NOTED_ROWS: Final = 100


def perform(rng: random.Random, users: Sequence[int]) -> Record:
    """Carry out one random operation on some of these users; return what was committed, and any error."""
    kind = rng.choices(list(OPERATIONS), [weight for weight, _most, _act in OPERATIONS.values()])[0]
    _weight, most, act = OPERATIONS[kind]
    # in key order, as whoever writes to several inboxes in one transaction must
    mine = sorted(rng.sample(list(users), rng.randint(1, min(most, len(users)))))
    record = Record(kind=kind, at=0.0, error="", marks=[], rows=[])
    try:
        if rng.random() < BARE_SHARE:
            act(rng, mine)
        else:
            with transaction.atomic():
                transaction.on_commit(partial(stamp, record))  # registered first, so it runs before the doorbell
                act(rng, mine)
                if len(connection.run_on_commit) > 1:
                    note(record, mine if kind != "broadcast" else sorted(users))
    except Undone:
        record["marks"], record["rows"] = [], []
    except (DatabaseError, Notification.DoesNotExist) as error:
        record["error"] = f"{kind}: {type(error).__name__}: {str(error).splitlines()[0]}"
        record["marks"], record["rows"] = [], []
    return record


def stamp(record: Record) -> None:
    record["at"] = time.time()


def note(record: Record, users: Sequence[int]) -> None:
    """Write down where this transaction leaves these inboxes, and the rows it stamped."""
    heads = Inbox.objects.filter(pk__in=users).values_list("pk", "epoch", "modseq", "unread", "unseen")
    record["marks"] = [Mark(*head) for head in heads]
    stamped = Q()
    for mark in record["marks"]:
        stamped |= Q(recipient_id=mark.user, modseq=mark.modseq)
    record["rows"] = [
        Row(row.recipient_id, row.pk, row.modseq, digest_of(row))
        for row in Notification.objects.filter(stamped).order_by("pk")[:NOTED_ROWS]
    ]


def digest_of(row: Notification) -> int:
    read, archived = row.read_at is not None, row.archived_at is not None
    return digest(title=row.title, level=row.level, body=row.body, is_read=read, is_archived=archived)
