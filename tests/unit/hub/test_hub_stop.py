"""Stopping: a hub that ends leaves no task, no thread, no connection and nobody waiting."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

from notifications.hub import executor, get_hub
from tests.support.asgi import log_in, open_site
from tests.support.browser import until
from tests.support.model import follow

pytestmark = pytest.mark.django_db(transaction=True)


def hub_tasks() -> list[str]:
    """Return the names of the hub's tasks that run."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("notifications.")]


def hub_threads() -> list[str]:
    """Return the names of the hub's threads that run."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("notifications-hub")]


async def test_stop_leaves_no_task_and_no_thread(user: User, other_user: User) -> None:
    """Stopped under open, slow and connecting streams, the hub leaves nothing running, and the next call makes a new one."""
    async with open_site() as site:
        slow, _ = await follow(site, user)
        await follow(site, other_user)
        slow.freeze()
        site.hub._write(site.hub.users[str(user.pk)][0], b": a write that waits\n\n")
        await until(lambda: slow.writes_in_flight)
        assert len(hub_tasks()) > 4
        await site.stop()
        await asyncio.sleep(0)
        assert (hub_tasks(), hub_threads()) == ([], [])
        again = get_hub()
        assert again is not site.hub
        await again.stop()


async def test_stop_lets_go_of_who_is_just_connecting(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose session is being looked up when the hub stops ends too, and does not wait for ever."""
    async with open_site() as site:
        key = await site.do(log_in, user)
        looking, may_go_on = threading.Event(), threading.Event()

        def slow(_keys: Any) -> dict[str, Any]:
            looking.set()
            may_go_on.wait(10)
            return {}

        monkeypatch.setattr("notifications.access.auth.find_users_by_session", slow)
        browser = site.connect(key)
        await until(looking.is_set)
        site.hub.loop.call_later(0.05, may_go_on.set)
        await site.stop()
        await browser.ended()


async def test_stop_closes_the_connection_of_each_thread(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the hub's threads closes its own database connection; none is left to the garbage collector."""
    for _ in range(20):
        async with open_site() as site:
            barrier = threading.Barrier(executor.THREADS)
            await asyncio.gather(*(site.hub._executor.run(barrier.wait, 10) for _ in range(executor.THREADS)))
            closed: list[int] = []
            real = connections.close_all

            def close_all(real: Any = real, closed: list[int] = closed) -> None:
                closed.append(threading.get_ident())
                real()

            with monkeypatch.context() as patch:
                patch.setattr(connections, "close_all", close_all)
                await site.stop()
            assert len(set(closed)) == executor.THREADS
