"""What Django answers where nothing streams: the page is told to poll, and a poll brings what a stream would."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from notifications import mark_all_read, notify
from notifications.access.limits import OpeningCounter
from notifications.access.reader import HEADER, build_tag
from notifications.log.replay import inbox_of
from notifications.pages import stream_views
from notifications.pages.stream_views import Notice
from notifications.protocol.websocket import build_texts

STREAM, SOCKET, POLL = (f"/notifications/{name}/" for name in ("stream", "ws", "poll"))

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has counted nothing and said nothing yet."""
    monkeypatch.setattr(stream_views, "polls", OpeningCounter())
    monkeypatch.setattr(stream_views, "notice", Notice())


@pytest.fixture
def page(client: Client, user: User) -> Client:
    """A browser in which the user is logged in."""
    client.force_login(user)
    return client


def polled(page: Client, since: str) -> list[dict[str, Any]]:
    """Return the frames that a poll brings."""
    response = page.get(POLL, {"since": since})
    assert response.status_code == 200
    frames: list[dict[str, Any]] = response.json()["frames"]
    return frames


# --- the stream's address


def test_a_page_is_told_to_poll(page: Client, caplog: pytest.LogCaptureFixture) -> None:
    """An event stream that ends at once, a hint for people, and one line in the log of each process: no error."""
    for _ in range(3):
        response = page.get(STREAM)
        assert (response.status_code, response["Content-Type"]) == (200, "text/event-stream")
        assert "no-store" in response["Cache-Control"]
        (text,) = build_texts(response.content.partition(b"\n\n")[2])
        assert '"reason":"poll"' in text
        assert b"notifications.asgi.with_stream" in response.content
    assert [record.levelno for record in caplog.records if "streams" in record.message] == [logging.WARNING]


def test_nobody_else_is_told_to(page: Client, client: Client, other_user: User) -> None:
    """Who is logged out is refused, and another reader's page is told to give up."""
    assert Client().get(STREAM).status_code == 403
    assert b'"reason":"auth"' in page.get(STREAM, {"reader": build_tag(other_user)}).content
    assert page.post(STREAM).status_code == 405


def test_the_address_of_sockets_says_what_it_is(page: Client) -> None:
    """Who asks for a page there learns what it is for."""
    response = page.get(SOCKET)
    assert (response.status_code, response["Upgrade"]) == (426, "websocket")


# --- polling


def test_a_poll_brings_what_changed(page: Client, user: User, other_user: User) -> None:
    """The counters and each change after the position; nothing of another user's."""
    start = str(inbox_of(user).position)
    notify(user, title="One")
    notify(other_user, title="Secret")
    notify(user, title="Two")
    hello, change = polled(page, start)
    assert (hello["event"], hello["id"], hello["data"]["unread"]) == ("hello", start, 2)
    assert change["id"] == str(inbox_of(user).position)
    assert [row["title"] for row in change["data"]["upsert"]] == ["One", "Two"]
    (again,) = polled(page, change["id"])
    assert (again["event"], again["data"]["mode"]) == ("hello", "resume")
    mark_all_read(user)
    assert polled(page, change["id"])[-1]["data"]["unread"] == 0


@pytest.mark.parametrize(("since", "reason"), [("", "none"), ("x", "malformed"), ("1.1", "epoch")])
def test_a_position_that_cannot_be_continued_gets_a_reset(page: Client, user: User, since: str, reason: str) -> None:
    """As on a stream."""
    notify(user, title="One")
    hello, reset = polled(page, since)
    assert (hello["data"]["mode"], reset["event"], reset["data"]["reason"]) == ("reset", "reset", reason)
    assert reset["id"] == str(inbox_of(user).position)


def test_a_poll_is_cheap(page: Client, user: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Session and user, and one look at the inbox by its key where nothing changed."""
    position = str(inbox_of(user).position)
    with django_assert_num_queries(3):
        polled(page, position)
    notify(user, title="One")
    with django_assert_num_queries(4):
        polled(page, position)


def test_a_poll_is_no_visit(page: Client, user: User, settings: Settings) -> None:
    """It does not prolong a session, also where each visit does."""
    settings.SESSION_SAVE_EVERY_REQUEST = True
    mine = Session.objects.filter(pk=page.session.session_key)
    before = mine.get().expire_date
    polled(page, str(inbox_of(user).position))
    assert mine.get().expire_date == before
    page.get("/notifications/")
    assert mine.get().expire_date > before


def test_a_poll_leaves_a_session_of_an_older_key_alone(page: Client, user: User, settings: Settings) -> None:
    """After a new SECRET_KEY the next page renews the session, as Django does; a poll does not, each time anew.

    Regression: each poll deleted the session that requests under way still carried, and kept nothing of the new one.
    """
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    before = page.cookies["sessionid"].value
    for _ in range(2):
        polled(page, str(inbox_of(user).position))
    assert page.cookies["sessionid"].value == before
    assert Session.objects.filter(pk=before).exists()
    page.get("/notifications/")
    assert page.cookies["sessionid"].value != before
    assert not Session.objects.filter(pk=before).exists()


def test_who_may_not_is_refused_in_json(page: Client, other_user: User) -> None:
    """Logged out, or on a page that was made for somebody else; only GET asks."""
    assert Client().get(POLL).json()["error"]["code"] == "not_logged_in"
    response = page.get(POLL, headers={HEADER: build_tag(other_user)})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "reader")
    assert page.post(POLL).status_code == 405


def test_who_polls_too_often_is_asked_to_wait(page: Client, user: User, other_user: User, settings: Settings) -> None:
    """By the limit that openings of streams have; another user goes on."""
    settings.NOTIFICATIONS_OPENINGS_PER_MINUTE = 3
    statuses = [page.get(POLL).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert page.get(POLL)["Retry-After"] == "60"
    assert page.get(POLL)["Cache-Control"].count("no-store") == 1
    page.force_login(other_user)
    assert page.get(POLL).status_code == 200


def test_no_cache_keeps_a_poll(page: Client) -> None:
    """It is one reader's, as of now."""
    assert "no-store" in page.get(POLL)["Cache-Control"]
