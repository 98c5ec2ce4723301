"""The API's refusals: one shape for all of them, the right status, and nothing changed."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from notifications import notify
from notifications.api import body_parser, views
from notifications.models import Notification
from tests.support.api import API, Program

READING = [("GET", path) for path in ("notifications", "notifications/1", "counts", "changes")]
CHANGING = [
    ("POST", "notifications/1/read"),
    ("DELETE", "notifications/1/read"),
    ("POST", "notifications/1/archive"),
    ("DELETE", "notifications/1/archive"),
    ("DELETE", "notifications/1"),
    ("POST", "notifications/bulk"),
    ("POST", "notifications/read-all"),
    ("POST", "topics/read"),
    ("POST", "seen"),
    ("POST", "undo"),
    ("POST", "send"),
]


@pytest.fixture
def program(user: User) -> Program:
    """A program that acts for the user."""
    return Program(user)


def test_every_operation_is_tested(program: Program) -> None:
    """The lists above name every operation of the description."""
    described = {
        (method.upper(), path.removeprefix(API).replace("{id}", "1"))
        for path, methods in program.ask("GET", "openapi.json")["paths"].items()
        for method in methods
    }
    assert described == set(READING + CHANGING)


# --- Who


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), READING + CHANGING)
def test_who_is_not_logged_in_gets_401(method: str, path: str) -> None:
    """Nobody in particular learns nothing, and is told how to be somebody."""
    response = Program().send(method, path)
    assert response.headers["WWW-Authenticate"].startswith(("Session ", "Bearer "))
    status, error = Program().refused(method, path)
    assert (status, error["code"]) == (401, "not_logged_in")


def test_a_deactivated_user_gets_401(program: Program, user: User) -> None:
    """An account that was closed reads no more, whatever its session says."""
    user.is_active = False
    user.save()
    assert program.refused("GET", "counts")[0] == 401


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_what_changes_something_needs_the_csrf_token(user: User, method: str, path: str) -> None:
    """Without the token, or with a wrong one, a session alone changes nothing."""
    sent = notify(user, title="One")
    before = list(Notification.objects.values())
    program = Program(user, enforce_csrf=True)
    for headers in ({}, {"X-CSRFToken": "a" * 32}):
        status, error = program.refused(method, path.replace("1", str(sent.pk)), **headers)
        assert (status, error["code"]) == (403, "csrf")
    assert list(Notification.objects.values()) == before


def test_the_csrf_token_of_a_page_will_do(user: User) -> None:
    """The cookie that a page with a form set, repeated in the header, lets a change through; reading needs none."""
    program = Program(user, enforce_csrf=True)
    program.client.cookies["csrftoken"] = "a" * 32
    assert program.send("POST", "seen", **{"X-CSRFToken": "a" * 32}).status_code == 200
    assert program.send("GET", "counts").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver:81"])
def test_another_origin_is_refused(user: User, origin: str) -> None:
    """A page of another site cannot change anything, even if it had the token."""
    program = Program(user, enforce_csrf=True)
    program.client.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32, "Origin": origin}
    assert program.refused("POST", "seen", **headers)[0] == 403
    assert program.send("POST", "seen", **headers | {"Origin": "http://testserver"}).status_code == 200


def test_no_answer_may_be_read_by_other_sites(program: Program) -> None:
    """There are no CORS headers."""
    response = program.send("GET", "counts", Origin="https://evil.example")
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


# --- What


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("GET", "notifications?state=x", None, "state"),
        ("GET", "notifications?level=x", None, "level"),
        ("GET", "notifications?limit=0", None, "limit"),
        ("GET", "notifications?limit=101", None, "limit"),
        ("GET", "notifications?limit=", None, "limit"),
        ("GET", "notifications?before=0", None, "before"),
        ("GET", f"notifications?before={2**63}", None, "before"),
        ("GET", "notifications?q=" + "x" * 201, None, "q"),
        ("GET", "notifications?q=%00", None, "q"),
        ("GET", "notifications?topic=%00", None, "topic"),
        ("GET", "notifications?category=%00", None, "category"),
        ("POST", "notifications/bulk", {"action": "read", "ids": []}, "ids"),
        ("POST", "notifications/bulk", {"action": "read", "ids": list(range(101))}, "ids"),
        ("POST", "notifications/bulk", {"action": "read", "ids": [1, "2"]}, "ids.1"),
        ("POST", "notifications/bulk", {"action": "read", "ids": [True]}, "ids.0"),
        ("POST", "notifications/bulk", {"action": "burn", "ids": [1]}, "action"),
        ("POST", "notifications/bulk", {"ids": [1]}, "action"),
        ("POST", "notifications/read-all", {}, "up_to"),
        ("POST", "notifications/read-all", {"up_too": 1, "up_to": 1}, "up_too"),
        ("POST", "notifications/read-all", {"up_to": -1}, "up_to"),
        ("POST", "notifications/read-all", {"up_to": 2**63}, "up_to"),
        ("POST", "notifications/read-all", {"up_to": 1.5}, "up_to"),
        ("POST", "notifications/read-all", "[]", "body"),
        ("POST", "notifications/read-all", "null", "body"),
        ("POST", "topics/read", {"topic": ""}, "topic"),
        ("POST", "topics/read", '{"topic": "\\u0000"}', "topic"),
        ("POST", "topics/read", '{"topic": "\\ud800"}', "topic"),
        ("POST", "undo", {"token": 1}, "token"),
        ("POST", "undo", {"token": "x" * 300_000}, "token"),
    ],
)
def test_what_is_not_as_described_gets_422(
    program: Program, user: User, method: str, path: str, body: Any, field: str
) -> None:
    """The answer names the field, and nothing was changed."""
    notify(user, title="One")
    before = list(Notification.objects.values())
    status, error = program.refused(method, path, body)
    assert (status, error["code"], error["field"]) == (422, "invalid", field)
    assert list(Notification.objects.values()) == before


@pytest.mark.parametrize("body", ["{", "x", "'a'", "\ud7ff{", '{"up_to": 1}}'])
def test_what_is_not_json_gets_400(program: Program, body: str) -> None:
    """A body that does not parse is refused as such."""
    status, error = program.refused("POST", "notifications/read-all", body)
    assert (status, error["code"]) == (400, "not_json")


def test_a_body_that_is_too_long_gets_413(program: Program) -> None:
    """Django's bound on bodies holds here too, in the API's own shape."""
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100):
        status, error = program.refused("POST", "topics/read", {"topic": "x" * 200})
    assert (status, error["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["notifications/bulk", "undo", "send"])
@pytest.mark.parametrize("form", ["%s", '{"title": "x", "to": %s}', '{"data": %s}'])
def test_a_body_of_many_fields_is_not_gone_through(
    program: Program, path: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before each of its fields is found to be an error.

    That was a call of 2 s during which no thread and no event loop of the process went on, and any reader could make it.
    """

    def go_through(*_: Any) -> None:
        raise AssertionError("The errors of a large body were listed.")

    monkeypatch.setattr(views.api, "validation_error_from_error_contexts", go_through)
    fields = "{" + ",".join(f'"{number}": 1' for number in range(body_parser.MAX_FIELDS + 1)) + "}"
    status, error = program.refused("POST", path, form % fields)
    assert (status, error["code"], error["field"]) == (422, "invalid", "body")


