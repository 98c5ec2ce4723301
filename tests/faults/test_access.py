"""Nobody hears what is not theirs: streams end with the login, ids of others do not exist, and caps hold."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client as Django
from django.urls import URLPattern, URLResolver, reverse

from notifications import notify, urls
from notifications.api import views as api_routes
from notifications.models import Notification
from tests.faults.trial import ALLOWANCE_SECONDS, PING_SECONDS, Trial
from tests.support.client import Client, follow
from tests.support.servers import Person, Server, Site
from tests.support.visit import Visit

TICK_SECONDS: Final = PING_SECONDS / 4  # how often the hub looks who is due
SESSION: Final = "from django.contrib.sessions.models import Session; mine = Session.objects.filter(session_key=key); "
ENDINGS: Final = {
    "Account deactivated": "User.objects.filter(pk=user).update(is_active=False)",
    "Password changed": "me = User.objects.get(pk=user); me.set_password('another'); me.save()",
    "Session expired": SESSION + "from django.utils import timezone; mine.update(expire_date=timezone.now())",
    "Session deleted": SESSION + "mine.delete()",
}
# Routes that name no notification. A new one has to be put here, or be of the form that is tested below.
# `selection` and `undo` carry ids in the body: tests/unit/pages/test_views.py.
WITHOUT_ID: Final = {
    *("centre", "stream", "socket", "poll", "metrics", "health", "read_all", "selection", "undo", "seen", "tokens"),
}
# Pages of one notification: they may be looked at, and change nothing.
READABLE: Final = {"notification"}
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PER_USER: Final = 3
PER_PROCESS: Final = 6  # three of the user, one of a third person, two of the other one


@pytest.fixture(scope="module")
def servers(site: Site) -> list[Server]:
    """Both servers, for whom the session is the same."""
    return [site.uvicorn(), site.daphne()]


@pytest.mark.parametrize("ending", ["Logout", *ENDINGS])
async def test_end_of_login(trial: Trial, servers: list[Server], ending: str) -> None:
    """However a login ends, `bye auth` ends its streams within one ping, and coming back is refused."""
    async with Visit(servers[0].url) as visit:
        await visit.login(trial.user)
        cookie, key = visit.cookie, visit.http.cookies["sessionid"]
        mine = await trial.follow(*servers, cookie=cookie)
        await trial.write(3)
        for client in mine:
            await client.equals_database(trial.site, trial.user.pk)
        if ending == "Logout":
            await visit.logout()
        else:
            await trial.site.acall(ENDINGS[ending], user=trial.user.pk, key=key)
        ended = time.monotonic()
        for client in mine:
            await client.until(lambda client: client.all("bye"))
            assert client.all("bye")[0].data == {"reason": "auth"}
        seconds = max(client.all("bye")[0].at - ended for client in mine)
        assert seconds <= PING_SECONDS + TICK_SECONDS + ALLOWANCE_SECONDS
        await trial.site.acall("notify(user, title='Too late').pk", user=trial.user.pk)
        for server in servers:
            answer = await visit.http.get(
                f"{server.url}{reverse('live_notifications:stream')}", headers={"Cookie": cookie}
            )
            assert answer.status_code == 403
    assert not any(client.journal.mentions("Too late") for client in mine)
    trial.clients.clear()  # they know nothing of what came later, and shall not
    assert not any(client.all("bye") for client in trial.bystanders)
    note = f"`bye auth` after {seconds:.2f} s with pings every {PING_SECONDS} s"
    await trial.settle(f"{ending} under an open stream", "uvicorn, Daphne", note=note)


async def test_position_of_another_user(trial: Trial, servers: list[Server]) -> None:
    """Who comes with another user's position gets a reset, to what is their own."""
    mine = await trial.follow(*servers)
    await trial.write()
    for client in mine:
        await client.equals_database(trial.site, trial.user.pk)
    trial.bystanders += [
        await trial.stack.enter_async_context(follow(server, trial.other, since=mine[0].replica.position))
        for server in servers
    ]
    for client in trial.bystanders[-2:]:
        assert client.all("reset")[0].data["reason"] == "epoch"
    await trial.settle("Stream asked for with another user's position", "uvicorn, Daphne")


