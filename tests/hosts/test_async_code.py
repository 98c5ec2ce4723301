"""A host project that notifies from async code, in each way that people write it."""

from __future__ import annotations

from typing import Final

import httpx

from tests.support.host import Host

VIEWS: Final = """
import asyncio

from asgiref.sync import async_to_sync
from django.db import transaction
from django.http import HttpResponse
from notifications import abroadcast, anotify, track


def answer(*said):
    return HttpResponse(" ".join(map(str, said)))


def run_in_sync_view(request):
    return answer(asyncio.run(anotify(request.user, title="run")).title)


def run_in_transaction(request):
    with transaction.atomic():
        asyncio.run(anotify(request.user, title="undone"))
        transaction.set_rollback(True)
    return answer(request.user.live_notifications.filter(title="undone").count())


def run_many_things(request):
    key = request.user.pk  # Django asks its database for it, and not beside a loop

    async def work():
        async with track(key, title="job") as job:
            job.finish(body="all")
        return await abroadcast(title="all")

    return answer(asyncio.run(work()), request.user.live_notifications.get(title="job").body)


def to_sync_in_sync_view(request):
    return answer(async_to_sync(anotify)(request.user, title="to sync").title)


async def await_in_async_view(request):
    return answer((await anotify(await request.auser(), title="awaited")).title)
"""
URLS: Final = """
from mysite import views

urlpatterns += [path(f"{name}/", getattr(views, name)) for name in (
    "run_in_sync_view", "run_in_transaction", "run_many_things", "to_sync_in_sync_view", "await_in_async_view",
)]
"""
ANSWERS: Final = {
    "run_in_sync_view": "run",
    "run_in_transaction": "0",
    "run_many_things": "3 all",
    "to_sync_in_sync_view": "to sync",
    "await_in_async_view": "awaited",
}


async def test_async_functions_work_in_every_view(host: Host) -> None:
    """Also by `asyncio.run()` in a sync view, in the transaction that the view has opened.

    Regression: under ASGI that waited for ever.
    """
    host.append("mysite/views.py", VIEWS)
    host.append("mysite/urls.py", URLS)
    cookies = {"sessionid": host.people["user1"][1]}
    with host.runserver() as (process, url):
        async with httpx.AsyncClient(base_url=url, trust_env=False, cookies=cookies, timeout=30) as http:
            for name, said in ANSWERS.items():
                answer = await http.get(f"/{name}/")
                assert (answer.status_code, answer.text) == (200, said), name
        assert "Traceback" not in process.log
