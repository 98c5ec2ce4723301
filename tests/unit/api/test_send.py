"""Programs send: to whom they name, all or nothing, once for each key; and only those who may."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from notifications import make_token, segment
from notifications.api import send as api_send
from notifications.broadcasts import segments
from notifications.log.writes import USERS_PER_TRANSACTION
from notifications.models import ApiToken, Broadcast, Notification, SentRequest
from notifications.sending import dispatch
from notifications.sending.idempotency import MAX_FORGOTTEN
from tests.support.api import Program
from tests.support.contention import Conflict

pytestmark = pytest.mark.django_db

NAMED = "add_notification"
AUDIENCE = "send_broadcast"


@pytest.fixture
def sender(db: None) -> User:
    """Who sends; nothing of it is for them."""
    return User.objects.create_user("sender")


@pytest.fixture
def program(sender: User) -> Program:
    """A program with a token that may send, as may its user."""
    permit(sender, NAMED, AUDIENCE)
    return Program(token=make_token(sender, name="shop", scopes=["send"]), enforce_csrf=True)


def permit(user: User, *codenames: str) -> None:
    """Give just these permissions."""
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))


def letter(**to: Any) -> dict[str, Any]:
    """Return a body."""
    return {"to": to, "title": "Your order has left"}


def told() -> list[tuple[str, str]]:
    """Return who was told what, in order."""
    rows = Notification.objects.order_by("recipient__username", "pk")
    return list(rows.values_list("recipient__username", "title"))


def grow(count: int) -> None:
    """Add users."""
    User.objects.bulk_create(User(username=f"many{number:04}") for number in range(count))


# --- to whom


def test_named_users_are_told(program: Program, user: User, other_user: User) -> None:
    """By username or by key, as number or as text; nobody else hears of it."""
    answer = program.ask("POST", "send", letter(usernames=["user1"]))
    assert answer == {"recipients": 1, "broadcast": None}
    assert told() == [("user1", "Your order has left")]
    assert program.ask("POST", "send", letter(ids=[user.pk, str(other_user.pk)]))["recipients"] == 2
    assert [name for name, _title in told()] == ["user1", "user1", "user2"]


def test_every_word_arrives(program: Program, user: User) -> None:
    """What a notification can say a program can say."""
    words = {
        "title": "Invoice overdue",
        "body": "Since Monday",
        "url": "/invoices/7/",
        "level": "warning",
        "category": "billing",
        "actor": "Ada",
        "topic": "billing.invoice:7",
        "data": {"amount": [1, None]},
    }
    program.ask("POST", "send", {"to": {"usernames": ["user1"]}, **words})
    assert Notification.objects.values(*words).get() == words


@pytest.mark.parametrize(
    ("to", "names"),
    [
        ({"groups": ["Editors"]}, ["user1"]),
        ({"segment": "second"}, ["user2"]),
        ({"staff": True}, ["boss"]),
        ({"everyone": True}, ["boss", "sender", "user1", "user2"]),
    ],
)
def test_an_audience_is_told(
    program: Program, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch, to: Any, names: list[str]
) -> None:
    """Groups, a segment, staff or everyone: those of them who are active, each once."""
    monkeypatch.setattr(segments, "registered", {})
    segment("second")(lambda: User.objects.filter(username="user2"))
    User.objects.create_user("boss", is_staff=True)
    User.objects.create_user("gone", is_staff=True, is_active=False)
    Group.objects.create(name="Editors").user_set.add(user, User.objects.get(username="gone"))
    assert program.ask("POST", "send", letter(**to)) == {"recipients": len(names), "broadcast": None}
    assert [name for name, _title in told()] == names


def test_a_large_audience_is_a_broadcast(program: Program, sender: User) -> None:
    """What does not fit into one transaction goes out as a broadcast that is under way: 202, and nobody told yet."""
    grow(USERS_PER_TRANSACTION)
    response = program.send("POST", "send", letter(everyone=True) | {"category": "orders"})
    assert response.status_code == 202
    broadcast = Broadcast.objects.get()
    assert response.json() == {"recipients": USERS_PER_TRANSACTION + 1, "broadcast": broadcast.pk}
    assert (broadcast.state, broadcast.audience, broadcast.category) == ("sending", "everyone", "orders")
    assert broadcast.ordered_by == sender
    assert told() == []


def test_a_large_audience_has_no_details(program: Program) -> None:
    """A broadcast has no topic; the answer says so, and nothing goes out."""
    grow(USERS_PER_TRANSACTION)
    status, error = program.refused("POST", "send", letter(everyone=True) | {"topic": "orders:7"})
    assert (status, error["code"]) == (409, "too_many")
    assert "topic" in error["message"]
    assert not Broadcast.objects.exists()


# --- all or nothing


def test_each_refused_recipient_is_told_with_its_reason(program: Program, user: User, other_user: User) -> None:
    """Who is unknown, inactive or named twice is in the answer, all of them, and nobody is told."""
    User.objects.filter(pk=other_user.pk).update(is_active=False)
    names = ["user1", "nobody", "user2", "user1", "User1"]
    status, error = program.refused("POST", "send", letter(usernames=names))
    assert (status, error["code"], error["field"]) == (409, "refused", "to.usernames")
    assert [(each["recipient"], each["code"]) for each in error["refused"]] == [
        ("nobody", "unknown"),
        ("user2", "inactive"),
        ("user1", "twice"),
        ("User1", "unknown"),
    ]
    ids = [user.pk, str(user.pk), 10**30, "x", -1]
    status, error = program.refused("POST", "send", letter(ids=ids))
    assert [(each["recipient"], each["code"]) for each in error["refused"]] == [
        (str(user.pk), "twice"),
        (str(10**30), "unknown"),
        ("x", "unknown"),
        ("-1", "unknown"),
    ]
    assert told() == []


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ({"groups": ["Editors"]}, "refused"),
        ({"groups": ["Empty"]}, "no_audience"),
        ({"groups": ["Empty", "Empty"]}, "refused"),
        ({"segment": "nonsense"}, "no_audience"),
        ({"staff": True}, "no_audience"),
    ],
)
def test_an_audience_of_nobody_is_refused(program: Program, to: Any, code: str) -> None:
    """Unknown or empty: the answer names it, and nothing was sent."""
    Group.objects.create(name="Empty")
    status, error = program.refused("POST", "send", letter(**to))
    assert (status, error["code"], error["field"]) == (409, code, f"to.{next(iter(to))}")
    assert told() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": "   "}, "title"),
        ({"title": None}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"data": {"much": "x" * 9000}}, "data"),
        ({"data": {"nul": "\0"}}, "data"),
        ({"level": "loud"}, "level"),
        ({"category": "two words"}, "category"),
        ({"colour": "red"}, "colour"),
        ({"to": {}}, "to"),
        ({"to": {"usernames": []}}, "to.usernames"),
        ({"to": {"usernames": ["user1"] * 1001}}, "to.usernames"),
        ({"to": {"usernames": ["user1"], "everyone": True}}, "to"),
        ({"to": {"everyone": False}}, "to"),
        ({"to": {"everybody": True}}, "to.everybody"),
    ],
)
def test_bad_bodies_are_refused(program: Program, user: User, change: dict[str, Any], field: str) -> None:
    """What cannot be sent is refused by field before anybody is told."""
    status, error = program.refused("POST", "send", letter(usernames=["user1"]) | change)
    assert (status, error["code"], error["field"]) == (422, "invalid", field)
    assert told() == []


def test_a_long_body_is_refused(program: Program) -> None:
    """Beyond 256 KiB nothing is read."""
    body = letter(usernames=["user1"]) | {"data": {"much": "x" * api_send.MAX_BODY_BYTES}}
    assert program.refused("POST", "send", body)[0] == 413


def test_a_thousand_recipients_take_few_queries(program: Program) -> None:
    """A request of the largest size is a fixed number of queries, not one for each recipient."""
    grow(1000)
    names = [f"many{number:04}" for number in range(1000)]
    program.ask("POST", "send", letter(usernames=names))
    with CaptureQueriesContext(connection) as queries:
        assert program.ask("POST", "send", letter(usernames=names))["recipients"] == 1000
    assert len(queries) <= 33
    assert Notification.objects.count() == 2000


# --- once


def test_a_request_with_a_key_is_carried_out_once(program: Program, user: User) -> None:
    """Sent again it gets the same answer, and nobody is told twice."""
    headers = {"Idempotency-Key": "order-7"}
    answers = [program.send("POST", "send", letter(usernames=["user1"]), **headers) for _ in range(3)]
    assert [(each.status_code, each.json()) for each in answers] == [(200, {"recipients": 1, "broadcast": None})] * 3
    assert len(told()) == 1
    program.send("POST", "send", letter(usernames=["user1"]), **{"Idempotency-Key": "order-8"})
    assert len(told()) == 2


def test_a_broadcast_with_a_key_is_ordered_once(program: Program) -> None:
    """The second answer names the broadcast of the first."""
    grow(USERS_PER_TRANSACTION)
    answers = [program.send("POST", "send", letter(everyone=True), **{"Idempotency-Key": "all"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [202, 202]
    assert answers[0].json() == answers[1].json() == {"recipients": 501, "broadcast": Broadcast.objects.get().pk}


def test_a_key_means_one_request(program: Program, user: User, sender: User, other_user: User) -> None:
    """The same key with another body is refused; another user's same key is another key."""
    headers = {"Idempotency-Key": "order-7"}
    program.send("POST", "send", letter(usernames=["user1"]), **headers)
    status, error = program.refused("POST", "send", letter(usernames=["user2"]), **headers)
    assert (status, error["code"], error["field"]) == (409, "key_reused", "Idempotency-Key")
    assert told() == [("user1", "Your order has left")]
    permit(user, NAMED)
    other = Program(token=make_token(user, name="other", scopes=["send"]))
    assert other.send("POST", "send", letter(usernames=["user2"]), **headers).status_code == 200


