"""The JSON API: what it lists, what it does, and for whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from pytest_django import DjangoAssertNumQueries

from notifications import listing
from notifications.models import Inbox, Notification
from notifications.payloads import payload
from notifications.publish import notify
from notifications.tail import inbox_of
from tests.support.api import Program

ACTIONS = [
    ("POST", "notifications/{}/read"),
    ("DELETE", "notifications/{}/read"),
    ("POST", "notifications/{}/archive"),
    ("DELETE", "notifications/{}/archive"),
    ("DELETE", "notifications/{}"),
]
BULK = ["read", "unread", "archive", "unarchive", "delete"]


@pytest.fixture
def program(user: User) -> Program:
    """A program that acts for the user."""
    return Program(user)


def titles(program: Program, query: str = "") -> list[str]:
    """Return the titles that a query lists."""
    return [item["title"] for item in program.ask("GET", "notifications" + query)["items"]]


def everything(user: User) -> tuple[Any, Any]:
    """Return all that is stored for a user."""
    return list(Notification.objects.for_user(user).values()), list(Inbox.objects.filter(pk=user.pk).values())


def in_state(user: User, state: str, **content: Any) -> Notification:
    """Send a notification that is read and archived, or neither, so that an action changes something."""
    sent = notify(user, title="One", **content)
    if state in ("DELETE notifications/{}/read", "unread"):
        sent.mark_read()
    if state in ("DELETE notifications/{}/archive", "unarchive"):
        sent.archive()
    return sent


# --- Reading


def test_lists_own_newest_first(program: Program, user: User, other_user: User) -> None:
    """The list holds what the user received, as in the stream, with the counts and the position."""
    first, second = notify(user, title="First"), notify(user, title="Second")
    notify(other_user, title="Secret")
    inbox = inbox_of(user)
    assert program.ask("GET", "notifications") == {
        "items": [payload(second), payload(first)],
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
    """Category, level and topic narrow the list, alone and together; text is found in title, body and actor."""
    notify(user, title="Bill", category="billing", level="warning", topic="invoice:7", actor="Ada")
    notify(user, title="Paid", category="billing", body="Your invoice, 100% settled")
    notify(user, title="Other")
    assert titles(program, "?category=billing") == ["Paid", "Bill"]
    assert titles(program, "?level=warning") == ["Bill"]
    assert titles(program, "?topic=invoice:7") == ["Bill"]
    assert titles(program, "?q=INVOICE") == ["Paid"]
    assert titles(program, "?q=ada") == titles(program, "?category=billing&q=bil") == ["Bill"]
    assert titles(program, "?q=0%25 s") == ["Paid"]
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
    assert program.ask("GET", f"notifications/{sent.pk}") == payload(sent)


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
    change = {"prev": modseq - 1, "modseq": modseq, "upsert": [payload(sent)], "gone": [], "unread": 1, "unseen": 1}
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
    snapshot = {"items": [payload(sent)], "unread": 1, "unseen": 1}
    assert told["reset"] == {"reason": reason, "modseq": inbox.modseq, "epoch": inbox.epoch, "snapshot": snapshot}
    assert (told["changes"], told["position"]) == ([], inbox.position)


# --- Changing


def test_each_state_has_its_address(program: Program, user: User) -> None:
    """POST makes it so, DELETE makes it not so; each answers with the counts after it."""
    sent = notify(user, title="One")
    states = []
    for method, path in ACTIONS[:4]:
        done = program.ask(method, path.format(sent.pk))
        sent.refresh_from_db()
        states.append((sent.is_read, sent.is_archived, done["changed"], done["unread"]))
    assert states == [(True, False, 1, 0), (False, False, 1, 1), (False, True, 1, 0), (False, False, 1, 1)]
    assert program.ask("DELETE", f"notifications/{sent.pk}")["changed"] == 1
    assert not Notification.objects.filter(pk=sent.pk).exists()


def test_what_is_so_already_is_no_change(program: Program, user: User) -> None:
    """Asked again, an action changes nothing, moves no position and offers no undo."""
    sent = notify(user, title="One")
    before = program.ask("POST", f"notifications/{sent.pk}/read")
    again = program.ask("POST", f"notifications/{sent.pk}/read")
    assert (again["changed"], again["undo"], again["position"]) == (0, None, before["position"])


@pytest.mark.parametrize("action", BULK)
def test_bulk_is_one_change(program: Program, user: User, other_user: User, action: str) -> None:
    """A bulk action touches those and no others, counts those that changed, and names an id twice without harm."""
    sent = [in_state(user, action) for _ in range(3)]
    theirs = in_state(other_user, action)
    before = everything(other_user)
    done = program.ask("POST", "notifications/bulk", {"action": action, "ids": [sent[0].pk, sent[1].pk, sent[0].pk]})
    assert done["changed"] == 2
    left = Notification.objects.get(pk=sent[2].pk)
    assert (left.read_at, left.archived_at) == (sent[2].read_at, sent[2].archived_at)
    assert everything(other_user) == before
    assert Notification.objects.filter(pk=theirs.pk).exists()


@pytest.mark.parametrize("action", BULK)
def test_bulk_is_all_or_nothing(program: Program, user: User, other_user: User, action: str) -> None:
    """One id that is not the user's, foreign or unknown, refuses the whole; the answer names those ids alike."""
    mine, theirs = in_state(user, action), in_state(other_user, action)
    before = everything(user), everything(other_user)
    ids = [mine.pk, theirs.pk, 999_999]
    status, error = program.refused("POST", "notifications/bulk", {"action": action, "ids": ids})
    assert (status, error["code"], error["field"]) == (404, "not_found", "ids")
    assert f"{theirs.pk}, 999999." in error["message"]
    assert (everything(user), everything(other_user)) == before


