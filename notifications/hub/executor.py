"""The executor: threads for the hub's work on the database, and what keeps the hub's tasks running.

The event loop never touches the database: work is handed to two threads of the hub's own, whose connections live as
long as they do, unless they come out of a pool. Where work waits because the database keeps all of them busy, as with a lock
that somebody holds for long, further ones are started, `MOST_THREADS` at most; they end when nothing waits any more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connections

__all__ = ["Executor", "is_time_out"]

logger = logging.getLogger("notifications.hub")

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 2  # one may wait for a slow read while the other checks sessions
# Room for all that may be stuck at once: reads of the log (1, and 5 of one user each), an inbox that is made, presence,
# jobs; and two for the others.
MOST_THREADS: Final = 11
WAIT_SECONDS: Final = 0.1  # what has waited so long for a thread gets a further one
LOG_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0  # longest wait for a thread that is told to end
RESTART_SECONDS: Final = (
    1.0  # pause before a task that failed runs again; the sweep interval plus this bounds staleness
)


class Executor:
    """Threads for the database, two unless told, and the tasks that use them. Owns both: `stop()` ends them.

    Args:
        threads: how many there always are.
        most: how many there may be while all of them are busy.

    The threads are daemons, unlike those of `concurrent.futures`, which are waited for when a process ends: a database
    that hangs would keep it from ending.
    """

    def __init__(self, *, threads: int = THREADS, most: int = MOST_THREADS) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: set[threading.Thread] = set()
        self._least, self._most = threads, max(threads, most)
        self._busy = 0
        self._guard = threading.Lock()
        for _ in range(threads):
            self._start_thread()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that may use the database; return what it returns. What nobody waits for any more is not begun."""
        answer: asyncio.Future[T] = self._loop.create_future()
        is_begun = False

        def settle(set_outcome: Callable[[Any], None], outcome: Any) -> None:
            if not answer.done():
                set_outcome(outcome)

        def grow() -> None:
            if not (is_begun or answer.done() or self._is_stopped) and len(self._threads) < self._most:
                self._start_thread()

        def job() -> None:
            nonlocal is_begun
            is_begun = True
            if answer.cancelled():
                return
            try:
                result = run_on_connection(lambda: work(*args, **kwargs))
            except BaseException as error:  # handed to the caller
                self._loop.call_soon_threadsafe(settle, answer.set_exception, error)
            else:
                self._loop.call_soon_threadsafe(settle, answer.set_result, result)

        self._jobs.put(job)
        if self._busy + self._jobs.qsize() > len(self._threads):
            self._loop.call_later(WAIT_SECONDS, grow)
        return await answer

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"notifications-hub_{len(self._threads)}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            with self._guard:
                self._busy += 1
            with suppress(RuntimeError):  # the loop was closed meanwhile, so nobody waits for the answer
                job()
            with suppress(Exception):  # a connection that cannot be closed is none; the thread has others to serve
                give_back()
            with self._guard:
                self._busy -= 1
                if len(self._threads) > self._least and self._jobs.empty():
                    self._threads.discard(threading.current_thread())
                    break
        connections.close_all()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something once and hold its task until it ends."""
        task = self._loop.create_task(work, name=f"notifications.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def keep(self, works: Iterable[Callable[[], Coroutine[Any, Any, None]]]) -> None:
        """Run these for as long as the hub lives, each again after it failed."""
        for work in works:
            self.start(run_forever(work), work.__qualname__)

    async def stop(self) -> None:
        """Cancel and await every task, close the threads' connections and the threads."""
        if self._is_stopped:
            return
        self._is_stopped = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        threads = list(self._threads)
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            await asyncio.to_thread(thread.join, STOP_SECONDS)


async def run_forever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a task of the hub; what fails runs again, and is logged once a minute while it fails in the same way."""
    loop = asyncio.get_running_loop()
    logged, logged_at = "", 0.0
    while True:
        try:
            await work()
        except (Exception, asyncio.CancelledError) as error:  # the database or the layer is away; streams outlive that
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling()):
                raise  # it is ours; others' may come out of a layer
            problem = f"{type(error).__name__}: {error}"
            if problem != logged or loop.time() >= logged_at + LOG_SECONDS:
                logger.warning("%s failed and is tried again every second: %s", work.__qualname__, problem)
                logged, logged_at = problem, loop.time()
            await asyncio.sleep(RESTART_SECONDS)


def give_back() -> None:
    """Give connections of a pool back (`OPTIONS["pool"]`): it may hold no more than a few, and requests wait for one.

    Others stay open, for a new one for each look-up costs more than it.
    """
    for each in connections.all(initialized_only=True):
        if is_pooled(each):
            each.close()


def is_pooled(connection: Any) -> bool:
    """Return whether a connection comes from Django's pool."""
    return bool(connection.settings_dict["OPTIONS"].get("pool"))


def run_on_connection(work: Callable[[], T]) -> T:
    """Run work on the thread's database connection; after an error the next one begins with a new one.

    A connection that was open before may have died with its server since: then the work, which only reads or can be
    done twice, is tried once more. Not where the database ended the statement: it would end it again, as late.
    """
    # what a pool hands out was open before
    pooled: list[Any] = [each for each in connections.all(initialized_only=True) if is_pooled(each)]
    was_open = bool(pooled) or any(each.connection is not None for each in connections.all(initialized_only=True))
    try:
        return work()
    except (InterfaceError, OperationalError) as error:
        if is_time_out(error):
            raise
        connections.close_all()
        if not was_open:
            raise
        for each in pooled:
            each.pool.check()  # what else it holds has died as well
    except BaseException:
        connections.close_all()
        raise
    try:
        return work()
    except BaseException:
        connections.close_all()
        raise


# PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html, query_canceled and lock_not_available.
# MariaDB and MySQL: a statement or a lock that took too long.
TIME_OUTS: Final = frozenset({"57014", "55P03", 1205, 1969, 3024})


def is_time_out(error: Exception) -> bool:
    """Return whether the database ended a statement that took too long; it is there, and so is the connection."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) in TIME_OUTS or next(iter(error.args), None) in TIME_OUTS
