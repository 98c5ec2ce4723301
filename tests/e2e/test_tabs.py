"""Many tabs of one browser: one stream for all of them, handed over when its tab goes; one for each without Web Locks."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.support.chromium import CENTRE, Visitors, expect_unread
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHOUT_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });"


async def open_tabs(visitors: Visitors, first: Page) -> list[Page]:
    """Return three tabs of one profile, each of which has asked whoever leads for its position."""
    tabs = [first, await visitors.open_tab(first, CENTRE), await visitors.open_tab(first, "/")]
    for tab in tabs:
        await expect_unread(tab, 0)
    return tabs


async def test_one_stream_is_handed_over(
    visitors: Visitors, swift: Server, site: Site, user: Person, other: Person
) -> None:
    """Three tabs show everything over one connection, whichever of them are closed; another profile has its own."""
    first, second, third = await open_tabs(visitors, await visitors.arrive(swift, user))
    assert len(visitors.streams) == 1
    theirs = await visitors.arrive(swift, other)
    mine = [first, second, third]
    for sent in range(1, 4):
        await site.acall("notify(user, title='For every tab').pk", user=user.pk)
        for tab in mine:
            await expect_unread(tab, sent)
        await expect_unread(theirs, 0)
        assert len(visitors.streams) == sent + 1  # theirs, and one for each that has led
        if len(mine) > 1:
            await mine.pop(0).close()  # it leads, and what is sent next is sent at once


async def test_each_tab_streams_without_locks(visitors: Visitors, swift: Server, site: Site, user: Person) -> None:
    """Where a browser has no Web Locks, as over plain HTTP, each tab keeps itself right."""
    first = await visitors.arrive(swift, user)
    await first.context.add_init_script(WITHOUT_LOCKS)
    await first.reload()
    tabs = await open_tabs(visitors, first)
    assert len(visitors.streams) == 4  # the first tab's came once before
    await site.acall("notify(user, title='For every tab').pk", user=user.pk)
    for tab in tabs:
        await expect_unread(tab, 1)
