"""Whatever a site does with transactions, the log holds: judged by raw SQL after every commit, with no code of the app's."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, Final, NamedTuple

from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_delete
from hypothesis import HealthCheck, example, given, settings, strategies as st
from psycopg import IsolationLevel

from notifications import log, notify, notify_many
from notifications.log.doorbell import Change
from notifications.models import Notification
from tests.support.ledger import Rung, Undone, undone
from tests.support.savepoints import make_savepoint

USERS: Final = 2
LEVELS: Final = ("READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE")
serial = itertools.count()

Op = tuple[Any, ...]  # (name, user), ("block" | "by hand" | "by SQL", ops, is_undone) or ("later", op)


class Row(NamedTuple):
    """One notification as the database holds it."""

    user: int
    modseq: int
    title: str
    body: str
    is_read: bool
    is_archived: bool


class State(NamedTuple):
    """Inboxes, as (epoch, modseq, floor, unread, unseen, seen_upto) by user, and rows by key."""

    inboxes: dict[int, tuple[int, ...]]
    rows: dict[int, Row]


def look(users: Sequence[int]) -> State:
    """Return what is there, by SQL of the test's own."""
    places = ", ".join(["%s"] * len(users))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, epoch, modseq, floor, unread, unseen, seen_upto FROM live_notifications_inbox "  # noqa: S608
            f"WHERE user_id IN ({places})",
            users,
        )
        inboxes = {user: tuple(numbers) for user, *numbers in cursor.fetchall()}
        cursor.execute(
            "SELECT id, recipient_id, modseq, title, body, read_at IS NOT NULL, archived_at IS NOT NULL "  # noqa: S608
            f"FROM live_notifications_notification WHERE recipient_id IN ({places})",
            users,
        )
        rows = {
            pk: Row(user, modseq, title, body, bool(is_read), bool(is_archived))
            for pk, user, modseq, title, body, is_read, is_archived in cursor.fetchall()
        }
    return State(inboxes, rows)


