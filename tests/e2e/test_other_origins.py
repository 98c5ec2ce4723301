"""Pages of two other origins in a real browser: the one that is listed follows its reader, the other one gets nothing."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.support.chromium import Visitors
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


# What a page tries: each answers with what it could read, or with "refused".
TRY = """
async (site) => {
  const refused = () => "refused";
  const credentials = "include";
  const first = (open, events) => new Promise((resolve) => {
    const line = open();
    for (const event of events) line.addEventListener(event, (message) => { line.close(); resolve(message.data); });
    line.addEventListener("error", () => { line.close(); resolve("refused"); });
  });
  const stream = await first(() => new EventSource(site + "/notifications/stream/", { withCredentials: true }), ["hello"]);
  const socket = await first(() => new WebSocket(site.replace("http", "ws") + "/notifications/ws/"), ["message"]);
  const counts = await fetch(site + "/notifications/api/counts", { credentials }).then((r) => r.text()).catch(refused);
  const headers = { "Last-Event-ID": "1.1", Accept: "text/event-stream" };
  const resumed = await fetch(site + "/notifications/stream/", { credentials, headers })
    .then(async (r) => new TextDecoder().decode((await r.body.getReader().read()).value)).catch(refused);
  const centre = await fetch(site + "/notifications/", { credentials }).then((r) => r.text()).catch(refused);
  return { stream, socket, counts, resumed, centre };
}
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: Any) -> None:
        """Write no log."""


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two other origins, each with an empty page."""
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    (folder / "index.html").write_text("<!doctype html><title>Elsewhere</title>")
    (folder / "favicon.ico").write_bytes(b"")
    with ExitStack() as stack:
        urls = []
        for _ in range(2):
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
            threading.Thread(target=server.serve_forever).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            urls.append(f"http://127.0.0.1:{server.server_address[1]}")
        yield urls


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest, site: Site, origins: list[str]) -> Server:
    """A server that lists the first of them."""
    server: Server = getattr(site, request.param)(NOTIFICATIONS_ALLOWED_ORIGINS=origins[:1])
    return server


async def what_it_gets(visitors: Visitors, server: Server, user: Person, origin: str) -> dict[str, str]:
    """Return what a page of this origin can read in the browser of somebody who is logged in at the site."""
    page: Page = await visitors.arrive(server, user, path="/")
    visitors.expect_problem(r"CORS|ERR_FAILED|403|WebSocket connection")
    visitors.expect_problem(r"establish a connection|NS_ERROR_(?:DOM_BAD_URI|WEBSOCKET)")  # Firefox
    await page.goto(origin)
    found: dict[str, str] = await page.evaluate(TRY, server.url)
    return found


async def test_a_listed_origin_reads_the_inbox(
    visitors: Visitors, server: Server, user: Person, origins: list[str]
) -> None:
    """Stream, WebSocket and API, with the reader's cookie, after a preflight too; the centre's page stays closed."""
    got = await what_it_gets(visitors, server, user, origins[0])
    assert '"mode":"reset"' in got["stream"]
    assert '"event":"hello"' in got["socket"]
    assert '"unread":0' in got["counts"]
    assert "event: reset" in got["resumed"]
    assert got["centre"] == "refused"


async def test_another_origin_gets_nothing(
    visitors: Visitors, server: Server, user: Person, origins: list[str]
) -> None:
    """Not a byte of the inbox, though the browser sends the reader's cookie."""
    got = await what_it_gets(visitors, server, user, origins[1])
    assert set(got.values()) == {"refused"}
