"""Step 4d: where the hub's database work happens, and what keeps its tasks running.

The event loop never touches the database: work is handed to two threads of the hub's own, whose connections live as
long as they do.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from django.db import connections

__all__ = ["Workers"]

logger = logging.getLogger("notifications.hub")

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 2  # one may wait for a slow read while the other answers who is logged in
LOG_SECONDS: Final = 60.0
RESTART_SECONDS: Final = (
    1.0  # pause before a task that failed runs again; the sweep interval plus this bounds staleness
)


class Workers:
    """Two threads for the database, and the tasks that use them. Owns both: `stop()` ends them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(THREADS, "notifications-hub")
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    async def ask(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that may use the database, and return what it returns."""
        return await self._loop.run_in_executor(self._threads, lambda: on_connection(work, *args, **kwargs))

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
        meeting = threading.Barrier(THREADS)  # so that each thread takes one of these

        def close() -> None:
            meeting.wait()
            connections.close_all()

        for _ in range(THREADS):
            self._threads.submit(close)
        await asyncio.to_thread(self._threads.shutdown)


async def forever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a task of the hub; what fails runs again, and is logged once a minute while it fails in the same way."""
    loop = asyncio.get_running_loop()
    logged, logged_at = "", 0.0
    while True:
        try:
            await work()
        except Exception as error:  # the database or the layer is away; streams outlive that
            problem = f"{type(error).__name__}: {error}"
            if problem != logged or loop.time() >= logged_at + LOG_SECONDS:
                logger.warning("%s failed and is tried again every second: %s", work.__qualname__, problem)
                logged, logged_at = problem, loop.time()
            await asyncio.sleep(RESTART_SECONDS)


def on_connection(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run work on the thread's database connection; after an error the next one begins with a new one."""
    try:
        return work(*args, **kwargs)
    except BaseException:
        connections.close_all()
        raise
