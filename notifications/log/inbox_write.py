"""The bookkeeping of a write: lock inboxes, hand out `modseq`, remember what to tell, ring after commit.

Receives the users that `log/` is about to touch. Guarantees that a user's `modseq` rises exactly once in a
transaction however many writes it holds, that inboxes of one write are locked in `user_id` order, and that what rings
after commit is what was committed, also after a savepoint was rolled back.

# Note [What survives a savepoint]

Django keeps `on_commit` callbacks with the savepoints they were registered under and drops them when one of these is
rolled back. A `CommitHook` is such a callback, so it lives exactly as long as the first write that it stands for. A later
write of the same transaction joins it, if the locked inbox stands where the hook left it; where it does not, what the
hook stands for was undone past Django, and it is forgotten. That it does is not enough: a rollback to a savepoint also
gives the inbox's lock back (PostgreSQL), and another transaction may have committed the very number that was undone. So a
rollback by hand says which changes it took back, by the moments at which they and its savepoint began.

What a hook tells may have been undone in part, or wholly past Django: a later write under a savepoint of its own,
`transaction.savepoint_rollback()` called by hand, an error that the site swallowed. Each is a statement, and these are
watched (`transactions.py`): after a rollback or an error the hook rings without content: "user 7 is at 42, read the log".
That misleads nobody: a stream that reads the log finds what was committed.

Only where the transaction is one write of ours is nothing watched: there is nobody to undo a part of it.

# Note [Commits by hand]

With autocommit off Django runs no callback after a commit, until autocommit is turned on. A hook of a transaction that
is over must not be joined, or two commits would share a number; it rings when the next write finds it, and until then
the sweeper does its work.

# Note [Mending]

Counters move by what changed, so one that something wrote past the log stays wrong until it is counted. A write that finds
one impossible (below 0, unseen beyond unread), or a row beyond the head, counts the inbox again under the lock that it
holds anyway, and raises the floor to the head: who follows gets a snapshot, since what clients hold of the rows cannot be
trusted either. Where a position was wrong the epoch is renewed too, as a client may stand just where the head comes to lie.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import connections, transaction
from django.utils import timezone

from ..protocol.payloads import build_change_data, encode_payload
from ..protocol.position import random_epoch
from . import doorbell, tables
from .keys import UserKey
from .locks import LockedInbox, lock_inboxes, make_inboxes, move_inboxes
from .standings import Standing, read_standings
from .transactions import is_manual, is_over, mark_open, next_moment, watch

if TYPE_CHECKING:
    from ..models import Notification

__all__ = ["MAX_TOLD_ROWS", "InboxWrite", "open_inboxes"]

logger = logging.getLogger("notifications.log")

# A change of more rows than this rings without its content; the streams read the log, in batches.
MAX_TOLD_ROWS: Final = 50


@dataclass(slots=True)
class PendingChange:
    """What this transaction did to one inbox: from `prev` to `inbox.modseq`, and what to tell about it."""

    inbox: LockedInbox
    prev: int
    upsert: dict[int, str] = field(default_factory=dict)  # the rows as JSON, by key
    gone: set[int] = field(default_factory=set)
    read_upto: int | None = None
    read_at: dt.datetime | None = None
    is_light: bool = False
    moment: int = field(default_factory=next_moment)

    def add(self, *, upsert: Iterable[Notification] = (), gone: Iterable[int] = ()) -> None:
        """Add rows to what rings, the latest state of each; past `MAX_TOLD_ROWS` the content is dropped."""
        if self.is_light:
            return
        for row in upsert:
            self.gone.discard(row.pk)  # deleted and saved again
            self.upsert[row.pk] = encode_payload(row)  # now, because the caller may change its own later
        for pk in gone:
            self.upsert.pop(pk, None)
            self.gone.add(pk)
        if len(self.upsert) + len(self.gone) > MAX_TOLD_ROWS or self.read_upto is not None:
            self.drop_content()  # rows and `read_upto` in one frame would leave open which of them came first

    def add_read_upto(self, up_to: int, *, at: dt.datetime) -> None:
        """Add that everything up to a `modseq` was read, without the rows."""
        if self.upsert or self.gone or self.read_upto is not None:
            self.drop_content()  # rows that were added earlier in this transaction may have been read just now
        self.read_upto, self.read_at = min(up_to, self.prev), at

    def drop_content(self) -> None:
        """Ring without content from now on."""
        self.is_light = True
        self.upsert.clear()
        self.gone.clear()
        self.read_upto = self.read_at = None

    def as_change(self) -> doorbell.Change:
        """Return what rings for this inbox."""
        inbox = self.inbox
        data = None
        if not self.is_light:
            data = build_change_data(
                prev=self.prev,
                modseq=inbox.modseq,
                upsert=tuple(self.upsert.values()),
                gone=sorted(self.gone),
                read_upto=self.read_upto,
                read_at=self.read_at,
                unread=inbox.unread,
                unseen=inbox.unseen,
            )
        return doorbell.Change(str(inbox.pk), inbox.epoch, self.prev, inbox.modseq, data)


class CommitHook:
    """An `on_commit` callback that rings for the inboxes touched under one set of savepoints."""

    def __init__(self, savepoints: frozenset[str]) -> None:
        self.savepoints = savepoints
        self.pending: dict[Any, PendingChange] = {}
        self.rang = False  # under TestCase.captureOnCommitCallbacks a rung callback stays registered
        self.__qualname__ = "notifications.log.inbox_write.CommitHook"  # by which Django names a callback that failed

    def __call__(self) -> None:
        self.rang = True
        doorbell.ring([change.as_change() for change in self.pending.values()])


@contextmanager
def open_inboxes(using: str, user_ids: Iterable[UserKey]) -> Iterator[InboxWrite]:
    """Open a transaction with these users' inboxes locked; when left without error, move them on and ring after commit.

    Takes no savepoint, so an error inside rolls the caller's transaction back, as with `Model.save()`. Refusals come
    before: an unknown user raises `ValidationError` while nothing is broken.

    Queries: 1 to lock and 1 to move on for each 500 users, 4 more to make missing inboxes, 1 more for several users within
    the caller's transaction.
    """
    ids = sorted(set(user_ids))
    if len(ids) > 1 and connections[using].in_atomic_block:
        make_inboxes(using, ids)  # locks are kept until the caller's transaction ends, so take them in order
    while True:
        with transaction.atomic(using=using, savepoint=False):
            ring_overdue(using)
            inboxes = lock_inboxes(using, ids)
            if len(inboxes) == len(ids):
                current = InboxWrite(using, inboxes)
                yield current
                current.finish()
                return
        make_inboxes(using, ids)


class InboxWrite:
    """A write to some users' inboxes, which are locked: `inboxes` holds them as they are.

    `stamp()` gives the `modseq` for a user's rows; `count()` and `put()` note how the inbox changes with them.
    """

    def __init__(self, using: str, inboxes: dict[Any, LockedInbox]) -> None:
        self.using = using
        self.inboxes = inboxes
        self.pending: dict[Any, PendingChange] = {}
        self._savepoints = frozenset(filter(None, connections[using].savepoint_ids))
        self._is_new: set[Any] = set()
        self._joined: dict[Any, LockedInbox] = {}  # the inboxes of joined changes as they were when we joined
        self._fields: dict[Any, dict[str, Any]] = {}
        self._uncounted: set[Any] = set()  # inboxes whose counters are counted when all is written
        self._wrong: dict[Any, bool] = {}  # inboxes to be mended, and whether a position is wrong

    def stamp(self, user_id: UserKey) -> int:
        """Return the number of this transaction's change to the user's log, taking it at the first call."""
        inbox = self.inboxes[user_id]
        if user_id not in self.pending:
            change = find_pending(self.using, inbox)
            if change is None:
                self.pending[user_id] = PendingChange(inbox, prev=inbox.modseq)
                self._is_new.add(user_id)
                if inbox.newest is not None and inbox.newest > inbox.modseq:
                    self.doubt(user_id, is_misplaced=True)
                inbox.modseq += 1
            else:
                self.pending[user_id] = change
                self._joined[user_id] = change.inbox
        return inbox.modseq

    def are_new(self, user_ids: Iterable[UserKey]) -> bool:
        """Return whether these inboxes move for the first time in this transaction."""
        return self._is_new.issuperset(user_ids)

    def count(self, user_id: UserKey, *, unread: int = 0, unseen: int = 0) -> None:
        """Move the counters of a stamped inbox by these numbers."""
        inbox = self.inboxes[user_id]
        inbox.unread += unread
        inbox.unseen += unseen
        moved = self._fields.setdefault(user_id, {"unread": 0, "unseen": 0})
        moved["unread"] += unread
        moved["unseen"] += unseen

    def put(self, user_id: UserKey, **values: Any) -> None:
        """Set other fields of a stamped inbox."""
        for name, value in values.items():
            setattr(self.inboxes[user_id], name, value)
        self._fields.setdefault(user_id, {"unread": 0, "unseen": 0}).update(values)

    def note(
        self,
        old: Mapping[str, Any] | None,
        new: Notification | None,
        *,
        user_id: Any = None,
        pk: int | None = None,
    ) -> None:
        """Count and tell that a row went from `old` (its modseq, read_at, archived_at) to `new`; None is "not there".

        Args:
            user_id: whose row it was, and
            pk: its key, where `new` is None.
        """
        user_id = user_id if new is None else new.recipient_id
        if old is not None and old["modseq"] > self.inboxes[user_id].modseq - (user_id in self._is_new):
            self.doubt(user_id, is_misplaced=True)
        if new is not None and is_unread(new.read_at, new.archived_at):
            self.look_past(user_id)
        self.count(user_id, **count_difference(self.inboxes[user_id], old, new))
        self.pending[user_id].add(upsert=[new] if new else [], gone=[pk] if new is None and pk else [])

    def look_past(self, user_id: UserKey) -> None:
        """Let what is stamped now be unseen, also where this transaction marked the inbox as seen before."""
        inbox = self.inboxes[user_id]
        if inbox.seen_upto == inbox.modseq:
            self.put(user_id, seen_upto=inbox.modseq - 1)
            self._uncounted.add(user_id)

    def doubt(self, user_id: UserKey, *, is_misplaced: bool = False) -> None:
        """Have a stamped inbox mended: see Note [Mending]."""
        self._wrong[user_id] = is_misplaced or self._wrong.get(user_id, False)

    def finish(self) -> None:
        """Move the stamped inboxes on, and have them rung for after commit."""
        if self.pending:
            self._give_way()
            self._find_wrong()
            self._move_inboxes()
            for user_id in sorted(self._uncounted | self._wrong.keys()):
                self._count_again(user_id)
            self._register()

    def _give_way(self) -> None:
        """Join what a receiver of Django's signals wrote to the same inboxes meanwhile: it took the same number."""
        for user_id, inbox in self._joined.items():
            if self.pending[user_id].inbox is not inbox:
                self.pending[user_id].drop_content()
                self._uncounted.add(user_id)
        for hook in live_hooks(self.using):
            for user_id in self._is_new & hook.pending.keys():
                self.pending[user_id] = hook.pending[user_id]
                self.pending[user_id].drop_content()
                self._is_new.discard(user_id)
                self._uncounted.add(user_id)

    def _find_wrong(self) -> None:
        """Find the stamped inboxes whose counters or seen mark cannot be."""
        for user_id in self.pending.keys() - self._uncounted:
            inbox = self.inboxes[user_id]
            if not 0 <= inbox.unseen <= inbox.unread or inbox.seen_upto > inbox.modseq:
                self.doubt(user_id)

    def _move_inboxes(self) -> None:
        """Write the stamped inboxes back, alike ones together, in key order."""
        alike: dict[tuple[Any, ...], list[Any]] = {}
        for user_id in sorted(self.pending.keys() - self._uncounted - self._wrong.keys()):
            fields = dict(self._fields.get(user_id, ()))
            moves: list[tuple[str, Any]] = [("modseq", int(user_id in self._is_new))]
            moves += [(name, fields.pop(name, 0)) for name in ("unread", "unseen")]
            # to the head, as a deletion does: a number of its own for each user, and yet one statement for all
            raises_floor = "modseq" not in fields and fields.get("floor") == self.inboxes[user_id].modseq
            if raises_floor:
                del fields["floor"]
            alike.setdefault((tuple(moves), tuple(fields.items()), raises_floor), []).append(user_id)
        for (moves, values, raises_floor), user_ids in alike.items():
            by = {name: number for name, number in moves if number}
            move_inboxes(self.using, user_ids, by, dict(values), raises_floor=raises_floor)

    def _count_again(self, user_id: Any) -> None:
        """Write one stamped inbox back with its rows counted, and mended if it is wrong."""
        inbox, fields = self.inboxes[user_id], self._fields.get(user_id, {})
        (now,) = read_standings(self.using, [user_id])  # its rows as we leave them, itself as we found it
        values = {name: fields.get(name, getattr(now, name)) for name in ("floor", "seen_upto")}
        values["modseq"] = inbox.modseq
        if user_id in self._wrong:
            values |= mend_positions(now, values, is_misplaced=self._wrong[user_id])
            self.pending[user_id].drop_content()
        unread = tables.Notification.objects.using(self.using).for_user(user_id).unread()
        values["unread"] = now.found_unread
        values["unseen"] = unread.filter(modseq__gt=values["seen_upto"]).count()
        for name, value in values.items():
            setattr(inbox, name, value)
        move_inboxes(self.using, [user_id], {}, values)
        if user_id in self._wrong:
            tables.Inbox.objects.using(self.using).filter(pk=user_id).update(mended_at=timezone.now())
            text = "The inbox of user %s was wrong and was repaired: unread was %d and is %d, unseen was %d and is %d."
            logger.warning(text, user_id, now.unread, inbox.unread, now.unseen, inbox.unseen)

    def _register(self) -> None:
        """Ring for new changes after commit; show joined ones the counters as this write left them."""
        for user_id, change in self.pending.items():
            change.inbox = self.inboxes[user_id]
        if self._is_new:
            hook = next((hook for hook in live_hooks(self.using) if self._savepoints <= hook.savepoints), None)
            if hook is None:
                hook = CommitHook(self._savepoints)
                transaction.on_commit(hook, using=self.using, robust=True)
                watch_hooks(self.using)
            hook.pending.update(
                {user_id: change for user_id, change in self.pending.items() if user_id in self._is_new}
            )