class World:
    """Users, what was committed for them under which number, and what rang."""

    def __init__(self, rung: Rung) -> None:
        self.users = User.objects.bulk_create([User(username=f"transactions-{next(serial)}") for _ in range(USERS)])
        self.keys = [user.pk for user in self.users]
        notify_many(self.users, title="makes the inboxes")
        self.rung = rung
        self.rung.changes.clear()
        self.before = look(self.keys)
        self.committed: dict[tuple[int, int], tuple[State, State]] = {}  # by user and number: before it and after it
        self.must_ring: set[tuple[int, int]] = set()

    # --- what the site does

    def run(self, mode: str, level: str, ops: Sequence[Op], end: str) -> None:
        """Run one transaction, or some plain writes, and judge each commit."""
        isolate(level)
        if mode == "plain":
            for op in ops:
                self.do(op)
                self.judge()
        elif mode == "by hand":
            self.run_by_hand(ops, end)
        else:
            with suppress(Undone), transaction.atomic(durable=True):
                for op in ops:
                    self.do(op)
                if end == "swallow":
                    with suppress(DatabaseError), connection.cursor() as cursor:
                        cursor.execute("SELECT nothing FROM nowhere")
                if end == "rollback":
                    raise Undone
            is_undone = end == "rollback" or (end == "swallow" and connection.vendor == "postgresql")
            self.judge(is_undone=is_undone)

    def run_by_hand(self, ops: Sequence[Op], end: str) -> None:
        """Commit every second write by hand; what is read between two commits belongs to the second."""
        transaction.set_autocommit(False)
        try:
            for number, op in enumerate(ops):
                # no callback would be run, and SQLite has no savepoints there, and commits its blocks
                if op[0] in SIMPLE or (op[0] != "later" and connection.vendor != "sqlite"):
                    self.do(op)
                if number % 2:
                    transaction.commit()
                    self.judge(rings=False)
            transaction.rollback() if end == "rollback" else transaction.commit()
            self.judge(is_undone=end == "rollback", rings=False)
            transaction.commit()
        finally:
            transaction.set_autocommit(True)

    def do(self, op: Op) -> None:
        name, *arguments = op
        if name in SIMPLE:
            SIMPLE[name](self.users, arguments[0])
        elif name == "later":
            transaction.on_commit(lambda: self.do_later(arguments[0]), robust=True)
        else:
            with SAVEPOINTS[name](arguments[1]):
                for each in arguments[0]:
                    self.do(each)

    def do_later(self, op: Op) -> None:
        self.judge()  # the transaction that this follows
        self.do(op)
        self.judge()

    # --- what must hold

    def judge(self, *, is_undone: bool = False, rings: bool = True) -> None:
        """Compare what was there with what is there now: one commit lies between the two, or a rollback."""
        before, after = self.before, look(self.keys)
        self.before = after
        if is_undone:
            assert after == before
        for user in self.keys:
            self.judge_inbox(user, before, after)
            was, is_now = before.inboxes[user][1], after.inboxes[user][1]
            if was != is_now:
                assert (user, is_now) not in self.committed, "two commits share a number"
                self.committed[user, is_now] = before, after
                if rings:
                    self.must_ring.add((user, is_now))

    def judge_inbox(self, user: int, before: State, after: State) -> None:
        mine = {pk: row for pk, row in after.rows.items() if row.user == user}
        touched = {pk: row for pk, row in mine.items() if before.rows.get(pk) != row}
        gone = {pk for pk, row in before.rows.items() if row.user == user} - mine.keys()
        epoch, modseq, floor, unread, unseen, seen_upto = after.inboxes[user]
        was = before.inboxes[user]
        assert epoch == was[0]
        assert modseq - was[1] in ((1,) if touched or gone else (0, 1))
        assert {row.modseq for row in touched.values()} <= {modseq}
        assert was[2] <= floor <= modseq
        assert not gone or floor == modseq
        counted = [row for row in mine.values() if not row.is_read and not row.is_archived]
        assert (unread, unseen) == (len(counted), sum(row.modseq > seen_upto for row in counted))

    def judge_doorbells(self) -> None:
        """Whatever rang with content tells a commit as it was; each commit of a transaction of Django's rang."""
        for change in self.rung.changes:
            if change.data is not None:
                self.judge_content(change)
        rang = {(int(change.user or 0), change.modseq) for change in self.rung.changes}
        assert self.must_ring <= rang

    def judge_content(self, change: Change) -> None:
        user, data = int(change.user or 0), json.loads(change.data or "")
        before, after = self.committed[user, change.modseq]
        assert (change.prev, data["prev"]) == (before.inboxes[user][1],) * 2
        assert (data["unread"], data["unseen"]) == after.inboxes[user][3:5]
        told = {item["id"]: item for item in data["upsert"]}
        for pk, item in told.items():
            row = after.rows[pk]
            assert (item["modseq"], item["title"], item["body"]) == (row.modseq, row.title, row.body)
            assert (item["read_at"] is not None, item["archived_at"] is not None) == (row.is_read, row.is_archived)
        upto = data.get("read_upto", 0)
        touched = {pk for pk, row in after.rows.items() if row.user == user and before.rows.get(pk) != row}
        read = {pk for pk in touched if pk in before.rows and before.rows[pk].modseq <= upto and after.rows[pk].is_read}
        assert touched <= told.keys() | read
        assert {pk for pk, row in before.rows.items() if row.user == user} - after.rows.keys() <= set(data["gone"])


def words() -> str:
    """Return a title that no other row has."""
    return f"title {next(serial)}"


SIMPLE: Final[dict[str, Callable[[list[User], int], Any]]] = {
    "notify": lambda users, user: notify(users[user], title=words()),
    "many": lambda users, user: notify_many(users, title=words()),
    "flood": lambda users, user: Notification.objects.bulk_create(
        [Notification(recipient=users[user], title=words()) for _ in range(51)]
    ),
    "edit": lambda users, user: Notification.objects.for_user(users[user]).update(body=words()),
    "read": lambda users, user: Notification.objects.for_user(users[user]).mark_read(),
    "unread": lambda users, user: Notification.objects.for_user(users[user]).mark_unread(),
    "archive": lambda users, user: Notification.objects.for_user(users[user]).archive(),
    "delete": lambda users, user: Notification.objects.for_user(users[user]).delete(),
    "read all": lambda users, user: log.mark_all_read(users[user]),
    "look": lambda users, user: log.mark_seen(users[user]),
}