def test_what_was_refused_may_be_corrected(program: Program, user: User) -> None:
    """A key stands for what was done; a request that did nothing leaves it free."""
    headers = {"Idempotency-Key": "order-7"}
    program.refused("POST", "send", letter(usernames=["nobody"]), **headers)
    assert program.send("POST", "send", letter(usernames=["user1"]), **headers).status_code == 200
    assert len(told()) == 1


def test_a_key_is_kept_for_a_day(program: Program, user: User) -> None:
    """After 24 hours it is forgotten, row and all."""
    headers = {"Idempotency-Key": "order-7"}
    program.send("POST", "send", letter(usernames=["user1"]), **headers)
    SentRequest.objects.update(created_at=timezone.now() - dt.timedelta(hours=25))
    program.send("POST", "send", letter(usernames=["user1"]), **headers)
    assert len(told()) == 2
    assert SentRequest.objects.count() == 1


def test_a_key_is_forgotten_on_time_among_many(program: Program, user: User, sender: User) -> None:
    """After a week with no request the old rows go a hundred at a time, but one that is asked for does not wait for that."""
    old = timezone.now() - dt.timedelta(days=7)
    keys = [*(f"order-{number}" for number in range(MAX_FORGOTTEN + 1)), "weekly"]
    SentRequest.objects.bulk_create(SentRequest(user=sender, key=key, digest="other", created_at=old) for key in keys)
    response = program.send("POST", "send", letter(usernames=["user1"]), **{"Idempotency-Key": "weekly"})
    assert response.status_code == 200
    assert len(told()) == 1
    assert SentRequest.objects.count() == 2  # this one, and the last of the others


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256])
def test_a_key_that_is_none_is_refused(program: Program, user: User, key: str) -> None:
    """A key is 1 to 255 visible characters of ASCII: one that is blank must not be taken for "no key"."""
    status, error = program.refused("POST", "send", letter(usernames=["user1"]), **{"Idempotency-Key": key})
    assert (status, error["field"]) == (422, "Idempotency-Key")
    assert told() == []


