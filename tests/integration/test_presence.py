"""Two real workers without Redis between them: both, and a shell, know who is online and since when."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import follow
from tests.support.servers import Person, Site
from tests.support.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

SWEEP_SECONDS = 1.0
SLACK_SECONDS = 2.0  # for a busy machine
LEASE_SECONDS = 3 * SWEEP_SECONDS
ASK = "from notifications import is_online, online_since; "


async def told(site: Site, person: Person, wanted: bool) -> float:
    """Wait until a shell is told that someone is online, or is not; return how long that took."""
    begin = time.monotonic()
    async with asyncio.timeout(30):
        while await site.acall(ASK + "is_online(user)", user=person.pk) != wanted:
            pass  # each question is a round trip to the shell
    return time.monotonic() - begin


async def since(site: Site, person: Person) -> Any:
    """Return since when someone is online, as a shell is told."""
    return await site.acall(ASK + "online_since(user)", user=person.pk)


async def test_two_workers_agree_on_who_is_online(blank: Path, tmp_path: Path) -> None:
    """A user is online while either worker has a stream of theirs, wherever it began, and within a sweep not any more.

    A worker that is killed takes those offline whom nobody else holds, within three sweeps, and nobody else.
    """
    settings = {"NOTIFICATIONS_SWEEP_SECONDS": SWEEP_SECONDS}
    with Site(tmp_path, blank=blank, settings=settings) as site:
        user, other = site.add_person("user"), site.add_person("other")
        admin = site.add_person("admin", is_admin=True)
        first, second = site.uvicorn(), site.daphne()
        async with follow(second, user):
            assert await told(site, user, True) < SWEEP_SECONDS + SLACK_SECONDS
            began = await since(site, user)
            async with follow(first, user), follow(first, other):
                await told(site, other, True)
                async with Visit(second.url) as visit:  # the admin of one worker lists those of the other
                    await visit.login(admin)
                    page = (await visit.http.get("/admin/live_notifications/inbox/?online=yes")).text
                    assert f">{user.username}<" in page
                    assert f">{other.username}<" in page
            assert await told(site, other, False) < SWEEP_SECONDS + SLACK_SECONDS
            assert await since(site, user) == began
            async with follow(first, user), follow(first, other):
                await told(site, other, True)
                first.process.kill()
                assert await told(site, other, False) < LEASE_SECONDS + SLACK_SECONDS
                assert await since(site, user) == began
        assert await told(site, user, False) < SWEEP_SECONDS + SLACK_SECONDS
