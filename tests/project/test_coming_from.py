"""`docs/howto/coming-from.md` runs: what is “before” with the package itself, what is “after” with our app."""

from __future__ import annotations

import ast
import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from inspect import CO_COROUTINE
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any, Final

import httpx
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client, RequestFactory

from notifications import broadcast, mark_all_read, notify, notify_many
from notifications.models import Notification
from tests.support.redis import Redis
from tests.support.shell import ROOT

PAGE: Final = (ROOT / "docs" / "howto" / "coming-from.md").read_text()
FENCED: Final = re.compile(r"^```python\n# (before|after)(.*?)^```", re.MULTILINE | re.DOTALL)
# Each section's blocks, by its heading: {"Tornado": {"before": …, "after": …}, …}
BLOCKS: Final = {
    title: {kind: f"# {kind}{code}" for kind, code in FENCED.findall(text)}
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    if "```python" in text
}
TITLE: Final = "Report ready"


def compiled(title: str, kind: str) -> CodeType:
    """Return a block as code, where `await` may stand outside of a function."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(BLOCKS[title][kind], f"{title}, {kind}", "exec", flags=flags, dont_inherit=True)
    return code


def run(title: str, kind: str, **names: Any) -> dict[str, Any]:
    """Run a block with the names that the reader's own code has; return all names after it."""
    exec(compiled(title, kind), names)  # noqa: S102 - the page's own words
    return names


async def arun(title: str, kind: str, **names: Any) -> dict[str, Any]:
    """Run a block from async code: where it awaits as it stands, otherwise in a thread."""
    code = compiled(title, kind)
    if not code.co_flags & CO_COROUTINE:
        return await sync_to_async(run)(title, kind, **names)
    await eval(code, names)  # noqa: S307 - as above
    return names


def test_every_block_is_tried() -> None:
    """Each section has one of each kind, no block of Python is anything else, and this file runs all of them."""
    assert list(BLOCKS) == ["Flask-SSE", "Tornado", "sse-starlette", "A Channels consumer of your own"]
    assert all(list(blocks) == ["before", "after"] for blocks in BLOCKS.values())
    assert PAGE.count("```python") == 2 * len(BLOCKS)


# --- after


@pytest.mark.parametrize("title", BLOCKS)
@pytest.mark.django_db(transaction=True)
async def test_after(title: str, user: User, other_user: User) -> None:
    """What takes its place here: the user, and nobody else, has the notification."""
    await arun(title, "after", user=user, user_id=user.pk)
    rows = [row async for row in Notification.objects.all()]
    assert [(row.recipient_id, row.title) for row in rows] == [(user.pk, TITLE)]
    assert rows[0].category == ("report" if "category" in BLOCKS[title]["after"] else rows[0].category)


class Team:
    """An object of the reader's site, with a page of its own."""

    pk = 1

    def __str__(self) -> str:
        return "Team"

    def get_absolute_url(self) -> str:
        """Return where it is shown."""
        return "/teams/1/"


@pytest.mark.django_db
def test_after_django_notifications(user: User, other_user: User, client: Client) -> None:
    """Each call, tag and address of the table's right column does what stands at its left."""
    table = PAGE.partition("| before | after |")[2].partition("\n\n")[0]
    rows = [line.strip("|").rsplit(" | ", 1) for line in table.strip().splitlines()[1:]]
    rows = [[left.strip(), right.strip().replace("…", "'News'")] for left, right in rows]
    names: dict[str, Any] = {"uma": user, "users": [user], "ada": "Ada", "team": Team(), "mark_all_read": mark_all_read}
    names |= {"notify": notify, "notify_many": notify_many, "broadcast": broadcast, "user": user}
    names["notification"] = notify(user, title="To be read")
    client.force_login(user)
    done: list[str] = []
    for left, right in rows:
        for span in re.findall(r"`([^`]+)`", left if right == "the same" else right):
            if span.startswith("."):
                assert getattr(user.live_notifications, span.strip(".()"))().count() >= 0
            elif span.startswith("{%"):
                request = RequestFactory().get("/")
                request.user = user
                page = Template("{% load live_notifications %}" + span).render(Context({"request": request}))
                assert 'class="notification-bell' in page
            elif span.startswith("GET "):
                assert client.get(span.removeprefix("GET ")).status_code == 200
            else:
                eval(span, names)  # noqa: S307 - the page's own words
            done.append(span)
    assert len(done) == 11
    titles = sorted(row.title for row in Notification.objects.filter(recipient=user))
    assert titles == ["Ada shared Team", "News", "News", "To be read"]
    assert [row.title for row in Notification.objects.filter(recipient=other_user)] == ["News"]
    shared = Notification.objects.get(title="Ada shared Team")
    assert (shared.actor, shared.topic, shared.url) == ("Ada", "auth.group:1", "/teams/1/")
    assert user.notification_inbox.unread == 0


