"""How often: one budget for each user over all doors, no doubling at the turn of the minute, no failure without a cache."""

from __future__ import annotations

import logging
import random
import time
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client, RequestFactory
from pytest_django import Settings

from notifications import notify
from notifications.access.limits import OpeningCounter, spend, spend_address
from notifications.endpoints.websocket import SocketApplication
from notifications.exceptions import TooOften
from notifications.integrations.eventstream import LogChannelManager, TooManyStreams
from notifications.models import Notification
from tests.support.api import Program
from tests.support.asgi import Site, log_in
from tests.support.browser import DEADLINE_SECONDS

CENTRE = "/notifications/"


class Away(LocMemCache):
    """A cache whose server is away."""

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        """Fail, as a client of Redis does."""
        raise ConnectionError("connection refused")


def spent(user: User, tries: int) -> int:
    """Return how many of so many actions at once are granted."""
    granted = 0
    for _ in range(tries):
        try:
            spend(user)
        except TooOften:
            break
        granted += 1
    return granted


def test_the_turn_of_the_minute_doubles_nothing(user: User, clock: list[float], settings: Settings) -> None:
    """What was granted at the end of a minute counts in the next one, and less with every second."""
    settings.NOTIFICATIONS_ACTIONS_PER_MINUTE = 60
    clock[0] += 59
    assert spent(user, 100) == 60
    clock[0] += 1
    assert spent(user, 100) == 0
    clock[0] += 30
    assert spent(user, 100) == 30
    clock[0] += 90
    assert spent(user, 100) == 60


def test_the_wait_that_is_named_is_enough_and_no_longer(user: User, clock: list[float], settings: Settings) -> None:
    """After `seconds` one more is granted; two seconds before it is not. Compared at many moments of two minutes."""
    settings.NOTIFICATIONS_ACTIONS_PER_MINUTE = 7
    chance = random.Random(1)
    for _ in range(200):
        clock[0] += chance.uniform(0, 20)
        spent(user, chance.randint(1, 9))
        try:
            spend(user)
        except TooOften as error:
            begun = clock[0]
            clock[0] = begun + error.seconds - 2
            if clock[0] > begun:
                assert spent(user, 1) == 0
            clock[0] = begun + error.seconds
            assert spent(user, 1) == 1


def test_who_keeps_asking_gets_as_much_as_who_waits(user: User, clock: list[float], settings: Settings) -> None:
    """What is refused is not counted: 100 tries a second leave as many granted as the limit says."""
    settings.NOTIFICATIONS_ACTIONS_PER_MINUTE = 60
    granted: list[int] = []
    for _second in range(300):
        granted.append(spent(user, 100))
        clock[0] += 1
    minutes = [sum(granted[start : start + 60]) for start in range(0, 300, 60)]
    assert all(55 <= each <= 60 for each in minutes)


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_all_doors_share_one_budget(user: User, other_user: User, settings: Settings) -> None:
    """What a user does on the page counts for the API, and the other way round; the other user has their own."""
    notify(user, title="One")
    page, program, other = Client(), Program(user), Program(other_user)
    page.force_login(user)
    settings.NOTIFICATIONS_ACTIONS_PER_MINUTE = 3
    assert page.get(f"{CENTRE}?q=one").status_code == 200
    assert page.post(f"{CENTRE}seen/").status_code == 302
    assert program.send("POST", "seen").status_code == 200
    assert program.send("POST", "seen").status_code == 429
    assert page.get(CENTRE).status_code == 200
    assert other.send("POST", "seen").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "data"), [("seen/", {}), ("?q=one&part=rows", None)])
@pytest.mark.parametrize("wants_json", [True, False])
def test_a_page_says_when_to_come_back(
    client: Client, user: User, settings: Settings, address: str, data: Any, wants_json: bool
) -> None:
    """429 with Retry-After: for the script as JSON with the code `limited`, for a person in words."""
    settings.NOTIFICATIONS_ACTIONS_PER_MINUTE = 1
    client.force_login(user)
    spent(user, 5)  # also where the minute turns between two of them
    headers = {"Accept": "application/json"} if wants_json else {}
    if data is None:
        response = client.get(CENTRE + (address if wants_json else "?q=one"), headers=headers)
    else:
        response = client.post(CENTRE + address, data, headers=headers)
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 120
    if wants_json:
        assert response.json()["error"]["code"] == "limited"
    else:
        assert f"try again in {response['Retry-After']} seconds" in response.content.decode()


