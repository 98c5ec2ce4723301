"""A host project on PostgreSQL with Django's pool of connections, which holds few."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from tests.support.client import Client
from tests.support.host import Host
from tests.support.postgres import Postgres

SETTINGS: Final = """
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "postgres", "USER": "postgres", "HOST": {folder!r}, "PORT": {port!r},
    "OPTIONS": {options},
}}}}
"""
POOL: Final = {"pool": {"min_size": 1, "max_size": 3, "timeout": 5}}
# What a site's own tests may do: ask its ASGI application, on connections that other threads see.
TESTS: Final = """
import asyncio
from asgiref.testing import ApplicationCommunicator
from django.test import TransactionTestCase
from mysite.asgi import application
from notifications import notify
from django.contrib.auth.models import User


class Pages(TransactionTestCase):
    def test_a_page(self):
        async def ask():
            scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "http_version": "1.1"}
            scope["headers"] = [(b"host", b"testserver")]
            site = ApplicationCommunicator(application, scope)
            await site.send_input({"type": "http.request", "body": b""})
            start = await site.receive_output(10)
            while (await site.receive_output(10)).get("more_body", False):
                pass
            await site.wait(10)
            return start["status"]

        self.assertEqual(asyncio.run(ask()), 200)
        notify(User.objects.create_user("ada"), title="in a test")
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server that the tests of this file share."""
    with Postgres() as started:
        yield started


@pytest.fixture
def host(host: Host, postgres: Postgres, request: pytest.FixtureRequest) -> Host:
    """A project on that server."""
    options = getattr(request, "param", POOL)
    host.append(
        "mysite/settings.py", SETTINGS.format(folder=str(postgres.folder), port=str(postgres.port), options=options)
    )
    return host


async def test_a_pool_of_three_is_enough(host: Host) -> None:
    """While pages are followed and the sender looks for work, many requests at once are answered.

    Regression: the hub's two threads and the sender's kept all three connections, and no request got one.
    """
    host.manage("migrate", "--verbosity", "0")
    host.people.clear()
    host.log_in()
    cookies = [f"sessionid={host.people[name][1]}" for name in ("user1", "user2")]
    with host.runserver() as (process, url):
        async with Client(url, cookies[0]) as mine, Client(url, cookies[1]) as others:
            await mine.next("hello")
            await others.until(lambda client: client.replica.modseq)
            async with httpx.AsyncClient(
                base_url=url, trust_env=False, headers={"cookie": cookies[0]}, timeout=30
            ) as http:
                for _ in range(5):
                    answers = await asyncio.gather(*(http.get("/notifications/") for _ in range(6)))
                    assert [answer.status_code for answer in answers] == [200] * 6
            await asyncio.to_thread(host.notify, "user1", "Through the pool")
            await mine.knows("Through the pool")
            assert others.titles == []
        assert "Traceback" not in process.log


@pytest.mark.parametrize("host", [{}, POOL], ids=["plain", "pool"], indirect=True)
def test_a_test_database_can_be_dropped(host: Host) -> None:
    """After a site's own tests of its ASGI application, which starts the sender's thread.

    Regression: "database is being accessed by other users".
    """
    host.append("mysite/tests.py", TESTS)
    assert "OK" in host.manage("test", "mysite", "--noinput")
