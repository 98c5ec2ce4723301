"""Step 4d: where the hub's database work happens, and what keeps its tasks running.

The event loop never touches the database: work is handed to two threads of the hub's own, whose connections live as
long as they do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from django.db import connections

__all__ = ["Workers"]

logger = logging.getLogger("notifications.hub")

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 2  # one may wait for a slow read while the other answers who is logged in
RESTART_SECONDS: Final = (
    1.0  # pause before a task that failed runs again; the sweep interval plus this bounds staleness
)


class Workers:
    """Two threads for the database, and the tasks that use them. Owns both: `stop()` ends them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(THREADS, "notifications-hub")
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that may use the database, and return what it returns."""
        return await self._loop.run_in_executor(self._threads, lambda: on_connection(work, *args, **kwargs))

    def start(self, work: Awaitable[None], name: str) -> None:
        """Run something once and hold its task until it ends."""
        task = asyncio.ensure_future(work)
        task.set_name(f"notifications.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def keep(self, works: Iterable[Callable[[], Awaitable[None]]]) -> None:
        """Run these for as long as the hub lives, each again after it failed."""
        for work in works:
            self.start(forever(work), work.__qualname__)

    async def stop(self) -> None:
        """Cancel and await every task, close the threads' connections and the threads."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(THREADS):
            self._threads.submit(connections.close_all)
        self._threads.shutdown(wait=True)


async def forever(work: Callable[[], Awaitable[None]]) -> None:
    """Run a task of the hub; what fails runs again, and is logged once while it fails in the same way."""
    logged = ""
    while True:
        try:
            await work()
        except Exception as error:  # the database or the layer is away; streams outlive that
            problem = f"{type(error).__name__}: {error}"
            if problem != logged:
                logger.warning("%s failed and is tried again every second: %s", work.__qualname__, problem)
            logged = problem
            await asyncio.sleep(RESTART_SECONDS)


def on_connection(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run work on the thread's database connection; after an error the next one begins with a new one."""
    try:
        return work(*args, **kwargs)
    except BaseException:
        connections.close_all()
        raise
