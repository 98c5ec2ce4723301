"""The recipe for nginx in front of two workers: events pass at once, and clients outlive what happens to workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.behind import (
    CLIENTS,
    PING_SECONDS,
    arrive_at_once,
    assert_resumed,
    behind_proxy,
    several,
    static_of,
    streams_become,
)
from tests.support.chromium import CENTRE, badge, expect_unread, headings
from tests.support.nginx import Nginx
from tests.support.secure import SecureClient, SecureVisit, SecureVisitors, follow_securely, trusting_anybody
from tests.support.servers import Person, Site
from tests.support.socket_client import SocketClient
from tests.support.workers import Workers

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    # httpx leaves a socket open when its line is cut while it is being made; which is what these tests do to it
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]
StartNginx = Callable[..., Nginx]

REFUSED_MS: Final = 15_000  # a browser comes back up to 5 s after the cut, and only then meets the 502
BACK_OFF_MS: Final = 20_000  # starting the workers takes 3 s; by then the script's pauses are up to 8 s


@pytest.fixture(scope="module")
def site(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site over Redis whose sweepers come too late to be of help."""
    with behind_proxy(tmp_path_factory.mktemp("proxied"), blank) as site:
        yield site


@pytest.fixture(scope="module")
def daphnes(site: Site) -> Workers:
    """Two Daphne processes."""
    return Workers(site, "daphne")


@pytest.fixture(scope="module")
def uvicorns(site: Site) -> Workers:
    """Two uvicorn processes, as systemd would start them."""
    return Workers(site, "uvicorn")


@pytest.fixture(params=["daphnes", "uvicorns"])
def workers(request: pytest.FixtureRequest) -> Workers:
    """Each pair in turn, both of them running."""
    workers: Workers = request.getfixturevalue(request.param)
    workers.start()
    return workers


@pytest.fixture
def start_nginx(workers: Workers, site: Site, tmp_path: Path) -> Iterator[StartNginx]:
    """A function that starts the recipe in front of the workers, with changes where there are any."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Nginx(tmp_path, workers.ports, static=static_of(site), **options))


@pytest.fixture
def nginx(start_nginx: StartNginx) -> Nginx:
    """The recipe as it is."""
    return start_nginx()


@pytest_asyncio.fixture(loop_scope="session")
async def visitors(browser: Browser) -> AsyncIterator[SecureVisitors]:
    """People with a browser who accept the certificate. No page of theirs may have complained about anything else."""
    visitors = SecureVisitors(browser)
    yield visitors
    await visitors.leave()
    assert not visitors.unexpected


# --- events


async def test_events_pass_at_once(nginx: Nginx, site: Site, user: Person, other: Person) -> None:
    """With gzip on and buffering as it is by default, in HTTP/1.1 and HTTP/2, each event passes at once, as written."""
    async with several(nginx, user, other) as clients, SecureVisit(nginx.url) as visit:
        assert (await visit.http.get("/")).headers["content-encoding"] == "gzip"
        heads = [client.all("open")[0].data for client in clients]
        assert {head["protocol"] for head in heads} == {"HTTP/1.1", "HTTP/2"}
        assert not any("content-encoding" in head for head in heads)
        await arrive_at_once(site, user, *clients)


async def test_a_websocket_passes_too(nginx: Nginx, site: Site, user: Person, other: Person) -> None:
    """The recipe passes a WebSocket on, in both directions, with the page's origin recognised through TLS."""
    async with SecureVisit(nginx.url) as visit:
        await visit.login(user)
        cookie = visit.cookie
    pk = await site.acall("notify(user, title='Before').pk", user=user.pk)
    client = SocketClient(nginx.url, cookie)
    client.ssl = trusting_anybody()
    async with client:
        await client.until(lambda client: client.replica.modseq)
        await site.acall("notify(user, title='Through nginx').pk", user=user.pk)
        await client.knows("Through nginx")
        assert (await client.ask(do="read", ids=[pk]))["data"]["changed"] == 1
        await client.equals_database(site, user.pk)


OTHER_WAYS: Final[dict[str, dict[str, Any]]] = {
    "HTTP/1.0 to the workers": {"changes": {"proxy_http_version 1.1;": ""}},
    "connections that are kept": {
        "changes": {
            "least_conn;": "least_conn; keepalive 8;",
            "proxy_http_version 1.1;": 'proxy_http_version 1.1; proxy_set_header Connection "";',
        }
    },
    "compressing all types": {"more": "gzip_types *; gzip_proxied any; gzip_min_length 0;"},
}


@pytest.mark.parametrize("way", OTHER_WAYS)
async def test_events_pass_other_nginxes(
    start_nginx: StartNginx, site: Site, user: Person, other: Person, way: str
) -> None:
    """They pass at once, and leave nothing out, where nginx is set up in another way that is common."""
    unusual = start_nginx(**OTHER_WAYS[way])
    async with several(unusual, user, other) as clients:
        assert ("content-encoding" in clients[0].all("open")[0].data) == (way == "compressing all types")
        await arrive_at_once(site, user, *clients)


async def test_buffering_would_hold_events_up(
    workers: Workers, start_nginx: StartNginx, nginx: Nginx, site: Site, user: Person
) -> None:
    """It is the stream's own header that lets events pass: an nginx that was told to ignore it keeps them to itself."""
    line = "proxy_http_version 1.1;"
    holding = start_nginx(changes={line: f"{line} proxy_ignore_headers X-Accel-Buffering;"})
    async with follow_securely(nginx.url, user) as mine, SecureClient(holding.url, mine.cookie) as held:
        await streams_become(workers.ports, 2)
        await arrive_at_once(site, user, mine)
        await mine.next("ping")
        assert not held.journal.entries


