"""What time does to a stream: pings, rotation, the check of who is still logged in; and the cap on streams of one user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import override_settings
from django.utils import timezone

from notifications import notify
from notifications.access import auth
from tests.support.asgi import Site, log_in, open_site
from tests.support.browser import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def site(user: User, other_user: User) -> AsyncIterator[Site]:
    """A site that pings all the time."""
    async with open_site(NOTIFICATIONS_PING_SECONDS=0.05) as site:
        yield site


async def test_a_quiet_stream_is_pinged(site: Site, user: User) -> None:
    """A ping says where the stream stands, and its lack of an id leaves the client's position alone."""
    browser = await site.open(user)
    await browser.hello()
    position = browser.position
    for _ in range(2):
        ping = await browser.next("ping")
        assert (ping.id, ping.data) == (None, {"modseq": int(position.split(".")[1])})
    assert browser.position == position


async def test_a_stream_is_asked_to_move_on(user: User, other_user: User) -> None:
    """After its time it gets `bye rotate` with a short, random pause before it, and is forgotten."""
    async with open_site(NOTIFICATIONS_PING_SECONDS=0.05, NOTIFICATIONS_ROTATE_SECONDS=3600) as site:
        browser = await site.open(user)
        await browser.hello()
        for subscription in site.hub._heartbeat._queue:
            assert 0.7 * 3600 < subscription.expires_at - asyncio.get_running_loop().time() <= 3600
            subscription.expires_at = 0  # over once it is open, however long that took
        bye = await browser.next_but_pings()
        await browser.ended()
        assert (bye.name, bye.id, bye.data) == ("bye", None, {"reason": "rotate"})
        assert bye.retry is not None
        assert 2000 <= bye.retry <= 5000
        assert site.hub.count == 0


# --- who is still logged in


def log_out(user: User, session_key: str) -> None:
    """As `logout()`."""
    import_module(settings.SESSION_ENGINE).SessionStore(session_key).flush()


def deactivate(user: User, session_key: str) -> None:
    """As in the admin."""
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User, session_key: str) -> None:
    """In another browser, so that this session is not renewed."""
    user.set_password("another")
    user.save()


def expire(user: User, session_key: str) -> None:
    """Let the session's time be over."""
    Session.objects.filter(pk=session_key).update(expire_date=timezone.now())


def delete_session(user: User, session_key: str) -> None:
    """As `clearsessions`, or an administrator."""
    Session.objects.filter(pk=session_key).delete()


def delete_user(user: User, session_key: str) -> None:
    """With all that is theirs."""
    User.objects.filter(pk=user.pk).delete()


@pytest.mark.parametrize("act", [log_out, deactivate, change_password, expire, delete_session, delete_user])
async def test_who_is_logged_in_no_more_hears_nothing_more(
    site: Site, user: User, other_user: User, act: Callable[[User, str], None]
) -> None:
    """Within one ping the stream ends with `bye auth`; another user's goes on."""
    key = await site.do(log_in, user)
    mine, other = site.connect(key), await site.open(other_user)
    await mine.hello()
    await other.hello()
    await site.do(act, user, key)
    assert (await mine.next_but_pings()).data == {"reason": "auth"}
    await mine.ended()
    assert list(site.hub.users) == [str(other_user.pk)]
    await other.next("ping")


async def test_a_session_that_became_another_users_ends_the_stream(site: Site, user: User, other_user: User) -> None:
    """A stream belongs to the user who opened it, whoever the session is now."""
    key = await site.do(log_in, user)
    browser = site.connect(key)
    await browser.hello()
    foreign = await site.do(log_in, other_user)
    data = await site.do(lambda: Session.objects.get(pk=foreign).session_data)
    await site.do(Session.objects.filter(pk=key).update, session_data=data)
    await site.do(notify, other_user, title="not for the first one")
    assert (await browser.next_but_pings()).data == {"reason": "auth"}


async def test_all_who_are_due_are_checked_together(
    site: Site, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look-up for all streams of one tick, each session once."""
    with override_settings(NOTIFICATIONS_PING_SECONDS=60):
        keys = [await site.do(log_in, each) for each in (user, other_user)]
        browsers = [site.connect(key) for key in [*keys, *keys]]
        for browser in browsers:
            await browser.hello()
        batches: list[int] = []
        real = auth.find_users_by_session

        def counted(session_keys: Any) -> dict[Any, Any]:
            batches.append(len(session_keys))
            return real(session_keys)

        monkeypatch.setattr(auth, "find_users_by_session", counted)
        for subscription in site.hub._heartbeat._queue:  # all at one time, however long it took to connect
            subscription.ping_at = 0
        for browser in browsers:
            await browser.next("ping")
        assert batches == [2]


async def test_streams_outlive_a_database_that_cannot_say_who_is_logged_in(
    site: Site, user: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage ends no stream: it is pinged on, and the check takes place afterwards."""
    key = await site.do(log_in, user)
    browser = site.connect(key)
    await browser.hello()

    def away(_keys: Any) -> Any:
        raise OperationalError("database is away")

    monkeypatch.setattr(auth, "find_users_by_session", away)
    await until(lambda: "database is away" in caplog.text)
    await browser.next("ping")
    monkeypatch.undo()
    await site.do(delete_session, user, key)
    assert (await browser.next_but_pings()).data == {"reason": "auth"}


# --- the cap


@pytest.mark.parametrize("cap", [1, 2])
async def test_the_oldest_stream_leaves_when_a_user_opens_too_many(user: User, other_user: User, cap: int) -> None:
    """The newest streams stay and hear everything; the oldest gets `bye cap`. Another user's do not count."""
    async with open_site(NOTIFICATIONS_STREAMS_PER_USER=cap) as site:
        other = await site.open(other_user)
        await other.hello()
        mine = []
        for _ in range(cap + 1):
            mine.append(await site.open(user))
            await mine[-1].hello()
        assert (await mine[0].next("bye")).data == {"reason": "cap"}
        await mine[0].ended()
        assert site.hub.count == cap + 1
        await site.do(notify, user, title="for those who stay")
        for browser in mine[1:]:
            await browser.next("change")
        assert other.unseen_events == []
        await other.disconnect()
        for browser in mine[1:]:
            await browser.disconnect()
        assert (site.hub.count, site.hub.users) == (0, {})