@pytest.mark.parametrize("depth", [65, 900, 100_000])
def test_a_body_nested_too_deep_is_not_parsed(program: Program, monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    """However deep its brackets stand in each other, the answer is a refusal, and the parser never sees it."""
    parser = SimpleNamespace(loads=lambda *_args, **_named: pytest.fail("parsed"), detect_encoding=json.detect_encoding)
    monkeypatch.setattr("notifications.protocol.parse_json.json", parser)
    status, error = program.refused("POST", "undo", '{"token": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}")
    assert (status, error["code"], error["field"]) == (422, "invalid", "body")


def test_a_body_longer_than_any_operation_takes_is_not_read(program: Program) -> None:
    """Django lets 2.5 MB through; no more is parsed here than what is taken."""
    status, error = program.refused("POST", "undo", "{" + " " * body_parser.MAX_BODY_BYTES + "}")
    assert (status, error["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "path", ["", "nope", "notifications/", "notifications/x", "notifications/-1", "notifications/1/open", "counts/"]
)
def test_other_addresses_get_404(program: Program, path: str) -> None:
    """What is no address of the API is refused in its shape, whoever asks."""
    assert program.refused("GET", path)[0] == 404
    assert Program().refused("POST", path)[1]["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "seen", "POST"),
        ("GET", "seen", "POST"),
        ("HEAD", "counts", "GET"),
        ("OPTIONS", "counts", "GET"),
        ("GET", "notifications/1/read", "DELETE, POST"),
        ("POST", "openapi.json", "GET, HEAD"),
    ],
)
def test_other_methods_get_405(program: Program, method: str, path: str, allowed: str) -> None:
    """The answer says which methods there are."""
    response = program.send(method, path)
    assert (response.status_code, ", ".join(sorted(response["Allow"].split(", ")))) == (405, allowed)
    if method != "HEAD":
        assert program.refused(method, path)[1]["code"] == "method_not_allowed"


def test_what_nobody_foresaw_is_left_to_django(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of our own is Django's to log and to answer, not hidden behind a message."""

    def broken(_user: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(views, "inbox_of", broken)
    with pytest.raises(RuntimeError, match="broken"):
        program.send("GET", "counts")


# --- How often


def test_too_many_requests_get_429(
    program: Program, other_user: User, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each user may do so much in a minute over all sessions; the answer says when to come back, and then it works."""
    now = 6000.25
    monkeypatch.setattr(time, "time", lambda: now)
    other = Program(other_user)
    with override_settings(NOTIFICATIONS_ACTIONS_PER_MINUTE=2):
        second = Program(user)
        assert [program.send("GET", "notifications?q=a").status_code, second.send("POST", "seen").status_code] == [
            200
        ] * 2
        response = program.send("POST", "seen")
        assert response.status_code == 429
        status, error = second.refused("GET", "notifications?q=a")
        assert (status, error["code"]) == (429, "throttled")
        assert [other.send("POST", "seen").status_code, program.send("GET", "counts").status_code] == [200] * 2
        now += int(response["Retry-After"]) - 1.5
        assert program.send("POST", "seen").status_code == 429
        now += 1.5
        assert program.send("POST", "seen").status_code == 200