def live_hooks(using: str) -> Iterator[CommitHook]:
    """Yield this transaction's hooks that no rollback has taken back."""
    registered: list[Any] = connections[using].run_on_commit  # (savepoint ids, callback, robust)
    for _sids, callback, _robust in registered:
        if isinstance(callback, CommitHook) and not callback.rang:
            yield callback


def find_pending(using: str, inbox: LockedInbox) -> PendingChange | None:
    """Return what this transaction did to a locked inbox, forgetting what was undone past Django."""
    for hook in live_hooks(using):
        change = hook.pending.get(inbox.pk)
        if change is not None:
            if (change.inbox.epoch, change.inbox.modseq) == (inbox.epoch, inbox.modseq):
                return change
            del hook.pending[inbox.pk]
    return None


def watch_hooks(using: str) -> None:
    """See that this transaction's hooks learn what Django does not tell them."""
    connection = connections[using]
    if is_manual(connection):
        mark_open(connection)
    if connection.savepoint_ids:  # within a transaction of the site's

        def doubt(undone_after: int | None) -> None:
            for hook in live_hooks(using):
                for user_id, change in list(hook.pending.items()):
                    change.drop_content()
                    if undone_after is not None and change.moment > undone_after:
                        del hook.pending[user_id]

        watch(connection, doubt)


