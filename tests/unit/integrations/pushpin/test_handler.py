"""What the edge is answered: for a client that has come, and about a connection that it holds."""

from __future__ import annotations

import asyncio
import secrets
import string
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.asgi import get_asgi_application
from django.db import OperationalError
from django.test import override_settings

from notifications import make_token, notify
from notifications.access.kept_request import KeptRequest
from notifications.access.reader import build_tag
from notifications.access.tokens import Bearer, parse_bearer
from notifications.asgi import with_stream
from notifications.integrations import pushpin
from notifications.integrations.pushpin.tickets import make_ticket, read_ticket
from notifications.log.replay import inbox_of, read_after
from notifications.models.token import ApiToken
from notifications.protocol.position import Position, Replay
from tests.support.asgi import Site, log_in
from tests.support.browser import Browser, request
from tests.support.doors import Closed

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = "/notifications/stream/"
LISTED = "https://app.example.com"
URL = "http://127.0.0.1:5561?key=a-secret-of-thirty-two-letters-or-more&iss=pushpin"

Headers = list[tuple[bytes, bytes]]


@pytest.fixture(autouse=True)
def edged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An edge to which nothing is sent."""
    monkeypatch.setattr("notifications.integrations.pushpin.publisher.publisher.put", lambda _items: None)
    with override_settings(NOTIFICATIONS_GRIP_URL=URL, NOTIFICATIONS_ALLOWED_ORIGINS=[LISTED]):
        yield


def signature() -> bytes:
    """Return what the proxy shows with each question."""
    claims = {"iss": "pushpin", "exp": int(time.time()) + 60}
    return jwt.encode(claims, pushpin.parse_url(URL).verify_key, algorithm="HS256").encode()


async def asked(*headers: tuple[bytes, bytes], query: str = "") -> tuple[int, dict[str, str], str]:
    """Ask as the proxy does; return status, headers and body."""
    signed: Headers = [(b"host", b"testserver"), (b"grip-sig", signature()), *headers]
    site: Any = ApplicationCommunicator(  # type: ignore[no-untyped-call]
        with_stream(get_asgi_application()), request(STREAM, headers=signed, query_string=query.encode())
    )
    await site.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await site.receive_output(10)
    body = await site.receive_output(10)
    assert not body.get("more_body", False), "it is held here"
    await site.wait(10)
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"].decode()


def held(user: User, position: Position | str, ticket: str) -> Headers:
    """Return what the proxy says of a connection that it holds."""
    lines = [f"notifications-user-{user.pk}; last-id={position}", f"notifications-ticket; last-id={ticket}"]
    return [(b"grip-last", line.encode()) for line in lines]


def ticket_in(headers: dict[str, str]) -> str:
    """Return the ticket that the proxy is to show next time."""
    return headers["grip-channel"].partition("notifications-ticket; prev-id=")[2].partition(",")[0]


def position_of(user: User) -> Position:
    """Return where a user's log stands."""
    inbox = inbox_of(user.pk)
    return Position(inbox.epoch, inbox.modseq)


async def test_a_client_is_let_in_and_held(site: Site, user: User) -> None:
    """With its session it gets what it is owed, and the proxy its instructions; a stolen ticket besides is no matter."""
    key = await site.do(log_in, user)
    status, headers, body = await asked((b"cookie", f"sessionid={key}".encode()))
    assert (status, headers["grip-hold"]) == (200, "stream")
    assert "event: hello" in body
    position = await site.do(position_of, user)
    assert f"notifications-user-{user.pk}; prev-id={position}, " in headers["grip-channel"]
    assert pushpin.name_session_channels(key)[0] in headers["grip-channel"]
    assert read_ticket(ticket_in(headers)) == (str(user.pk), key)
    assert key not in str(headers)


async def test_a_connection_goes_on_from_where_it_stands(site: Site, user: User) -> None:
    """The proxy is told what came after its position, without a second hello, and gets a new ticket."""
    key = await site.do(log_in, user)
    before = await site.do(position_of, user)
    await site.do(notify, user, title="Meanwhile")
    ticket = make_ticket(user.pk, key)
    status, headers, body = await asked(*held(user, before, ticket))
    assert (status, headers["grip-hold"]) == (200, "stream")
    assert body.count("event: ") == body.count("event: change") == 1
    assert "Meanwhile" in body
    assert f"prev-id={await site.do(position_of, user)}" in headers["grip-channel"]
    assert ticket_in(headers) != ticket


