"""A client that follows the stream as a browser would and keeps a journal of all that happened to it.

It speaks HTTP/1.1 itself, so that a test can cut, freeze and time it. What it knows is in `replica.py`. It reconnects as
EventSource does: after `retry:`, with `Last-Event-ID`, to the same `?since=`; and, as the page's script does, with a new
`?since=` after a gap or a long silence.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from .eventstream import Decoder, Event, read_chunks, read_head
from .journal import Entry, Journal
from .replica import Replica, truth_of
from .servers import Person, Server, Site
from .visit import Visit

__all__ = ["Client", "follow"]

PATH: Final = "/notifications/stream/"
BROWSER_RETRY_MS: Final = 3000  # Chromium's, until the server says otherwise
LIMIT_BYTES: Final = 16 * 1024  # a frozen client takes twice this from the socket and no more
WAIT_SECONDS: Final = 40.0  # a busy machine takes its time; only what never comes waits for so long


class Client:
    """One EventSource and what its page knows. Runs within `async with`, whose end asserts that no promise was broken.

    Args:
        url: of the server, without a path.
        cookie: the `Cookie` header, see `Visit.cookie`.
        since: the position of the page; empty: it knows nothing and gets a reset.
        path: of the stream.
        hurry: by how much it waits less before it reconnects than a browser does; the time is the server's to choose.
        silence_seconds: it reconnects after so long without a byte.
        journal_size: entries to keep, the latest; None: all of them.
    """

    def __init__(
        self,
        url: str,
        cookie: str,
        *,
        since: str = "",
        path: str = PATH,
        hurry: float = 20.0,
        silence_seconds: float = 45.0,
        journal_size: int | None = None,
    ) -> None:
        self.url = url
        self.cookie = cookie
        self.since = since
        self.path = path
        self.hurry = hurry
        self.silence_seconds = silence_seconds
        self.replica = Replica()
        self.journal = Journal(journal_size)
        self.connections = 0
        self._decoder = Decoder()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live(), name="client")
        self._task.add_done_callback(lambda _task: self.journal.wake())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if error is None:
            assert not self.replica.problems, self.story

    # --- what a test asks

    @property
    def story(self) -> str:
        """The end of the journal and every broken promise, for a failure's message."""
        return "\n".join([str(self.journal), *(f"PROBLEM {problem}" for problem in self.replica.problems)])

    @property
    def changes(self) -> list[Entry]:
        """The `change` events, applied or not."""
        return self.all("change")

    @property
    def titles(self) -> list[str]:
        """The titles of what it knows, newest first."""
        return [item["title"] for _pk, item in sorted(self.replica.items.items(), reverse=True)]

    def all(self, event: str) -> list[Entry]:
        """Return the entries of one kind."""
        return self.journal.all(event)

    async def until(self, condition: Callable[[Client], object], *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until a condition on this client holds; raises `AssertionError` with the journal if it does not in time."""
        assert self._task is not None, "Enter the client first."
        task = self._task
        await self.journal.until(lambda: condition(self) or task.done(), seconds=seconds)
        if task.done():
            task.result()  # raises what it died of
        assert condition(self), f"Not within {seconds} s:\n{self.story}"

    async def knows(self, title: str, *, seconds: float = WAIT_SECONDS) -> float:
        """Wait for a notification with this title; return when its frame came, as `time.monotonic()`."""
        await self.until(lambda client: title in client.titles, seconds=seconds)
        return next(entry.at for entry in self.journal.entries if title in str(entry.data))

    async def next(self, event: str, *, seconds: float = WAIT_SECONDS) -> Entry:
        """Wait for one more event of a kind, from now on. A `ping` proves that nothing else was sent before it."""
        count = self.journal.counts[event]
        await self.until(lambda client: client.journal.counts[event] > count, seconds=seconds)
        return self.all(event)[-1]

    async def equals_database(self, site: Site, user_id: int, *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until this client stands at the head of the user's log, then compare everything; writers must be done."""
        truth = await asyncio.to_thread(truth_of, site, user_id)
        head = f"{truth['inbox']['epoch']}.{truth['inbox']['modseq']}"
        await self.until(lambda client: client.replica.position == head, seconds=seconds)
        differences = self.replica.differences(truth)
        assert not differences, "\n".join([*differences, self.story])
        assert not self.replica.problems, self.story

    # --- what a test does to it

    def cut(self) -> None:
        """Lose the connection, as a phone does in a tunnel; the client reconnects by itself."""
        if self._writer is not None:
            self._writer.transport.abort()

    @property
    def is_connected(self) -> bool:
        """Whether a line stands."""
        return self._writer is not None

    def freeze(self) -> None:
        """Read nothing any more, while the connection stays open."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Read again."""
        self._thawed.set()

    # --- its life

    async def _live(self) -> None:
        while True:
            reason = await self._connect()
            if reason in ("auth", "403", "cap"):
                return
            retry_ms = self._decoder.retry_ms
            if reason in ("gap", "silence") or reason.isdigit():  # the script opens another EventSource
                self.since, self._decoder = self.replica.position, Decoder()
            if reason not in ("gap", "silence"):
                await asyncio.sleep((BROWSER_RETRY_MS if retry_ms is None else retry_ms) / 1000 / self.hurry)

    async def _connect(self) -> str:
        """Follow one response to its end; return why it ended."""
        self.connections += 1
        self._decoder.reset()
        reason = "lost"
        try:
            async with asyncio.timeout(self.silence_seconds) as silence:
                reason = await self._follow(silence)
        except TimeoutError:
            reason = "silence"
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.cut()
            self._writer = None
            self._note("end", "", reason)
        return reason

    async def _follow(self, silence: asyncio.Timeout) -> str:
        address = urlsplit(self.url)
        reader, self._writer = await asyncio.open_connection(address.hostname, address.port, limit=LIMIT_BYTES)
        self._writer.write(self._request(address.netloc))
        status, head = await read_head(reader)
        if status != 200:
            self._note("refused", "", head)
            return str(status)
        assert "\r\ncontent-type: text/event-stream" in head, head
        self._note("open", "", head)
        reason = "end"
        async for chunk in read_chunks(reader):
            for event in self._decoder.feed(chunk):
                outcome = self._take(event)
                if outcome == "gap":
                    return "gap"
                if event.name == "bye":
                    reason = json.loads(event.data)["reason"]
            silence.reschedule(None)  # who is frozen notices nothing
            await self._thawed.wait()
            silence.reschedule(asyncio.get_running_loop().time() + self.silence_seconds)
        return reason

    def _request(self, host: str) -> bytes:
        lines = [
            f"GET {self.path}{f'?since={self.since}' if self.since else ''} HTTP/1.1",
            f"Host: {host}",
            "Accept: text/event-stream",
            "Cache-Control: no-cache",
            f"Cookie: {self.cookie}",
        ]
        if self._decoder.last_event_id:
            lines.append(f"Last-Event-ID: {self._decoder.last_event_id}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _take(self, event: Event) -> str:
        data = json.loads(event.data)
        if event.name == "hello" and self.since and not self.replica.epoch:
            self.replica.start_at(self.since)
        outcome = self.replica.take(event.name, event.last_event_id, data)
        self._note(event.name, event.last_event_id, data, outcome)
        return outcome

    def _note(self, event: str, position: str, data: Any, outcome: str = "") -> None:
        self.journal.note(self.connections, event, position, data, outcome)


@asynccontextmanager
async def follow(server: Server | str, person: Person, *, cookie: str = "", **options: Any) -> AsyncIterator[Client]:
    """Log a person in at a server (or a proxy's URL) and yield the client that follows their stream, once it stands.

    With a `cookie` (of a `Visit`) nobody logs in again.
    """
    url = server if isinstance(server, str) else server.url
    if not cookie:
        async with Visit(url) as visit:
            await visit.login(person)
            cookie = visit.cookie
    async with Client(url, cookie, **options) as client:
        await client.until(lambda client: client.replica.modseq)
        yield client
