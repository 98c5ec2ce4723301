"""Many sessions at once: two queries, no writes, and nobody who spoils it for the others."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from notifications.access.auth import SessionOrToken, find_users, read_session_key
from notifications.access.headers import read_headers
from notifications.hub.batcher import load_each
from tests.support.asgi import log_in

pytestmark = pytest.mark.django_db


def test_a_hundred_sessions_take_two_queries(
    user: User, other_user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """With Django's default engine and backend the cost does not grow with the number of sessions."""
    keys = {log_in(each): each.pk for each in (user, other_user) for _ in range(50)}
    with django_assert_num_queries(2):
        users = find_users([*keys, "no-such-session-at-all"])
    assert {key: found.pk for key, found in users.items()} == keys


def queried(parameters: list[Any]) -> Any:
    """Return what notes the parameters of every query on this connection."""

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        parameters.append(tuple(params or ()))
        return execute(sql, params, many, context)

    return connection.execute_wrapper(note)


def test_more_sessions_than_sqlite_takes_parameters(user: User) -> None:
    """A full process can be looked up at once, also where a query takes no more than 999 parameters."""
    keys = [log_in(user) for _ in range(3)]
    parameters: list[Any] = []
    with queried(parameters):
        users = find_users([*keys, *(f"no-such-session-{number}" for number in range(2000))])
    assert users.keys() == set(keys)
    assert max(map(len, parameters)) <= 999


def test_one_bad_cookie_does_not_shut_others_out(user: User) -> None:
    """A cookie with a NUL character, which PostgreSQL refuses in any query, costs those in the same batch nothing."""
    key = log_in(user)
    bad = read_session_key(
        read_headers([(b"cookie", b'sessionid="abcdefgh\\000"')])
    )  # the quoted form of cookies can carry one
    parameters: list[Any] = []
    with queried(parameters):
        users = find_users([key, *([bad] if bad else [])])
    assert list(users) == [key]
    assert not any("\0" in str(value) for values in parameters for value in values)


def test_looking_up_only_reads(user: User, settings: Settings) -> None:
    """Not even a session that Django would renew, because an older SECRET_KEY made it, is touched."""
    key = log_in(user)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another one", [settings.SECRET_KEY]
    before = list(Session.objects.values())
    with CaptureQueriesContext(connection) as queries:
        assert find_users([key])[key] == user
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert list(Session.objects.values()) == before


def test_one_backend_failure_leaves_the_other_answers_alone(user: User, other_user: User, settings: Settings) -> None:
    """Where a backend fails for one user, that one's answer is unknown, and everybody else's is as ever."""
    settings.AUTHENTICATION_BACKENDS = ["tests.support.backends.FailsForOne"]
    key, other_key = (log_in(each, backend="tests.support.backends.FailsForOne") for each in (user, other_user))
    shown: list[SessionOrToken] = [key, other_key, "no-such-session"]
    users, failed = load_each(find_users, shown)
    assert {found: who.pk for found, who in users.items()} == {key: user.pk}
    assert [type(error) for error in failed.values()] == [RuntimeError]
    assert list(failed) == [other_key]
