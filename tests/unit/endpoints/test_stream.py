"""The endpoint: who may open a stream, and the answers that need no stream."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import override_settings

from notifications import notify
from notifications.access import auth
from notifications.models import Inbox, Notification
from tests.support.asgi import Site, log_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("session_key", [None, "", "no-such-session-at-all"])
async def test_who_is_not_logged_in_gets_403(site: Site, session_key: str | None) -> None:
    """Without a session, or with one that does not exist, there is a plain 403 and no stream."""
    status, headers, body = await site.connect(session_key).answer()
    assert status == 403
    assert b"Log in" in body
    assert headers[b"content-length"] == str(len(body)).encode()
    assert site.hub.count == 0


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "DELETE"])
async def test_other_methods_get_405(site: Site, user: User, method: str) -> None:
    """Only GET opens a stream, and the answer says so."""
    browser = site.connect(await site.do(log_in, user), method=method)
    status, headers, body = await browser.answer()
    assert (status, headers[b"allow"]) == (405, b"GET")
    assert method.encode() in body


@pytest.mark.usefixtures("bystander")
async def test_the_headers_keep_proxies_from_holding_frames_back(site: Site, user: User) -> None:
    """A stream is an uncached, unbuffered, untransformed event stream."""
    browser = await site.open(user)
    await browser.hello()
    assert dict(browser.messages[0]["headers"]) == {
        b"content-type": b"text/event-stream",
        b"cache-control": b"no-store, no-transform",
        b"x-accel-buffering": b"no",
    }


@pytest.mark.usefixtures("bystander")
async def test_a_user_without_an_inbox_gets_one(site: Site, user: User) -> None:
    """Who never received anything can follow their stream, and an inbox is made for them."""
    assert not await site.do(Inbox.objects.filter(pk=user.pk).exists)
    await (await site.open(user)).hello()
    assert await site.do(Inbox.objects.filter(pk=user.pk).exists)


async def test_a_disconnect_leaves_nothing_in_the_hub(site: Site, user: User, other_user: User) -> None:
    """When a client goes, its subscription goes; the others stay."""
    mine, other = await site.open(user), await site.open(other_user)
    await mine.hello()
    await other.hello()
    await mine.disconnect()
    assert (site.hub.count, list(site.hub.users)) == (1, [str(other_user.pk)])


# --- not now


async def test_a_full_process_answers_200_and_bye_overload(site: Site, user: User, other_user: User) -> None:
    """EventSource would give up for good on 503, so who finds the process full is asked to come back much later."""
    with override_settings(NOTIFICATIONS_STREAMS_PER_PROCESS=1):
        first = await site.open(user)
        await first.hello()
        second = await site.open(other_user)
        bye = await second.next("bye")
        await second.ended()
    assert (second.status, bye.data) == (200, {"reason": "overload"})
    assert bye.retry is not None
    assert 20_000 <= bye.retry <= 60_000
    assert not first.task.done()


async def test_a_database_that_is_away_at_connect_answers_bye_overload(
    site: Site, user: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that connects during an outage gets a 200 with `bye overload` and comes back when it is over."""

    def away(_keys: Any) -> Any:
        raise OperationalError("database is away")

    monkeypatch.setattr(auth, "find_users_by_session", away)
    browser = await site.open(user)
    assert (await browser.next("bye")).data == {"reason": "overload"}
    await browser.ended()
    assert browser.status == 200
    assert "OperationalError" in caplog.text
    monkeypatch.undo()
    await (await site.open(user)).hello()


async def test_many_who_connect_at_once_are_looked_up_together(
    site: Site, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reconnect storm costs one look-up, and each stream still belongs to its own user."""
    batches: list[int] = []
    real = auth.find_users_by_session

    def counted(keys: Any) -> dict[Any, Any]:
        batches.append(len(keys))
        return real(keys)

    monkeypatch.setattr(auth, "find_users_by_session", counted)
    keys = [await site.do(log_in, each) for each in (user, other_user)]
    await site.do(notify, user, title="mine")
    browsers = [site.connect(key) for key in [*keys, keys[0], "no-such-session-at-all"]]

    counts = []
    for browser in browsers[:3]:
        await browser.next("hello")
        counts.append(len((await browser.next("reset")).data["snapshot"]["items"]))
    assert (counts, batches) == ([1, 0, 1], [3])
    assert (await browsers[3].answer())[0] == 403
    assert await site.do(Notification.objects.count) == 1
