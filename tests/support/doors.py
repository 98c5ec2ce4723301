"""The sites of the guide that decide themselves who may follow: their modules, made of what `docs/howto/admission.md` shows.

Besides, gates that a test opens and shuts, and hooks that answer as a test wants.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import aget_user
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from notifications import session_or_token

__all__ = ["GUIDE", "MODULES", "SECOND_FACTOR", "Closed", "install", "second_factor"]

GUIDE: Final = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "admission.md").read_text()
MODULES: Final = dict(re.findall(r"```python\n# (mysite/\w+)\.py\n(.*?)```", GUIDE, re.DOTALL))
SECOND_FACTOR: Final = "tests.support.doors.second_factor"


def install() -> None:
    """Make modules of the guide's blocks: `mysite.door`, and so on."""
    sys.modules["mysite"] = ModuleType("mysite")
    for path, code in MODULES.items():
        name = path.replace("/", ".")
        module = sys.modules[name] = ModuleType(name)
        exec(compile(code, f"docs/howto/admission.md: {path}.py", "exec"), vars(module))  # noqa: S102 - the page's own code
        setattr(sys.modules["mysite"], name.partition(".")[2], module)


def second_factor(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Be a gate of a site's own: who is logged in with a password alone gets 403, whatever is asked for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and not request.session.get("second_factor"):
            return HttpResponse("Give your second factor first.", status=403)
        return get_response(request)

    return middleware


def visits(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Note each visit in the session, as an idle time-out does."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.session["visits"] = request.session.get("visits", 0) + 1
        return get_response(request)

    return middleware


def broken(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Fail, as when an identity provider does not answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        raise ConnectionError("The identity provider did not answer.")

    return middleware


def read_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Let nobody change anything, as in maintenance."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method != "GET":
            return HttpResponse(status=503)
        return get_response(request)

    return middleware


class Closed:
    """What the hooks below answer at this moment."""

    names: Final[set[str]] = set()  # who may not
    error: Exception | None = None
    hangs: Final[dict[str, Event]] = {}  # who is asked about until this is set
    methods: Final[list[str | None]] = []


def judge(user: Any) -> Any:
    if Closed.error is not None:
        raise Closed.error
    if user is not None and user.get_username() in Closed.names:
        raise PermissionDenied
    return user


def hook(request: HttpRequest) -> Any:
    """Ask the default, and then the test."""
    Closed.methods.append(request.method)
    user = session_or_token(request)
    if user is not None and (released := Closed.hangs.get(user.get_username())):
        released.wait(30)
    return judge(user)


def refuse_everybody(request: HttpRequest) -> Any:
    """Let nobody follow."""
    raise PermissionDenied


async def ahook(request: HttpRequest) -> Any:
    """Ask as `hook` does, on the event loop."""
    assert settings.SESSION_COOKIE_NAME in request.COOKIES
    user = await aget_user(request)
    return judge(user if user.is_authenticated else None)
