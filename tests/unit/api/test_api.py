"""The JSON API: what it lists and tells, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from notifications import notify
from notifications.log.replay import inbox_of
from notifications.protocol.payloads import build_payload
from notifications.reading import listing
from tests.support.api import Program


@pytest.fixture
def program(user: User) -> Program:
    """A program that acts for the user."""
    return Program(user)


def titles(program: Program, query: str = "") -> list[str]:
    """Return the titles that a query lists."""
    return [item["title"] for item in program.ask("GET", "notifications" + query)["items"]]


def test_lists_own_newest_first(program: Program, user: User, other_user: User) -> None:
    """The list holds what the user received, as in the stream, with the counts and the position."""
    first, second = notify(user, title="First"), notify(user, title="Second")
    notify(other_user, title="Secret")
    inbox = inbox_of(user)
    assert program.ask("GET", "notifications") == {
        "items": [build_payload(second), build_payload(first)],
        "next": None,
        "unread": 2,
        "unseen": 2,
        "position": inbox.position,
    }


def test_states(program: Program, user: User) -> None:
    """All is what is not archived; unread and read divide it; archived is the rest."""
    notify(user, title="New")
    notify(user, title="Read").mark_read()
    notify(user, title="Away").archive()
    assert titles(program) == titles(program, "?state=all") == ["Read", "New"]
    assert titles(program, "?state=unread") == ["New"]
    assert titles(program, "?state=read") == ["Read"]
    assert titles(program, "?state=archived") == ["Away"]


def test_filters(program: Program, user: User) -> None:
    """Category, level and topic narrow the list, alone and together; text is found in title, body, actor and category."""
    notify(user, title="Bill", category="billing", level="warning", topic="invoice:7", actor="Ada")
    notify(user, title="Paid", category="billing", body="Your invoice, 100% settled")
    notify(user, title="Other")
    assert titles(program, "?category=billing") == ["Paid", "Bill"]
    assert titles(program, "?level=warning") == ["Bill"]
    assert titles(program, "?topic=invoice:7") == ["Bill"]
    assert titles(program, "?q=INVOICE") == ["Paid"]
    assert titles(program, "?q=ada") == titles(program, "?category=billing&q=ada bil") == ["Bill"]
    assert titles(program, '?q="0%25 s"') == ["Paid"]
    assert titles(program, "?q=s 0%25 billing") == ["Paid"]
    assert titles(program, "?q=from:ada in:bill is:unread after:2000-01-01") == ["Bill"]
    assert titles(program, "?state=archived&q=is:unread bill") == ["Paid", "Bill"]
    assert titles(program, "?q=%25") == ["Paid"]
    assert titles(program, "?category=billing&level=error") == []
    assert titles(program, "?category=&topic=&q=") == ["Other", "Paid", "Bill"]


@pytest.mark.parametrize("query", ["", "&q=N", "&state=read"])
def test_pages_continue_by_cursor(program: Program, user: User, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`next` leads through all of them, each once, also where a search looks at few rows for each page."""
    monkeypatch.setattr(listing, "SCAN_ROWS", 3)
    for number in range(7):
        sent = notify(user, title=f"N{number}")
        if "read" in query:
            sent.mark_read()
    found: list[str] = []
    before: int | None = 2**63 - 1
    while before is not None:
        page = program.ask("GET", f"notifications?limit=2&before={before}{query}")
        found += [item["title"] for item in page["items"]]
        notify(user, title="Later")
        before = page["next"]
    assert found == [f"N{number}" for number in reversed(range(7))]


def test_a_date_that_is_none_is_refused(program: Program, user: User) -> None:
    """A program is told what is wrong, instead of being answered as if it had asked for something else."""
    refused = program.send("GET", "notifications?q=before:yesterday")
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert (error["code"], error["field"]) == ("invalid", "q")
    assert error["message"] == "q: “yesterday” is not a date; write it as in before:2026-11-01."


def test_a_search_without_finds_ends(program: Program, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search looks at so many rows for each request: pages may be empty and still lead on, to an end."""
    monkeypatch.setattr(listing, "SCAN_ROWS", 3)
    sent = [notify(user, title="N").pk for _ in range(7)]
    page = program.ask("GET", "notifications?q=x")
    assert (page["items"], page["next"]) == ([], sent[-3])
    page = program.ask("GET", f"notifications?q=x&before={page['next']}")
    assert (page["items"], page["next"]) == ([], sent[-6])
    page = program.ask("GET", f"notifications?q=x&before={page['next']}")
    assert (page["items"], page["next"]) == ([], None)


def test_shows_one(program: Program, user: User) -> None:
    """One notification has the same JSON as everywhere."""
    sent = notify(user, title="One", data={"a": [1, None]})
    assert program.ask("GET", f"notifications/{sent.pk}") == build_payload(sent)


def test_counts(program: Program, user: User) -> None:
    """The counts are the inbox's, and there is one also before the first notification."""
    assert program.ask("GET", "counts")["unread"] == 0
    notify(user, title="One")
    assert program.ask("GET", "counts") == {"unread": 1, "unseen": 1, "position": inbox_of(user).position}


@pytest.mark.django_db(transaction=True)
def test_changes_continue_from_a_position(program: Program, user: User, other_user: User) -> None:
    """What happened since is told as the stream tells it, and where it leads to is the next position."""
    start = inbox_of(user).position
    sent = notify(user, title="One")
    notify(other_user, title="Secret")
    told = program.ask("GET", f"changes?since={start}")
    modseq = inbox_of(user).modseq
    change = {
        "prev": modseq - 1,
        "modseq": modseq,
        "upsert": [build_payload(sent)],
        "gone": [],
        "unread": 1,
        "unseen": 1,
    }
    counters = {"unread": 1, "unseen": 1, "position": inbox_of(user).position}
    assert told == {"changes": [change], "reset": None, **counters}
    assert program.ask("GET", f"changes?since={told['position']}") == {"changes": [], "reset": None, **counters}


@pytest.mark.parametrize(
    ("since", "reason"),
    [
        ("", "none"),
        ("?since=", "none"),
        ("?since=x", "malformed"),
        ("?since=1.1", "epoch"),
        ("?since=%00", "malformed"),
    ],
)
def test_changes_reset_where_nothing_continues(
    program: Program, user: User, other_user: User, since: str, reason: str
) -> None:
    """A position that means nothing here gets a snapshot and the reason, never an error."""
    sent = notify(user, title="One")
    notify(other_user, title="Secret")
    told = program.ask("GET", "changes" + since)
    inbox = inbox_of(user)
    snapshot = {"items": [build_payload(sent)], "unread": 1, "unseen": 1}
    assert told["reset"] == {"reason": reason, "modseq": inbox.modseq, "epoch": inbox.epoch, "snapshot": snapshot}
    assert (told["changes"], told["position"]) == ([], inbox.position)


# --- Cost


@pytest.mark.parametrize(
    ("queries", "method", "path", "body"),
    [
        (1, "GET", "notifications?limit={}", None),
        (4, "GET", "notifications?limit={}&q=N", None),
        (1, "GET", "counts", None),
        (2, "GET", "changes", None),
    ],
)
def test_reading_makes_a_fixed_number_of_queries(
    program: Program,
    user: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    queries: int,
    method: str,
    path: str,
    body: Any,
) -> None:
    """Besides the session's two, however many rows there are."""
    for rows in (1, 30):
        for _ in range(rows):
            notify(user, title="N")
        with django_assert_num_queries(2 + queries):
            program.ask(method, path.format(rows), body)
