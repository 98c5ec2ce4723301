"""What strangers say to django-eventstream's view: an answer of its own, and never an error of the server."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.test import override_settings

from notifications.asgi import with_stream
from tests.support.asgi import Site
from tests.support.browser import request

pytestmark = pytest.mark.django_db(transaction=True)


async def answer_to(query: str, *headers: tuple[bytes, bytes]) -> tuple[int, str]:
    """Return the status of the view's answer, and how it begins."""
    scope = request("/events/", query_string=query.encode(), headers=[(b"host", b"testserver"), *headers])
    view: Any = ApplicationCommunicator(with_stream(get_asgi_application()), scope)  # type: ignore[no-untyped-call]
    await view.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await view.receive_output(10)
    body = (await view.receive_output(10))["body"].decode()
    await view.send_input({"type": "http.disconnect"})
    await view.wait(10)
    return start["status"], body


def meta(**claims: Any) -> str:
    """Return a web token as its edge links hold one, under the site's own key."""
    return jwt.encode({"exp": int(time.time()) + 60, **claims}, settings.SECRET_KEY, algorithm="HS256")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_nobody_says_in_a_link_whose_stream_it_is(site: Site, user: User) -> None:
    """What passes for an edge's word is refused, whoever signed it and however it is written; without it, as ever."""
    channel = f"user-{user.pk}"
    signed = meta(user=str(user.pk), channels=[channel])
    for query in ("es-meta=x", "es-meta=a.b.c", f"es-meta={meta()}", f"es-meta={signed}", f"es%2Dmeta={signed}"):
        status, body = await answer_to(f"{query}&channel={channel}")
        assert (status, "es-meta is for an edge proxy" in body) == (400, True)
    status, body = await answer_to(f"channel={channel}")
    assert (status, "forbidden" in body) == (200, True)


@override_settings(NOTIFICATIONS_PUBLIC_TOPICS=["status"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "channel=",
        "channel=%00",
        "channel=user-%00",
        "channel=user-99999999999999999999999",
        "channel=%FF%FE",
        "channel=public-status%0d%0adata:x",
        "&".join(f"channel=c{number}" for number in range(11)),
        "channel=public-status&recover=true",
        "channel=public-status&recover=true&link=next",
        "channel=nobody&link=next",
        "channel=nobody&lastEventId=error",
        "channel=nobody&lastEventId=a:b:c",
    ],
)
async def test_garbage_is_answered(site: Site, query: str) -> None:
    """Names of nothing, too many of them, and what only a proxy may say are an error of the client's."""
    status, body = await answer_to(query)
    assert status == 400 or (status == 200 and "event: stream-error\nid: error\n" in body)


@override_settings(NOTIFICATIONS_PUBLIC_TOPICS=["status"])
@pytest.mark.parametrize(
    "last", ["x", ":", "a:b:c", "public-status:", "public-status:-1", "%00:1", "%,", "é:1", "9" * 9999]
)
async def test_a_garbled_position_opens_the_stream(site: Site, last: str) -> None:
    """A last id that nobody was given is no error, in the URL or in the header: the client is told to begin anew."""
    for query, headers in ((f"&lastEventId={quote(last)}", []), ("", [(b"last-event-id", last.encode())])):
        status, body = await answer_to(f"channel=public-status{query}", *headers)
        assert (status, "event: stream-open\n" in body) == (200, True)
