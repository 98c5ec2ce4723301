"""Find the users of session cookies and tokens, for many connections at once, by Django's own rules.

Receives credentials from `endpoints/stream.py` (someone connects) and `hub/` (someone is still connected): the key of a
session, or the token of a program (`tokens.py`), which needs the scope `read`. Guarantees for sessions what
`django.contrib.auth.get_user()` does: the session exists and has not expired, its backend is still configured and lets
this user in, and its hash still fits the password. Writes to no session: rotating or flushing one needs a response with
a cookie, which a stream is not.

The database session engine and `ModelBackend.get_user` are asked in batches; other engines and backends one by one.
What one of them raises concerns all; who asks for many, asks again for each (`hub/batcher.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model, load_backend
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends.db import SessionStore as DatabaseSession
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ..log.keys import chunks
from .headers import Headers
from .tokens import Bearer, find_users_by_token, parse_bearer

__all__ = [
    "MAX_COOKIES_BYTES",
    "SessionOrToken",
    "find_users",
    "parse_session_key",
    "read_session_key",
    "read_session_or_token",
    "read_token",
]

SessionOrToken = str | Bearer  # a session key is whatever a client sends: told apart by type, none can pass for a token

# More than servers and proxies let through by default (8 to 64 KiB for all headers).
MAX_COOKIES_BYTES: Final = 64 * 1024
# What browsers keep of one cookie; where sessions are kept in cookies, it holds all of one.
MAX_KEY_BYTES: Final = 4096


def read_session_or_token(headers: Headers) -> SessionOrToken | None:
    """Return what a client shows to be let in. A token of ours counts alone: with a bad one no cookie helps."""
    return read_token(headers) or read_session_key(headers)


def read_token(headers: Headers) -> Bearer | None:
    """Return the token of ours in a request's headers, or None."""
    bearers = (parse_bearer(value.decode("latin-1")) for value in headers.get(b"authorization", ()))
    return next(filter(None, bearers), None)


def read_session_key(headers: Headers) -> str | None:
    """Return the session key in the cookies of a request's headers, or None. The last one counts, as for Django.

    Looks for the one cookie and leaves the others alone: what browsers store for a site may be long, anybody may send
    anything, and this runs on the event loop. (Until 3.11.9 and 3.12.5 Python's own parser takes the square of the time.)
    """
    find = compile_cookie_pattern(django_settings.SESSION_COOKIE_NAME)
    found = b""
    for value in headers.get(b"cookie", ()):
        if len(value) <= MAX_COOKIES_BYTES:
            for match in find.finditer(value):
                before = value[value.rfind(b";", 0, match.start()) + 1 : match.start()]
                if not before.strip():  # else the end of a longer name
                    found = match[1]
    return None if len(found) > MAX_KEY_BYTES else parse_session_key(found.strip().decode("latin-1"))


def parse_session_key(text: str) -> str | None:
    """Return the session key in a cookie's value, quoted or not, or None where it can be none.

    No store's keys need a backslash. PostgreSQL refuses NUL, and with it everyone else's look-up in the same query.
    """
    key = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    return key if 0 < len(key) <= MAX_KEY_BYTES and "\\" not in key and "\0" not in key else None


@lru_cache(maxsize=8)
def compile_cookie_pattern(name: str) -> re.Pattern[bytes]:
    """Return what finds the values of a cookie in a `Cookie` header."""
    return re.compile(re.escape(name.encode()) + rb"\s*+=([^;]*+)")  # begins with what can be searched for quickly


def find_users(credentials: Iterable[SessionOrToken]) -> dict[SessionOrToken, Any]:
    """Return the user behind each credential that lets one in.

    Queries for each 500: 2 for sessions with the default engine, 1 for tokens.
    """
    wanted = set(credentials)
    bearers = {each for each in wanted if isinstance(each, Bearer)}
    session_keys = {each for each in wanted if isinstance(each, str)}
    users: dict[SessionOrToken, Any] = {}
    if bearers:
        users.update(find_users_by_token(bearers, "read").items())
    if session_keys:
        users.update(find_users_by_session(session_keys).items())
    return users


def find_users_by_session(session_keys: set[str]) -> dict[str, Any]:
    """Return the user behind each session key that is logged in."""
    sessions = load_sessions(session_keys)
    keys = {key: read_user_key(session) for key, session in sessions.items()}
    users = load_users({key: sessions[key] for key in sessions if keys[key] is not None}, keys)
    return {key: user for key, user in users.items() if has_valid_hash(user, sessions[key])}


def load_sessions(session_keys: set[str]) -> dict[str, Mapping[str, Any]]:
    """Return the content of each session that exists and has not expired."""
    store = import_module(django_settings.SESSION_ENGINE).SessionStore
    if store.load is DatabaseSession.load:
        decode = store().decode
        alive = store.get_model_class().objects.filter(expire_date__gt=timezone.now())
        return {
            key: decode(data)
            for chunk in chunks(list(session_keys))
            for key, data in alive.filter(session_key__in=chunk).values_list("session_key", "session_data")
        }
    return {key: load_session(store(key)) for key in session_keys}


def load_session(session: Any) -> Mapping[str, Any]:
    """Return a session's content without writing: the file engine would make a new session for an expired one."""
    session.create = lambda: None
    content: Mapping[str, Any] = session.load()
    return content


def read_user_key(session: Mapping[str, Any]) -> Any:
    """Return the primary key of the user whom a session claims to be, or None."""
    try:
        return get_user_model()._meta.pk.to_python(session[SESSION_KEY])
    except (KeyError, ValidationError):
        return None


def load_users(sessions: Mapping[str, Mapping[str, Any]], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user of each session whose backend still lets that user in."""
    paths = {key: str(session.get(BACKEND_SESSION_KEY, "")) for key, session in sessions.items()}
    backends: dict[str, Any] = {
        path: load_backend(path) for path in set(paths.values()) & set(django_settings.AUTHENTICATION_BACKENDS)
    }
    plain = {path for path, backend in backends.items() if type(backend).get_user is ModelBackend.get_user}
    in_bulk = get_user_model()._default_manager.in_bulk({keys[key] for key in sessions if paths[key] in plain})
    users: dict[str, Any] = {}
    for key, path in paths.items():
        if path in plain:
            user = in_bulk.get(keys[key])
            user = user if user is not None and backends[path].user_can_authenticate(user) else None
        else:
            user = backends[path].get_user(keys[key]) if path in backends else None
        if user is not None:
            users[key] = user
    return users


def has_valid_hash(user: Any, session: Mapping[str, Any]) -> bool:
    """Return whether the session was made with the user's present password, under this or an older SECRET_KEY.

    The rules of `django.contrib.auth.get_user()`, without its writes.
    """
    if not hasattr(user, "get_session_auth_hash"):
        return True
    session_hash = session.get(HASH_SESSION_KEY)
    if not session_hash:
        return False
    if constant_time_compare(session_hash, user.get_session_auth_hash()):
        return True
    fallbacks = getattr(user, "get_session_auth_fallback_hash", tuple)
    return any(constant_time_compare(session_hash, fallback) for fallback in fallbacks())