@pytest.mark.django_db(transaction=True)
def test_two_at_once_with_one_key_are_one(program: Program, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first is being carried out the second waits for its answer, and does nothing itself."""
    has_begun, answers = threading.Event(), []
    real = dispatch.send_to_users

    def slow(keys: list[Any], words: Any) -> dispatch.Outcome:
        has_begun.set()
        second.start()
        second.join(0.2)  # it cannot end before this does: nothing to wait for but that it does not
        return real(keys, words)

    def ask() -> None:
        try:
            answers.append(program.send("POST", "send", letter(usernames=["user1"]), **{"Idempotency-Key": "7"}))
        finally:
            connections.close_all()

    second = threading.Thread(target=ask)
    monkeypatch.setattr(api_send, "send_to_users", slow)
    ask()
    second.join()
    assert has_begun.is_set()
    assert [(each.status_code, each.json()["recipients"]) for each in answers] == [(200, 1)] * 2
    assert len(told()) == 1


# --- who may


@pytest.mark.parametrize(
    ("codenames", "to", "status"),
    [
        ([], {"usernames": ["user1"]}, 403),
        ([NAMED], {"usernames": ["user1"]}, 200),
        ([NAMED], {"everyone": True}, 403),
        ([AUDIENCE], {"usernames": ["user1"]}, 403),
        ([AUDIENCE], {"everyone": True}, 200),
    ],
)
def test_a_session_needs_the_permission(user: User, sender: User, codenames: list[str], to: Any, status: int) -> None:
    """For named users that of adding notifications, for an audience that of sending broadcasts."""
    permit(sender, *codenames)
    response = Program(sender).send("POST", "send", letter(**to))
    assert response.status_code == status
    assert bool(told()) == (status == 200)
    if status == 403:
        assert response.json()["error"]["code"] == "not_allowed"


def test_a_session_needs_the_csrf_token_and_a_token_does_not(user: User, sender: User, program: Program) -> None:
    """A page of another site cannot send for whoever is logged in here."""
    sender.is_superuser = True
    sender.save()
    status, error = Program(sender, enforce_csrf=True).refused("POST", "send", letter(usernames=["user1"]))
    assert (status, error["code"]) == (403, "csrf")
    assert program.send("POST", "send", letter(usernames=["user1"])).status_code == 200


def test_a_token_that_may_only_read_sends_nothing(user: User, sender: User) -> None:
    """Also where its user may send: a token has its scopes and no more."""
    sender.is_superuser = True
    sender.save()
    token = make_token(sender, name="reader", scopes=["read"])
    status, error = Program(token=token).refused("POST", "send", letter(usernames=["user1"]))
    assert (status, error["code"]) == (403, "scope")
    assert told() == []


@pytest.mark.parametrize("who", ["user", "maker"])
@pytest.mark.parametrize(
    ("left", "lost", "kept"),
    [(AUDIENCE, {"usernames": ["user1"]}, {"everyone": True}), (NAMED, {"everyone": True}, {"usernames": ["user1"]})],
)
def test_a_token_sends_while_its_user_and_its_maker_may(
    user: User, sender: User, who: str, left: str, lost: Any, kept: Any
) -> None:
    """What either of them lost the right to is refused at once; what both still may goes on."""
    maker = User.objects.create_user("maker", is_staff=True)
    for each in (maker, sender):
        permit(each, NAMED, AUDIENCE)
    program = Program(token=make_token(sender, name="shop", scopes=["send"], by=maker))
    program.ask("POST", "send", letter(**lost))
    permit(sender if who == "user" else maker, left)
    before = told()
    status, error = program.refused("POST", "send", letter(**lost))
    assert (status, error["code"]) == (403, "not_allowed")
    assert told() == before
    program.ask("POST", "send", letter(**kept))


@pytest.mark.parametrize("way", ["token", "session"])
def test_what_is_sent_leaves_a_trace(
    program: Program,
    user: User,
    sender: User,
    way: str,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    """The admin's history says by which token, as whom and to how many; the security log the same, and no words of it."""
    program = program if way == "token" else Program(sender)
    token = ApiToken.objects.get()
    with caplog.at_level(logging.INFO, "notifications.security"), django_capture_on_commit_callbacks(execute=True):
        program.ask("POST", "send", letter(usernames=["user1"]))
    entry = LogEntry.objects.get()
    assert (entry.user, entry.change_message) == (sender, "Sent by the API to 1 recipient.")
    assert entry.object_id == (str(token.pk) if way == "token" else None)
    shown = token.pk if way == "token" else "-"
    assert f"program.sent user={sender.pk} token={shown} by=- recipients=1 broadcast=-" in caplog.messages
    assert "order" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_conflict_reaches_no_program(
    program: Program, user: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the database undid for another transaction's sake is sent again, and written down once.

    Regression: the program got a 500, and the security log said that it had sent.
    """
    deliver, conflicts = api_send.deliver, [2]

    def sometimes(*arguments: Any) -> Any:
        outcome = deliver(*arguments)
        if conflicts[0]:
            conflicts[0] -= 1
            raise OperationalError(1213, "deadlock detected") from Conflict()  # as MariaDB numbers it
        return outcome

    monkeypatch.setattr(api_send, "deliver", sometimes)
    with caplog.at_level(logging.INFO, "notifications.security"):
        program.ask("POST", "send", letter(usernames=["user1"]))
    assert conflicts == [0]
    assert Notification.objects.for_user(user).count() == LogEntry.objects.count() == 1
    assert len([line for line in caplog.messages if line.startswith("program.sent")]) == 1


def test_nobody_in_particular_sends_nothing(user: User) -> None:
    """Without a session or a token it is a 401."""
    assert Program().refused("POST", "send", letter(usernames=["user1"]))[0] == 401


@pytest.mark.usefixtures("clock")
def test_sending_has_a_limit_of_its_own(program: Program, user: User, settings: Settings) -> None:
    """Beyond so many requests in a minute it is a 429; the rest of the API goes on."""
    settings.NOTIFICATIONS_SENDS_PER_MINUTE = 2
    for _ in range(2):
        program.ask("POST", "send", letter(usernames=["user1"]))
    assert program.refused("POST", "send", letter(usernames=["user1"]))[0] == 429
    assert len(told()) == 2


def test_the_example_of_the_description_is_taken(program: Program) -> None:
    """What openapi.json shows can be sent as it stands."""
    spec = json.loads(program.client.get("/notifications/api/openapi.json").content)
    (example,) = spec["components"]["schemas"]["Send"]["examples"]
    for name in example["to"]["usernames"]:
        User.objects.create_user(name)
    assert program.ask("POST", "send", example)["recipients"] == 2
