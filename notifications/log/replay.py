"""Read the tail of the log: what changed after a position, for many users at once. Writes no notification.

Receives positions from `hub/`. Guarantees that what it returns continues from the position asked for, and says so when
nothing can: a position of another epoch, ahead of the head, below the floor, or too far behind gets a snapshot instead.

"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import OperationalError, connections, router, transaction

from ..conf import settings
from ..protocol.payloads import Snapshot, build_change_data, build_snapshot, encode_payload
from ..protocol.position import Head, Position, Reason, Replay
from . import tables
from .consistent_reads import LogState, read_latest, read_tails
from .keys import UserKey, UserOrKey, chunks
from .locks import build_user_condition, make_inboxes, quote_inbox

__all__ = [
    "database",
    "inbox_of",
    "make_missing",
    "read_after",
    "read_for",
    "read_heads",
    "read_positions",
]

LOCK_SECONDS: Final = 1.0  # longest wait for somebody's transaction that makes the same inbox
# One transaction's rows are one frame; where that frame would be larger than this, a snapshot is sent instead. Also the
# most that a snapshot's items take. With it a reader who freezes never costs more than 64 KiB.
MAX_GROUP_BYTES: Final = 32 * 1024
# A replay's frame ends after the change that takes it past this; a change itself is never split.
MAX_FRAME_BYTES: Final = 12 * 1024


def database() -> str:
    """Return where the log is read: where it is written. On a replica that lags, streams would seem ahead of it."""
    return router.db_for_write(tables.Inbox)


def inbox_of(user: UserOrKey) -> tables.Inbox:
    """Return a user's inbox, making it at the first call. 1 query.

    Rows that are shown with it come from the same statement (`consistent_reads.read_page()`), or after it.
    """
    user_id: Any = getattr(user, "pk", user)
    inboxes = tables.Inbox.objects.using(database())
    inbox = inboxes.filter(pk=user_id).first()
    if inbox is None:
        make_inboxes(database(), [user_id])
        inbox = inboxes.get(pk=user_id)
    return inbox


def read_heads(user_ids: Iterable[UserKey]) -> dict[Any, Head]:
    """Return where these users' logs end; a user without an inbox is left out. 1 query for each 500 users."""
    found: dict[Any, Head] = {}
    for chunk in chunks(list(user_ids)):
        rows = tables.Inbox.objects.using(database()).filter(pk__in=chunk)
        for pk, *fields in rows.values_list("pk", "epoch", "modseq", "floor", "unread", "unseen"):
            found[pk] = Head(*fields)
    return found


def read_positions(user_ids: list[UserKey]) -> dict[Any, Position]:
    """Return where these users' logs end, up to 500 of them. 1 query, past the ORM: the sweeper asks for everybody.

    Measured with 500 users: 0.33 ms, where the ORM takes 1.5 ms, nearly all of it to compile the list of keys.
    """
    if not user_ids:
        return {}
    connection = connections[database()]
    key: Any = tables.Inbox._meta.pk
    columns = ", ".join(quote_inbox(connection, name) for name in ("user", "epoch", "modseq"))
    where, parameters = build_user_condition(connection, user_ids)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {quote_inbox(connection)} WHERE {where}", parameters)  # noqa: S608
        return {key.to_python(user_id): Position(epoch, modseq) for user_id, epoch, modseq in cursor.fetchall()}


def read_after(positions: Mapping[Any, Iterable[Position | None]]) -> dict[tuple[Any, Position | None], Replay]:
    """Return what each (user, position) is owed. A user without an inbox is left out; reading makes none.

    Each answer is one state of one log, see Note [One state] in `consistent_reads.py`. Queries: 1 for each 500 users, 1 more
    for each 100 positions that are behind, 1 more for each user that needs a snapshot.
    """
    known = read_heads(positions)
    replays: dict[tuple[Any, Position | None], Replay] = {}
    behind: list[tuple[Any, Position]] = []
    resets: dict[tuple[Any, Position | None], Reason] = {}
    for user_id, head in known.items():
        for position in positions[user_id]:
            reason = find_reset_reason(head, position)
            if reason is not None:
                resets[user_id, position] = reason
            elif position is not None and position.modseq < head.modseq:
                behind.append((user_id, position))
            else:
                replays[user_id, position] = Replay(head)
    wanted = [(user_id, position.modseq) for user_id, position in behind]
    for state in read_tails(database(), wanted, most=settings.replay_rows):
        answer = build_replay(behind[state.place][1], state)
        if isinstance(answer, Replay):
            replays[behind[state.place]] = answer
        else:
            resets[behind[state.place]] = answer
    return replays | read_snapshots(resets)


def find_reset_reason(head: Head, position: Position | None) -> Reason | None:
    """Return why the log cannot be continued from a position, or None where it can."""
    if position is None:
        return "none"
    if position.epoch != head.epoch:
        return "epoch"
    if position.modseq > head.modseq:
        return "ahead"
    return "purged" if position.modseq < head.floor else None


