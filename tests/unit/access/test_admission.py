"""Who follows and whether they may: what a page's middlewares refuse, or a site's own hook, a stream refuses as well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from threading import Event
from typing import Any, Final

import jwt
import pytest
from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.asgi import get_asgi_application
from django.core.cache import cache
from django.test import Client, override_settings

from notifications import make_token, notify, publish_public, session_or_token
from notifications.asgi import with_stream
from notifications.endpoints.websocket import SocketApplication
from notifications.models import Notification
from tests.support import doors
from tests.support.asgi import Site, log_in, open_site
from tests.support.browser import DEADLINE_SECONDS, Browser, request
from tests.support.doors import SECOND_FACTOR, Closed

pytestmark = pytest.mark.django_db(transaction=True)

MIDDLEWARE: Final = django_settings.MIDDLEWARE
THROUGH: Final = "notifications.access.through_middleware"
HOOK: Final = "tests.support.doors.hook"
OFTEN: Final = 0.05  # seconds between pings: soon after a change of mind


@pytest.fixture(autouse=True)
def doors_of_sites() -> Iterator[None]:
    """The guide's modules, and hooks that let everybody in."""
    doors.install()
    yield
    Closed.names.clear()
    Closed.error = None
    Closed.hangs.clear()
    Closed.methods.clear()


@pytest.fixture
async def quick(user: User, other_user: User) -> AsyncIterator[Site]:
    """A site that pings often."""
    async with open_site(NOTIFICATIONS_PING_SECONDS=OFTEN) as site:
        yield site


def give_second_factor(key: str) -> None:
    """Note in a session that its user gave a second factor."""
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore(key)
    session["second_factor"] = True
    session.save()


def take_second_factor(key: str) -> None:
    """Forget it."""
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore(key)
    del session["second_factor"]
    session.save()


async def socket_of(key: str, query: str = "") -> tuple[Any, bool]:
    """Open a WebSocket with a session; return it, and whether it was accepted."""
    headers = [(b"host", b"testserver"), (b"cookie", f"sessionid={key}".encode()), (b"origin", b"http://testserver")]
    socket = WebsocketCommunicator(SocketApplication(), f"/notifications/ws/{query}", headers)
    connected, _code = await socket.connect(10)
    return socket, connected


async def told(socket: Any, event: str) -> dict[str, Any]:
    """Return the next message of a kind."""
    while True:
        message: dict[str, Any] = json.loads(await socket.receive_from(10))
        if message["event"] == event:
            return message


async def eventstream_says(key: str) -> str:
    """Return how django-eventstream's view begins its answer to a session that asks for its own channel."""
    headers = [(b"host", b"testserver"), (b"cookie", f"sessionid={key}".encode())]
    scope = request("/events/", headers=headers)
    view: Any = ApplicationCommunicator(with_stream(get_asgi_application()), scope)  # type: ignore[no-untyped-call]
    await view.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await view.receive_output(10)
    body = (await view.receive_output(10))["body"].decode()
    await view.send_input({"type": "http.disconnect"})
    await view.wait(10)
    return f"{start['status']} {body}"


