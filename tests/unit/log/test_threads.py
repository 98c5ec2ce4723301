"""Blocking work from async code, whichever thread runs the loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import SyncToAsync, ThreadSensitiveContext, async_to_sync, sync_to_async

from notifications.log.threads import is_waited_for, on_thread

SECONDS = 20.0


def where() -> tuple[str, bool]:
    """Return the thread that this runs on, and whether it has an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return threading.current_thread().name, False
    return threading.current_thread().name, True


async def test_work_runs_beside_the_loop() -> None:
    """On another thread than the loop's, and what it raises comes out."""
    name, has_loop = await on_thread(where)
    assert name != threading.current_thread().name
    assert not has_loop
    with pytest.raises(ZeroDivisionError):
        await on_thread(divmod, 1, 0)


async def ask() -> tuple[tuple[str, bool], tuple[str, bool]]:
    """Return where work runs, and where the loop that asks for it does, afterwards."""
    return await on_thread(where), where()


def view() -> list[tuple[str, bool]]:
    """Do what a sync view may do: start a loop of its own for one call."""
    return [where(), *asyncio.run(ask())]


async def test_a_sync_view_may_run_a_loop_of_its_own() -> None:
    """Under ASGI the work runs on the view's own thread, and the loop goes on there afterwards.

    Regression: it waited for the view, and the view for it, for ever.
    """
    async with asyncio.timeout(SECONDS), ThreadSensitiveContext():
        outside, work, loop = await sync_to_async(view)()
    assert outside == work
    assert not work[1]
    assert loop == (work[0], True)


async def test_a_thread_knows_itself_from_its_first_moment() -> None:
    """Before its executor lists it. Regression: a view that began with such a call waited for ever, now and then."""

    async def ask_at_once() -> bool:
        return is_waited_for()

    def first() -> bool:
        for executor in SyncToAsync.context_to_thread_executor.values():
            executor._threads.clear()  # type: ignore[attr-defined]
        return asyncio.run(ask_at_once())

    async with ThreadSensitiveContext():
        assert await sync_to_async(first)()


async def test_so_may_code_on_asgirefs_common_thread() -> None:
    """Without a request there is one thread for all; asgiref raised "would deadlock" there."""
    async with asyncio.timeout(SECONDS):
        outside, work, _loop = await sync_to_async(view)()
    assert outside == work


def test_a_thread_that_nobody_waits_for_is_not_used() -> None:
    """Elsewhere, as in a thread of the site's own or under WSGI, asgiref's own thread does it."""
    with ThreadPoolExecutor(1) as pool:
        outside, work, _loop = pool.submit(view).result(SECONDS)
    assert outside[0] != work[0]
    assert async_to_sync(on_thread)(where)[1] is False


def test_a_sync_view_below_async_code_below_wsgi_may_run_a_loop_too() -> None:
    """An async middleware under WSGI runs the view on the request's own thread.

    Regression: asgiref refused, "You cannot submit onto CurrentThreadExecutor from its own thread".
    """
    with ThreadPoolExecutor(1) as pool:
        outside, work, _loop = pool.submit(async_to_sync(sync_to_async(view))).result(SECONDS)
    assert outside == work
