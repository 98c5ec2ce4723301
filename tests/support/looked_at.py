"""Count how much of what a stranger sends is looked at on the event loop before the stream answers. A program of its own.

    python -m tests.support.looked_at  →  {"cookie: a quoted backslash": [4101, 8200], …}   bytes sent, bytes looked at

It runs under any Python that finds Django, so that each supported one can be asked. What looks at text is C code, which
a profile function is told of: a method of a text is charged with that text's length, a search with that of the longest
text which the calling function holds. That is more than is really looked at, never less.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import sys
from types import FrameType
from typing import Any, Final

TEXTS: Final = (str, bytes)
SIZE: Final = 4096
# Methods that do not go through their text.
QUICK: Final = frozenset({"startswith", "endswith", "append", "get", "items", "join", "format"})

Headers = list[tuple[bytes, bytes]]


class Looked:
    """How many characters were looked at while the profile function was set."""

    def __init__(self) -> None:
        self.chars = 0

    def __enter__(self) -> Looked:
        """Begin."""
        sys.setprofile(self)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        sys.setprofile(None)

    def __call__(self, frame: FrameType, event: str, called: Any) -> None:
        """Charge one call of C code."""
        if event != "c_call" or called.__name__ in QUICK:
            return
        owner = getattr(called, "__self__", None)
        if isinstance(owner, TEXTS):
            self.chars += len(owner)
        elif isinstance(owner, re.Pattern):
            self.chars += max((len(value) for value in frame.f_locals.values() if isinstance(value, TEXTS)), default=0)


def strangers() -> dict[str, tuple[bytes, Headers]]:
    """Return what a stranger may send, by name: a query and headers."""
    own = (b"origin", b"http://localhost")
    sent: dict[str, tuple[bytes, Headers]] = {
        "cookie: a quoted backslash": (b"", [(b"cookie", b'a="' + b"\\" * SIZE + b'"')]),
        "cookie: the session's own, of backslashes": (b"", [(b"cookie", b'sessionid="' + b"\\" * SIZE + b'"')]),
        "cookie: octal digits": (b"", [(b"cookie", b'a="' + b"\\101" * (SIZE // 4) + b'"')]),
        "cookie: many without a name": (b"", [(b"cookie", b";" * SIZE)]),
        "cookie: blanks": (b"", [(b"cookie", b"; " + b" " * SIZE)]),
        "cookie: the name again and again": (b"", [(b"cookie", b"sessionid " * (SIZE // 10))]),
        "cookie: many headers": (b"", [(b"cookie", b"a=b")] * (SIZE // 3)),
        "query: many names": (b"a=b&" * (SIZE // 4), []),
        "query: percent signs": (b"since=" + b"%31" * (SIZE // 3), []),
        "query: the position again and again": (b"since=1&" * (SIZE // 8), []),
        "query: another's word": (b"%65s-met&" * (SIZE // 9), []),
        "query: no text": (b"\xff" * SIZE, []),
        "last-event-id: digits": (b"", [(b"last-event-id", b"1" * SIZE)]),
        "origin: digits": (b"", [(b"origin", b"http://" + b"1" * SIZE)]),
        "origin: many": (b"", [(b"origin", b"http://%d.example" % number) for number in range(SIZE // 16)]),
        "host: dots": (b"", [own, (b"host", b"a." * (SIZE // 2))]),
        "forwarded host: dots": (b"", [own, (b"x-forwarded-host", b"a." * (SIZE // 2))]),
        "forwarded scheme: commas": (b"", [own, (b"x-forwarded-proto", b"," * SIZE)]),
        "forwarded for: proxies of ours": (b"", [(b"x-forwarded-for", b"10.1.0.1," * (SIZE // 9))]),
        "authorization: blanks": (b"", [(b"authorization", b"Bearer " + b" " * SIZE)]),
        "authorization: our own, too long": (b"", [(b"authorization", b"Bearer ntf_" + b"0" * SIZE)]),
        "accept: repeated": (b"", [own, *[(b"accept", b"*/*")] * (SIZE // 3)]),
    }
    return sent


async def count(query: bytes, headers: Headers) -> int:
    """Return how much is looked at until the stream has refused this stranger, and for what is asked of who is let in."""
    from django.core.handlers.asgi import ASGIRequest

    from notifications.access.addresses import find_client_address
    from notifications.asgi import Front
    from notifications.endpoints.request import StreamRequest
    from notifications.endpoints.stream import StreamApplication

    answers: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/notifications/stream/",
        "query_string": query,
        "headers": headers,
        "client": ("10.1.0.1", 1),
    }
    front = Front.__new__(Front)
    front.has_grip = False
    request = ASGIRequest({**scope, "query_string": b""}, io.BytesIO())
    with Looked() as looked:
        await StreamApplication()(scope, receive, send)
        assert StreamRequest.parse(scope).position is None
        front.has_foreign_parameter(scope)
        find_client_address(request)
    if answers[0]["status"] not in (401, 403):
        raise SystemExit(f"a stranger was answered with {answers[0]['status']}")
    return looked.chars


async def count_all() -> dict[str, list[int]]:
    """Return what each sent, and what was looked at beyond what an empty request takes."""
    await count(b"", [])  # imports and caches
    nothing = await count(b"", [])
    found: dict[str, list[int]] = {}
    for name, (query, headers) in strangers().items():
        size = len(query) + sum(len(value) for _name, value in headers)
        found[name] = [size, await count(query, headers) - nothing]
    return found


def main() -> None:
    """Print it, with a database that knows nobody."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.support.settings_alone"
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.db import connection

    from notifications.models.token import ApiToken

    with connection.schema_editor() as editor:  # stays open, and with it a database that is in memory
        for model in (User, Session, ApiToken):
            editor.create_model(model)
    print(json.dumps(asyncio.run(count_all())))


if __name__ == "__main__":
    main()