@pytest.mark.django_db
def test_ids_of_others_do_not_exist() -> None:
    """Every route with an id answers as if another user's notification were not there, in every method."""
    mine, theirs = (User.objects.create_user(name, password="demo") for name in ("mine", "theirs"))
    foreign = notify(theirs, title="Not yours", url="/secret/")
    before = Notification.objects.filter(pk=foreign.pk).values().get()
    browser = Django()
    browser.force_login(mine)
    for route in urls.urlpatterns:
        if isinstance(route, URLResolver) and route.urlconf_name is api_routes:
            assert_api_tells_nothing(browser, foreign.pk)
            continue
        assert isinstance(route, URLPattern), f"{route} includes further routes: test them too."
        if not route.pattern.converters:
            assert route.name in WITHOUT_ID, f"Is {route} about one notification? Then give it <int:pk>."
            continue
        assert list(route.pattern.converters) == ["pk"], f"{route} takes something else: test it too."
        for method in METHODS:
            for wants in ("application/json", "text/html"):
                answers = [ask(browser, method, route.name, pk, wants) for pk in (foreign.pk, foreign.pk + 1)]
                assert answers[0] == answers[1], f"{method} {route} tells that a notification exists."
                allowed = ("GET", "HEAD") if route.name in READABLE else ("POST",)
                assert answers[0][0] == (404 if method in allowed else 405), f"{method} {route}: {answers[0]}"
    assert Notification.objects.filter(pk=foreign.pk).values().get() == before


def assert_api_tells_nothing(browser: Django, pk: int) -> None:
    """Ask every operation of the API that takes an id for another user's, and for one that nobody has."""
    paths = api_routes.api.get_openapi_schema()["paths"]
    with_id = {path: operations for path, operations in paths.items() if "{" in path}
    assert len(with_id) >= 3
    for path, operations in with_id.items():
        assert re.findall(r"{(\w+)}", path) == ["id"], f"{path} takes something else: test it too."
        for method in METHODS:
            answers = []
            for number in (pk, pk + 1):
                answer = browser.generic(method, path.replace("{id}", str(number)), "{}", "application/json")
                answers.append((answer.status_code, answer.content.decode().replace(str(number), "…")))
            assert answers[0] == answers[1], f"{method} {path} tells that a notification exists."
            if method.lower() in operations:
                assert answers[0][0] == 404, f"{method} {path}: {answers[0]}"
    bulk = next(path for path in paths if path.endswith("/bulk"))
    for action in ("read", "unread", "archive", "unarchive", "delete"):
        sent = [json.dumps({"action": action, "ids": [number]}) for number in (pk, pk + 1)]
        refused = [browser.post(bulk, text, "application/json") for text in sent]
        assert [answer.status_code for answer in refused] == [404, 404], refused[0].content


def ask(browser: Django, method: str, name: str | None, pk: int, wants: str) -> tuple[int, str, dict[str, Any]]:
    """Return status, text and headers of an answer, without the id that was asked for."""
    path = reverse(f"live_notifications:{name}", args=[pk])
    answer = browser.generic(method, path, headers={"Accept": wants})
    text = answer.content.decode().replace(str(pk), "…")
    return answer.status_code, text if answer["Content-Type"] == "application/json" else "", dict(answer.headers)


@pytest.mark.parametrize("program", ["uvicorn", "daphne"])
async def test_caps(trial: Trial, site: Site, program: str) -> None:
    """One stream more than a user may have ends the oldest; one more than a process may have is asked to come later."""
    server = await asyncio.to_thread(
        lambda: getattr(site, program)(
            NOTIFICATIONS_STREAMS_PER_USER=PER_USER, NOTIFICATIONS_STREAMS_PER_PROCESS=PER_PROCESS
        )
    )
    mine = [await trial.stack.enter_async_context(follow(server, trial.user)) for _ in range(PER_USER)]
    await trial.follow(server)  # one more of the user's, and one of the other one's
    await mine[0].until(lambda client: client.all("bye"))
    assert mine[0].all("bye")[0].data == {"reason": "cap"}
    assert not any(client.all("bye") for client in mine[1:])
    third = await asyncio.to_thread(site.add_person, "third")
    await trial.follow(server, person=third)
    late = await asyncio.to_thread(site.add_person, "late")
    await is_asked_to_come_later(server, late)
    for client in mine[1:]:
        trial.add(client, trial.user)
    await trial.write()
    await trial.settle("More streams than a user or a process may have", "uvicorn, Daphne")
    assert not any(client.all("bye") for client in [*mine[1:], *trial.bystanders])
    server.process.kill()


async def is_asked_to_come_later(server: Server, person: Person) -> None:
    """See that a stream too many is answered by `bye overload` with a long time to wait."""
    async with Visit(server.url) as visit:
        await visit.login(person)
        async with Client(server.url, visit.cookie) as client:
            await client.until(lambda client: client.all("bye"))
            assert client.all("bye")[0].data == {"reason": "overload"}
            assert client._decoder.retry_ms is not None
            assert 20_000 <= client._decoder.retry_ms <= 60_000