async def next_title(browser: Browser) -> str:
    """Return the title in the next change, after whatever pings."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (event := await browser.next()).name == "ping":
            pass
    title: str = event.data["upsert"][0]["title"]
    return title


async def titles_until_bye(browser: Browser) -> tuple[list[str], str]:
    """Return what a stream is told until its goodbye, and the reason of that."""
    titles: list[str] = []
    async with asyncio.timeout(DEADLINE_SECONDS):  # pings alone would go on for ever
        while (event := await browser.next()).name != "bye":
            if event.name == "change":
                titles += [item["title"] for item in event.data["upsert"]]
    return titles, event.data["reason"]


# --- through the site's middlewares


@override_settings(MIDDLEWARE=[*MIDDLEWARE, SECOND_FACTOR], NOTIFICATIONS_ADMIT=THROUGH)
@pytest.mark.usefixtures("site")
async def test_a_stream_refuses_whom_pages_refuse(site: Site, user: User, other_user: User) -> None:
    """With the password alone neither stream nor WebSocket nor django-eventstream's view is open; with more they are.

    A gate in MIDDLEWARE guarded pages and API alone: the stream let in with the session, and the WebSocket deleted.
    """
    key, other_key = await site.do(log_in, user), await site.do(log_in, other_user)
    await site.do(give_second_factor, other_key)
    client = Client()
    client.cookies["sessionid"] = key
    assert (await site.do(client.get, "/notifications/")).status_code == 403
    status, _headers, body = await site.connect(key).answer()
    assert (status, b"does not let you follow" in body) == (403, True)
    _socket, is_open = await socket_of(key)
    assert not is_open
    assert (await eventstream_says(key)).startswith("403 ")
    bystander = site.connect(other_key)
    await bystander.hello()
    await site.do(give_second_factor, key)
    stream = site.connect(key)
    await stream.hello()
    await site.do(notify, user, title="Mine")
    assert (await stream.next("change")).data["upsert"][0]["title"] == "Mine"
    assert "stream-open" in await eventstream_says(key)
    assert bystander.unseen_events == []


@override_settings(MIDDLEWARE=[*MIDDLEWARE, SECOND_FACTOR], NOTIFICATIONS_ADMIT=THROUGH)
async def test_a_gate_that_shuts_ends_open_streams(quick: Site, user: User, other_user: User) -> None:
    """Asked again with each ping: a stream is over soon after a page would be, and another user's goes on."""
    key, other_key = await quick.do(log_in, user), await quick.do(log_in, other_user)
    for each in (key, other_key):
        await quick.do(give_second_factor, each)
    stream, other = quick.connect(key), quick.connect(other_key)
    await stream.hello()
    await other.hello()
    await quick.do(take_second_factor, key)
    assert await titles_until_bye(stream) == ([], "auth")
    await stream.ended()
    for _ in range(2):
        assert (await other.next()).name == "ping"


@override_settings(MIDDLEWARE=[*MIDDLEWARE, SECOND_FACTOR], NOTIFICATIONS_ADMIT=THROUGH)
async def test_an_order_is_asked_about_anew(site: Site, user: User, other_user: User) -> None:
    """A WebSocket that is open changes nothing once its user may not; a while before the ping ends it."""
    row = await site.do(notify, user, title="Keep me")
    theirs = await site.do(notify, other_user, title="Theirs")
    key = await site.do(log_in, user)
    await site.do(give_second_factor, key)
    socket, is_open = await socket_of(key)
    assert is_open
    await socket.send_to(json.dumps({"do": "delete", "ids": [theirs.pk], "ref": 1}))
    assert (await told(socket, "error"))["data"]["code"] == "not_found"
    await site.do(take_second_factor, key)
    await socket.send_to(json.dumps({"do": "delete", "ids": [row.pk], "ref": 2}))
    assert (await told(socket, "error"))["data"]["code"] == "forbidden"
    assert await site.do(Notification.objects.count) == 2
    await site.do(give_second_factor, key)
    await socket.send_to(json.dumps({"do": "delete", "ids": [row.pk], "ref": 3}))
    assert (await told(socket, "done"))["data"]["changed"] == 1
    assert [each.title for each in await site.do(lambda: list(Notification.objects.all()))] == ["Theirs"]
    await socket.disconnect()


@override_settings(MIDDLEWARE=[*MIDDLEWARE, "tests.support.doors.read_only"], NOTIFICATIONS_ADMIT=THROUGH)
@pytest.mark.usefixtures("bystander")
async def test_an_order_is_a_post(site: Site, user: User) -> None:
    """A middleware that lets nobody change anything lets one follow, and refuses the orders."""
    row = await site.do(notify, user, title="Keep me")
    socket, is_open = await socket_of(await site.do(log_in, user))
    assert is_open
    await socket.send_to(json.dumps({"do": "read", "ids": [row.pk]}))
    assert (await told(socket, "error"))["data"]["code"] == "forbidden"
    assert await site.do(Notification.objects.filter(read_at=None).count) == 1
    await socket.disconnect()


