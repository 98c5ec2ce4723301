"""A TCP proxy between client and server, for what networks do: cut, hold up, refuse, cut after so many bytes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

__all__ = ["Proxy"]

PIECE_BYTES: Final = 64 * 1024


class Proxy:
    """Passes connections to its own `url` on to a port of 127.0.0.1. Use it in `async with`.

    Attributes:
        accepts: whether new connections are passed on; otherwise they are closed at once.
        cut_after_bytes: a connection is cut when this much has come from the server; None: never.
        count: connections passed on so far.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.accepts = True
        self.cut_after_bytes: int | None = None
        self.count = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.accepts = False
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None, "Enter the proxy first."
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection off, whatever is under way."""
        for writer in list(self._writers):
            writer.transport.abort()

    def pause(self) -> None:
        """Hold everything up while all connections stay open, as when a peer has vanished without a FIN."""
        self._flows.clear()

    def resume(self) -> None:
        """Pass on again, first what was held up."""
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self.accepts:
                self.count += 1
                await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # either side has gone, or the test is over: the other side learns it below
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target = await asyncio.open_connection("127.0.0.1", self.target_port)
        self._writers.add(target)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, target, None))
                pumps.create_task(self._pump(target_reader, writer, self.cut_after_bytes))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            target.transport.abort()
            self._writers.discard(target)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
        while piece := await reader.read(PIECE_BYTES):
            await self._flows.wait()
            if left is not None:
                piece = piece[:left]
                left -= len(piece)
            writer.write(piece)
            await writer.drain()
            if left == 0:
                break
        with suppress(OSError):
            await writer.drain()
            writer.write_eof()
        if left == 0:
            raise ConnectionAbortedError
