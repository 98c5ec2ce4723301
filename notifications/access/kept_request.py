"""Keep the request of a stream while it is open, so that a site's hook can be asked about it again.

Receives ASGI scopes, of HTTP and WebSocket alike, and makes Django's requests of them. Guarantees that what is kept is
bounded, that its cookies are read in a time that grows as they do, whatever Python runs it, and that asking changes no
session: an answer to a stream carries no cookie back, and a ping is not a visit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from io import BytesIO
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.handlers.asgi import ASGIRequest

from .auth import MAX_COOKIES_BYTES, read_session_key
from .headers import read_headers

__all__ = ["AdmissionRequest", "KeptRequest", "keep_unwritten"]

MAX_HEADERS_BYTES: Final = 64 * 1024
MAX_QUERY_BYTES: Final = 8 * 1024
# What a session does to keep itself: with a new key, or with what a middleware wrote into it.
WRITES: Final = ("save", "create", "cycle_key")
QUOTED: Final = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class KeptRequest:
    """What a client sent to open a stream. Each is another one, whatever it holds."""

    path: str
    root_path: str
    scheme: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    client: tuple[str, int] | None = None
    server: tuple[str, int | None] | None = None

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> KeptRequest | None:
        """Return what is to be kept of a connection; None of one that sends more than servers let through."""
        headers = tuple((bytes(name), bytes(value)) for name, value in scope["headers"])
        query = scope.get("query_string", b"")
        if sum(len(name) + len(value) for name, value in headers) > MAX_HEADERS_BYTES or len(query) > MAX_QUERY_BYTES:
            return None
        client, server = scope.get("client"), scope.get("server")
        return cls(
            path=scope["path"],
            root_path=scope.get("root_path", ""),
            scheme=read_scheme(scope),
            query=query,
            headers=headers,
            client=tuple(client) if client else None,
            server=tuple(server) if server else None,
        )

    @property
    def session_key(self) -> str | None:
        """The session that its cookies name."""
        return read_session_key(read_headers(self.headers))

    def build_request(self, method: str = "GET") -> AdmissionRequest:
        """Return it as a hook sees it, a new one each time."""
        scope = {
            "type": "http",
            "method": method,
            "path": self.path,
            "root_path": self.root_path,
            "scheme": self.scheme,
            "query_string": self.query.decode("utf-8", "replace").encode(),
            "headers": self.headers,
            "client": self.client,
            "server": self.server,
        }
        return AdmissionRequest(scope, BytesIO())


def read_scheme(scope: Mapping[str, Any]) -> str:
    """Return the scheme of HTTP. Of a WebSocket Daphne tells none; the page's own, which is this site's, is the same."""
    told = scope.get("scheme")
    if told is None:
        is_secure = any(name == b"origin" and value.startswith(b"https:") for name, value in scope["headers"])
        return "https" if is_secure else "http"
    return {"ws": "http", "wss": "https"}.get(told, str(told))


class AdmissionRequest(ASGIRequest):
    """Django's request, whose session is read and never written."""

    is_admitted = False  # whether it came through the site's middlewares
    failure: BaseException | None = None  # what one of them raised
    # There is no form that could carry a token: which pages may open a stream, and order over it, was settled by its origin.
    _dont_enforce_csrf_checks = True

    @cached_property
    def COOKIES(self) -> dict[str, str]:  # type: ignore[override]  # noqa: N802 - Django's name, a property there as well
        """The cookies, as Django reads them."""
        return parse_cookies(self.META.get("HTTP_COOKIE", ""))

    @property
    def session(self) -> Any:
        """The session that the cookie names, whether or not a middleware has put it here."""
        if "_session" not in vars(self):
            store = import_module(django_settings.SESSION_ENGINE).SessionStore
            self.session = store(self.COOKIES.get(django_settings.SESSION_COOKIE_NAME))
        return vars(self)["_session"]

    @session.setter
    def session(self, session: Any) -> None:
        keep_unwritten(session)
        vars(self)["_session"] = session


def keep_unwritten(session: Any) -> None:
    """Let what is asked about a session neither change nor prolong it."""
    for name in WRITES:
        setattr(session, name, do_not_write)
        setattr(session, f"a{name}", do_not_awrite)


def do_not_write(*_: Any, **__: Any) -> None:
    """Stand for a session's method that would write."""


async def do_not_awrite(*_: Any, **__: Any) -> None:
    """Stand for the same of async code."""


def parse_cookies(header: str) -> dict[str, str]:
    """Return what `django.http.parse_cookie` would, in a time that grows as the header does."""
    cookies: dict[str, str] = {}
    if len(header) > MAX_COOKIES_BYTES:
        return cookies
    for part in header.split(";"):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = "", name
        name, value = name.strip(), value.strip()
        if name or value:
            cookies[name] = unquote_cookie(value)
    return cookies


def unquote_cookie(value: str) -> str:
    """Take the quoting off a cookie's value, as `http.cookies` does since Python 3.11.10 and 3.12.6."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return QUOTED.sub(lambda match: chr(int(match[1], 8)) if match[1] else match[2], value[1:-1])
