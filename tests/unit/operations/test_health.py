"""The pages for programs: who may read the numbers, and when a process says that it is not well."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from django.test import Client as Http
from pytest_django import DjangoAssertNumQueries, Settings

from notifications import InvalidSetting, notify
from notifications.hub import executor, listener, sweeper
from notifications.hub.counters import Pulse
from notifications.operations import health
from notifications.operations.health import Database
from tests.support.asgi import Site, channel_layer, open_site
from tests.support.browser import DEADLINE_SECONDS
from tests.support.model import follow

METRICS, HEALTH = "/notifications/metrics/", "/notifications/health/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    """Ask the database anew in each test."""
    fresh = Database()
    monkeypatch.setattr(health, "database", fresh)
    return fresh


# --- who may read the metrics


def test_staff_may_read_the_metrics(admin_client: Http) -> None:
    """In Prometheus' text format, and never from a cache."""
    answer = admin_client.get(METRICS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in answer.headers["Cache-Control"]
    assert b"\nnotifications_streams 0.0\n" in answer.content


def test_for_anyone_else_there_is_no_such_page(client: Http, user: User, other_user: User) -> None:
    """Nobody, a user, and staff who was deactivated all get 404."""
    assert client.get(METRICS).status_code == 404
    client.force_login(user)
    assert client.get(METRICS).status_code == 404
    other_user.is_staff = True
    other_user.save()
    client.force_login(other_user)
    assert client.get(METRICS).status_code == 200
    other_user.is_active = False
    other_user.save()
    assert client.get(METRICS).status_code == 404


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "10.1.0.0/16"),
        ("::1", "::1"),
        ("fd00::7", "fd00::/8"),
        ("::ffff:10.1.2.3", "10.1.0.0/16"),
    ],
)
def test_a_configured_address_may_read_them_without_a_query(
    client: Http,
    settings: Settings,
    django_assert_num_queries: DjangoAssertNumQueries,
    address: str,
    known: str,
) -> None:
    """Alone or in its network, also as a dual-stack socket writes it; the database may be away."""
    settings.NOTIFICATIONS_METRICS_ADDRESSES = ["192.0.2.1", known]
    with django_assert_num_queries(0):
        assert client.get(METRICS, REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["10.2.0.1", "2001:db8::1", "", "unknown"])
def test_another_address_may_not(client: Http, settings: Settings, address: str) -> None:
    """Nor may a Unix socket, which has none."""
    settings.NOTIFICATIONS_METRICS_ADDRESSES = ["10.1.0.0/16", "::1"]
    assert client.get(METRICS, REMOTE_ADDR=address).status_code == 404


@pytest.mark.parametrize("header", health.FORWARDED)
def test_what_a_header_says_of_the_address_opens_nothing(client: Http, settings: Settings, header: str) -> None:
    """Neither the address that it claims, nor the proxy's own, which would be everybody's."""
    settings.NOTIFICATIONS_METRICS_ADDRESSES = ["127.0.0.1"]
    for value, address in (("127.0.0.1", "192.0.2.1"), ("192.0.2.1", "127.0.0.1")):
        assert client.get(METRICS, REMOTE_ADDR=address, headers={header: value}).status_code == 404


@pytest.mark.parametrize("address", ["10.1.2.3/8", "localhost", "", "10.1.2", 7])
def test_an_address_that_is_none_is_refused(client: Http, settings: Settings, address: Any) -> None:
    """The error names the setting and the value."""
    settings.NOTIFICATIONS_METRICS_ADDRESSES = [address]
    with pytest.raises(InvalidSetting, match=f"NOTIFICATIONS_METRICS_ADDRESSES contains {address!r}"):
        client.get(METRICS)


@pytest.mark.parametrize("page", [METRICS, HEALTH])
def test_the_pages_are_only_read(admin_client: Http, page: str) -> None:
    """They answer GET and HEAD."""
    assert admin_client.post(page).status_code == 405
    assert admin_client.head(page).status_code == 200


# --- health


def test_a_process_without_streams_is_well(client: Http) -> None:
    """No hub has started yet; anyone may ask."""
    answer = client.get(HEALTH)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "streams": 0, "problems": []})
    assert "no-store" in answer.headers["Cache-Control"]


async def ask(site: Site) -> tuple[int, dict[str, Any]]:
    """Return status and content of the health page, asked on the thread of the pages."""
    answer = await site.do(Http().get, HEALTH)
    return answer.status_code, answer.json()


async def becomes(site: Site, *codes: str) -> dict[str, Any]:
    """Wait until the health page names these problems, or none."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            status, content = await ask(site)
            assert status == (503 if content["problems"] else 200)
            if [problem["code"] for problem in content["problems"]] == list(codes):
                return content


@pytest.mark.usefixtures("bystander")
async def test_it_counts_streams_and_tells_nothing_of_their_users(site: Site, user: User) -> None:
    """How many there are is all that anybody learns; the other user's stream hears nothing of it."""
    await site.do(notify, user, title="Secret")
    await (await site.open(user)).hello()
    assert await ask(site) == (200, {"status": "ok", "streams": 2, "problems": []})