@pytest.mark.parametrize("hook", [THROUGH, HOOK])
@pytest.mark.parametrize("blanks", [1, 100])
@pytest.mark.usefixtures("bystander")
async def test_a_token_gives_no_orders_however_it_is_written(site: Site, user: User, hook: str, blanks: int) -> None:
    """A program that may read changes nothing over a WebSocket, whoever says who follows.

    The hook took for a token what the WebSocket took for a proxy's, a header of more than 128 bytes with a token after many
    blanks, so its orders were carried out.
    """
    row = await site.do(notify, user, title="Keep me")
    text = await site.do(make_token, user, name="reports", scopes=["read"])
    headers = [(b"host", b"testserver"), (b"authorization", b"Bearer" + b" " * blanks + text.encode())]
    with override_settings(NOTIFICATIONS_ADMIT=hook):
        socket = WebsocketCommunicator(SocketApplication(), "/notifications/ws/", headers)
        connected, _code = await socket.connect(10)
        if connected:
            await socket.send_to(json.dumps({"do": "delete", "ids": [row.pk]}))
            assert (await told(socket, "error"))["data"]["code"] == "forbidden"
            await socket.disconnect()
    assert connected == (blanks == 1)
    assert await site.do(Notification.objects.count) == 1


@override_settings(
    MIDDLEWARE=[*MIDDLEWARE, "tests.support.doors.visits"],
    NOTIFICATIONS_ADMIT=THROUGH,
    SESSION_SAVE_EVERY_REQUEST=True,
)
async def test_a_question_is_no_visit(quick: Site, user: User, other_user: User, settings: Any) -> None:
    """An open page neither prolongs its session nor changes it, not even after the SECRET_KEY was rotated."""
    key = await quick.do(log_in, user)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another one", [settings.SECRET_KEY]
    before = await quick.do(lambda: list(Session.objects.values()))
    stream = quick.connect(key)
    await stream.hello()
    for _ in range(3):
        await stream.next("ping")
    assert await quick.do(lambda: list(Session.objects.values())) == before


@override_settings(MIDDLEWARE=[*MIDDLEWARE, "tests.support.doors.broken"], NOTIFICATIONS_ADMIT=THROUGH)
async def test_a_middleware_that_fails_is_no_refusal(site: Site, user: User) -> None:
    """Who connects is told to come back, as when the database is away."""
    status, _headers, body = await site.connect(await site.do(log_in, user)).answer()
    assert (status, b'{"reason":"overload"}' in body) == (200, True)


