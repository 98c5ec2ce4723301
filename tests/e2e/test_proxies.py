"""The recipes for Caddy and HAProxy in front of two workers: what `test_nginx.py` asks of nginx, they do as well."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from playwright.async_api import Page, async_playwright, expect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.behind import (
    arrive_at_once,
    assert_resumed,
    behind_proxy,
    several,
    static_of,
    streams_become,
    streams_of,
)
from tests.support.caddy import Caddy
from tests.support.chromium import ARGUMENTS, badge, log_in
from tests.support.client import PATH
from tests.support.fronts import Front
from tests.support.haproxy import Haproxy
from tests.support.lineup import start_front
from tests.support.processes import find_program
from tests.support.secure import SecureVisit, follow_securely, trusting_anybody
from tests.support.servers import Person, Site
from tests.support.socket_client import SocketClient
from tests.support.workers import Workers

pytestmark = pytest.mark.asyncio(loop_scope="session")

FRONTS: Final = ("Caddy", "HAProxy")


@pytest.fixture(scope="module")
def site(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site over Redis whose sweepers come too late to be of help."""
    with behind_proxy(tmp_path_factory.mktemp("fronted"), blank) as site:
        yield site


@pytest.fixture(scope="module")
def pair(site: Site) -> Workers:
    """Two uvicorn processes, as systemd would start them."""
    return Workers(site, "uvicorn")


@pytest.fixture
def workers(pair: Workers) -> Workers:
    """The pair, both of them running."""
    pair.start()
    return pair


@pytest.fixture(scope="module", params=FRONTS)
def front(
    request: pytest.FixtureRequest, pair: Workers, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """Each proxy in turn, with its recipe."""
    with start_front(request.param, tmp_path_factory.mktemp("front"), pair.ports, static=static_of(site)) as front:
        yield front


async def busiest_of(workers: Workers) -> int:
    """Return which worker has the most streams: HAProxy gives one that was restarted none until it has asked its health."""
    counts = [await streams_of(port) for port in workers.ports]
    return counts.index(max(counts))


async def test_events_pass_at_once(workers: Workers, front: Front, site: Site, user: Person, other: Person) -> None:
    """In HTTP/1.1 and HTTP/2 each event passes at once, as written.

    The snapshot is large: that is what Caddy 2.6 would compress, and hold back, without the recipe's exception.
    """
    await site.acall("[notify(user, title='Old', body='x' * 500).pk for _ in range(5)]", user=user.pk)
    async with several(front, user, other) as clients:
        heads = [client.all("open")[0].data for client in clients]
        assert {head["protocol"] for head in heads} == {"HTTP/1.1", "HTTP/2"}
        assert not any("content-encoding" in head for head in heads)
        await arrive_at_once(site, user, *clients)


async def test_events_of_django_eventstream_pass_at_once(
    workers: Workers, front: Front, site: Site, user: Person
) -> None:
    """Its view begins with 2 KiB, which Caddy 2.6 would compress, and is not at our stream's address."""
    async with SecureVisit(front.url) as visit:
        await visit.login(user)
        headers = {"Accept-Encoding": "gzip"}  # as browsers say; without it nothing is compressed
        async with asyncio.timeout(10), visit.http.stream("GET", "/events/", headers=headers) as answer:
            assert "content-encoding" not in answer.headers
            pieces = answer.aiter_bytes()
            assert b"event: stream-open" in await anext(pieces)
            await site.acall("notify(user, title='At once').pk", user=user.pk)
            assert b"At once" in await anext(pieces)


@pytest.mark.parametrize("name", FRONTS)
async def test_who_leaves_is_noticed(name: str, site: Site, user: Person, tmp_path: Path) -> None:
    """When a client goes, the worker is told at once, not by a ping that cannot be written."""
    server = await asyncio.to_thread(site.uvicorn, NOTIFICATIONS_PING_SECONDS=60.0)
    with start_front(name, tmp_path, [server.port] * 2, static=static_of(site)) as front:
        for http2 in (False, True):
            async with follow_securely(front.url, user, http2=http2):
                await streams_become([server.port], 1)
            await streams_become([server.port], 0)
    server.process.kill()


async def test_a_websocket_passes_too(workers: Workers, front: Front, site: Site, user: Person) -> None:
    """A WebSocket passes in both directions; the page's origin is recognised through TLS, and another one refused."""
    async with SecureVisit(front.url) as visit:
        await visit.login(user)
        cookie = visit.cookie
        for origin, status in ((front.url.replace("https", "http"), 403), ("https://elsewhere.example", 403)):
            answer = await visit.http.get(PATH, headers={"Origin": origin})
            assert answer.status_code == status
    pk = await site.acall("notify(user, title='Before').pk", user=user.pk)
    client = SocketClient(front.url, cookie)
    client.ssl = trusting_anybody()
    async with client:
        await client.until(lambda client: client.replica.modseq)
        await site.acall("notify(user, title='Through').pk", user=user.pk)
        await client.knows("Through")
        assert (await client.ask(do="read", ids=[pk]))["data"]["changed"] == 1
        await client.equals_database(site, user.pk)


async def test_a_reload_leaves_streams_alone(workers: Workers, front: Front, site: Site, user: Person) -> None:
    """As after a renewed certificate: streams stay where they are; WebSockets too, but Caddy closes them and they resume."""
    assert isinstance(front, Caddy | Haproxy)
    async with follow_securely(front.url, user) as client:
        headers = {"Cookie": client.cookie, "Origin": front.url}
        url = front.url.replace("https", "wss") + "/notifications/ws/"
        async with connect(url, additional_headers=headers, proxy=None, ssl=trusting_anybody()) as socket:
            await asyncio.to_thread(front.reload)
            async with follow_securely(front.url, user, http2=True) as late:
                await arrive_at_once(site, user, client, late)
            texts: list[str] = []
            with suppress(ConnectionClosed):
                while "Event 2" not in "".join(texts):
                    texts.append(await socket.recv(decode=True))
            # Caddy says 1001 between two messages and breaks off within one: either way the client knows.
            assert (socket.close_code is not None) == isinstance(front, Caddy)
        assert client.connections == 1
    if isinstance(front, Haproxy):
        assert front.leaving is not None
        assert await asyncio.to_thread(front.leaving.wait) == 0


async def test_clients_of_a_killed_worker_move(
    workers: Workers, front: Front, site: Site, user: Person, other: Person
) -> None:
    """They go on at the other worker where they stood, without a 502, whichever it is that was killed."""
    async with several(front, user, other) as clients:
        busiest = await busiest_of(workers)
        for number in (busiest, 1 - busiest):
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
    workers: Workers, front: Front, site: Site, user: Person, other: Person
) -> None:
    """Stopped as systemd does it, a worker sends `bye drain` through the proxy; its clients move."""
    async with several(front, user, other) as clients:
        await asyncio.to_thread(workers.stop, await busiest_of(workers))
        await arrive_at_once(site, user, *clients)
        assert any(client.all("bye") for client in clients)
        for client in clients:
            assert all(entry.data == {"reason": "drain"} for entry in client.all("bye"))
        assert_resumed(clients)
        assert not any(client.all("refused") for client in clients)