@contextmanager
def by_hand(is_undone: bool) -> Iterator[None]:
    """Take a savepoint with Django's functions."""
    sid = make_savepoint()
    yield
    if sid is not None:  # outside of a block SQLite has none
        transaction.savepoint_rollback(sid) if is_undone else transaction.savepoint_commit(sid)


@contextmanager
def by_sql(is_undone: bool) -> Iterator[None]:
    """Take one in plain SQL."""
    name = f"by_sql_{next(serial)}"
    with connection.cursor() as cursor:
        cursor.execute(f"SAVEPOINT {name}")
        yield
        cursor.execute(f"{'ROLLBACK TO' if is_undone else 'RELEASE'} SAVEPOINT {name}")


SAVEPOINTS: Final[dict[str, Callable[[bool], Any]]] = {
    "block": lambda is_undone: undone() if is_undone else transaction.atomic(),
    "by hand": by_hand,
    "by SQL": by_sql,
}


def isolate(level: str) -> None:
    """Set the isolation level of what follows; SQLite has one, the strictest."""
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        connection.connection.isolation_level = getattr(IsolationLevel, level)


@contextmanager
def told_of_deletions() -> Iterator[None]:
    """Have a receiver notify whoever loses a row, within the deletion."""

    def tell(instance: Notification, **_: Any) -> None:
        if not instance.title.startswith("lost"):
            notify(instance.recipient_id, title="lost one")

    post_delete.connect(tell, sender=Notification, weak=False)
    try:
        yield
    finally:
        post_delete.disconnect(tell, sender=Notification)


writes: st.SearchStrategy[Op] = st.tuples(st.sampled_from(sorted(SIMPLE)), st.integers(0, USERS - 1))
nodes = st.recursive(
    writes,
    lambda inner: st.tuples(
        st.sampled_from(sorted(SAVEPOINTS)), st.lists(inner, min_size=1, max_size=3), st.booleans()
    ),
    max_leaves=4,
)
bodies = st.lists(nodes | nodes | st.tuples(st.just("later"), writes), min_size=1, max_size=4)
programs = st.lists(
    st.one_of(
        st.tuples(st.just("plain"), st.sampled_from(LEVELS), st.lists(writes, max_size=2), st.just("commit")),
        st.tuples(
            st.sampled_from(["block", "block", "by hand"]),
            st.sampled_from(LEVELS),
            bodies,
            st.sampled_from(["commit", "commit", "rollback", "swallow"]),
        ),
    ),
    max_size=5,
)
MIXED: Final = [
    ("block", "SERIALIZABLE", [("by hand", [("notify", 0)], True), ("notify", 0), ("later", ("notify", 0))], "commit"),
    (
        "by hand",
        "READ_COMMITTED",
        [("notify", 0), ("edit", 0), ("notify", 1), ("notify", 0), ("notify", 0)],
        "rollback",
    ),
    ("by hand", "READ_COMMITTED", [("notify", 0)], "commit"),
    ("block", "REPEATABLE_READ", [("notify", 0), ("by SQL", [("edit", 0)], True)], "swallow"),
    ("plain", "READ_COMMITTED", [("flood", 0), ("delete", 0)], "commit"),
]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example(program=MIXED, has_receiver=True)
@given(program=programs, has_receiver=st.booleans())
def test_each_commit_takes_one_number_of_its_own(program: list[Any], has_receiver: bool, rung: Rung) -> None:
    """Savepoints of every kind, commits by hand, callbacks, receivers, swallowed errors, each isolation level, mixed."""
    world = World(rung)
    try:
        with told_of_deletions() if has_receiver else nullcontext():
            for mode, level, ops, end in program:
                world.run(mode, level, ops, end)
    finally:
        isolate("READ_COMMITTED")
    world.judge_doorbells()
