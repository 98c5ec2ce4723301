"""Whose page it is: a page that was made for one reader neither follows nor changes another's inbox."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client, override_settings

from notifications import notify
from notifications.access.reader import build_tag, is_tag_of
from notifications.endpoints.websocket import SocketApplication
from notifications.hub.counters import counters
from notifications.models import Notification
from tests.support.asgi import Site, log_in
from tests.support.browser import Browser

READER = re.compile(r'data-reader="([0-9a-f]{16})"')


async def opened(site: Site, user: User, tag: str) -> Browser:
    """Open a stream with a user's login, from a page that was made for the reader with this tag."""
    return await site.open(user, since=f"&reader={tag}")


@pytest.mark.django_db
def test_a_page_says_whose_it_is(user: User, other_user: User, client: Client) -> None:
    """Bell and list carry the same tag of their reader, which tells nothing of the key and is another for each."""
    tags = []
    for each in (user, other_user):
        client.force_login(each)
        page = client.get("/notifications/").content.decode()
        found = READER.findall(page)
        assert set(found) == {build_tag(each)}
        for element in ("notification-bell", "notification-list"):
            assert READER.search(page.partition(f"<{element}\n")[2].partition(">")[0])
        panel = client.get("/notifications/?part=panel").content.decode()
        assert set(READER.findall(panel)) == {build_tag(each)}
        tags.append(found[0])
    assert tags[0] != tags[1]
    client.logout()
    assert "data-reader" not in client.get("/").content.decode()


@pytest.mark.django_db
def test_a_tag_outlives_its_secret_key(user: User, other_user: User) -> None:
    """A page from before the SECRET_KEY was rotated is still its reader's, until the older key is taken away."""
    tag = build_tag(user)
    assert (is_tag_of(tag, user), is_tag_of(tag, other_user), is_tag_of("", user)) == (True, False, False)
    with override_settings(SECRET_KEY="another one", SECRET_KEY_FALLBACKS=[]):
        assert not is_tag_of(tag, user)


@pytest.mark.django_db(transaction=True)
async def test_a_stream_that_is_not_the_pages_ends(site: Site, user: User, other_user: User) -> None:
    """Logged out and in as somebody else without a full load, a page showed the new reader the former one's count."""
    before = counters.connects["reader"]
    await site.do(notify, other_user, title="Secret")
    browser = await opened(site, other_user, build_tag(user))
    status, _headers, body = await browser.answer()
    assert (status, counters.connects["reader"]) == (200, before + 1)
    assert [(event.name, event.data) for event in browser.events] == [("bye", {"reason": "auth"})]
    assert b"Secret" not in body
    assert site.hub.count == 0
    own = await opened(site, user, build_tag(user))
    await own.hello()
    await site.do(notify, user, title="Mine")
    assert (await own.next("change")).data["upsert"][0]["title"] == "Mine"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tag", ["x", "%00", "é", "0" * 5000])
async def test_a_garbled_tag_is_nobodys(site: Site, user: User, tag: str) -> None:
    """Whatever stands there, it is no error."""
    browser = await site.open(user, since=f"&reader={tag}")
    await browser.ended()
    assert [event.data for event in browser.events] == [{"reason": "auth"}]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("bystander")
async def test_a_socket_that_is_not_the_pages_ends(site: Site, user: User, other_user: User) -> None:
    """It is accepted, told so and closed with 3000, so that a script learns the reason; with the right tag it goes on."""
    key = await site.do(log_in, user)
    for tag, is_own in ((build_tag(other_user), False), (build_tag(user), True)):
        socket: Any = WebsocketCommunicator(
            SocketApplication(),
            f"/notifications/ws/?reader={tag}",
            [(b"host", b"testserver"), (b"cookie", f"sessionid={key}".encode())],
        )
        assert (await socket.connect(10))[0]
        message = json.loads(await socket.receive_from(10))
        if is_own:
            assert message["event"] == "hello"
            await socket.disconnect()
        else:
            assert (message["event"], message["data"]) == ("bye", {"reason": "auth"})
            closed = await socket.receive_output(10)
            assert (closed["type"], closed["code"]) == ("websocket.close", 3000)


ACTIONS = ["read-all/", "seen/", "undo/", "selection/", "{}/read/", "{}/archive/", "{}/delete/", "{}/open/"]


@pytest.mark.django_db
@pytest.mark.parametrize("address", ACTIONS)
def test_an_action_of_another_readers_page_changes_nothing(
    user: User, other_user: User, client: Client, address: str
) -> None:
    """It is refused with the code `reader`, with or without JSON; the same action of one's own page is carried out."""
    row = notify(user, title="Mine")
    client.force_login(user)
    path = "/notifications/" + address.format(row.pk)
    before = list(Notification.objects.values())
    for accept in ("application/json", "text/html"):
        headers = {"X-Notifications-Reader": build_tag(other_user), "Accept": accept}
        response = client.post(path, {"action": "delete", "id": row.pk}, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "reader")
    assert list(Notification.objects.values()) == before
    headers = {"X-Notifications-Reader": build_tag(user), "Accept": "application/json"}
    assert client.post(path, {"action": "delete", "id": row.pk}, headers=headers).status_code in (200, 400)


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["panel", "list", "rows"])
def test_a_part_for_another_readers_page_is_refused(user: User, other_user: User, client: Client, part: str) -> None:
    """What a script fetches for a page that was somebody else's shows nothing of the present reader."""
    notify(user, title="Secret")
    client.force_login(user)
    path = f"/notifications/?part={part}"
    refused = client.get(path, headers={"X-Notifications-Reader": build_tag(other_user)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "reader")
    assert "no-store" in refused["Cache-Control"]
    assert b"Secret" not in refused.content
    assert b"Secret" in client.get(path, headers={"X-Notifications-Reader": build_tag(user)}).content
    assert b"Secret" in client.get(path).content