async def test_workers_know_visitor_and_address(workers: Workers, front: Front) -> None:
    """They see the visitor's own address and the one that was visited, whatever the visitor says of them."""
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    async with SecureVisit(front.url, local_address="127.0.0.2") as visit:
        encoding = (await visit.http.get("/")).headers.get("content-encoding")
        assert encoding == ("gzip" if isinstance(front, Caddy) else None)
        seen = (await visit.http.get("/arrived/", headers=lies)).json()
        assert seen == {"client": "127.0.0.2", "url": f"{front.url}/arrived/"}
        assert (await visit.http.get("/notifications/metrics/")).status_code == 404
        assert (await visit.http.get("/static/notifications/index.js")).status_code == 200
        plain = await visit.http.get(f"{front.plain_url}/notifications/?page=2")
        assert plain.status_code in (301, 308)
        assert plain.headers["location"].startswith("https://127.0.0.1")
        assert plain.headers["location"].endswith("/notifications/?page=2")


async def test_http3_passes_too(workers: Workers, site: Site, user: Person, tmp_path: Path) -> None:
    """Caddy offers HTTP/3 by itself, and browsers take it: a bell is live over it, and who leaves is noticed."""
    with start_front("Caddy", tmp_path, workers.ports, static=static_of(site)) as front:
        async with chromium_over_http3(front) as page:
            await page.goto("/accounts/login/?next=/")
            await log_in(page, user)
            await expect(badge(page)).to_be_hidden()
            assert await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h3"
            await streams_become(workers.ports, 1)
            await site.acall("notify(user, title='Over HTTP/3').pk", user=user.pk)
            await expect(badge(page)).to_have_text("1")
        await streams_become(workers.ports, 0)


@asynccontextmanager
async def chromium_over_http3(front: Front) -> AsyncIterator[Page]:
    """Run a Chromium that asks a proxy in HTTP/3 from the first request on, and believes its certificate."""
    certificate = load_pem_x509_certificate((front.folder / "fullchain.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    arguments = [
        *(argument for argument in ARGUMENTS if argument != "--disable-quic"),
        f"--origin-to-force-quic-on=127.0.0.1:{front.port}",
        f"--ignore-certificate-errors-spki-list={b64encode(sha256(key).digest()).decode()}",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_program("chromium"), args=arguments)
        yield await browser.new_page(base_url=front.url)
        await browser.close()
