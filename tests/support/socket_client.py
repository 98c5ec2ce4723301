"""A client that follows the same inbox over WebSocket; what it knows is kept and judged as that of the stream's client."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from .client import Client
from .eventstream import Event
from .servers import Person, Server
from .visit import Visit

__all__ = ["OverSocket", "SocketClient", "follow_socket"]

PATH: Final = "/notifications/ws/"


class OverSocket(Client):
    """What makes any client of the stream one of the WebSocket, which has `?since=` alone and no `Last-Event-ID`.

    Attributes:
        answers: what came in answer to `ask()`, by `ref`.
        ssl: for `https` addresses, whom to trust.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.answers: dict[Any, dict[str, Any]] = {}
        self.ssl: ssl.SSLContext | None = None
        self.close_code: int | None = None
        self._socket: ClientConnection | None = None

    async def ask(self, **order: Any) -> dict[str, Any]:
        """Send an order and wait for its answer."""
        ref = len(self.answers) + 1
        await self.send(json.dumps({**order, "ref": ref}))
        await self.until(lambda _client: ref in self.answers)
        return self.answers[ref]

    async def send(self, text: str | bytes) -> None:
        """Send anything."""
        assert self._socket is not None
        await self._socket.send(text)

    def cut(self) -> None:
        """Lose the connection."""
        if self._socket is not None:
            self._socket.transport.abort()

    @property
    def is_connected(self) -> bool:
        """Whether a line stands."""
        return self._socket is not None

    async def _follow(self, silence: asyncio.Timeout) -> str:
        self.since = self.replica.position if self.replica.epoch else self.since
        address = f"{self.url.replace('http', 'ws', 1)}{PATH}{f'?since={self.since}' if self.since else ''}"
        try:
            headers = {"Cookie": self.cookie, "Origin": self.url}
            async with connect(
                address, additional_headers=headers, proxy=None, max_queue=1, compression=None, ssl=self.ssl
            ) as self._socket:
                return await self._read(self._socket, silence)
        except InvalidStatus as error:
            self._note("refused", "", error.response.status_code)
            return str(error.response.status_code)
        except InvalidHandshake as error:
            raise OSError(str(error)) from error
        finally:
            self._socket = None

    async def _read(self, socket: ClientConnection, silence: asyncio.Timeout) -> str:
        self._note("open", "", "")
        reason = "lost"
        with suppress(ConnectionClosed):
            async for text in socket:
                message = json.loads(text)
                if message["event"] in ("done", "pong", "error"):
                    self.answers[message.get("ref")] = message
                    self._note(message["event"], "", message)
                    continue
                self._decoder.retry_ms = message.get("retry", self._decoder.retry_ms)
                event = Event(message["event"], json.dumps(message["data"]), message.get("id", ""))
                if self._take(event) == "gap":
                    return "gap"
                if event.name == "bye":
                    reason = message["data"]["reason"]
                silence.reschedule(None)
                await self._thawed.wait()
                silence.reschedule(asyncio.get_running_loop().time() + self.silence_seconds)
        self.close_code = socket.close_code
        return reason


class SocketClient(OverSocket):
    """One WebSocket and what its page knows."""


@asynccontextmanager
async def follow_socket(
    server: Server | str, person: Person, *, cookie: str = "", **options: Any
) -> AsyncIterator[SocketClient]:
    """Log a person in and yield the client that follows their inbox over WebSocket, once it stands."""
    url = server if isinstance(server, str) else server.url
    if not cookie:
        async with Visit(url) as visit:
            await visit.login(person)
            cookie = visit.cookie
    async with SocketClient(url, cookie, **options) as client:
        await client.until(lambda client: client.replica.modseq)
        yield client