@pytest.mark.django_db(transaction=True)
def test_read_all_is_bounded_by_what_was_seen(program: Program, user: User, other_user: User) -> None:
    """What arrives or changes after the reader looked stays unread; nobody else's is touched."""
    seen, edited = notify(user, title="Seen"), notify(user, title="Edited")
    notify(other_user, title="Secret")
    up_to = int(program.ask("GET", "notifications")["position"].partition(".")[2])
    edited.title = "Edited again"
    edited.save()
    notify(user, title="New")
    before = everything(other_user)
    done = program.ask("POST", "notifications/read-all", {"up_to": up_to})
    assert (done["changed"], done["unread"]) == (1, 2)
    assert Notification.objects.get(pk=seen.pk).is_read
    assert everything(other_user) == before


def test_a_topic_is_read_at_once(program: Program, user: User, other_user: User) -> None:
    """What is about a subject becomes read, and nothing else; other users' stays unread."""
    for title, topic in (("A", "a/1"), ("B", "a/1"), ("C", "b"), ("D", "")):
        notify(user, title=title, topic=topic)
    notify(other_user, title="Secret", topic="a/1")
    before = everything(other_user)
    assert program.ask("POST", "topics/read", {"topic": "a/1"})["changed"] == 2
    assert titles(program, "?state=unread") == ["D", "C"]
    assert everything(other_user) == before


def test_seen(program: Program, user: User, other_user: User) -> None:
    """A look at the inbox sets `unseen` to 0 and leaves `unread`."""
    notify(user, title="One")
    notify(other_user, title="Secret")
    before = everything(other_user)
    answer = program.ask("POST", "seen")
    assert (answer["unread"], answer["unseen"]) == (1, 0)
    assert everything(other_user) == before


@pytest.mark.parametrize(("method", "path"), [("GET", "notifications/{}"), *ACTIONS])
def test_what_is_others_is_not_found(program: Program, user: User, other_user: User, method: str, path: str) -> None:
    """An id of another user is refused in the same words as one that nobody has, and stays untouched."""
    theirs = in_state(other_user, f"{method} {path}")
    before = everything(other_user)
    for pk in (theirs.pk, 999_999, 2**63, 10**40):
        status, error = program.refused(method, path.format(pk))
        assert (status, error["code"], error["field"]) == (404, "not_found", "id")
        assert error["message"] == f"You have no notification {pk}."
    assert everything(other_user) == before


# --- Cost


@pytest.mark.parametrize(
    ("queries", "method", "path", "body"),
    [
        (2, "GET", "notifications?limit={}", None),
        (3, "GET", "notifications?limit={}&q=N", None),
        (1, "GET", "counts", None),
        (3, "GET", "changes", None),
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


@pytest.mark.parametrize(
    ("queries", "path", "body"),
    [(8, "notifications/bulk", {"action": action}) for action in BULK]
    + [(6, "notifications/read-all", {"up_to": 2**62}), (7, "topics/read", {"topic": "t"})],
)
@pytest.mark.django_db(transaction=True)
def test_changing_makes_a_fixed_number_of_queries(
    program: Program,
    user: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    queries: int,
    path: str,
    body: dict[str, Any],
) -> None:
    """Besides the session's two and the transaction's own; beyond fifty rows, which SQL counts, two more. So does undo."""
    made, undo_made = [], []
    for rows in (1, 50, 51, 100):
        ids = [in_state(user, body.get("action", ""), topic="t").pk for _ in range(rows)]
        full = body | {"ids": ids} if "action" in body else body
        with django_assert_num_queries(1000, exact=False) as context:
            done = program.ask("POST", path, full)
        assert done["changed"] == rows
        made.append(len(context) - 4)
        with django_assert_num_queries(1000, exact=False) as context:
            assert program.ask("POST", "undo", {"token": done["undo"]["token"]})["undone"] == rows
        undo_made.append(len(context) - 4)
        Notification.objects.all().delete()
    more = 0 if path == "notifications/read-all" else 2
    assert made == [queries, queries, queries + more, queries + more]
    assert undo_made in ([7, 7, 9, 9], [6, 6, 6, 7])  # SQLite inserts a hundred rows by two statements


@override_settings(NOTIFICATIONS_API_REQUESTS_PER_MINUTE=10**6)
def test_a_user_without_an_inbox_gets_one(program: Program, user: User) -> None:
    """Who never received anything may do everything that needs no notification."""
    for method, path, body in (
        ("GET", "notifications", None),
        ("GET", "changes", None),
        ("POST", "seen", None),
        ("POST", "notifications/read-all", {"up_to": 1}),
        ("POST", "topics/read", {"topic": "t"}),
    ):
        Inbox.objects.all().delete()
        assert program.ask(method, path, body)["unread"] == 0