@pytest.mark.parametrize(("code", "attribute", "limit"), [("deaf", "probed_at", 65), ("sweep", "swept_at", 180)])
async def test_it_fails_once_a_way_to_news_is_overdue(site: Site, code: str, attribute: str, limit: float) -> None:
    """A probe may take the rejoin interval and its time-out, a sweep three intervals; then the page says what to do."""
    site.hub.pulse = Pulse()  # one that the hub's own probe does not move meanwhile
    setattr(site.hub.pulse, attribute, getattr(site.hub.pulse, attribute) - limit + 5)
    assert (await ask(site))[0] == 200
    setattr(site.hub.pulse, attribute, getattr(site.hub.pulse, attribute) - 6)
    status, content = await ask(site)
    assert (status, content["status"]) == (503, "failing")
    (problem,) = content["problems"]
    assert problem["code"] == code
    assert "See " in problem["message"]


class Layer(InMemoryChannelLayer):
    """A layer that may deliver nothing, as when Redis has lost the subscription."""

    is_deaf = False

    async def group_send(self, group: str, message: Any) -> None:
        """Send, or lose it."""
        if not self.is_deaf:
            await super().group_send(group, message)


async def test_a_hub_that_goes_deaf_is_found_and_recovers(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the layer delivers no more the page fails, and soon after it delivers again the process is well."""
    for module in (listener, health):
        monkeypatch.setattr(module, "LAYER_SECONDS", 0.2)
    monkeypatch.setattr(executor, "RESTART_SECONDS", 0.02)
    layer = Layer()
    with channel_layer(layer):
        async with open_site(NOTIFICATIONS_REJOIN_SECONDS=0.05) as site:
            browser, _ = await follow(site, user)
            other, _ = await follow(site, other_user)
            await becomes(site)
            layer.is_deaf = True
            assert "channel layer 'default'" in (await becomes(site, "deaf"))["problems"][0]["message"]
            layer.is_deaf = False
            await becomes(site)
            await site.do(notify, user, title="live again")
            await browser.next("change")
            assert other.unseen_events == []


async def test_a_sweeper_that_fails_is_found_and_recovers(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its query fails the page does; when it works again the process is well."""
    monkeypatch.setattr(executor, "RESTART_SECONDS", 0.02)
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=0.1) as site:
        for each in (user, other_user):
            await follow(site, each)
        await becomes(site)
        with monkeypatch.context() as patch:
            patch.setattr(sweeper, "read_positions", failing)
            await becomes(site, "sweep")
        await becomes(site)


def failing(*_: Any) -> Any:
    """Fail as a database does that is away."""
    raise OperationalError("connection to 10.9.8.7 refused")


def test_a_database_that_fails_is_named_without_its_address(
    client: Http, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The page says that it does not answer; what the driver said of hosts and users stands in the log only."""
    monkeypatch.setattr(CursorWrapper, "execute", failing)
    answer = client.get(HEALTH)
    assert answer.status_code == 503
    assert [problem["code"] for problem in answer.json()["problems"]] == ["database"]
    assert b"10.9.8.7" not in answer.content
    assert "10.9.8.7" in caplog.text


def test_a_database_that_hangs_holds_up_one_thread(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody is told in time that it does not answer, and the question is put once until it was given up."""
    asked: list[Future[bool]] = []
    is_asked = threading.Event()

    def hang(answer: Future[bool]) -> None:
        asked.append(answer)
        is_asked.set()

    monkeypatch.setattr(health, "ask", hang)
    monkeypatch.setattr(health, "DATABASE_SECONDS", 0.05)
    assert [client.get(HEALTH).status_code for _ in range(3)] == [503, 503, 503]
    assert is_asked.wait(10)
    assert len(asked) == 1
    monkeypatch.setattr(health, "HANGING_SECONDS", 0.0)
    is_asked.clear()
    client.get(HEALTH)
    assert is_asked.wait(10)
    assert len(asked) == 2


def test_who_asks_often_gets_the_same_answer(client: Http, monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    """The page is public, so it asks the database once a second at most; then it asks anew."""
    asked: list[None] = []
    real = health.ask

    def counted(answer: Future[bool]) -> None:
        asked.append(None)
        real(answer)

    monkeypatch.setattr(health, "ask", counted)
    assert {client.get(HEALTH).status_code for _ in range(5)} == {200}
    assert len(asked) == 1
    database._asked_at -= health.ANSWER_SECONDS
    assert client.get(HEALTH).status_code == 200
    assert len(asked) == 2
