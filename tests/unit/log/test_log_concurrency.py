"""Many writers at once, in threads with connections of their own: no deadlock, nothing lost, nothing counted twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, connections, transaction
from psycopg import IsolationLevel

from notifications import log, notify, notify_many, track
from notifications.log import attempts
from notifications.models import Inbox, Notification
from notifications.reading import actions
from notifications.reading.undo import undo_action
from tests.support.contention import Conflict, at_level
from tests.support.ledger import Client, Rung, assert_exact, heard
from tests.support.savepoints import make_savepoint
from tests.support.waits import wait_for_waiting_locks

WRITERS: Final = 6
ROUNDS: Final = 15
SECONDS: Final = 30.0  # a deadlock would stand until here; the run takes about one


def at_once(works: Sequence[Callable[[], Any]]) -> None:
    """Run each in a thread, all starting together; raise what the first of them raised."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> None:
        try:
            barrier.wait(SECONDS)
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        futures: list[Future[None]] = [pool.submit(run, work) for work in works]
        for future in futures:
            future.result(SECONDS)


def write_at_random(users: list[User], seed: int) -> None:
    """Write to overlapping sets of users in every way there is."""
    rng = random.Random(seed)
    for turn in range(ROUNDS):
        some = rng.sample(users, rng.randint(1, len(users)))
        rows = Notification.objects.filter(recipient__in=some)
        choice = turn % 6
        if choice in (0, 1):
            notify_many(some, title=f"{seed}.{turn}")
        elif choice == 2:
            rows.unread().mark_read()
        elif choice == 3:
            rows.filter(pk__in=list(rows.values_list("pk", flat=True)[:20])).archive()
        elif choice == 4:
            rows.filter(title__endswith=".0").delete()
        else:
            log.mark_all_read(some[0])
            log.mark_seen(some[-1])


def test_six_writers_neither_deadlock_nor_miscount() -> None:
    """Counters equal a recount, also for users whose inbox they all made at the same moment."""
    users = User.objects.bulk_create([User(username=f"concurrent{n}") for n in range(8)])
    at_once([lambda seed=seed: write_at_random(users, seed) for seed in range(WRITERS)])  # type: ignore[misc]
    assert_exact(*users)


def test_each_step_is_rung_once_and_none_is_missing(rung: Rung) -> None:
    """`modseq` is contiguous for each user: every number was rung by exactly one transaction."""
    users = User.objects.bulk_create([User(username=f"concurrent{n}") for n in range(8)])
    at_once([lambda seed=seed: write_at_random(users, seed) for seed in range(WRITERS)])  # type: ignore[misc]
    for user in users:
        head = Inbox.objects.get(pk=user.pk).modseq
        assert sorted(change.modseq for change in rung.of(user)) == list(range(2, head + 1))
        assert all(change.prev == change.modseq - 1 for change in rung.of(user))


def test_a_tailing_reader_loses_nothing() -> None:
    """Who only ever reads the log after its position, while six writers commit, ends with every row.

    The reason why numbers come from the locked inbox row: a sequence shows 5 before 4 has been committed.
    """
    users = User.objects.bulk_create([User(username=f"concurrent{n}") for n in range(3)])
    clients = [Client(user) for user in users]
    is_over = threading.Event()
    reads = 0

    def send(seed: int) -> None:
        rng = random.Random(seed)
        for turn in range(ROUNDS * 2):
            notify_many(rng.sample(users, rng.randint(1, 3)), title=f"{seed}.{turn}")

    def tail() -> None:
        nonlocal reads
        while not is_over.is_set():
            for client in clients:
                client.read()
            reads += 1

    def send_all() -> None:
        try:
            at_once([lambda seed=seed: send(seed) for seed in range(WRITERS)])  # type: ignore[misc]
        finally:
            is_over.set()

    at_once([send_all, tail])
    for client in clients:
        client.read()
        client.assert_up_to_date()
        assert client.resets == 0
    assert reads > 1


def test_rows_of_one_user_marked_by_two_hands_count_once(user: User) -> None:
    """Two tabs that mark the same rows at the same moment change them once."""
    rows = Notification.objects.bulk_create([Notification(recipient=user, title=f"{n}") for n in range(30)])
    changed: list[int] = []
    at_once([lambda: changed.append(Notification.objects.for_user(user).mark_read())] * 4)
    assert sum(changed) == len(rows)
    assert_exact(user)


