"""The hub's threads and tasks: they outlive what fails, and keep nothing waiting that need not wait."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from notifications.hub import executor
from notifications.hub.executor import Executor, run_forever
from tests.support.browser import until

SECONDS = 10


async def test_what_nobody_waits_for_is_not_begun(threads: Executor) -> None:
    """While the database hangs, look-ups whose askers gave up do not pile up for later."""
    is_free = threading.Event()
    begun: list[str] = []
    stuck = [asyncio.ensure_future(threads.run(is_free.wait, SECONDS)) for _ in range(executor.THREADS)]
    late = asyncio.ensure_future(threads.run(begun.append, "late"))
    await asyncio.sleep(0)
    late.cancel()
    is_free.set()
    await asyncio.gather(*stuck)
    assert await threads.run(lambda: list(begun)) == []


async def test_work_that_waits_gets_a_further_thread(threads: Executor) -> None:
    """While all are stuck, as with locks that somebody holds, others are not; afterwards there are as many as before."""
    is_free = threading.Event()
    stuck = [asyncio.ensure_future(threads.run(is_free.wait, SECONDS)) for _ in range(executor.MOST_THREADS - 1)]
    assert await threads.run(lambda: "answered") == "answered"
    is_free.set()
    assert all(await asyncio.gather(*stuck))
    await until(lambda: len(threads._threads) == executor.THREADS)


async def test_threads_are_bounded(threads: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is stuck, there are never more than so many; the rest waits its turn."""
    monkeypatch.setattr(executor, "WAIT_SECONDS", 0.001)
    is_free = threading.Event()
    stuck = [asyncio.ensure_future(threads.run(is_free.wait, SECONDS)) for _ in range(2 * executor.MOST_THREADS)]
    await until(lambda: len(threads._threads) == executor.MOST_THREADS)
    await asyncio.sleep(0.05)
    assert len(threads._threads) == executor.MOST_THREADS
    is_free.set()
    assert all(await asyncio.gather(*stuck))


def test_threads_do_not_keep_a_process_from_ending() -> None:
    """A thread that hangs in the database is not waited for when the process ends."""

    async def daemons() -> list[bool]:
        made = Executor()
        answer = [thread.daemon for thread in threading.enumerate() if thread.name.startswith("notifications-hub_")]
        await made.stop()
        return answer

    assert asyncio.run(daemons()) == [True] * executor.THREADS


@pytest.mark.django_db(transaction=True)
async def test_a_connection_that_died_meanwhile_is_opened_anew(threads: Executor, user: User) -> None:
    """After a restart of the database the first one who asks gets an answer, and not the old connection's error."""
    failures = [OperationalError("server closed the connection unexpectedly")]

    def count() -> int:
        if connection.connection is not None and failures:
            raise failures.pop()
        return User.objects.count()

    assert [await threads.run(count) for _ in range(2 * executor.THREADS)] == [1] * (2 * executor.THREADS)
    assert not failures


async def test_a_database_that_is_away_is_said_so(threads: Executor) -> None:
    """An error on a new connection is handed to who asked, at once."""

    def fail() -> None:
        raise OperationalError("connection refused")

    with pytest.raises(OperationalError, match="refused"):
        await threads.run(fail)


async def test_a_cancellation_that_is_not_ours_ends_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer or a future may raise CancelledError by itself; the hub's task runs again. Ours ends it."""
    monkeypatch.setattr(executor, "RESTART_SECONDS", 0)
    ran: list[int] = []
    has_run_again = asyncio.Event()

    async def work() -> None:
        ran.append(len(ran))
        if len(ran) == 1:
            raise asyncio.CancelledError
        has_run_again.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(run_forever(work))
    async with asyncio.timeout(SECONDS):
        await has_run_again.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("pool", [None, {"max_size": 3}])
async def test_connections_of_a_pool_are_given_back(
    threads: Executor, monkeypatch: pytest.MonkeyPatch, pool: dict[str, int] | None
) -> None:
    """After each look-up; others are kept. Regression: a pool of three was the hub's and the sender's for ever."""
    closed: list[str] = []

    class Connection:
        connection = None
        settings_dict = {"OPTIONS": {"pool": pool} if pool else {}}

        def close(self) -> None:
            closed.append(threading.current_thread().name)

    class Connections:
        def all(self, *, initialized_only: bool) -> list[Connection]:
            return [Connection()]

        def close_all(self) -> None:
            pass

    monkeypatch.setattr(executor, "connections", Connections())
    assert await threads.run(lambda: "answered") == "answered"
    await threads.stop()
    assert len(closed) == (1 if pool else 0)
    assert all(name.startswith("notifications-hub") for name in closed)


async def test_a_pool_that_died_with_its_server_is_looked_through(
    threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: each connection that it held cost a look-up, and a batch of openings its answer."""
    done: list[str] = []

    class Pool:
        def check(self) -> None:
            done.append("checked")

    class Connection:
        connection = None
        settings_dict = {"OPTIONS": {"pool": True}}
        pool = Pool()

        def close(self) -> None:
            pass

    class Connections:
        def all(self, *, initialized_only: bool) -> list[Connection]:
            return [Connection()]

        def close_all(self) -> None:
            done.append("closed")

    def ask() -> str:
        if "checked" not in done:
            raise OperationalError("the connection is closed")
        return "answered"

    monkeypatch.setattr(executor, "connections", Connections())
    assert await threads.run(ask) == "answered"
    assert done == ["closed", "checked"]