async def is_over(*headers: tuple[bytes, bytes], reason: str) -> None:
    """Check that the proxy is told to say goodbye and nothing else, and to hold nothing."""
    status, answered, body = await asked(*headers)
    assert status == 200
    assert "grip-hold" not in answered
    assert body.count("event: ") == 1
    assert f'{{"reason":"{reason}"}}' in body


async def test_a_ticket_is_one_persons(site: Site, user: User, other_user: User) -> None:
    """With another user's login, or at another user's channel, it opens nothing of theirs."""
    key = await site.do(log_in, user)
    await site.do(notify, other_user, title="Secret")
    await is_over(*held(other_user, "1.1", make_ticket(other_user.pk, key)), reason="auth")
    _status, headers, body = await asked(*held(other_user, "1.1", make_ticket(user.pk, key)))
    assert f"-user-{user.pk};" in headers["grip-channel"]
    assert f"-user-{other_user.pk};" not in headers["grip-channel"]
    assert "Secret" not in body


@pytest.mark.parametrize("end", ["session", "inactive", "password", "deleted"])
async def test_a_login_that_is_over_ends_the_connection(site: Site, user: User, end: str) -> None:
    """Each question looks the login up again; a ticket that is not too old helps nobody whose login is."""
    headers = held(user, "1.1", make_ticket(user.pk, await site.do(log_in, user)))
    works = {
        "session": lambda: Session.objects.all().delete(),
        "inactive": lambda: User.objects.filter(pk=user.pk).update(is_active=False),
        "password": lambda: User.objects.filter(pk=user.pk).update(password="another"),
        "deleted": lambda: User.objects.get(pk=user.pk).delete(),
    }
    await site.do(works[end])
    await is_over(*headers, reason="auth")


async def test_who_shows_no_ticket_comes_back(site: Site, user: User) -> None:
    """One of another site's key, one too old, or none: nobody is told anything, the client shows its cookies again."""
    cookie = (b"cookie", f"sessionid={await site.do(log_in, user)}".encode())
    for ticket in ("", "x"):
        await is_over(cookie, *held(user, "1.1", ticket), reason="rotate")
    with override_settings(SECRET_KEY="another site's"):
        foreign = make_ticket(user.pk, "x")
    await is_over(*held(user, "1.1", foreign), reason="rotate")


async def test_a_token_is_held_until_it_is_revoked(site: Site, user: User) -> None:
    """A program's connection is the proxy's as well, asked about with each ping; with the token it ends."""
    text = await site.do(make_token, user, name="reports", scopes=["read"])
    bearer = parse_bearer(f"Bearer {text}")
    assert isinstance(bearer, Bearer)
    status, headers, _body = await asked((b"authorization", f"Bearer {text}".encode()))
    assert (status, headers["grip-hold"]) == (200, "stream")
    assert headers["grip-link"].endswith("timeout=60")
    assert read_ticket(ticket_in(headers)) == (str(user.pk), bearer)
    await site.do(ApiToken.objects.update, may_read=False, may_send=True)
    await is_over(*held(user, "1.1", ticket_in(headers)), reason="auth")
    status, headers, _body = await asked((b"authorization", f"Bearer {text}".encode()))
    assert (status, "grip-hold" in headers) == (401, False)
    assert "invalid_token" in headers["www-authenticate"]


