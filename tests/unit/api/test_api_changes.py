"""The JSON API: what it does, and to whose notifications."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from notifications import notify
from notifications.models import Inbox, Notification
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


def test_each_state_has_its_address(program: Program, user: User) -> None:
    """POST makes it so, DELETE makes it not so; each answers with the counts after it."""
    sent = notify(user, title="One")
    states = []
    for method, path in ACTIONS[:4]:
        done = program.ask(method, path.format(sent.pk))
        sent.refresh_from_db()
        states.append((sent.is_read, sent.is_archived, done["changed"], done["unread"]))
    assert states == [(True, False, 1, 0), (False, False, 1, 1), (True, True, 1, 0), (True, False, 1, 0)]
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
    ("queries", "path", "body"),
    [(8, "notifications/bulk", {"action": action}) for action in BULK]
    + [(6, "notifications/read-all", {"up_to": 2**62}), (7, "topics/read", {"topic": "t"})],
)
@pytest.mark.django_db(transaction=True)
def test_changing_makes_a_fixed_number_of_queries(
    program: Program,
    user: User,
    queries: int,
    path: str,
    body: dict[str, Any],
) -> None:
    """Besides the session's two and the transaction's own; beyond fifty rows, which SQL counts, up to three more."""
    made, undo_made = [], []
    for rows in (1, 50, 51, 100):
        ids = [in_state(user, body.get("action", ""), topic="t").pk for _ in range(rows)]
        full = body | {"ids": ids} if "action" in body else body
        with CaptureQueriesContext(connection) as context:
            done = program.ask("POST", path, full)
        assert done["changed"] == rows
        made.append(len(context) - 4)
        with CaptureQueriesContext(connection) as context:
            assert program.ask("POST", "undo", {"token": done["undo"]["token"]})["undone"] == rows
        undo_made.append(len(context) - 4)
        Notification.objects.all().delete()
    # what is deleted is asked for readers of broadcasts besides
    more = 0 if path == "notifications/read-all" else 3 if body.get("action") == "delete" else 2
    assert made == [queries, queries, queries + more, queries + more]
    # deleted rows are inserted again, a hundred of them by two statements on SQLite
    assert undo_made in ([7, 7, 9, 9], [6, 6, 6, 6], [6, 6, 6, 7])


@override_settings(NOTIFICATIONS_ACTIONS_PER_MINUTE=10**6)
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
