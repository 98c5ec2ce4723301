"""A plain EventSource for any address: it keeps every event, and comes back with its last id when it is cut.

Receives an address and what to send with it. Unlike `client.py` it knows nothing of our frames, so it follows
django-eventstream's view and an edge proxy just as well.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import httpx

from .eventstream import Decoder, Event

__all__ = ["Follower"]

WAIT_SECONDS: Final = 40.0  # a busy machine takes its time; only what never comes waits for so long
RETRY_SECONDS: Final = 0.05  # a browser waits for seconds


class Follower:
    """One EventSource. Use it in `async with`.

    Args:
        url: the whole address.
        cookie: the `Cookie` header.
        last_event_id: from where it begins; empty: it says nothing.
        headers: more of them.
    """

    def __init__(
        self, url: str, *, cookie: str = "", last_event_id: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.url = url
        self.headers = {"Accept": "text/event-stream", **({"Cookie": cookie} if cookie else {}), **(headers or {})}
        self.events: list[Event] = []
        self.statuses: list[int] = []  # one for each connection
        self.ends = 0
        self._decoder = Decoder()
        self._decoder.last_event_id = last_event_id
        self._response: httpx.Response | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live(), name="follower")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    @property
    def last_event_id(self) -> str:
        return self._decoder.last_event_id

    def data_of(self, *names: str) -> list[Any]:
        """Return the data of the events of these names, in order."""
        return [json.loads(event.data) for event in self.events if event.name in names]

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    async def until(self, condition: Callable[[Follower], object], *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until a condition holds; raises `AssertionError` with the latest events if it does not in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition(self):
                    await self._news.wait()
                    self._news.clear()
        latest = "\n".join(str(event)[:300] for event in self.events[-20:])
        assert condition(self), f"Not within {seconds} s, after {self.statuses} and {self.ends} ends:\n{latest}"

    async def knows(self, text: str, *, seconds: float = WAIT_SECONDS) -> Event:
        """Wait for an event with a text in its data; return it."""
        await self.until(lambda mine: any(text in event.data for event in mine.events), seconds=seconds)
        return next(event for event in self.events if text in event.data)

    async def cut(self) -> None:
        """Lose the connection; it comes back by itself."""
        if self._response is not None:
            await self._response.aclose()

    async def _live(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=httpx.Timeout(10.0, read=None)) as http:
            while True:
                with suppress(httpx.HTTPError, httpx.StreamError):
                    await self._follow(http)
                self._response = None
                self.ends += 1
                self._news.set()
                if self.statuses and self.statuses[-1] in (204, 400, 403, 404, 405):
                    return  # for good, as in a browser
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, http: httpx.AsyncClient) -> None:
        self._decoder.reset()
        headers = dict(self.headers)
        if self._decoder.last_event_id:
            headers["Last-Event-ID"] = self._decoder.last_event_id
        async with http.stream("GET", self.url, headers=headers) as response:
            self._response = response
            self.statuses.append(response.status_code)
            self._news.set()
            if response.status_code != 200:
                return
            async for chunk in response.aiter_raw():
                self.events += self._decoder.feed(chunk)
                self._news.set()