@override_settings(NOTIFICATIONS_ADMIT="tests.support.doors.hook")
async def test_a_hook_is_asked_at_each_question(site: Site, user: User, other_user: User) -> None:
    """Who opened a connection is judged again by all that was sent then, without the client's being asked for it."""
    key = await site.do(log_in, user)
    cookie = (b"cookie", f"sessionid={key}; theme=dark".encode())
    await site.do(notify, other_user, title="Secret")
    status, headers, body = await asked(cookie, (b"user-agent", b"Browser/1"))
    assert (status, headers["grip-hold"], "Secret" in body) == (200, "stream", False)
    assert headers["grip-link"].endswith("timeout=60"), "as often as it is pinged"
    assert pushpin.name_session_channels(key)[0] in headers["grip-channel"]
    ticket = ticket_in(headers)
    found = read_ticket(ticket)
    assert found is not None
    assert isinstance(found[1], KeptRequest)
    assert cookie in found[1].headers
    assert not any(name.startswith(b"grip-") for name, _value in found[1].headers)
    position = await site.do(position_of, user)
    await site.do(notify, user, title="Meanwhile")
    status, headers, body = await asked(*held(user, position, ticket))
    assert (status, headers["grip-hold"], "Meanwhile" in body) == (200, "stream", True)
    Closed.names.add(user.get_username())
    try:
        await is_over(*held(user, position, ticket), reason="auth")
        assert (await asked(cookie))[0] == 403
    finally:
        Closed.names.clear()


@override_settings(NOTIFICATIONS_ADMIT="tests.support.doors.hook")
@pytest.mark.usefixtures("bystander")
async def test_an_opening_too_long_for_a_ticket_is_held_here(site: Site, user: User) -> None:
    """What the proxy could not send back with each question is a stream of this process, behind the proxy."""
    noise = "".join(secrets.choice(string.ascii_letters) for _ in range(6000))
    headers = [
        (b"host", b"testserver"),
        (b"grip-sig", signature()),
        (b"cookie", f"sessionid={await site.do(log_in, user)}; noise={noise}".encode()),
    ]
    browser = Browser(request(STREAM, headers=headers), with_stream(get_asgi_application()))
    site.browsers.append(browser)
    await browser.hello()
    assert b"grip-hold" not in dict(browser.messages[0]["headers"])


async def test_the_edge_holds_no_page_of_another_reader(site: Site, user: User, other_user: User) -> None:
    """A page that was made for somebody else is told goodbye, and the proxy holds nothing."""
    cookie = (b"cookie", f"sessionid={await site.do(log_in, user)}".encode())
    for reader, is_own in ((other_user, False), (user, True)):
        status, headers, body = await asked(cookie, query=f"reader={build_tag(reader)}")
        assert (status, "grip-hold" in headers, '{"reason":"auth"}' in body) == (200, is_own, not is_own)


async def test_a_listed_page_may_read_what_the_edge_holds(site: Site, user: User) -> None:
    """The answer to its client says so; a stranger's page gets no more than its refusal."""
    cookie = (b"cookie", f"sessionid={await site.do(log_in, user)}".encode())
    status, headers, _body = await asked(cookie, (b"origin", LISTED.encode()), (b"sec-fetch-site", b"cross-site"))
    assert (status, headers["access-control-allow-origin"]) == (200, LISTED)
    assert headers["grip-hold"] == "stream"
    status, headers, _body = await asked(cookie, (b"origin", b"https://evil.example"))
    assert (status, "grip-hold" in headers, "access-control-allow-origin" in headers) == (403, False, False)


async def test_while_the_database_is_away_the_edge_asks_again(
    site: Site, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 503 keeps the connection, which would be lost by a goodbye; a client that has just come is told to wait."""
    key = await site.do(log_in, user)

    def away(*_: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr("notifications.hub.recovery.read_after", away)
    status, headers, _body = await asked(*held(user, "1.1", make_ticket(user.pk, key)))
    assert (status, "grip-hold" in headers) == (503, False)
    status, _headers, body = await asked((b"cookie", f"sessionid={key}".encode()))
    assert (status, "overload" in body) == (200, True)


async def test_a_log_that_cannot_be_read_holds_up_its_user_only(
    site: Site, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions are answered together; where that fails, each alone."""

    def picky(positions: Any) -> Any:
        if user.pk in positions:
            raise ValueError("a bad row")
        return read_after(positions)

    monkeypatch.setattr("notifications.hub.recovery.read_after", picky)
    questions = [site.hub.read(each.pk, Position(1, 1)) for each in (user, other_user)]
    failed, replay = await asyncio.gather(*questions, return_exceptions=True)
    assert isinstance(failed, ValueError)
    assert isinstance(replay, Replay)