def ring_overdue(using: str) -> None:
    """Ring for what was committed by hand before, and forget it: see Note [Commits by hand]. Within a transaction."""
    connection = connections[using]
    if is_manual(connection) and is_over(connection):
        overdue = list(live_hooks(using))
        kept: list[Any] = connection.run_on_commit
        connection.run_on_commit = [each for each in kept if not isinstance(each[1], CommitHook)]
        for hook in overdue:
            hook()


def mend_positions(now: Standing, values: Mapping[str, int], *, is_misplaced: bool) -> dict[str, int]:
    """Return the positions of an inbox from which no client goes on: see Note [Mending]."""
    modseq = values["modseq"]
    if not is_misplaced and max(now.found_modseq, values["floor"]) <= modseq:
        return {"floor": modseq, "seen_upto": min(values["seen_upto"], modseq - 1)}
    head = max(modseq, now.found_modseq, values["floor"]) + 1
    seen_upto = min(values["seen_upto"], modseq - 1)
    return {"epoch": random_epoch(), "modseq": head, "floor": head, "seen_upto": seen_upto}


def is_unread(read_at: dt.datetime | None, archived_at: dt.datetime | None) -> bool:
    """Return whether a row counts in the badge."""
    return read_at is None and archived_at is None


def count_difference(inbox: LockedInbox, old: Mapping[str, Any] | None, new: Notification | None) -> dict[str, int]:
    """Return how the counters move when a row goes from `old` (its modseq, read_at, archived_at) to `new`.

    None stands for a row that is not there. `new` carries the new modseq, which is past `seen_upto`.
    """
    was_unread = old is not None and is_unread(old["read_at"], old["archived_at"])
    was_unseen = was_unread and old is not None and old["modseq"] > inbox.seen_upto
    counts_now = new is not None and is_unread(new.read_at, new.archived_at)
    return {"unread": counts_now - was_unread, "unseen": counts_now - was_unseen}
