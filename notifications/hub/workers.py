"""Step 4d: where the hub's database work happens, and what keeps its tasks running.

The event loop never touches the database: work is handed to two threads of the hub's own, whose connections live as
long as they do.
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

__all__ = ["Workers"]

logger = logging.getLogger("notifications.hub")

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 2  # one may wait for a slow read while the other answers who is logged in
LOG_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0  # longest wait for a thread that is told to end
RESTART_SECONDS: Final = (
    1.0  # pause before a task that failed runs again; the sweep interval plus this bounds staleness
)


class Workers:
    """Threads for the database, two unless told, and the tasks that use them. Owns both: `stop()` ends them.

    The threads are daemons, not an executor's: those are waited for when a process ends, and a database that hangs would
    keep it from ending.
    """

    def __init__(self, *, threads: int = THREADS) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"notifications-hub_{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    async def ask(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that may use the database; return what it returns. What nobody waits for any more is not begun."""
        answer: asyncio.Future[T] = self._loop.create_future()

        def settle(set_outcome: Callable[[Any], None], outcome: Any) -> None:
            if not answer.done():
                set_outcome(outcome)

        def job() -> None:
            if answer.cancelled():
                return
            try:
                result = on_connection(lambda: work(*args, **kwargs))
            except BaseException as error:  # handed to who asked
                self._loop.call_soon_threadsafe(settle, answer.set_exception, error)
            else:
                self._loop.call_soon_threadsafe(settle, answer.set_result, result)

        self._jobs.put(job)
        return await answer

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            with suppress(RuntimeError):  # the loop was closed meanwhile, so nobody waits for the answer
                job()
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
            self.start(forever(work), work.__qualname__)

    async def stop(self) -> None:
        """Cancel and await every task, close the threads' connections and the threads."""
        if self._is_stopped:
            return
        self._is_stopped = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join, STOP_SECONDS)


async def forever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
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


def on_connection(work: Callable[[], T]) -> T:
    """Run work on the thread's database connection; after an error the next one begins with a new one.

    A connection that was open before may have died with its server since: then the work, which only reads or can be
    done twice, is tried once more.
    """
    was_open = any(each.connection is not None for each in connections.all(initialized_only=True))
    try:
        return work()
    except (InterfaceError, OperationalError):
        connections.close_all()
        if not was_open:
            raise
    except BaseException:
        connections.close_all()
        raise
    try:
        return work()
    except BaseException:
        connections.close_all()
        raise