@override_settings(
    MIDDLEWARE=[*MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"], NOTIFICATIONS_ADMIT=THROUGH
)
@pytest.mark.usefixtures("bystander")
async def test_a_site_that_asks_everybody_to_log_in_lets_programs_in(site: Site, user: User) -> None:
    """A token is let in where there is no login; without either one is refused and not redirected."""
    stream = site.connect(None, token=await site.do(make_token, user, name="reports", scopes=["read"]))
    await stream.hello()
    await site.do(notify, user, title="Mine")
    assert (await stream.next("change")).data["upsert"][0]["title"] == "Mine"
    assert (await site.connect(None).answer())[0] == 403
    assert (await site.connect(None, token="ntf_nonsense").answer())[0] == 401


# --- what the guide shows


@override_settings(
    MIDDLEWARE=[*MIDDLEWARE, "django_otp.middleware.OTPMiddleware", "mysite.second_factor.require_second_factor"],
    NOTIFICATIONS_ADMIT=THROUGH,
)
@pytest.mark.usefixtures("site")
async def test_a_second_factor_of_django_otp(site: Site, user: User, other_user: User) -> None:
    """The guide's gate lets nobody follow before the device has verified its user, and nobody else after that."""
    from django_otp import DEVICE_ID_SESSION_KEY
    from django_otp.plugins.otp_static.models import StaticDevice

    client = Client()
    await site.do(client.force_login, user)
    key = client.cookies["sessionid"].value
    assert (await site.connect(key).answer())[0] == 403
    assert not (await socket_of(key))[1]

    def verify() -> None:
        device = StaticDevice.objects.create(user=user, name="codes")
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        session.save()

    await site.do(verify)
    assert (await site.do(client.get, "/notifications/")).status_code == 200
    stream = site.connect(key)
    await stream.hello()
    await site.do(notify, other_user, title="Secret")
    await site.do(notify, user, title="Mine")
    assert (await stream.next("change")).data["upsert"][0]["title"] == "Mine"
    assert (await site.connect(await site.do(log_in, other_user)).answer())[0] == 403


@override_settings(MIDDLEWARE=[*MIDDLEWARE, "mysite.jwt_cookie.jwt_cookie"], NOTIFICATIONS_ADMIT=THROUGH)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.usefixtures("bystander")
async def test_a_web_token_in_a_cookie(site: Site, user: User) -> None:
    """The guide's middleware names the user of the stream as it names that of the page; a forged one names nobody."""
    for secret, status in ((django_settings.SECRET_KEY, 200), ("x" * 32, 403)):
        token = jwt.encode({"sub": str(user.pk)}, secret, algorithm="HS256")
        scope = request(
            "/notifications/stream/", headers=[(b"host", b"testserver"), (b"cookie", f"token={token}".encode())]
        )
        browser = Browser(scope, with_stream(get_asgi_application()))
        site.browsers.append(browser)
        if status == 403:
            assert (await browser.answer())[0] == 403
            continue
        await browser.hello()
        await site.do(notify, user, title="Mine")
        assert (await browser.next("change")).data["upsert"][0]["title"] == "Mine"


@override_settings(
    MIDDLEWARE=[*MIDDLEWARE, "impersonate.middleware.ImpersonateMiddleware"], NOTIFICATIONS_ADMIT=THROUGH
)
async def test_who_impersonates_follows_as_the_page(quick: Site, user: User, other_user: User) -> None:
    """With django-impersonate the page was the other user's and the stream the admin's; both are the other user's."""
    await quick.do(User.objects.filter(pk=other_user.pk).update, is_superuser=True, is_staff=True)
    client = Client()
    await quick.do(client.force_login, other_user)

    def impersonate(who: User | None) -> None:
        session = client.session
        if who is None:
            del session["_impersonate"]
        else:
            session["_impersonate"] = str(who.pk)
        session.save()

    await quick.do(impersonate, user)
    await quick.do(notify, user, title="Mine")
    await quick.do(notify, other_user, title="The admin's")
    page = (await quick.do(client.get, "/notifications/")).content.decode()
    assert ("Mine" in page, "The admin&#x27;s" in page) == (True, False)
    stream = quick.connect(client.cookies["sessionid"].value)
    await stream.next("hello")
    reset = await stream.next("reset")
    assert [item["title"] for item in reset.data["snapshot"]["items"]] == ["Mine"]
    await quick.do(impersonate, None)
    assert await titles_until_bye(stream) == ([], "auth")


@override_settings(
    MIDDLEWARE=[*MIDDLEWARE, "hijack.middleware.HijackUserMiddleware"], ROOT_URLCONF="tests.support.urls_hijack"
)
@pytest.mark.parametrize("admit", ["notifications.access.session_or_token", THROUGH])
async def test_who_hijacks_follows_as_the_page(site: Site, user: User, other_user: User, admit: str) -> None:
    """django-hijack logs in as the other user, so the stream is that user's with the default as well."""
    await site.do(User.objects.filter(pk=other_user.pk).update, is_superuser=True, is_staff=True)
    client = Client()
    await site.do(client.force_login, other_user)
    answer = await site.do(client.post, "/hijack/acquire/", {"user_pk": user.pk})
    assert answer.status_code == 302
    await site.do(notify, user, title="Mine")
    await site.do(notify, other_user, title="The admin's")
    with override_settings(NOTIFICATIONS_ADMIT=admit):
        stream = site.connect(client.cookies["sessionid"].value)
        await stream.next("hello")
        reset = await stream.next("reset")
    assert [item["title"] for item in reset.data["snapshot"]["items"]] == ["Mine"]


@override_settings(NOTIFICATIONS_ADMIT="mysite.door.admit", API_KEYS={"sesame": "user1"})
@pytest.mark.usefixtures("bystander")
async def test_a_function_of_the_sites_own(site: Site, user: User) -> None:
    """The guide's function knows keys of its own, asks the default besides, and refuses who is suspended."""
    for name, status in ((b"sesame", 200), (b"abracadabra", 403)):
        scope = request("/notifications/stream/", headers=[(b"host", b"testserver"), (b"x-api-key", name)])
        browser = Browser(scope, with_stream(get_asgi_application()))
        site.browsers.append(browser)
        if status == 403:
            assert (await browser.answer())[0] == 403
        else:
            await browser.hello()
            await site.do(notify, user, title="Mine")
            assert (await browser.next("change")).data["upsert"][0]["title"] == "Mine"
    key = await site.do(log_in, user)
    await site.connect(key).hello()
    await site.do(lambda: user.groups.add(Group.objects.create(name="Suspended")))
    assert (await site.connect(key).answer())[0] == 403


# --- hooks


@pytest.mark.parametrize("hook", [HOOK, "tests.support.doors.ahook"])
async def test_hooks_are_asked_again_and_again(quick: Site, user: User, other_user: User, hook: str) -> None:
    """Sync or async: one that changes its mind ends the stream of whom it concerns; one that fails ends nobody's."""
    with override_settings(NOTIFICATIONS_ADMIT=hook):
        stream, other = await quick.open(user), await quick.open(other_user)
        await stream.hello()
        await other.hello()
        Closed.error = ConnectionError("the identity provider is away")
        for _ in range(3):
            assert (await stream.next()).name == "ping"
        status, _headers, body = await (await quick.open(user)).answer()
        assert (status, b'{"reason":"overload"}' in body) == (200, True)
        Closed.error = None
        Closed.names.add(user.get_username())
        assert await titles_until_bye(stream) == ([], "auth")
        assert (await (await quick.open(user)).answer())[0] == 403
        assert (await quick.connect("no-such-session").answer())[0] == 403
        await quick.do(notify, user, title="Secret")
        await quick.do(notify, other_user, title="Mine")
        assert await next_title(other) == "Mine"


@override_settings(NOTIFICATIONS_ADMIT=HOOK)
async def test_a_hook_that_hangs_for_one_holds_up_nobody_else(quick: Site, user: User, other_user: User) -> None:
    """While it is asked about one user, others come in, are pinged and told; and so is that one's stream."""
    key = await quick.do(log_in, user)
    streams = [quick.connect(key) for _ in range(6)]
    for stream in streams:
        await stream.hello()
    released = Closed.hangs[user.get_username()] = Event()
    try:
        for stream in streams:
            for _ in range(3):
                await stream.next("ping")
        other = await quick.open(other_user)
        await other.hello()
        await quick.do(notify, other_user, title="Mine")
        assert await next_title(other) == "Mine"
    finally:
        released.set()


@override_settings(NOTIFICATIONS_ADMIT=HOOK)
@pytest.mark.usefixtures("bystander")
async def test_a_hook_sees_what_was_sent(site: Site, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets Django's request, of HTTP and WebSocket alike: path, headers, cookies, query, address and scheme."""
    seen: list[Any] = []

    def look(asked: Any) -> Any:
        seen.append(asked)
        return session_or_token(asked)

    monkeypatch.setattr(doors, "hook", look)
    key = await site.do(log_in, user)
    await site.connect(key, since="1.1").hello()
    socket, is_open = await socket_of(key, "?since=1.2")
    assert is_open
    for asked, path, since in zip(seen, ("/notifications/stream/", "/notifications/ws/"), ("1.1", "1.2"), strict=True):
        assert (asked.method, asked.path, asked.GET["since"], asked.scheme) == ("GET", path, since, "http")
        assert asked.COOKIES["sessionid"] == key
        assert asked.headers["Host"] == "testserver"
        assert await site.do(lambda asked=asked: asked.session["_auth_user_id"]) == str(user.pk)
    assert seen[0].META["REMOTE_ADDR"] == "127.0.0.1"
    await socket.disconnect()


@override_settings(NOTIFICATIONS_ADMIT=HOOK)
async def test_the_bridge_asks_the_hook(quick: Site, user: User, other_user: User) -> None:
    """django-eventstream's view lets in whom the hook names, and its stream ends when the hook says so."""
    streams = []
    for who in (user, other_user):
        headers = [(b"host", b"testserver"), (b"cookie", f"sessionid={await quick.do(log_in, who)}".encode())]
        scope = request("/events/", headers=headers)
        view: Any = ApplicationCommunicator(with_stream(get_asgi_application()), scope)  # type: ignore[no-untyped-call]
        await view.send_input({"type": "http.request", "body": b"", "more_body": False})
        assert (await view.receive_output(10))["status"] == 200
        assert b"stream-open" in (await view.receive_output(10))["body"]
        streams.append(view)
    mine, theirs = streams
    Closed.names.add(user.get_username())
    assert b"forbidden" in (await mine.receive_output(10))["body"]
    await quick.do(notify, user, title="Secret")
    await quick.do(notify, other_user, title="Theirs")
    told_next = (await theirs.receive_output(10))["body"]
    assert (b"Theirs" in told_next, b"Secret" in told_next) == (True, False)
    assert "stream-error" in await eventstream_says(await quick.do(log_in, user))
    for view in streams:
        await view.send_input({"type": "http.disconnect"})
        await view.wait(10)


@override_settings(NOTIFICATIONS_ADMIT=HOOK, NOTIFICATIONS_PUBLIC_TOPICS=["status"])
async def test_who_is_nobody_keeps_no_bridge_from_asking(quick: Site, user: User) -> None:
    """A visitor of a public topic whom the hook does not know goes on, and others' streams are ended all the same.

    Regression: the check of all of them failed at each ping, because a visitor has no key to compare.
    """
    streams = []
    for query, cookie in ((b"channel=public-status", b""), (b"", f"sessionid={await quick.do(log_in, user)}".encode())):
        scope = request("/events/", headers=[(b"host", b"testserver"), (b"cookie", cookie)]) | {"query_string": query}
        view: Any = ApplicationCommunicator(with_stream(get_asgi_application()), scope)  # type: ignore[no-untyped-call]
        await view.send_input({"type": "http.request", "body": b"", "more_body": False})
        assert (await view.receive_output(10))["status"] == 200
        assert b"stream-open" in (await view.receive_output(10))["body"]
        streams.append(view)
    visitor, mine = streams
    Closed.names.add(user.get_username())
    assert b"forbidden" in (await mine.receive_output(10))["body"]
    await quick.do(lambda: publish_public("status", title="All is well"))
    assert b"All is well" in (await visitor.receive_output(10))["body"]
    for each in streams:
        await each.send_input({"type": "http.disconnect"})
        await each.wait(10)


@pytest.mark.usefixtures("bystander")
@override_settings(MIDDLEWARE=[*MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"])
async def test_programs_are_not_sent_to_the_login_page(site: Site, user: User) -> None:
    """Under `LoginRequiredMiddleware` health, metrics, actions and API answer for themselves, with a status of their own."""
    text = await site.do(make_token, user, name="reports", scopes=["read"])

    def ask(path: str, **headers: str) -> int:
        return Client().get(f"/notifications/{path}", headers=headers).status_code

    assert await site.do(ask, "health/") == 200
    with override_settings(NOTIFICATIONS_METRICS_ADDRESSES=["127.0.0.1"]):
        assert await site.do(ask, "metrics/") == 200
    assert await site.do(ask, "metrics/") == 404
    assert await site.do(lambda: ask("api/counts", Authorization=f"Bearer {text}")) == 200
    assert await site.do(ask, "api/counts") == 401
    assert (
        await site.do(lambda: Client().post("/notifications/seen/", headers={"Accept": "application/json"}).status_code)
        == 403
    )
    assert await site.do(ask, "") == 302


# --- the default


@pytest.mark.usefixtures("bystander")
async def test_the_default_keeps_no_request(site: Site, user: User) -> None:
    """Who is logged in follows by the session's key alone, which is all that an open stream holds."""
    key = await site.do(log_in, user)
    await site.connect(key).hello()
    (subscription,) = site.hub.users[str(user.pk)]
    assert subscription.credential == key
    await asyncio.sleep(0)
    cache.clear()
