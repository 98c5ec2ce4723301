"""Who follows a stream: the same answers as `django.contrib.auth.get_user()`, for many sessions at once, without writes."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from pytest_django import Settings

from notifications.access.auth import find_users, read_session_key
from notifications.access.headers import read_headers
from tests.support.asgi import log_in

pytestmark = pytest.mark.django_db

ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]
PLAIN = "django.contrib.auth.backends.ModelBackend"
EVEN_INACTIVE = "tests.support.backends.EvenInactive"
NOBODY_BLOCKED = "tests.support.backends.NobodyCalledBlocked"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of Django's session engines in turn."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    cache.clear()
    if request.param == "file":  # the class remembers its folder once it has asked for SESSION_FILE_PATH
        monkeypatch.setattr(store_class(), "_storage_path", str(tmp_path), raising=False)
    return str(request.param)


def store_class() -> Any:
    """Return the session class of the configured engine."""
    return import_module(django_settings.SESSION_ENGINE).SessionStore


def by_django(session_key: str) -> Any:
    """Return the primary key that Django's own `get_user()` finds, or None."""
    request = HttpRequest()
    request.session = store_class()(session_key)
    return get_user(request).pk


def by_us(session_key: str) -> Any:
    """Return the primary key that we find, or None."""
    user = find_users([session_key]).get(session_key)
    return None if user is None else user.pk


def assert_alike(session_key: str, expected: Any) -> None:
    """Ours first: Django's may write."""
    assert by_us(session_key) == expected
    assert by_django(session_key) == expected


def edit_session(session_key: str, **values: Any) -> str:
    """Set or (None) remove keys of a session; return its key, which changes where the cookie is the session."""
    session = store_class()(session_key)
    for name, value in values.items():
        if value is None:
            del session[name]
        else:
            session[name] = value
    session.save()
    return str(session.session_key)


@pytest.mark.usefixtures("engine")
def test_a_logged_in_user_is_found(user: User, other_user: User) -> None:
    """Each session leads to its own user in every engine."""
    mine, other = log_in(user), log_in(other_user)
    assert_alike(mine, user.pk)
    assert_alike(other, other_user.pk)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    "key", ["no-such-session-at-all", "short", "", "../../etc/passwd", "a b;c", "é" * 20, "x" * 999]
)
def test_a_session_that_does_not_exist_is_nobody(key: str) -> None:
    """Whatever a cookie holds, an unknown session is nobody and raises nothing."""
    assert_alike(key, None)


@pytest.mark.usefixtures("engine")
def test_a_deactivated_user_is_out(user: User, other_user: User) -> None:
    """`is_active = False` ends it, for that user alone."""
    mine, other = log_in(user), log_in(other_user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert_alike(mine, None)
    assert_alike(other, other_user.pk)


@pytest.mark.usefixtures("engine")
def test_a_changed_password_ends_older_sessions(user: User) -> None:
    """A session made with the former password is nobody's."""
    key = log_in(user)
    user.set_password("another")
    user.save()
    assert_alike(key, None)
    assert_alike(log_in(user), user.pk)


@pytest.mark.usefixtures("engine")
def test_a_deleted_user_is_nobody(user: User) -> None:
    """A session outlives its user without harm."""
    key = log_in(user)
    user.delete()
    assert_alike(key, None)


def test_a_deleted_session_is_nobody(engine: str, user: User) -> None:
    """Log-out deletes the session on the server; a signed cookie knows no such thing, there as here."""
    key = log_in(user)
    store_class()(key).delete()
    assert_alike(key, user.pk if engine == "signed_cookies" else None)


def test_an_expired_session_is_nobody(engine: str, user: User, settings: Settings) -> None:
    """A session past its time is nobody, by each engine's own clock."""
    key = log_in(user)
    if engine in ("db", "cached_db"):
        cache.clear()
        Session.objects.filter(pk=key).update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    elif engine == "cache":
        store = store_class()(key)
        cache.touch(store.cache_key, 0)
    else:
        settings.SESSION_COOKIE_AGE = -1
    assert_alike(key, None)


@pytest.mark.usefixtures("engine")
def test_a_session_without_hash_or_backend_is_nobody(user: User) -> None:
    """What `login()` writes must be there, all of it."""
    for name in (HASH_SESSION_KEY, BACKEND_SESSION_KEY, SESSION_KEY):
        assert_alike(edit_session(log_in(user), **{name: None}), None)
    assert_alike(edit_session(log_in(user), **{BACKEND_SESSION_KEY: EVEN_INACTIVE}), None)


@pytest.mark.usefixtures("engine")
def test_an_older_secret_key_still_counts(user: User, settings: Settings) -> None:
    """After the SECRET_KEY was rotated, a fallback keeps sessions alive; without the fallback they end."""
    key = log_in(user)
    former = settings.SECRET_KEY
    settings.SECRET_KEY = "a new one, long enough to be believed"
    assert by_us(key) is None
    settings.SECRET_KEY_FALLBACKS = [former]
    assert_alike(key, user.pk)


@pytest.mark.parametrize("backend", [EVEN_INACTIVE, NOBODY_BLOCKED])
@pytest.mark.parametrize("username", ["allowed", "blocked"])
@pytest.mark.parametrize("is_active", [True, False])
def test_other_backends_decide_by_their_own_rules(
    settings: Settings, backend: str, username: str, is_active: bool
) -> None:
    """The backend that logged a user in is the one that is asked, whether it builds on `ModelBackend` or not."""
    settings.AUTHENTICATION_BACKENDS = [PLAIN, EVEN_INACTIVE, NOBODY_BLOCKED]
    someone = User.objects.create_user(username, password="demo", is_active=is_active)
    key = log_in(someone, backend=backend)
    is_let_in = backend == EVEN_INACTIVE or username == "allowed"
    assert_alike(key, someone.pk if is_let_in else None)


# --- nothing is written


@pytest.mark.parametrize("engine", ["file"], indirect=True)
@pytest.mark.usefixtures("engine")
def test_an_expired_file_is_not_replaced_by_a_new_session(user: User, settings: Settings, tmp_path: Path) -> None:
    """Django's file engine makes a new session for an expired one; nobody would ever get its cookie from a stream."""
    key = log_in(user)
    before = {path.name for path in tmp_path.iterdir()}
    settings.SESSION_COOKIE_AGE = -1
    assert find_users([key]) == {}
    assert {path.name for path in tmp_path.iterdir()} <= before


# --- cookies


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ([b"sessionid=abc"], "abc"),
        ([b"a=1; sessionid=abc; b=2"], "abc"),
        ([b"a=1", b"sessionid=abc"], "abc"),
        ([b'sessionid="abc"'], "abc"),
        ([b"sessionid="], None),
        ([b"xsessionid=abc"], None),
        ([b"\xff\xfe;;;==="], None),
        ([], None),
    ],
)
def test_the_session_key_is_found_among_cookies(cookies: list[bytes], expected: str | None) -> None:
    """One header or, as HTTP/2 has it, several: the cookie is found, and what is malformed is no error."""
    headers = [(b"host", b"testserver"), *((b"cookie", text) for text in cookies)]
    assert read_session_key(read_headers(headers)) == expected


def test_the_name_of_the_cookie_is_the_sites_own(settings: Settings) -> None:
    """SESSION_COOKIE_NAME decides which cookie counts."""
    settings.SESSION_COOKIE_NAME = "__Host-s"
    assert read_session_key(read_headers([(b"cookie", b"sessionid=abc; __Host-s=def")])) == "def"