async def test_an_impatient_nginx_costs_connections_only(
    start_nginx: StartNginx, nginx: Nginx, site: Site, user: Person, other: Person
) -> None:
    """With a `proxy_read_timeout` below the ping, streams are cut between pings, resume, and miss nothing."""
    impatient = start_nginx(changes={"proxy_read_timeout 60s;": f"proxy_read_timeout {PING_SECONDS * 500:.0f}ms;"})
    async with several(nginx, user, other, through=impatient) as clients:
        for number in range(3):
            await site.acall("notify(user, title=title).pk", user=user.pk, title=f"Event {number}")
            for client in clients:
                await client.next("end")
        for client in clients:
            await client.equals_database(site, user.pk)
            assert "lost" in [entry.data for entry in client.all("end")]
        assert_resumed(clients)


# --- workers and nginx come and go


async def test_clients_of_a_killed_worker_move(
    workers: Workers, nginx: Nginx, site: Site, user: Person, other: Person
) -> None:
    """They go on at the other worker where they stood, without a 502, whichever it is that was killed."""
    async with several(nginx, user, other) as clients:
        for number in (0, 1):
            before = sum(client.connections for client in clients)
            workers.kill(number)
            await site.acall("notify(user, title='While one is down').pk", user=user.pk)
            for client in clients:
                await client.equals_database(site, user.pk)
            assert sum(client.connections for client in clients) > before
            await asyncio.to_thread(workers.start)
        await arrive_at_once(site, user, *clients)
        assert_resumed(clients)
        assert not any(client.all("refused") for client in clients)


async def test_a_stopped_worker_says_goodbye(
    workers: Workers, nginx: Nginx, site: Site, user: Person, other: Person
) -> None:
    """Stopped as systemd does it, a worker sends `bye drain` through nginx and ends in time; its clients move."""
    async with several(nginx, user, other) as clients:
        await asyncio.to_thread(workers.stop, 0)
        await arrive_at_once(site, user, *clients)
        told = [client for client in clients if client.all("bye")]
        assert 0 < len(told) < CLIENTS
        for client in clients:
            assert all(entry.data == {"reason": "drain"} for entry in client.all("bye"))
            assert all(entry.data == "drain" for entry in client.all("end"))
        assert_resumed(clients)
        assert not any(client.all("refused") for client in clients)


@pytest.mark.parametrize("workers", ["uvicorns"], indirect=True)
async def test_a_page_outlives_a_502(
    workers: Workers, nginx: Nginx, site: Site, visitors: SecureVisitors, user: Person, other: Person
) -> None:
    """With all workers down EventSource meets 502 and gives up for good; the page tries again until its badge is right."""
    visitors.expect_problem(r"502 \(|net::ERR_")
    page = await visitors.arrive(nginx.url, user, path=CENTRE)
    theirs = await visitors.arrive(nginx.url, other, path=CENTRE)
    assert await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    await site.acall("notify(user, title='Before').pk", user=user.pk)
    await expect_unread(page, 1)
    await page.evaluate("window.isSamePage = true")
    async with several(nginx, user, other) as clients:
        async with page.expect_console_message(lambda it: "no live stream" in it.text, timeout=REFUSED_MS):
            workers.kill(0, 1)
        await site.acall("notify(user, title='While all are down').pk", user=user.pk)
        for client in clients:
            await client.until(lambda client: client.all("refused"))
            assert client.all("refused")[0].data["status"] == "502"
        await asyncio.to_thread(workers.start)
        await expect(badge(page)).to_have_text("2", timeout=BACK_OFF_MS)
        for client in clients:
            await client.equals_database(site, user.pk)
        assert_resumed(clients)
    await expect(headings(page)).to_have_text(["While all are down", "Before"])
    assert await page.evaluate("window.isSamePage")
    await expect_unread(theirs, 0)


@pytest.mark.parametrize("workers", ["uvicorns"], indirect=True)
async def test_a_reload_leaves_streams_alone(nginx: Nginx, site: Site, visitors: SecureVisitors, user: Person) -> None:
    """`systemctl reload nginx`, as after a renewed certificate, cuts no stream, and new ones open beside the old."""
    page = await visitors.arrive(nginx.url, user)
    async with follow_securely(nginx.url, user) as client:
        await expect_unread(page, 0)
        streams = len(visitors.streams)
        await asyncio.to_thread(nginx.reload)
        async with follow_securely(nginx.url, user, http2=True) as late:
            await arrive_at_once(site, user, client, late)
        await expect_unread(page, client.replica.unread)
        assert (client.connections, len(visitors.streams)) == (1, streams)


async def test_who_leaves_is_noticed(workers: Workers, nginx: Nginx, user: Person, other: Person) -> None:
    """When a client goes, nginx tells the worker, whose stream ends with it."""
    async with several(nginx, user, other):
        await streams_become(workers.ports, CLIENTS + 1)
    await streams_become(workers.ports, 0)


# --- what workers believe of a visitor


async def test_workers_know_visitor_and_address(workers: Workers, nginx: Nginx) -> None:
    """They see the visitor's own address and the one that was visited, whatever the visitor says of them."""
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    async with SecureVisit(nginx.url, local_address="127.0.0.2") as visit:
        seen = (await visit.http.get("/arrived/", headers=lies)).json()
        assert seen == {"client": "127.0.0.2", "url": f"{nginx.url}/arrived/"}
        assert (await visit.http.get("/notifications/metrics/")).status_code == 404
        plain = await visit.http.get(f"{nginx.plain_url}/notifications/?page=2")
        assert (plain.status_code, plain.headers["location"]) == (301, "https://127.0.0.1/notifications/?page=2")
