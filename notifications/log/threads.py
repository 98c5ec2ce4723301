"""Blocking work from async code: on the thread that Django keeps for it.

Also where that very thread waits for the answer, as in a sync view under ASGI that says `asyncio.run(anotify(…))`: there
asgiref would put the work behind the view, and the view would wait for ever. Then the work is done at once, on the view's
own connection and in its own transaction, as the plain function would do it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import AsyncToSync, SyncToAsync, sync_to_async

__all__ = ["on_thread"]

P = ParamSpec("P")
T = TypeVar("T")


async def on_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run work that may use the database; return what it returns."""
    if is_waited_for():
        return without_loop(lambda: work(*args, **kwargs))
    return await sync_to_async(work)(*args, **kwargs)


def is_waited_for() -> bool:
    """Return whether asgiref would give work to this very thread, which is busy running the loop that asks."""
    current = getattr(AsyncToSync.executors, "current", None)
    if current is not None:  # this thread runs the loop for a sync caller, and asgiref asks it first
        return getattr(current, "_work_thread", None) is threading.current_thread()
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.get(context) if context else SyncToAsync.single_thread_executor
    # By name, for an executor lists a thread only a moment after it has begun; each executor has a prefix of its own.
    return getattr(executor, "_thread_name_prefix", None) == threading.current_thread().name.rpartition("_")[0]


def without_loop(work: Callable[[], T]) -> T:
    """Run work as if this thread had no event loop: Django refuses blocking queries beside one.

    It has nobody else to serve: the thread's own caller waits for it, too.
    """
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)  # noqa: SLF001 - in asyncio's __all__, for those who run loops
    try:
        return work()
    finally:
        asyncio._set_running_loop(loop)  # noqa: SLF001
