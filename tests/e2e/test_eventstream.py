"""The script that comes with django-eventstream, in real browsers, over our log."""

from __future__ import annotations

import json
from pathlib import Path

import django_eventstream
import pytest

from tests.support.chromium import Visitors
from tests.support.proxy import Proxy
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECONNECT_MS = 15_000  # a browser waits up to 5 s before it comes back


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server in turn; both must behave the same."""
    server: Server = request.getfixturevalue(request.param)
    return server


CLIENT = Path(django_eventstream.__file__).parent / "static" / "django_eventstream" / "reconnecting-eventsource.js"
# What its README and its chat example do.
PAGE = """lastEventId => {
    window.seen = [];
    const es = new ReconnectingEventSource("/events/", { lastEventId });
    for (const name of ["stream-open", "change", "stream-reset", "stream-error"]) {
        es.addEventListener(name, event => seen.push([name, event.lastEventId, event.data]), false);
    }
    window.es = es;
}"""
HAS_SEEN = "text => seen.some(([_name, _id, data]) => data.includes(text))"


async def test_its_own_browser_client_works(
    visitors: Visitors, server: Server, site: Site, user: Person, other: Person
) -> None:
    """The script that comes with it follows a user's inbox from a page's id, and comes back without loss after a cut."""
    await site.acall("notify(user, title='Before the page').pk", user=user.pk)
    code = "from django_eventstream import get_current_event_id\nget_current_event_id([channel])"
    last_id = await site.acall(code, channel=f"user-{user.pk}")
    await site.acall("notify(user, title='While it loads').pk", user=user.pk)
    async with Proxy(server.port) as proxy:
        page = await visitors.arrive(proxy.url, user)
        visitors.expect_problem("net::ERR_|NS_ERROR_NET_PARTIAL_TRANSFER")
        await page.context.add_init_script(path=CLIENT)
        await page.goto("/")
        await page.evaluate(PAGE, last_id)
        await page.wait_for_function(HAS_SEEN, arg="While it loads")
        await site.acall("notify(user, title='Live').pk", user=user.pk)
        await page.wait_for_function(HAS_SEEN, arg="Live")
        proxy.accepts = False
        proxy.cut()
        await site.acall("[notify(pk, title='Away').pk for pk in people]", people=[user.pk, other.pk])
        proxy.accepts = True
        await page.wait_for_function(HAS_SEEN, arg="Away", timeout=RECONNECT_MS)
        seen = await page.evaluate("seen.filter(([name]) => name !== 'stream-open')")
    assert [name for name, _id, _data in seen] == ["change"] * 3
    titles = [item["title"] for _name, _id, data in seen for item in json.loads(data)["upsert"]]
    assert titles == ["While it loads", "Live", "Away"]
