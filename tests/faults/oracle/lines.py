"""Lines: clients that follow a user by stream, by WebSocket or by asking the API, and keep a journal of what they hear.

Each keeps what it knows as the protocol says (`reader.py`), reconnects as a browser does, only sooner, and each time to any
of the line-up's servers. On demand it is cut, falls asleep and comes back with what it knew then (`rewind`), loads its page
anew, or begins with nothing. What it was told is judged afterwards, by `judge.py`.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tests.support.eventstream import Decoder, read_chunks, read_head

from .reader import APPLIED, FOREIGN, GAP, Heard, Reader

__all__ = ["Line", "PollLine", "SocketLine", "StreamLine"]

BROWSER_RETRY_MS: Final = 3000  # Chromium's, until the server says otherwise
HURRY: Final = 20.0  # by how much it waits less
SILENCE_SECONDS: Final = 8.0  # four pings
TIMEOUT_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.7
KEPT: Final = 12  # states to come back to
FOR_GOOD: Final = ("auth", "403", "cap")  # why a client ends


class OnlineClock:
    """How long a line has stood, up to any moment of the wall clock."""

    def __init__(self) -> None:
        self._times: array[float] = array("d")  # when it opened, closed, opened, …
        self._totals: array[float] = array("d")  # the time online up to then

    def start(self) -> None:
        """Begin to count. Calling it twice is harmless."""
        if len(self._times) % 2 == 0:
            self._switch()

    def stop(self) -> None:
        """Count no more. Calling it twice is harmless."""
        if len(self._times) % 2 == 1:
            self._switch()

    def between(self, start: float, end: float) -> float:
        """Return how much of a span of time the line stood."""
        return self._up_to(end) - self._up_to(start)

    def _switch(self) -> None:
        now = time.time()
        self._totals.append(self._up_to(now))
        self._times.append(now)

    def _up_to(self, moment: float) -> float:
        count = bisect_right(self._times, moment)
        if not count:
            return 0.0
        return self._totals[count - 1] + (moment - self._times[count - 1] if count % 2 else 0.0)


class Line:
    """One client of one user. Runs within `async with`.

    Attributes:
        journal: all that it heard and did.
        slowest_hello: seconds from asking to the first word.
        died_of: why it follows no more; empty while it does.
        lines: how often it got an answer so far, and `frames`, how many frames on the latest line.
    """

    def __init__(self, name: str, user: int, urls: Sequence[str], cookie: str) -> None:
        self.name = name
        self.user = user
        self.urls = urls
        self.cookie = cookie
        self.reader = Reader()
        self.journal: list[Heard] = []
        self.online = OnlineClock()
        self.slowest_hello = 0.0
        self.died_of = ""
        self.lines = 0
        self.frames = 0
        self._news = asyncio.Event()
        self._rng = random.Random(name)
        self._kept: dict[int, Reader] = {}
        self._reached: dict[int, tuple[array[int], array[float]]] = {}  # by epoch: positions, and when
        self._wish = ""
        self._asked_at = 0.0  # 0.0: it was answered
        self._is_awake = asyncio.Event()
        self._is_awake.set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live(), name=self.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    # --- what is done to it

    def cut(self) -> None:
        """Lose the connection; it comes back by itself."""

    def freeze(self) -> None:
        """Read nothing any more. From now on it is its own fault that it knows nothing."""
        self._is_awake.clear()
        self.online.stop()

    def thaw(self) -> None:
        """Read again."""
        self._is_awake.set()

    def keep(self) -> None:
        """Remember what it knows now, to come back to it."""
        if self.reader.epoch and not self._wish:
            number = len(self.journal)
            self._kept[number] = self.reader.copy()
            self._note("save", "", number)
            if len(self._kept) > KEPT:
                del self._kept[self._rng.choice(list(self._kept))]

    def wish(self, what: str) -> None:
        """Have it lose its line; then `rewind` to a state it kept, load its `page` anew, or begin with nothing (`gone`)."""
        self._wish = what
        self.cut()

    def reached(self, epoch: int, modseq: int) -> float | None:
        """Return when it first stood at a position or beyond, by the wall clock."""
        modseqs, times = self._reached.get(epoch, (array("Q"), array("d")))
        index = bisect_left(modseqs, modseq)
        return times[index] if index < len(modseqs) else None

    async def told_something(self) -> None:
        """Wait until it was told something on a new line, beside the greeting. Without an end."""
        lines = self.lines
        while self.lines == lines or self.frames < 2:
            self._news.clear()
            await self._news.wait()

    # --- its life

    async def _live(self) -> None:
        try:
            await self._load()
            while True:
                reason = await self._connect()
                if reason in FOR_GOOD:
                    self.died_of = reason
                    self._news.set()
                    return
                if not self._wish:
                    await self._pause(reason)
                await self._fulfil()
        except Exception as error:
            self.died_of = repr(error)
            self._news.set()
            raise

    async def _load(self) -> None:
        """Begin. Who is a page loads itself; others know nothing."""

    async def _pause(self, reason: str) -> None:
        raise NotImplementedError

    async def _connect(self) -> str:
        raise NotImplementedError

    def _restart(self) -> None:
        """Forget what the connection remembered, and continue from what the page knows."""

    async def _fulfil(self) -> None:
        what, self._wish = self._wish, ""
        if what == "rewind" and self._kept:
            number = self._rng.choice(list(self._kept))
            self.reader = self._kept[number].copy()
            self._note("rewind", "", number)
        elif what == "page":
            await self._load_page()
        elif what == "gone":
            self.reader = Reader()
            self._note("gone", "", None)
        if what:
            self._restart()

    async def _load_page(self) -> None:
        url = f"{self._rng.choice(self.urls)}/notifications/api/notifications"
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as http:
                answer = await http.get(url, params={"limit": 20}, headers={"Cookie": self.cookie})
            if answer.status_code == 200:
                data = answer.json()
                self.reader.start(data["position"], data["items"], data)
                self._note("page", data["position"], data)
                self._advance()

    # --- what it notes

    def _note(self, event: str, position: str, data: Any) -> None:
        self.journal.append(Heard(time.time(), event, position, data))

    def _begin_to_listen(self, asked: str) -> None:
        self._asked_at = time.time()
        self._note("open", asked, None)
        self.lines, self.frames = self.lines + 1, 0
        self.online.start()

    def _take(self, event: str, position: str, data: Any) -> str:
        if self._asked_at:
            self.slowest_hello = max(self.slowest_hello, time.time() - self._asked_at)
            self._asked_at = 0.0
        outcome = self.reader.take(event, position, data)
        self._note(event, position, data)
        self.frames += 1
        self._news.set()
        if outcome == APPLIED:
            self._advance()
        return outcome

    def _end(self, reason: str) -> None:
        self.online.stop()
        self._asked_at = 0.0
        self._note("end", "", reason)

    def _advance(self) -> None:
        modseqs, times = self._reached.setdefault(self.reader.epoch, (array("Q"), array("d")))
        if not modseqs or modseqs[-1] < self.reader.modseq:
            modseqs.append(self.reader.modseq)
            times.append(time.time())

    async def _sleep_if_frozen(self, silence: asyncio.Timeout) -> None:
        if not self._is_awake.is_set():
            silence.reschedule(None)  # who is frozen notices nothing
            await self._is_awake.wait()
            self.online.start()
        silence.reschedule(asyncio.get_running_loop().time() + SILENCE_SECONDS)


class StreamLine(Line):
    """An EventSource: `?since=` when it is made, `Last-Event-ID` when it reconnects by itself."""

    path = "/notifications/stream/"

    def __init__(self, *arguments: Any, begins_with_page: bool = False) -> None:
        super().__init__(*arguments)
        self._begins_with_page = begins_with_page
        self._decoder = Decoder()
        self._since = ""
        self._writer: asyncio.StreamWriter | None = None

    def cut(self) -> None:
        """Lose the connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def _load(self) -> None:
        if self._begins_with_page:
            await self._load_page()
        self._restart()

    def _restart(self) -> None:
        self._since, self._decoder = self.reader.position, Decoder()

    async def _pause(self, reason: str) -> None:
        retry_ms = self._decoder.retry_ms
        if reason in (GAP, FOREIGN, "silence") or reason.isdigit():
            self._restart()
        if reason not in (GAP, FOREIGN, "silence"):
            await asyncio.sleep((BROWSER_RETRY_MS if retry_ms is None else retry_ms) / 1000 / HURRY)

    async def _connect(self) -> str:
        self._decoder.reset()
        reason = "lost"
        try:
            async with asyncio.timeout(SILENCE_SECONDS) as silence:
                reason = await self._follow(silence)
        except TimeoutError:
            reason = "silence"
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.cut()
            self._writer = None
            self._end(reason)
        return reason

    async def _follow(self, silence: asyncio.Timeout) -> str:
        address = urlsplit(self._rng.choice(self.urls))
        reader, self._writer = await asyncio.open_connection(address.hostname, address.port)
        asked = self._decoder.last_event_id or self._since
        self._writer.write(self._request(address.netloc))
        status, head = await read_head(reader)
        if status != 200:
            self._note("refused", "", head)
            return str(status)
        assert "\r\ncontent-type: text/event-stream" in head, head
        self._begin_to_listen(asked)
        reason = "end"
        async for chunk in read_chunks(reader):
            for event in self._decoder.feed(chunk):
                data = json.loads(event.data)
                outcome = self._take(event.name, event.last_event_id, data)
                if outcome in (GAP, FOREIGN):
                    return outcome
                if event.name == "bye":
                    reason = data["reason"]
            await self._sleep_if_frozen(silence)
        return reason

    def _request(self, host: str) -> bytes:
        since = f"?since={self._since}" if self._since else ""
        lines = [
            f"GET {self.path}{since} HTTP/1.1",
            f"Host: {host}",
            "Accept: text/event-stream",
            f"Cookie: {self.cookie}",
        ]
        if self._decoder.last_event_id:
            lines.append(f"Last-Event-ID: {self._decoder.last_event_id}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class SocketLine(Line):
    """A WebSocket, which also sends orders about what it knows."""

    path = "/notifications/ws/"
    orders = ("read", "unread", "archive", "unarchive", "delete")

    def __init__(self, *arguments: Any, may_delete: bool = False) -> None:
        super().__init__(*arguments)
        self._may_delete = may_delete
        self._socket: ClientConnection | None = None
        self._last_id = ""
        self._retry_ms = BROWSER_RETRY_MS

    def cut(self) -> None:
        """Lose the connection."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def order(self) -> None:
        """Send an order about some of what it knows."""
        pks = sorted(self.reader.items, reverse=True)[:40]
        if self._socket is not None and pks:
            what = self._rng.choice(self.orders if self._may_delete else self.orders[:-1])
            ids = self._rng.sample(pks, min(len(pks), self._rng.randint(1, 4)))
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps({"do": what, "ids": ids, "ref": len(self.journal)}))

    def _restart(self) -> None:
        self._last_id = self.reader.position

    async def _pause(self, reason: str) -> None:
        if reason in (GAP, FOREIGN, "silence"):
            self._restart()
        else:
            await asyncio.sleep(self._retry_ms / 1000 / HURRY)

    async def _connect(self) -> str:
        reason = "lost"
        try:
            async with asyncio.timeout(SILENCE_SECONDS) as silence:
                reason = await self._open(silence)
        except TimeoutError:
            reason = "silence"
        except InvalidStatus as error:
            self._note("refused", "", error.response.status_code)
            reason = str(error.response.status_code)
        except (OSError, EOFError, InvalidHandshake, ConnectionClosed):
            pass
        finally:
            self._socket = None
            self._end(reason)
        return reason

    async def _open(self, silence: asyncio.Timeout) -> str:
        url, asked = self._rng.choice(self.urls), self._last_id
        address = f"{url.replace('http', 'ws', 1)}{self.path}{f'?since={asked}' if asked else ''}"
        headers = {"Cookie": self.cookie, "Origin": url}
        opening = connect(
            address, additional_headers=headers, proxy=None, max_queue=4, compression=None, close_timeout=1
        )
        async with opening as self._socket:
            self._begin_to_listen(asked)
            return await self._listen(self._socket, silence)

    async def _listen(self, socket: ClientConnection, silence: asyncio.Timeout) -> str:
        reason = "end"
        async for text in socket:
            message = json.loads(text)
            self._retry_ms = message.get("retry", self._retry_ms)
            self._last_id = message.get("id", self._last_id)
            outcome = self._take(message["event"], message.get("id", ""), message["data"])
            if outcome in (GAP, FOREIGN):
                return outcome
            if message["event"] == "bye":
                reason = message["data"]["reason"]
            await self._sleep_if_frozen(silence)
        return reason


class PollLine(Line):
    """A program that asks the API now and then what it would have been told."""

    async def _load(self) -> None:
        await self._load_page()

    async def _pause(self, _reason: str) -> None:
        await asyncio.sleep(POLL_SECONDS * self._rng.uniform(0.2, 1.8))

    async def _connect(self) -> str:
        url = f"{self._rng.choice(self.urls)}/notifications/api/changes"
        await self._is_awake.wait()
        asked = self.reader.position
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as http:
                answer = await http.get(url, params={"since": asked} if asked else {}, headers={"Cookie": self.cookie})
        except httpx.HTTPError:
            return "lost"
        if answer.status_code != 200:
            self._note("refused", "", answer.status_code)
            return f"HTTP {answer.status_code}"
        self._hear(asked, answer.json())
        return "answered"

    def _hear(self, asked: str, data: Any) -> None:
        self._note("open", asked, None)
        self.lines, self.frames = self.lines + 1, 2
        self._news.set()
        if data["reset"] is not None:
            self._take("reset", f"{data['reset']['epoch']}.{data['reset']['modseq']}", data["reset"])
        for change in data["changes"]:
            self._take("change", f"{self.reader.epoch}.{change['modseq']}", change)
        self._note("answer", data["position"], {name: data[name] for name in ("unread", "unseen", "position")})