@pytest.mark.not_on("sqlite")  # it has one lock for all
def test_update_or_create_takes_the_inbox_before_the_row(user: User) -> None:
    """It waits for a transaction that holds the inbox without holding the row that this one needs next.

    Regression: Django locks the row first, the log locks the inbox first, and PostgreSQL ended one of the two.
    """
    row = notify(user, title="old", topic="t")

    def update() -> None:
        Notification.objects.update_or_create(recipient=user, topic="t", defaults={"title": "edited"})

    def hold() -> None:
        with transaction.atomic():
            notify(user, title="holds the inbox")
            is_held.set()
            wait_for_waiting_locks()
            Notification.objects.filter(pk=row.pk).mark_read()

    def update_when_held() -> None:
        assert is_held.wait(SECONDS)
        update()

    is_held = threading.Event()
    at_once([hold, update_when_held])
    row.refresh_from_db()
    assert (row.title, row.is_read) == ("edited", True)
    assert_exact(user)


def test_a_number_given_back_by_hand_is_not_taken_twice(user: User, other_user: User, rung: Rung) -> None:
    """Who rolls back to a savepoint gives the number back, and whoever takes it meanwhile keeps it.

    Regression: PostgreSQL gives the lock back with the number. The inbox then stood where the undone write had left it, so
    the next write of that transaction took itself for the same change, and two commits shared a number.
    """

    def write_elsewhere() -> Notification:
        try:
            return notify(user, title="elsewhere")
        finally:
            connections.close_all()

    client = Client(user)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            sid = make_savepoint()
            notify(user, title="undone")
            transaction.savepoint_rollback(sid)
            elsewhere = pool.submit(write_elsewhere)
            if connection.features.has_select_for_update:  # SQLite's one lock is kept, so there it waits for us
                elsewhere.result(SECONDS)
            here = notify(user, title="here")
        numbers = sorted([here.modseq, elsewhere.result(SECONDS).modseq])
    assert numbers == [client.modseq + 1, client.modseq + 2]
    heard(user, rung, client)
    assert not Notification.objects.for_user(other_user).exists()


def test_what_was_written_before_a_savepoint_by_hand_stays_one_change(user: User, rung: Rung) -> None:
    """A rollback to a savepoint that began after a write leaves that write, which later ones of its transaction join."""
    client, name = Client(user), connection.ops.quote_name("Inner")
    with transaction.atomic():
        kept = notify(user, title="kept")
        for _ in range(2):  # the name is taken again
            with connection.cursor() as cursor:
                cursor.execute(f"SAVEPOINT {name}")
            notify(user, title="undone")
            with connection.cursor() as cursor:
                cursor.execute(f"ROLLBACK TO SAVEPOINT {name}")
        later = notify(user, title="later")
    assert kept.modseq == later.modseq == client.modseq + 1 == Inbox.objects.get(pk=user.pk).modseq
    heard(user, rung, client)


# --- conflicts that the database ends by undoing one of the two


def isolate(level: str) -> None:
    """Give this thread's transactions an isolation level; SQLite has one, the strictest."""
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        connection.connection.isolation_level = getattr(IsolationLevel, level)