def build_replay(position: Position, state: LogState) -> Replay | Reason:
    """Return the changes from a position to the head, or why there is to be a snapshot instead."""
    head = state.head
    reason = find_reset_reason(head, position)  # again: it is newer than the head that was seen first
    if reason is not None:
        return reason
    if not state.bound:
        return "behind"
    changes: list[tuple[int, str]] = []
    prev = position.modseq
    for modseq, upsert, size in cut_frames(state.rows, head.modseq):
        if size > MAX_GROUP_BYTES:
            return "behind"
        data = build_change_data(
            prev=prev, modseq=modseq, upsert=upsert, gone=[], unread=head.unread, unseen=head.unseen
        )
        changes.append((modseq, data))
        prev = modseq
    return Replay(head, tuple(changes))


def cut_frames(rows: list[tables.Notification], last: int) -> Iterator[tuple[int, list[str], int]]:
    """Cut rows in log order into frames of about `MAX_FRAME_BYTES`; rows that share a `modseq` stay together.

    The final frame reaches `last`, also where no row of the latest changes is left.
    """
    upsert: list[str] = []
    size = 0
    end = 0
    for modseq, group in groupby(rows, key=attrgetter("modseq")):
        if size > MAX_FRAME_BYTES:
            yield end, upsert, size
            upsert, size = [], 0
        for row in group:
            upsert.append(encode_payload(row))
            size += len(upsert[-1].encode())
        end = modseq
    yield last, upsert, size


def read_snapshots(resets: Mapping[tuple[Any, Position | None], Reason]) -> dict[tuple[Any, Position | None], Replay]:
    """Return the latest notifications for each of these; a user who was deleted a moment ago is left out."""
    user_ids = list(dict.fromkeys(user_id for user_id, _position in resets))
    found: dict[Any, tuple[Head, Snapshot]] = {}
    for state in read_latest(database(), user_ids, most=settings.page_size):
        snapshot = build_snapshot(state.head, list(take_fitting(state.rows)))
        found[user_ids[state.place]] = state.head, snapshot
    replays = {}
    for (user_id, position), reason in resets.items():
        if user_id in found:
            head, snapshot = found[user_id]
            # again: it may be of another history than the head that was seen first
            reason_now = find_reset_reason(head, position) or reason
            replays[user_id, position] = Replay(head, reason=reason_now, snapshot=snapshot)
    return replays


def take_fitting(rows: list[tables.Notification]) -> Iterator[tables.Notification]:
    """Yield the first of these rows that together stay within `MAX_GROUP_BYTES`."""
    size = 0
    for row in rows:
        size += len(encode_payload(row).encode())
        if size > MAX_GROUP_BYTES:
            return
        yield row


def read_for(user: UserOrKey, position: Position | None) -> Replay | None:
    """Return what one user is owed, making the inbox at the first call; None where there is no such user (any more)."""
    user_id: Any = getattr(user, "pk", user)
    for _ in range(2):
        build_replay = read_after({user_id: [position]}).get((user_id, position))
        if build_replay is not None:
            return build_replay
        with suppress(ValidationError):  # there is no such user
            make_inboxes(database(), [user_id])
    return None


def make_missing(user_ids: list[UserKey]) -> tuple[set[Any], set[Any]]:
    """Make inboxes for those of these users that exist; return the users with one, and those who have to wait.

    Where a transaction that has not ended is making the same one, this waits for `LOCK_SECONDS` and not for it.
    """
    using = database()
    users = tables.Inbox._meta.get_field("user").related_model._default_manager.using(using)
    present = {pk for chunk in chunks(user_ids) for pk in users.filter(pk__in=chunk).values_list("pk", flat=True)}
    try:
        with waiting_for_locks(using, LOCK_SECONDS):
            make_inboxes(using, sorted(present))
    except (OperationalError, ValidationError):  # ValidationError: one was deleted a moment ago
        if len(present) < 2:
            return set(), present
    else:
        return present, set()
    alone = [make_missing([user_id]) for user_id in sorted(present)]
    return set().union(*(made for made, _waiting in alone)), set().union(*(waiting for _made, waiting in alone))


@contextmanager
def waiting_for_locks(using: str, seconds: float) -> Iterator[None]:
    """Open a transaction whose statements wait at most so long for each lock; SQLite's `timeout` is the site's own."""
    connection = connections[using]
    milliseconds = round(seconds * 1000)
    if connection.vendor != "mysql":
        with transaction.atomic(using=using):
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{milliseconds}ms"])
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@innodb_lock_wait_timeout")
        (before,) = cursor.fetchone()
        cursor.execute("SET innodb_lock_wait_timeout = %s", [max(1, milliseconds // 1000)])
        try:
            with transaction.atomic(using=using):
                yield
        finally:
            cursor.execute("SET innodb_lock_wait_timeout = %s", [before])