@pytest.mark.django_db
def test_a_cache_that_is_away_stops_nobody(
    client: Client, user: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Page and API go on, and the log says once that limits are not kept."""
    program = Program(user)
    client.force_login(user)
    settings.NOTIFICATIONS_ACTIONS_PER_MINUTE = 1
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Away"}}
    with caplog.at_level(logging.WARNING, "notifications.limits"):
        assert [program.send("POST", "seen").status_code for _ in range(3)] == [200] * 3
        assert [client.post(f"{CENTRE}seen/").status_code for _ in range(3)] == [302] * 3
    assert [record.name for record in caplog.records].count("notifications.limits") == 1


@pytest.mark.django_db
def test_a_cache_that_keeps_nothing_throttles_nobody(user: User, settings: Settings) -> None:
    """Without a cache there is no count, and no failure either."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    settings.NOTIFICATIONS_ACTIONS_PER_MINUTE = 1
    assert spent(user, 3) == 3


def test_openings_without_a_login_count_by_address(settings: Settings) -> None:
    """So many from one address; another one, and who stands behind no address, is not touched."""
    settings.NOTIFICATIONS_OPENINGS_PER_MINUTE = 2
    for _ in range(2):
        spend_address("203.0.113.9")
    with pytest.raises(TooOften):
        spend_address("203.0.113.9")
    spend_address("203.0.113.10")
    for _ in range(5):
        spend_address("")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("clock")
async def test_an_order_over_a_socket_counts_as_well(site: Site, user: User, settings: Settings) -> None:
    """What is too much is answered `limited`, with the seconds to wait; nothing is changed, and the line stays open."""
    settings.NOTIFICATIONS_ACTIONS_PER_MINUTE = 2
    sent = await site.do(notify, user, title="One")
    cookie = f"{settings.SESSION_COOKIE_NAME}={await site.do(log_in, user)}"
    client = WebsocketCommunicator(SocketApplication(), "/notifications/ws/", [(b"cookie", cookie.encode())])
    assert (await client.connect())[0]
    answers = []
    for action in ("read", "unread", "read", "ping"):
        await client.send_json_to({"do": action, "ids": [sent.pk], "ref": action})
        while (answer := await client.receive_json_from(DEADLINE_SECONDS))["event"] not in ("done", "error", "pong"):
            pass
        answers.append(answer)
    await client.disconnect()
    assert [answer["event"] for answer in answers] == ["done", "done", "error", "pong"]
    assert answers[2]["data"]["code"] == "limited"
    assert answers[2]["data"]["retry_after"] >= 1
    assert not await site.do(lambda: Notification.objects.get(pk=sent.pk).is_read)


@pytest.mark.django_db(transaction=True)
async def test_who_comes_back_all_the_time_is_let_in_and_waits_longer(
    site: Site, user: User, other_user: User, settings: Settings
) -> None:
    """A valid session is never refused: past the limit its `retry:` is 20 s and more. The other user's is as ever."""
    settings.NOTIFICATIONS_OPENINGS_PER_MINUTE = 3
    waits = []
    for _ in range(5):
        browser = await site.open(user)
        waits.append((await browser.hello()).retry or 0)
        await browser.disconnect()
    other = await (await site.open(other_user)).hello()
    assert [wait >= 20_000 for wait in waits] == [False, False, False, True, True]
    assert (other.retry or 0) < 20_000


@pytest.mark.django_db
def test_public_topics_open_so_often_for_an_address(settings: Settings) -> None:
    """Who is not logged in is told so past the limit, by `stream-error`; another address is not."""
    settings.NOTIFICATIONS_OPENINGS_PER_MINUTE = 1

    def opened(address: str) -> set[str]:
        request = RequestFactory().get("/events/?channel=public-status", REMOTE_ADDR=address)
        request.user = AnonymousUser()
        return LogChannelManager().get_channels_for_request(request, {})

    assert opened("203.0.113.9") == {"public-status"}
    with pytest.raises(TooManyStreams, match="try again in"):
        opened("203.0.113.9")
    assert opened("203.0.113.10") == {"public-status"}


def test_openings_are_many_only_within_a_minute(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """A user who comes back all the time is told apart from the others, and not for ever."""
    settings.NOTIFICATIONS_OPENINGS_PER_MINUTE = 5
    now = 60.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    openings = OpeningCounter()
    for _ in range(6):
        openings.count("7")
    openings.count("8")
    assert (openings.are_many("7"), openings.are_many("8"), openings.are_many("9")) == (True, False, False)
    now += 60
    openings.count("8")
    assert openings.are_many("7")
    now += 30
    assert not openings.are_many("7")
    now += 600
    openings.count("8")
    assert openings._before == {}