# --- before


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """What Flask-SSE needs."""
    with Redis(tmp_path) as redis:
        yield redis


def test_before_flask_sse(redis: Redis) -> None:
    """Anybody may name a channel; who opens it after a message has missed it, and gets the next one."""
    from flask import Flask
    from flask_sse import sse

    app = Flask("before")
    app.config["REDIS_URL"] = redis.url
    with app.app_context():
        run("Flask-SSE", "before", app=app, user_id=7)  # nobody hears this
        heard: list[Any] = []

        def listen() -> None:
            with app.test_client().get("/stream?channel=user.7") as answer:
                heard.append(next(iter(answer.response)))

        reader = threading.Thread(target=listen, daemon=True)
        reader.start()
        while not dict(sse.redis.pubsub_numsub("user.7")).get(b"user.7"):
            pass
        sse.publish({"message": "Another"}, type="report", channel="user.7")
        reader.join(timeout=10)
    assert heard == [b'event:report\ndata:{"message": "Another"}\n\n']


async def test_before_tornado() -> None:
    """A message reaches the queues that there are when it is put."""
    from tornado.web import Application

    events = run("Tornado", "before")["Events"]
    server = Application([("/events", events)]).listen(0, "127.0.0.1")
    [listener] = server._sockets.values()
    tasks = asyncio.all_tasks()
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET /events HTTP/1.0\r\n\r\n")
        while not events.clients:  # noqa: ASYNC110 - its code tells nobody
            await asyncio.sleep(0)
        [queue] = events.clients
        queue.put_nowait(TITLE)
        text = await reader.readuntil(TITLE.encode() + b"\n\n")
        assert b"Content-Type: text/event-stream" in text
        assert text.endswith(b"\r\n\r\ndata: Report ready\n\n")
        writer.close()
        await writer.wait_closed()
        while asyncio.all_tasks() - tasks:  # it learns from a message that cannot be written that nobody reads
            queue.put_nowait("Nobody is there")
            await asyncio.sleep(0)
    server.stop()


async def test_before_sse_starlette() -> None:
    """The generator's messages become events, with the reader's own ids."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    @asynccontextmanager
    async def subscribe(channel: str) -> AsyncIterator[AsyncIterator[Any]]:
        async def messages() -> AsyncIterator[Any]:
            yield SimpleNamespace(id="1", data=f"{TITLE} for {channel}")

        yield messages()

    names = run("sse-starlette", "before", broadcast=SimpleNamespace(subscribe=subscribe))

    async def events(request: Any) -> Any:
        request.scope["user"] = SimpleNamespace(id=7)
        return await names["events"](request)

    transport = httpx.ASGITransport(Starlette(routes=[Route("/events", events)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://before") as http:
        text = (await http.get("/events")).text
    assert text.replace("\r\n", "\n") == f"id: 1\nevent: report\ndata: {TITLE} for user-7\n\n"


@pytest.mark.django_db(transaction=True)
async def test_before_channels() -> None:
    """What is sent while nobody is connected is gone; what is sent afterwards arrives."""
    user = SimpleNamespace(pk=7)
    names = await arun("A Channels consumer of your own", "before", user=user)
    consumer = WebsocketCommunicator(names["NotificationConsumer"].as_asgi(), "/")
    consumer.scope["user"] = user
    await consumer.connect()
    assert await consumer.receive_nothing(timeout=0.01)
    await arun("A Channels consumer of your own", "before", user=user)
    assert await consumer.receive_json_from() == {"text": TITLE}
    await consumer.disconnect()
