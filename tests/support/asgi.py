"""The site in this process: a hub, the streams that browsers open, and a thread for what its pages write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any, Final, TypeVar

from channels.layers import channel_layers
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connections
from django.test import override_settings

from notifications.endpoints.stream import StreamApplication
from notifications.hub import Hub, get_hub

from .browser import Application, Browser, request

__all__ = ["Site", "channel_layer", "log_in", "open_site"]

# Nothing happens by itself: a test that wants a ping or a sweep shortens that one interval.
CALM: Final = {
    "NOTIFICATIONS_PING_SECONDS": 60.0,
    "NOTIFICATIONS_SWEEP_SECONDS": 60.0,
    "NOTIFICATIONS_REJOIN_SECONDS": 60.0,
}
T = TypeVar("T")


def log_in(user: Any, *, backend: str = "django.contrib.auth.backends.ModelBackend") -> str:
    """Return the key of a new session of this user, in the configured engine."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = backend
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


@contextmanager
def channel_layer(layer: Any) -> Iterator[None]:
    """Put another channel layer in place of the site's own."""
    before = channel_layers.backends.pop("default", None)
    channel_layers.set("default", layer)
    try:
        yield
    finally:
        channel_layers.backends.pop("default")
        if before is not None:
            channel_layers.set("default", before)


class Site:
    """One process: a hub, the streams, and a thread for what the pages do."""

    def __init__(self, here: Hub) -> None:
        self.hub = here
        self.browsers: list[Browser] = []
        self._is_stopped = False
        self._thread = ThreadPoolExecutor(1, "site")

    async def do(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run what needs the database on the site's thread, in its own transaction handling."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))

    async def open(
        self,
        user: Any = None,
        *,
        session_key: str | None = None,
        since: str | None = None,
        last_event_id: str | None = None,
        application: Application | None = None,
    ) -> Browser:
        """Connect as a user with a session of their own, as an existing session, or as nobody."""
        if user is not None:
            session_key = await self.do(log_in, user)
        return self.connect(session_key, since=since, last_event_id=last_event_id, application=application)

    def connect(
        self,
        session_key: str | None,
        *,
        since: str | None = None,
        last_event_id: str | None = None,
        method: str = "GET",
        token: str | None = None,
        application: Application | None = None,
    ) -> Browser:
        """Connect, without waiting for anything."""
        headers = [(b"host", b"testserver")]
        if session_key is not None:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session_key}".encode()))
        if token is not None:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        if last_event_id is not None:
            headers.append((b"last-event-id", last_event_id.encode()))
        query = b"" if since is None else f"since={since}".encode()
        scope = request("/notifications/stream/", method=method, query_string=query, headers=headers)
        browser = Browser(scope, application or StreamApplication())
        self.browsers.append(browser)
        return browser

    async def stop(self) -> None:
        """Stop the hub, once."""
        if not self._is_stopped:
            self._is_stopped = True
            await self.hub.stop()

    async def close(self) -> None:
        """Disconnect everybody and stop the hub."""
        for browser in self.browsers:
            if not browser.task.done():
                await browser.disconnect()
        await self.stop()
        await self.do(connections.close_all)
        self._thread.shutdown()


@asynccontextmanager
async def open_site(**overrides: Any) -> AsyncIterator[Site]:
    """Start a hub that already hears its doorbells; stop it afterwards."""
    with override_settings(**CALM | overrides):
        site = Site(get_hub())
        for _ in range(3):  # the in-memory layer joins without waiting for anything
            await asyncio.sleep(0)
        try:
            yield site
        finally:
            await site.close()