@pytest.mark.parametrize("level", ["REPEATABLE_READ", "SERIALIZABLE"])
def test_a_conflict_never_reaches_who_writes(level: str, rung: Rung, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write that opened its own transaction stands, once, however often the database undid it on the way.

    Regression: of two that wrote to one inbox at these levels, one failed with "could not serialize access".
    """
    monkeypatch.setattr(attempts, "MAX_ATTEMPTS", 200)  # a busy machine has a writer wait, and lose, for longer
    monkeypatch.setattr(attempts, "MAX_SECONDS", SECONDS)
    users = User.objects.bulk_create([User(username=f"concurrent{n}") for n in range(2)])
    notify_many(users, title="makes the inboxes")
    rung.changes.clear()

    def send(seed: int) -> None:
        isolate(level)
        for turn in range(6):
            row = notify(users[0], title=f"{seed}.{turn}")
            assert row.mark_read()
            row.body = "edited"
            row.save()
            Notification.objects.bulk_update([row], ["body"])
            notify_many(users, title=f"many {seed}.{turn}")
            done = actions.apply_action(users[0], "archive", [row.pk])
            assert undo_action(users[0], str(done.token)).left in (0, 1)  # another's number may be on it meanwhile
            log.mark_seen(users[0])
            log.mark_all_read(users[1])
            with track(users[0], title="work") as job:
                pass
            Notification.objects.filter(pk=job.notification_id).delete()
            row.delete()

    at_once([lambda seed=seed: send(seed) for seed in range(3)])  # type: ignore[misc]
    titles = Notification.objects.values_list("title", flat=True)
    assert sorted(titles) == sorted(
        [f"many {seed}.{turn}" for seed in range(3) for turn in range(6)] * 2 + ["makes the inboxes"] * 2
    )
    for user in users:
        head = Inbox.objects.get(pk=user.pk).modseq
        assert sorted(change.modseq for change in rung.of(user)) == list(range(3, head + 1))
    assert_exact(*users)


def test_a_deadlock_with_the_site_never_reaches_who_writes(user: User, other_user: User) -> None:
    """A bulk send that meets a transaction which takes the same inboxes the other way round is tried again."""
    users = [user, other_user]
    notify_many(users, title="makes the inboxes")
    is_held = threading.Event()

    def hold() -> None:
        with transaction.atomic():
            notify(other_user, title="of the site")
            is_held.set()
            if connection.features.has_select_for_update:
                wait_for_waiting_locks()
                look_for_deadlocks_after("1min")  # so that it is the other one that finds it, and is undone
            notify(user, title="of the site")

    def send() -> None:
        assert is_held.wait(SECONDS)
        look_for_deadlocks_after("2s")  # once, and not before there is one
        notify_many(users, title="of ours")

    at_once([hold, send])
    assert Notification.objects.filter(title="of ours").count() == 2
    assert Notification.objects.filter(title="of the site").count() == 2
    assert_exact(*users)


def look_for_deadlocks_after(wait: str) -> None:
    """Have PostgreSQL look whether this connection is in a deadlock only after it waited so long."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET deadlock_timeout = '{wait}'")


def test_a_transaction_of_the_sites_is_not_tried_again() -> None:
    """What came before in it would be missing; whoever opened it is told, and nothing is tried in its ruins."""
    tries: list[int] = []

    def conflict() -> None:
        tries.append(1)
        raise OperationalError from Conflict()

    with pytest.raises(OperationalError), transaction.atomic():
        attempts.attempt("default", conflict)
    assert len(tries) == 1


def test_attempts_are_bounded() -> None:
    """A conflict that never ends reaches the caller after some attempts, and anything else at once."""
    tries: list[BaseException] = []

    def fail(error: BaseException) -> None:
        tries.append(error)
        raise error

    conflict = OperationalError(1213)  # by MariaDB's name
    conflict.__cause__ = Conflict()
    with pytest.raises(OperationalError):
        attempts.attempt("default", lambda: fail(conflict))
    assert len(tries) == attempts.MAX_ATTEMPTS
    tries.clear()
    with pytest.raises(OperationalError):
        attempts.attempt("default", lambda: fail(OperationalError("the disk is gone")))
    assert len(tries) == 1


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_write_on_an_old_snapshot_is_refused_before_it_counts(
    user: User, other_user: User, rung: Rung, level: str
) -> None:
    """Who began to read before another committed counts nothing of what was: the database refuses the write.

    Regression: MariaDB lets such a transaction lock the inbox as it is now and read the rows as they were, so a right
    counter was "mended" into a wrong one. `innodb_snapshot_isolation` ends that, switched on by the statement that asks
    for the level: a site may do so for a single transaction, which no system check sees.
    """
    client = Client(user)
    row, _another = notify(user, title="old"), notify(user, title="old as well")
    elsewhere = ThreadPoolExecutor(1)

    def read_elsewhere() -> None:
        try:
            log.mark_all_read(user)
        finally:
            connections.close_all()

    def write_on_a_snapshot() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM auth_user")
            if connection.vendor != "sqlite":  # where its one lock is held from the beginning
                elsewhere.submit(read_elsewhere).result(SECONDS)
            Notification.objects.filter(pk=row.pk).mark_read()

    with elsewhere, at_level(level), suppress(OperationalError):
        write_on_a_snapshot()
    assert_exact(user)
    heard(user, rung, client)
    assert not Notification.objects.for_user(other_user).exists()
